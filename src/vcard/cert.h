/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Certificates with the profile of the real ones: fields, extensions, their order and criticality
 * (read from published authority certificates; of the holders', from public descriptions).
 */
#ifndef JPKI_VCARD_CERT_H
#define JPKI_VCARD_CERT_H

#include <stdint.h>
#include <time.h>

#include <openssl/x509.h>

#include "vcard/person.h"
#include "vcard/state.h"

struct cert_times {
    time_t from, to;
};

struct cert_pair {
    EVP_PKEY *ca_key, *key; /* borrowed */
    X509 *ca, *holder;      /* owned by the caller of cert_make() */
};

/* Makes PAIR's certificates of kind WHICH for PERSON. SERIAL is the authority's, the holder's is
 * the next one (one running counter, as published ones have it); four bytes in DER when it is
 * 00800000 to 7FFFFFFE. On failure both are NULL. */
bool cert_make(struct cert_pair *pair, enum pin which, const struct person *person, uint32_t serial,
               struct cert_times ca, struct cert_times holder, struct problem *why);

/* Writes CERT as DIR/NAME.der and DIR/NAME.pem. */
bool cert_save(X509 *cert, const char *dir, const char *name, struct problem *why);

#endif

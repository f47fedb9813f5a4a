/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Distinguished names of the two certification authorities and of the holder. Their shape is that
 * of the real ones (read from published certificates); the organisations are invented.
 */
#ifndef JPKI_VCARD_NAMES_H
#define JPKI_VCARD_NAMES_H

#include <openssl/x509v3.h>

#include "vcard/person.h"
#include "vcard/state.h"

/* All functions return NULL without memory; the caller frees. WHICH is the kind of certificate. */

/* C (PrintableString), O, OU, OU (UTF8String). Each generation of an authority has the same. */
X509_NAME *names_authority(enum pin which);

/* The same in Japanese, as the one directoryName of subjectAltName or issuerAltName. */
GENERAL_NAMES *names_authority_japanese(enum pin which);

/* C, for the signature certificate L, and CN: an opaque identifier, not the holder's name. */
X509_NAME *names_holder(enum pin which, const struct person *person);

/* Where the revocation list is said to be: the authority's own name, or that of a municipality's
 * list below it. */
CRL_DIST_POINTS *names_crl_authority(enum pin which);
CRL_DIST_POINTS *names_crl_holder(enum pin which, const struct person *person);

#endif

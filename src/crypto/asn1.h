/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to crypto/: reading DER (X.690, section 10). See digest.c for why OpenSSL does not do it.
 */
#ifndef JPKI_CRYPTO_ASN1_H
#define JPKI_CRYPTO_ASN1_H

#include <stdbool.h>
#include <stdint.h>

#include "support/bytes.h"

enum asn1_tag {
    ASN1_INTEGER_TAG = 0x02,
    ASN1_BITS_TAG = 0x03,
    ASN1_NULL_TAG = 0x05,
    ASN1_OID_TAG = 0x06,
    ASN1_UTC_TIME_TAG = 0x17,
    ASN1_TIME_TAG = 0x18,
    ASN1_SEQUENCE_TAG = 0x30,
    ASN1_SET_TAG = 0x31,
    ASN1_CONTEXT_TAG = 0xa0 /* + number, constructed */
};

/* One element: WHOLE is with its tag and length, CONTENT without. */
struct asn1 {
    unsigned tag;
    struct bytes whole;
    struct bytes content;
};

/* Takes the element at the front of IN. False, with IN unchanged and OUT empty, when that is none:
 * too short, a length that is indefinite or longer than needed, or a tag of several bytes. */
bool asn1_any(struct bytes *in, struct asn1 *out);

/* The same, only with this tag. */
bool asn1_take(struct bytes *in, unsigned tag, struct asn1 *out);

/* Takes an INTEGER, which must have the shortest form. */
bool asn1_integer(struct bytes *in, struct asn1 *out);

#endif

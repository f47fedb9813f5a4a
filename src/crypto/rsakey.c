/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/rsakey.h"

#include <stddef.h>
#include <stdint.h>

#include "crypto/asn1.h"

/* Larger numbers would only cost time; OpenSSL has the same limits. A modulus of fewer bytes has
 * no room for the paddings. */
#define MODULUS_MIN 64
#define MODULUS_MAX 2048
#define EXPONENT_MAX 8

/* 1.2.840.113549.1.1.1, rsaEncryption */
static const uint8_t rsa_encryption[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};

/* The parameters must be NULL (RFC 8017, appendix A.1), but some leave them out. */
static bool is_rsa(struct bytes algorithm)
{
    struct asn1 oid, null;

    if (!asn1_take(&algorithm, ASN1_OID_TAG, &oid) ||
        !bytes_equal(oid.content, bytes_of(rsa_encryption, sizeof(rsa_encryption))))
        return false;
    if (algorithm.len == 0)
        return true;
    return asn1_take(&algorithm, ASN1_NULL_TAG, &null) && null.content.len == 0 &&
           algorithm.len == 0;
}

/* Takes a positive odd INTEGER of MIN to MAX bytes. */
static bool take_number(struct bytes *in, size_t min, size_t max, struct bytes *out)
{
    struct asn1 number;
    struct bytes rest, before_last;
    uint8_t first, last;

    *out = (struct bytes){0};
    if (!asn1_integer(in, &number))
        return false;
    rest = number.content;
    if (!bytes_take_u8(&rest, &first) || first >= 0x80)
        return false;
    if (first != 0)
        rest = number.content;
    if (rest.len < min || rest.len > max)
        return false;
    *out = rest;
    if (!bytes_take(&rest, rest.len - 1, &before_last) || !bytes_take_u8(&rest, &last) ||
        (last & 1) == 0) {
        *out = (struct bytes){0};
        return false;
    }
    return true;
}

/* RSAPublicKey in the content of a BIT STRING, whose first byte counts unused bits. */
static bool read_numbers(struct bytes bits, struct rsakey *key)
{
    struct asn1 sequence;
    uint8_t unused;

    return bytes_take_u8(&bits, &unused) && unused == 0 &&
           asn1_take(&bits, ASN1_SEQUENCE_TAG, &sequence) && bits.len == 0 &&
           take_number(&sequence.content, MODULUS_MIN, MODULUS_MAX, &key->modulus) &&
           take_number(&sequence.content, 1, EXPONENT_MAX, &key->exponent) &&
           sequence.content.len == 0 && !bytes_equal(key->exponent, bytes_of("\x01", 1));
}

bool rsakey_read(struct bytes spki, struct rsakey *key)
{
    struct asn1 info, algorithm, bits;
    struct bytes rest;

    *key = (struct rsakey){0};
    if (!asn1_take(&spki, ASN1_SEQUENCE_TAG, &info) || spki.len > 0)
        return false;
    rest = info.content;
    if (asn1_take(&rest, ASN1_SEQUENCE_TAG, &algorithm) && is_rsa(algorithm.content) &&
        asn1_take(&rest, ASN1_BITS_TAG, &bits) && rest.len == 0 && read_numbers(bits.content, key))
        return true;
    *key = (struct rsakey){0};
    return false;
}

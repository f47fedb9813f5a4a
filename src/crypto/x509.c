/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/x509.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "crypto/asn1.h"
#include "crypto/digest.h"
#include "crypto/rsa.h"
#include "crypto/rsakey.h"

/* Views into a certificate (RFC 5280, section 4.1). */
struct fields {
    struct asn1 serial;
    struct asn1 issuer;
    struct asn1 subject;
    struct asn1 spki;
    struct rsakey key;
    char not_before[8];
    char not_after[8];
};

/* AttributeTypeAndValue ::= SEQUENCE { OBJECT IDENTIFIER, ANY } */
static bool is_attribute(struct bytes attribute)
{
    struct asn1 part;

    return asn1_take(&attribute, ASN1_OID_TAG, &part) && part.content.len > 0 &&
           asn1_any(&attribute, &part) && attribute.len == 0;
}

/* Name ::= SEQUENCE OF SET OF AttributeTypeAndValue */
static bool is_name(struct bytes name)
{
    struct asn1 set, attribute;

    while (name.len > 0) {
        if (!asn1_take(&name, ASN1_SET_TAG, &set) || set.content.len == 0)
            return false;
        while (set.content.len > 0) {
            if (!asn1_take(&set.content, ASN1_SEQUENCE_TAG, &attribute) ||
                !is_attribute(attribute.content))
                return false;
        }
    }
    return true;
}

static bool take_name(struct bytes *in, struct asn1 *out)
{
    return asn1_take(in, ASN1_SEQUENCE_TAG, out) && is_name(out->content);
}

/* Takes COUNT digits as a number. */
static bool take_digits(struct bytes *in, unsigned count, unsigned *out)
{
    uint8_t digit;

    *out = 0;
    while (count-- > 0) {
        if (!bytes_take_u8(in, &digit) || digit < '0' || digit > '9')
            return false;
        *out = *out * 10 + (unsigned)(digit - '0');
    }
    return true;
}

static bool take_below(struct bytes *in, unsigned limit)
{
    unsigned number;

    return take_digits(in, 2, &number) && number < limit;
}

static unsigned days_of(unsigned year, unsigned month)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (month == 2)
        return leap ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void put_digits(char *out, unsigned count, unsigned number)
{
    while (count-- > 0) {
        out[count] = (char)('0' + number % 10);
        number /= 10;
    }
}

/* The two forms of RFC 5280, section 4.1.2.5: YYMMDDHHMMSSZ for 1950 to 2049, YYYYMMDDHHMMSSZ. */
static bool take_date(struct bytes *in, char out[8])
{
    struct asn1 time;
    struct bytes text;
    unsigned year, month, day;

    if (!asn1_any(in, &time) || (time.tag != ASN1_UTC_TIME_TAG && time.tag != ASN1_TIME_TAG))
        return false;
    text = time.content;
    if (!take_digits(&text, time.tag == ASN1_UTC_TIME_TAG ? 2 : 4, &year) ||
        !take_digits(&text, 2, &month) || !take_digits(&text, 2, &day))
        return false;
    if (time.tag == ASN1_UTC_TIME_TAG)
        year += year < 50 ? 2000 : 1900;
    if (month < 1 || month > 12 || day < 1 || day > days_of(year, month))
        return false;
    if (!take_below(&text, 24) || !take_below(&text, 60) || !take_below(&text, 60) ||
        !bytes_equal(text, bytes_of_text("Z")))
        return false;
    put_digits(out, 4, year);
    put_digits(out + 4, 2, month);
    put_digits(out + 6, 2, day);
    return true;
}

static bool take_validity(struct bytes *in, struct fields *out)
{
    struct asn1 validity;

    return asn1_take(in, ASN1_SEQUENCE_TAG, &validity) &&
           take_date(&validity.content, out->not_before) &&
           take_date(&validity.content, out->not_after) && validity.content.len == 0;
}

/* [0] version: versions 1 to 3 are the numbers 0 to 2; without it, version 1. */
static bool skip_version(struct bytes *in)
{
    struct asn1 outer, number;
    uint8_t version;

    if (!asn1_take(in, ASN1_CONTEXT_TAG, &outer))
        return true;
    return asn1_integer(&outer.content, &number) && outer.content.len == 0 &&
           bytes_take_u8(&number.content, &version) && version <= 2 && number.content.len == 0;
}

/* What follows the key: unique identifiers and extensions, of which nothing is wanted. */
static bool skip_rest(struct bytes in)
{
    struct asn1 element;

    while (in.len > 0) {
        if (!asn1_any(&in, &element))
            return false;
    }
    return true;
}

static bool read_tbs(struct bytes tbs, struct fields *out)
{
    struct asn1 algorithm;

    return skip_version(&tbs) && asn1_integer(&tbs, &out->serial) &&
           asn1_take(&tbs, ASN1_SEQUENCE_TAG, &algorithm) && take_name(&tbs, &out->issuer) &&
           take_validity(&tbs, out) && take_name(&tbs, &out->subject) &&
           asn1_take(&tbs, ASN1_SEQUENCE_TAG, &out->spki) &&
           rsakey_read(out->spki.whole, &out->key) && skip_rest(tbs);
}

/* The three parts of a certificate (RFC 5280, section 4.1). */
struct parts {
    struct asn1 tbs, algorithm, signature;
};

static bool split(struct bytes der, struct parts *out)
{
    struct asn1 certificate;

    return asn1_take(&der, ASN1_SEQUENCE_TAG, &certificate) && der.len == 0 &&
           asn1_take(&certificate.content, ASN1_SEQUENCE_TAG, &out->tbs) &&
           asn1_take(&certificate.content, ASN1_SEQUENCE_TAG, &out->algorithm) &&
           asn1_take(&certificate.content, ASN1_BITS_TAG, &out->signature) &&
           certificate.content.len == 0;
}

static bool read_certificate(struct bytes der, struct fields *out)
{
    struct parts parts;

    return split(der, &parts) && read_tbs(parts.tbs.content, out);
}

static bool copy_fields(struct x509 *out, struct bytes der, const struct fields *from)
{
    memcpy(out->not_before, from->not_before, sizeof(out->not_before));
    memcpy(out->not_after, from->not_after, sizeof(out->not_after));
    return buffer_set(&out->der, der) && buffer_set(&out->subject, from->subject.whole) &&
           buffer_set(&out->issuer, from->issuer.whole) &&
           buffer_set(&out->serial, from->serial.whole) &&
           buffer_set(&out->spki, from->spki.whole) &&
           buffer_set(&out->modulus, from->key.modulus) &&
           buffer_set(&out->exponent, from->key.exponent);
}

enum err x509_parse(struct bytes der, struct x509 *out)
{
    struct fields fields = {0};

    *out = (struct x509){0};
    if (!read_certificate(der, &fields))
        return ERR_ANSWER;
    if (!copy_fields(out, der, &fields)) {
        x509_clear(out);
        return ERR_MEMORY;
    }
    return ERR_OK;
}

enum err x509_signed_by(struct bytes der, struct bytes spki)
{
    /* sha256WithRSAEncryption, 1.2.840.113549.1.1.11, with NULL */
    static const uint8_t sha256_rsa[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                         0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};
    uint8_t hash[DIGEST_MAX], info[DIGEST_INFO_MAX], unused;
    struct parts parts;
    struct writer w;

    if (!split(der, &parts))
        return ERR_ANSWER;
    if (!bytes_equal(parts.algorithm.whole, bytes_of(sha256_rsa, sizeof(sha256_rsa))) ||
        !bytes_take_u8(&parts.signature.content, &unused) || unused != 0)
        return ERR_BAD_SIGNATURE;
    writer_init(&w, info, sizeof(info));
    enum err e = digest_once(DIGEST_SHA256, parts.tbs.whole, hash);
    if (e == ERR_OK)
        e = digest_info(DIGEST_SHA256, bytes_of(hash, DIGEST_SHA256_SIZE), &w);
    if (e == ERR_OK)
        e = rsa_check_pkcs1(spki, writer_result(&w), parts.signature.content);
    return e;
}

void x509_clear(struct x509 *x)
{
    buffer_clear(&x->der);
    buffer_clear(&x->subject);
    buffer_clear(&x->issuer);
    buffer_clear(&x->serial);
    buffer_clear(&x->spki);
    buffer_clear(&x->modulus);
    buffer_clear(&x->exponent);
    *x = (struct x509){0};
}

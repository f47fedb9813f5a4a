/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What PKCS#11 wants to know of a certificate, and whether it came from the card unharmed.
 */
#ifndef JPKI_CRYPTO_X509_H
#define JPKI_CRYPTO_X509_H

#include <stddef.h>

#include "support/bytes.h"
#include "support/err.h"

/* All buffers are owned by the struct. {0} is a valid empty one. */
struct x509 {
    struct buffer der;      /* the certificate as given */
    struct buffer subject;  /* DER Name */
    struct buffer issuer;   /* DER Name */
    struct buffer serial;   /* DER INTEGER, with tag and length */
    struct buffer spki;     /* DER SubjectPublicKeyInfo */
    struct buffer modulus;  /* big-endian, no leading zero byte */
    struct buffer exponent; /* big-endian, no leading zero byte */
    char not_before[8];     /* YYYYMMDD, not terminated: the form of CK_DATE; UTC */
    char not_after[8];
};

/*
 * Parses one DER certificate with an RSA key. DER must hold the certificate and nothing after it.
 * ERR_ANSWER when it is no such certificate; OUT is then empty. OUT must be empty or {0}.
 */
enum err x509_parse(struct bytes der, struct x509 *out);
void x509_clear(struct x509 *x);

/*
 * Whether DER, one certificate and nothing after it, was signed by the key SPKI (DER
 * SubjectPublicKeyInfo), by sha256WithRSAEncryption (RFC 4055, section 5), as the card's all are:
 * so that each byte of it is as it was issued. ERR_BAD_SIGNATURE also with another algorithm;
 * ERR_ANSWER when DER is no certificate; ERR_CRYPTO, ERR_MEMORY when that could not be checked.
 */
enum err x509_signed_by(struct bytes der, struct bytes spki);

#endif

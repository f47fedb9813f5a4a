/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Checking what the card has signed, before anybody else sees it.
 */
#ifndef JPKI_CRYPTO_RSA_H
#define JPKI_CRYPTO_RSA_H

#include "support/bytes.h"
#include "support/err.h"

/*
 * SPKI is a DER SubjectPublicKeyInfo of an RSA key. Both answer ERR_BAD_SIGNATURE when the
 * signature is not right, ERR_CRYPTO when it could not be checked.
 */

/* RSASSA-PKCS1-v1_5 over T, the bytes that follow the padding (a DigestInfo, or anything else). */
enum err rsa_check_pkcs1(struct bytes spki, struct bytes t, struct bytes signature);

/* RSASSA-PSS over a SHA-256 hash (32 bytes), MGF1 with SHA-256, salt of 32 bytes. */
enum err rsa_check_pss_sha256(struct bytes spki, struct bytes hash, struct bytes signature);

#endif

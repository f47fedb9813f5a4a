/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A second opinion on signatures and certificates: OpenSSL's. Nothing here comes from src/.
 */
#ifndef JPKI_TESTS_API_CHECK_H
#define JPKI_TESTS_API_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include <pkcs11-3.h>

/* The certificate in DIR/NAME (PEM), or NULL; for X509_free(). */
X509 *check_load(const char *dir, const char *name);

/* The DigestInfo of RFC 8017, 9.2 note 1, into OUT (room for 83 bytes); its length. TYPE is one of
 * CKM_SHA_1 and CKM_SHA224 to CKM_SHA512. */
#define CHECK_DIGEST_INFO_MAX 83
size_t check_digest_info(CK_MECHANISM_TYPE type, const void *data, size_t len, uint8_t *out);

/* The SHA-256 hash of DATA into OUT. */
void check_sha256(const void *data, size_t len, uint8_t out[32]);

/*
 * Whether SIGNATURE was made by the certificate's key over DATA with this mechanism of PKCS#11:
 * CKM_RSA_PKCS (DATA is what the padding was put around), CKM_SHAxxx_RSA_PKCS (DATA is the
 * message), CKM_RSA_PKCS_PSS (DATA is a SHA-256 hash), CKM_SHA256_RSA_PKCS_PSS (the message); PSS
 * with MGF1-SHA-256 and exactly 32 bytes of salt.
 */
bool check_mechanism(X509 *certificate, CK_MECHANISM_TYPE type, const void *data, size_t len,
                     const uint8_t *signature, size_t signature_len);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define ROOM 256 /* bytes of a signature */

/* RFC 8017, 9.2, note 1: what stands before the hash. */
static const struct {
    CK_MECHANISM_TYPE type;
    CK_MECHANISM_TYPE hash;
    const char *name;
    size_t prefix_len;
    uint8_t prefix[19];
} hashes[] = {
    {CKM_SHA1_RSA_PKCS,
     CKM_SHA_1,
     "SHA1",
     15,
     {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14}},
    {CKM_SHA224_RSA_PKCS,
     CKM_SHA224,
     "SHA224",
     19,
     {0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04,
      0x05, 0x00, 0x04, 0x1c}},
    {CKM_SHA256_RSA_PKCS,
     CKM_SHA256,
     "SHA256",
     19,
     {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
      0x05, 0x00, 0x04, 0x20}},
    {CKM_SHA384_RSA_PKCS,
     CKM_SHA384,
     "SHA384",
     19,
     {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
      0x05, 0x00, 0x04, 0x30}},
    {CKM_SHA512_RSA_PKCS,
     CKM_SHA512,
     "SHA512",
     19,
     {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03,
      0x05, 0x00, 0x04, 0x40}},
};
#define HASHES (sizeof(hashes) / sizeof(hashes[0]))

X509 *check_load(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return NULL;
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    return certificate;
}

size_t check_digest_info(CK_MECHANISM_TYPE type, const void *data, size_t len, uint8_t *out)
{
    for (size_t i = 0; i < HASHES; i++) {
        size_t hash_len;
        if (hashes[i].hash != type)
            continue;
        memcpy(out, hashes[i].prefix, hashes[i].prefix_len);
        if (EVP_Q_digest(NULL, hashes[i].name, NULL, data, len, out + hashes[i].prefix_len,
                         &hash_len) == 1)
            return hashes[i].prefix_len + hash_len;
    }
    return 0;
}

void check_sha256(const void *data, size_t len, uint8_t out[32])
{
    size_t got = 0;
    if (EVP_Q_digest(NULL, "SHA256", NULL, data, len, out, &got) != 1 || got != 32)
        memset(out, 0, 32);
}

/* What the padding was put around must be DATA, byte for byte. */
static bool check_raw(EVP_PKEY *key, const void *data, size_t len, const uint8_t *signature,
                      size_t signature_len)
{
    uint8_t recovered[ROOM];
    size_t got = sizeof(recovered);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ok = ctx != NULL && EVP_PKEY_verify_recover_init(ctx) > 0 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
              EVP_PKEY_verify_recover(ctx, recovered, &got, signature, signature_len) > 0 &&
              got == len && memcmp(recovered, data, len) == 0;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool check_message(EVP_PKEY *key, const char *hash, const void *data, size_t len,
                          const uint8_t *signature, size_t signature_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, hash, NULL, NULL, key, NULL) > 0 &&
              EVP_DigestVerify(ctx, signature, signature_len, data, len) > 0;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool check_pss(EVP_PKEY *key, const uint8_t hash[32], const uint8_t *signature,
                      size_t signature_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ok = ctx != NULL && EVP_PKEY_verify_init(ctx) > 0 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
              EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) > 0 &&
              EVP_PKEY_verify(ctx, signature, signature_len, hash, 32) > 0;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

bool check_mechanism(X509 *certificate, CK_MECHANISM_TYPE type, const void *data, size_t len,
                     const uint8_t *signature, size_t signature_len)
{
    uint8_t hash[32];
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (key == NULL)
        return false;
    if (type == CKM_RSA_PKCS)
        return check_raw(key, data, len, signature, signature_len);
    if (type == CKM_RSA_PKCS_PSS)
        return len == 32 && check_pss(key, data, signature, signature_len);
    if (type == CKM_SHA256_RSA_PKCS_PSS) {
        check_sha256(data, len, hash);
        return check_pss(key, hash, signature, signature_len);
    }
    for (size_t i = 0; i < HASHES; i++)
        if (hashes[i].type == type)
            return check_message(key, hashes[i].name, data, len, signature, signature_len);
    return false;
}

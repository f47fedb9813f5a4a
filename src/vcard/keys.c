/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/keys.h"

#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "vcard/store.h"

#define BITS 2048

EVP_PKEY *keys_new(struct problem *why)
{
    EVP_PKEY *key = EVP_RSA_gen(BITS);

    if (!key)
        text_problem(why, "OpenSSL cannot make a key: %s",
                     ERR_reason_error_string(ERR_get_error()));
    return key;
}

/* A key file with a pass phrase is refused, instead of asking for it on the terminal. */
static int no_pass_phrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

EVP_PKEY *keys_load(const char *dir, const char *name, struct problem *why)
{
    size_t len;
    uint8_t *pem = store_read(dir, name, &len, why);
    EVP_PKEY *key = NULL;

    if (!pem)
        return NULL;
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    if (bio)
        key = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
    if (!key || !EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) != BITS) {
        EVP_PKEY_free(key);
        key = NULL;
        text_problem(why,
                     "%s/%s holds no RSA key of %d bits: the card is damaged; make it anew "
                     "with \"jpki-vcard new --force %s\"",
                     dir, name, BITS, dir);
    }
    ERR_clear_error();
    BIO_free(bio);
    OPENSSL_cleanse(pem, len);
    free(pem);
    return key;
}

bool keys_save(EVP_PKEY *key, const char *dir, const char *name, struct problem *why)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    bool ok = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;

    if (!ok)
        text_problem(why, "OpenSSL cannot write a key: %s",
                     ERR_reason_error_string(ERR_get_error()));
    long len = ok ? BIO_get_mem_data(bio, &pem) : 0;
    ok = ok && store_write(dir, name, 0600, pem, (size_t)len, why);
    BIO_free(bio);
    return ok;
}

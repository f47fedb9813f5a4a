/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/sign.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "vcard/files.h"

#define SIGNATURE_SIZE 256
#define PKCS1_MAX (SIGNATURE_SIZE - 11) /* RFC 8017, 9.2: at least eight bytes of padding */

struct scheme {
    bool hashes;      /* the card hashes the data itself */
    bool digest_info; /* it puts the DigestInfo of SHA-256 before the hash */
    bool pss;
    size_t min, max; /* bytes of input */
};

/* By P1. */
static const struct scheme schemes[] = {
    {.min = 1, .max = PKCS1_MAX},
    {.hashes = true, .min = 1, .max = 255},
    {.digest_info = true, .min = 32, .max = 32},
    {.hashes = true, .digest_info = true, .min = 1, .max = 255},
    {.pss = true, .min = 32, .max = 32},
    {.hashes = true, .pss = true, .min = 1, .max = 255},
};
#define SCHEMES (sizeof schemes / sizeof *schemes)

static const struct scheme *find_scheme(const struct vcard *card, uint8_t p1)
{
    if (p1 >= SCHEMES || (schemes[p1].pss && !card->settings.pss))
        return NULL;
    return &schemes[p1];
}

/* RFC 8017, 9.1 with SHA-256 for both hashes and a salt of 32 bytes. */
static bool set_pss(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) > 0;
}

/* Without a digest set, OpenSSL pads the bytes as they are: just what the card does. */
static bool set_pkcs1(EVP_PKEY_CTX *ctx, bool digest_info)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
           (!digest_info || EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0);
}

static bool sign(EVP_PKEY *key, const struct scheme *scheme, bool pss, const uint8_t *data,
                 size_t len, uint8_t signature[SIGNATURE_SIZE])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t got = SIGNATURE_SIZE;
    bool ok = ctx && EVP_PKEY_sign_init(ctx) > 0 &&
              (pss ? set_pss(ctx) : set_pkcs1(ctx, scheme->digest_info)) &&
              EVP_PKEY_sign(ctx, signature, &got, data, len) > 0 && got == SIGNATURE_SIZE;

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

uint16_t sign_compute(struct vcard *card, const struct apdu *apdu, struct reply *reply)
{
    const struct scheme *scheme = find_scheme(card, apdu->p1);
    uint8_t hash[SHA256_DIGEST_LENGTH], signature[SIGNATURE_SIZE];
    enum pin which;

    if (!scheme)
        return 0x6A86;
    uint16_t sw = files_reference(card, apdu->p2, EF_KEY, &which);
    if (sw != 0x9000)
        return sw;
    if (!card->verified[which])
        return 0x6982;
    /* Le must be there and leave room: a guess. */
    if (apdu->lc < scheme->min || apdu->lc > scheme->max || apdu->le != SIGNATURE_SIZE)
        return 0x6700;
    /* Without a certificate there is no key, though its file is there: a guess. */
    if (!card->key[which] || (which == PIN_SIGN && !card->settings.sign_cert))
        return 0x6985;
    if (scheme->hashes)
        SHA256(apdu->data, apdu->lc, hash);
    card->busy_us += card->settings.delay_sign_us;
    if (!sign(card->key[which], scheme, scheme->pss && !card->settings.pss_as_pkcs1,
              scheme->hashes ? hash : apdu->data, scheme->hashes ? sizeof hash : apdu->lc,
              signature))
        return 0x6F00;
    return vcard_reply_add(reply, signature, sizeof signature) ? 0x9000 : 0x6F00;
}

uint16_t sign_authenticate(const struct vcard *card)
{
    return card->verified[PIN_AUTH] ? 0x6985 : 0x6982;
}

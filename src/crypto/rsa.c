/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Only public values are calculated with: nothing here has to be constant in time.
 */
#include "crypto/rsa.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>

#include "crypto/digest.h"
#include "crypto/rsakey.h"

#define HASH_LEN 32 /* of SHA-256 */
#define SALT_LEN 32

/* One check under way. */
struct check {
    struct rsakey key;
    size_t size;   /* of the modulus, and so of every signature, in bytes */
    unsigned bits; /* of the modulus */
    uint8_t *sum;  /* SIZE bytes: the signature raised to the public exponent */
};

/* What OpenSSL calculates with. */
struct numbers {
    BIGNUM *modulus;
    BIGNUM *exponent;
    BIGNUM *signature;
    BIGNUM *sum;
    BN_CTX *scratch;
};

static bool numbers_init(struct numbers *n, const struct rsakey *key, struct bytes signature)
{
    /* The lengths are those of rsakey.c's limits. */
    n->modulus = BN_bin2bn(key->modulus.data, (int)key->modulus.len, NULL);
    n->exponent = BN_bin2bn(key->exponent.data, (int)key->exponent.len, NULL);
    n->signature = BN_bin2bn(signature.data, (int)signature.len, NULL);
    n->sum = BN_new();
    n->scratch = BN_CTX_new();
    return n->modulus != NULL && n->exponent != NULL && n->signature != NULL && n->sum != NULL &&
           n->scratch != NULL;
}

static void numbers_clear(struct numbers *n)
{
    BN_free(n->modulus);
    BN_free(n->exponent);
    BN_free(n->signature);
    BN_free(n->sum);
    BN_CTX_free(n->scratch);
    *n = (struct numbers){0};
}

/* RFC 8017, section 5.2.2: RSAVP1 */
static enum err raise_signature(struct check *c, struct numbers *n)
{
    if (BN_cmp(n->signature, n->modulus) >= 0)
        return ERR_BAD_SIGNATURE;
    if (BN_mod_exp_mont(n->sum, n->signature, n->exponent, n->modulus, n->scratch, NULL) != 1 ||
        BN_bn2binpad(n->sum, c->sum, (int)c->size) != (int)c->size)
        return ERR_CRYPTO;
    c->bits = (unsigned)BN_num_bits(n->modulus);
    return ERR_OK;
}

static enum err apply_key(struct check *c, struct bytes spki, struct bytes signature)
{
    struct numbers n = {0};
    enum err e = ERR_MEMORY;

    if (!rsakey_read(spki, &c->key))
        return ERR_CRYPTO;
    c->size = c->key.modulus.len;
    if (signature.len != c->size)
        return ERR_BAD_SIGNATURE;
    c->sum = calloc(1, c->size);
    if (c->sum != NULL && numbers_init(&n, &c->key, signature))
        e = raise_signature(c, &n);
    numbers_clear(&n);
    return e;
}

/*
 * RFC 8017, section 9.2: 00 01 FF … 00 T, at least eight times FF. The whole is compared: to look
 * for the end of the padding is how others came to accept forged signatures.
 */
static enum err compare_pkcs1(const struct check *c, struct bytes t)
{
    size_t padding;
    bool same;

    if (t.len > c->size - 11)
        return ERR_BAD_SIGNATURE;
    padding = c->size - 3 - t.len;
    same = c->sum[0] == 0x00 && c->sum[1] == 0x01 && c->sum[2 + padding] == 0x00;
    for (size_t i = 0; i < padding; i++)
        same = same && c->sum[2 + i] == 0xff;
    same = same && bytes_equal(bytes_of(c->sum + 3 + padding, t.len), t);
    return same ? ERR_OK : ERR_BAD_SIGNATURE;
}

/* RFC 8017, appendix B.2.1: XORs the mask made of SEED (a hash) over the LEN bytes at OUT. */
static enum err unmask(const uint8_t *seed, uint8_t *out, size_t len)
{
    uint8_t input[HASH_LEN + 4];
    uint8_t mask[DIGEST_MAX];

    memcpy(input, seed, HASH_LEN);
    for (size_t i = 0; i < len; i++) {
        size_t block = i / HASH_LEN; /* below 2^16, as the modulus has 2048 bytes at most */

        if (i % HASH_LEN == 0) {
            enum err e;

            input[HASH_LEN] = 0;
            input[HASH_LEN + 1] = 0;
            input[HASH_LEN + 2] = (uint8_t)(block >> 8);
            input[HASH_LEN + 3] = (uint8_t)(block & 0xff);
            e = digest_once(DIGEST_SHA256, bytes_of(input, sizeof(input)), mask);
            if (e != ERR_OK)
                return e;
        }
        out[i] ^= mask[i % HASH_LEN];
    }
    return ERR_OK;
}

/* Steps 12 and 13 of section 9.1.2: the hash of eight zeros, HASH and SALT. */
static enum err salted_hash(struct bytes hash, const uint8_t *salt, uint8_t *out)
{
    uint8_t input[8 + HASH_LEN + SALT_LEN] = {0};

    memcpy(input + 8, hash.data, HASH_LEN);
    memcpy(input + 8 + HASH_LEN, salt, SALT_LEN);
    return digest_once(DIGEST_SHA256, bytes_of(input, sizeof(input)), out);
}

/* RFC 8017, section 9.1.2: EMSA-PSS-VERIFY, from step 3 on. Changes the sum. */
static enum err compare_pss(const struct check *c, struct bytes hash)
{
    const size_t bits = c->bits - 1;   /* emBits */
    const size_t len = (bits + 7) / 8; /* emLen */
    const size_t db_len = len - HASH_LEN - 1;
    uint8_t *db = c->sum + (c->size - len); /* the sum may be one byte longer than EM */
    const uint8_t *h = db + db_len;
    const uint8_t above = (uint8_t)(0xff << (8 - (8 * len - bits))); /* bits that EM has not */
    uint8_t expected[DIGEST_MAX];
    uint8_t wrong = 0;
    enum err e;

    if (len < HASH_LEN + SALT_LEN + 2)
        return ERR_BAD_SIGNATURE;
    if (c->size > len && c->sum[0] != 0)
        return ERR_BAD_SIGNATURE;
    if (db[len - 1] != 0xbc || (db[0] & above) != 0)
        return ERR_BAD_SIGNATURE;
    e = unmask(h, db, db_len);
    if (e != ERR_OK)
        return e;
    db[0] &= (uint8_t)~above;
    for (size_t i = 0; i < db_len - SALT_LEN - 1; i++)
        wrong |= db[i];
    if (wrong != 0 || db[db_len - SALT_LEN - 1] != 0x01)
        return ERR_BAD_SIGNATURE;
    e = salted_hash(hash, db + db_len - SALT_LEN, expected);
    if (e != ERR_OK)
        return e;
    return memcmp(h, expected, HASH_LEN) == 0 ? ERR_OK : ERR_BAD_SIGNATURE;
}

typedef enum err (*comparison)(const struct check *c, struct bytes input);

static enum err check(comparison compare, struct bytes spki, struct bytes input,
                      struct bytes signature)
{
    struct check c = {0};
    enum err e;

    ERR_set_mark(); /* the thread's queue of errors belongs to the host */
    e = apply_key(&c, spki, signature);
    ERR_pop_to_mark();
    if (e == ERR_OK)
        e = compare(&c, input);
    free(c.sum);
    return e;
}

enum err rsa_check_pkcs1(struct bytes spki, struct bytes t, struct bytes signature)
{
    return check(compare_pkcs1, spki, t, signature);
}

enum err rsa_check_pss_sha256(struct bytes spki, struct bytes hash, struct bytes signature)
{
    if (hash.len != HASH_LEN)
        return ERR_ARGUMENT;
    return check(compare_pss, spki, hash, signature);
}

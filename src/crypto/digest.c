/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/digest.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Deprecated in favour of EVP, and used all the same. The host may be OpenSSL itself, with a
 * configuration that loads this very module. In OpenSSL 3, starting any EVP digest, making any RSA
 * key and decoding any object identifier reads openssl.cnf for the whole process first, whatever
 * library context it is done in; a provider named there may then load this module anew, under our
 * locks and inside OpenSSL's own initialisation. So crypto/ uses only what lies below all that:
 * the SHA functions and big numbers, which have no context, and a DER reader of its own.
 * The unit tests watch that no configuration is read.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "support/secret.h"

struct kind {
    size_t size;
    size_t prefix_len;
    uint8_t prefix[19]; /* RFC 8017, section 9.2, note 1 */
};

static const struct kind kinds[] = {
    [DIGEST_SHA1] = {20,
                     15,
                     {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00,
                      0x04, 0x14}},
    [DIGEST_SHA224] = {28,
                       19,
                       {0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
                        0x04, 0x02, 0x04, 0x05, 0x00, 0x04, 0x1c}},
    [DIGEST_SHA256] = {32,
                       19,
                       {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
                        0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}},
    [DIGEST_SHA384] = {48,
                       19,
                       {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
                        0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30}},
    [DIGEST_SHA512] = {64,
                       19,
                       {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
                        0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}},
};

struct digest {
    enum digest_kind kind;
    bool ended;
    union {
        SHA_CTX sha1;
        SHA256_CTX sha256; /* and SHA-224 */
        SHA512_CTX sha512; /* and SHA-384 */
    } state;
};

static const struct kind *kind_of(enum digest_kind kind)
{
    /* The cast also catches a negative value, whatever type the compiler gave the enum. */
    size_t i = (size_t)kind;

    return i < sizeof(kinds) / sizeof(kinds[0]) ? &kinds[i] : NULL;
}

size_t digest_size(enum digest_kind kind)
{
    const struct kind *k = kind_of(kind);

    return k == NULL ? 0 : k->size;
}

static bool start(struct digest *d)
{
    switch (d->kind) {
    case DIGEST_SHA1:
        return SHA1_Init(&d->state.sha1) == 1;
    case DIGEST_SHA224:
        return SHA224_Init(&d->state.sha256) == 1;
    case DIGEST_SHA256:
        return SHA256_Init(&d->state.sha256) == 1;
    case DIGEST_SHA384:
        return SHA384_Init(&d->state.sha512) == 1;
    case DIGEST_SHA512:
        return SHA512_Init(&d->state.sha512) == 1;
    }
    return false;
}

struct digest *digest_new(enum digest_kind kind)
{
    struct digest *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->kind = kind;
    if (!start(d)) {
        digest_free(d);
        return NULL;
    }
    return d;
}

void digest_free(struct digest *d)
{
    secret_wipe(d, d == NULL ? 0 : sizeof(*d)); /* it may have seen a PIN */
    free(d);
}

enum err digest_update(struct digest *d, struct bytes in)
{
    bool ok = false;

    if (d->ended)
        return ERR_ARGUMENT;
    if (in.len == 0)
        return ERR_OK;
    switch (d->kind) {
    case DIGEST_SHA1:
        ok = SHA1_Update(&d->state.sha1, in.data, in.len) == 1;
        break;
    case DIGEST_SHA224:
    case DIGEST_SHA256:
        ok = SHA256_Update(&d->state.sha256, in.data, in.len) == 1;
        break;
    case DIGEST_SHA384:
    case DIGEST_SHA512:
        ok = SHA512_Update(&d->state.sha512, in.data, in.len) == 1;
        break;
    }
    return ok ? ERR_OK : ERR_CRYPTO;
}

enum err digest_final(struct digest *d, uint8_t *out)
{
    bool ok = false;

    memset(out, 0, digest_size(d->kind));
    if (d->ended)
        return ERR_ARGUMENT;
    d->ended = true;
    switch (d->kind) {
    case DIGEST_SHA1:
        ok = SHA1_Final(out, &d->state.sha1) == 1;
        break;
    case DIGEST_SHA224:
    case DIGEST_SHA256:
        ok = SHA256_Final(out, &d->state.sha256) == 1;
        break;
    case DIGEST_SHA384:
    case DIGEST_SHA512:
        ok = SHA512_Final(out, &d->state.sha512) == 1;
        break;
    }
    return ok ? ERR_OK : ERR_CRYPTO;
}

enum err digest_once(enum digest_kind kind, struct bytes in, uint8_t *out)
{
    struct digest *d = digest_new(kind);
    enum err e;

    memset(out, 0, digest_size(kind));
    if (d == NULL)
        return kind_of(kind) == NULL ? ERR_ARGUMENT : ERR_MEMORY;
    e = digest_update(d, in);
    if (e == ERR_OK)
        e = digest_final(d, out);
    digest_free(d);
    return e;
}

enum err digest_info(enum digest_kind kind, struct bytes hash, struct writer *w)
{
    const struct kind *k = kind_of(kind);

    if (k == NULL || hash.len != k->size)
        return ERR_ARGUMENT;
    writer_bytes(w, bytes_of(k->prefix, k->prefix_len));
    writer_bytes(w, hash);
    return w->failed ? ERR_ARGUMENT : ERR_OK;
}

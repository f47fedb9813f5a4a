/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/record.h"

#include <stdio.h>
#include <string.h>

#include "history/history.h"
#include "token/rv.h"

#define DIGEST_TEXT (16 + 2 * DIGEST_MAX + 1)

static const char *const operations[] = {
    [RECORD_LOGIN] = "login",
    [RECORD_CONSENT] = "consent",
    [RECORD_CHANGE_PIN] = "change-pin",
    [RECORD_SIGN] = "sign",
};
static const char *const tokens[CARD_ROLES] = {[CARD_AUTH] = "auth", [CARD_SIGN] = "sign"};

CK_RV record_ready(const struct token *token)
{
    if (!token->config->history_required)
        return CKR_OK;
    return rv_of(history_ready(token->config->history));
}

/* Refusals that cost no try: a program can have as many of them as it likes. */
static bool is_cheap(CK_RV rv)
{
    return rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID || rv == CKR_PIN_LOCKED;
}

static CK_RV add(struct token *token, enum record what, const char *mechanism, const char *digest,
                 CK_RV rv)
{
    struct history_event event = {
        .token = tokens[token->role],
        .serial = token->insertion->serial,
        .operation = operations[what],
        .mechanism = mechanism,
        .result = rv_name(rv),
        .tries = token->tries,
        .digest = digest,
    };
    if (is_cheap(rv) && token->recorded == (int)what && token->recorded_rv == rv)
        return rv;
    enum err e = history_add(token->config->history, &event);
    token->recorded = e == ERR_OK ? (int)what : RECORD_NOTHING;
    token->recorded_rv = rv;
    if (rv == CKR_OK && token->config->history_required)
        return rv_of(e);
    return rv;
}

CK_RV record(struct token *token, enum record what, CK_RV rv)
{
    return add(token, what, NULL, NULL, rv);
}

static void print(char text[DIGEST_TEXT], const char *name, struct bytes digest)
{
    char hex[2 * DIGEST_MAX + 1];
    bytes_hex(bytes_first(digest, DIGEST_MAX), hex);
    snprintf(text, DIGEST_TEXT, "%s:%s", name, hex);
}

/* Whether IN is the DigestInfo of a digest of this kind, which then is HASH. */
static bool is_digest_info(enum digest_kind kind, struct bytes in, struct bytes *hash)
{
    uint8_t room[DIGEST_INFO_MAX];
    struct writer w;
    size_t size = digest_size(kind);
    if (in.len <= size)
        return false;
    *hash = bytes_of(in.data + (in.len - size), size);
    writer_init(&w, room, sizeof(room));
    return digest_info(kind, *hash, &w) == ERR_OK && bytes_equal(writer_result(&w), in);
}

/* What was signed, as its holder can compare it with the digest of a document. */
static void describe(char text[DIGEST_TEXT], const struct mech *mech, struct bytes in)
{
    static const char *const names[] = {
        [DIGEST_SHA1] = "SHA-1",     [DIGEST_SHA224] = "SHA-224", [DIGEST_SHA256] = "SHA-256",
        [DIGEST_SHA384] = "SHA-384", [DIGEST_SHA512] = "SHA-512",
    };
    uint8_t made[DIGEST_MAX];
    struct bytes hash;
    text[0] = '\0';
    if (mech_is_pss(mech)) {
        print(text, names[DIGEST_SHA256], in);
        return;
    }
    for (int kind = DIGEST_SHA1; kind <= DIGEST_SHA512; kind++)
        if (is_digest_info((enum digest_kind)kind, in, &hash)) {
            print(text, names[kind], hash);
            return;
        }
    if (digest_once(DIGEST_SHA256, in, made) == ERR_OK)
        print(text, "input-SHA-256", bytes_of(made, digest_size(DIGEST_SHA256)));
}

CK_RV record_signature(struct token *token, const struct mech *mech, struct bytes in, CK_RV rv)
{
    char digest[DIGEST_TEXT];
    bool wanted = token->config->history_digests;
    if (wanted)
        describe(digest, mech, in);
    return add(token, RECORD_SIGN, mech->name, wanted ? digest : NULL, rv);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/sign.h"

#include <string.h>

#include "crypto/rsa.h"
#include "support/log.h"
#include "support/secret.h"
#include "token/object.h"
#include "token/pin.h"
#include "token/record.h"
#include "token/pss_refused.h"
#include "token/rv.h"

size_t sign_size(const struct token *token)
{
    return token->insertion->card.profile->signature;
}

static bool hashes_here(const struct mech *mech)
{
    return mech->use == MECH_PKCS1_HASHED || mech->use == MECH_PSS_HASHED;
}

static void clear(struct sign_operation *op)
{
    digest_free(op->digest);
    secret_wipe(op, sizeof(*op));
}

void sign_cancel(struct sign_operation *op, struct token *token)
{
    if (op->consented)
        pin_revoke(token);
    clear(op);
}

static CK_RV check_key(struct token *token, CK_OBJECT_HANDLE key)
{
    if (key == object_handle(token, OBJECT_PRIVATE_KEY) && !token->logged_in)
        return CKR_USER_NOT_LOGGED_IN;
    switch (object_of(token, key)) {
    case OBJECT_PRIVATE_KEY:
        return CKR_OK;
    case OBJECT_PUBLIC_KEY:
        return CKR_KEY_TYPE_INCONSISTENT;
    case OBJECT_NONE:
    case OBJECT_CERTIFICATE:
    case OBJECT_CA_CERTIFICATE:
    case OBJECT_PROFILE_BASELINE:
    case OBJECT_PROFILE_AUTHENTICATION:
    case OBJECT_PROFILE_PUBLIC_CERTIFICATES:
    case OBJECT_COUNT:
        break;
    }
    return CKR_KEY_HANDLE_INVALID;
}

CK_RV sign_init(struct sign_operation *op, struct token *token, const CK_MECHANISM *mechanism,
                CK_OBJECT_HANDLE key)
{
    const struct mech *mech;
    /* OpenSSH, libp11 and pkcs11-provider leave such operations behind after a cancelled prompt. */
    bool abandoned = pin_asked_each_time(token) && !op->updated && !op->consented;
    if (op->mech != NULL && !abandoned)
        return CKR_OPERATION_ACTIVE;
    CK_RV rv = check_key(token, key);
    if (rv == CKR_OK)
        rv = mech_for_signing(token, mechanism, &mech);
    if (rv != CKR_OK)
        return rv;
    struct digest *digest = NULL;
    if (hashes_here(mech)) {
        digest = digest_new(mech->digest);
        if (digest == NULL)
            return CKR_HOST_MEMORY;
    }
    clear(op);
    op->mech = mech;
    op->digest = digest;
    return CKR_OK;
}

CK_RV sign_update(struct sign_operation *op, struct token *token, struct bytes data)
{
    enum err e = ERR_OK;
    op->updated = true;
    if (op->digest != NULL) {
        e = digest_update(op->digest, data);
    } else {
        struct writer w;
        size_t most = mech_is_pss(op->mech) ? digest_size(DIGEST_SHA256) : sizeof(op->data);
        writer_init(&w, op->data + op->len, most - op->len);
        writer_bytes(&w, data);
        if (w.failed) {
            sign_cancel(op, token);
            return CKR_DATA_LEN_RANGE;
        }
        op->len += data.len;
    }
    if (e != ERR_OK)
        sign_cancel(op, token);
    return rv_of(e);
}

/* What goes to the card: the collected bytes, or the hash, or the hash's DigestInfo. */
static CK_RV input(struct sign_operation *op, uint8_t *room, size_t size, struct bytes *in)
{
    uint8_t hash[DIGEST_MAX];
    struct writer w;
    writer_init(&w, room, size);
    enum err e = ERR_OK;
    if (op->digest != NULL) {
        e = digest_final(op->digest, hash);
        struct bytes finished = bytes_of(hash, digest_size(op->mech->digest));
        if (e == ERR_OK && mech_is_pss(op->mech))
            writer_bytes(&w, finished);
        else if (e == ERR_OK)
            e = digest_info(op->mech->digest, finished, &w);
    } else {
        writer_bytes(&w, bytes_of(op->data, op->len));
    }
    *in = writer_result(&w);
    if (e != ERR_OK)
        return rv_of(e);
    bool wrong = in->len == 0 || (mech_is_pss(op->mech) && in->len != digest_size(DIGEST_SHA256));
    return wrong ? CKR_DATA_LEN_RANGE : CKR_OK;
}

static enum err check(const struct token *token, const struct mech *mech, struct bytes in,
                      struct bytes signature)
{
    struct bytes spki = buffer_view(&token->holder.x509.spki);
    enum err e = mech_is_pss(mech) ? rsa_check_pss_sha256(spki, in, signature)
                                   : rsa_check_pkcs1(spki, in, signature);
    if (e != ERR_OK)
        log_write(LOG_ERROR, "what the card has signed does not fit its certificate: %s",
                  err_text(e));
    return e;
}

/* Reading the certificate only to check a PKCS#1 signature would cost half as many commands again;
 * most programs have read it by now. */
static enum err sign_and_check(const struct token *token, const struct mech *mech, struct bytes in,
                               uint8_t *signature)
{
    enum card_scheme scheme = mech_is_pss(mech) ? CARD_PSS : CARD_PKCS1;
    enum err e = card_sign(&token->insertion->card, token->role, scheme, in, signature);
    if (e == ERR_OK && token->holder.state == TOKEN_READ)
        e = check(token, mech, in, bytes_of(signature, sign_size(token)));
    return e;
}

static bool is_pss_failure(const struct mech *mech, enum err e)
{
    return mech_is_pss(mech) && (e == ERR_REFUSED || e == ERR_BAD_SIGNATURE);
}

/* A PSS that the card refuses, or makes wrongly, twice running is one it cannot do. */
static enum err give_up_pss(struct token *token)
{
    uint8_t block[256];
    size_t len;
    /* After a reset that came in between, all is refused: by another application. */
    if (card_read_first(&token->insertion->card, PROFILE_FILE_TOKEN_INFO, block, &len) != ERR_OK)
        return ERR_TRANSPORT;
    token->insertion->refused_pss = true; /* also where no file can be written */
    token->outdated = true; /* NSS reads the mechanism list anew when its sessions are gone */
    return ERR_REFUSED;
}

/* Inside a transaction. For PSS the public key must be known: a card that treats P1 = 04 in another
 * way would otherwise go unseen. */
static enum err sign_on_card(struct token *token, const struct mech *mech, struct bytes in,
                             uint8_t *signature)
{
    enum err e = ERR_OK;
    /* Where the certificate is free it is read first, so that one that makes no sense costs no
     * VERIFY. */
    if (mech_is_pss(mech) && !token->key->certificate_private)
        e = token_load_holder_inside(token);
    if (e == ERR_OK)
        e = pin_present(token);
    if (e == ERR_OK && mech_is_pss(mech))
        e = token_load_holder_inside(token);
    if (e != ERR_OK)
        return e;
    e = sign_and_check(token, mech, in, signature);
    if (is_pss_failure(mech, e)) /* one may be an accident */
        e = sign_and_check(token, mech, in, signature);
    /* A signature that fits what the card really has, but not what programs were told of it, is of
     * no use to them either; and it is no failure of the card's. */
    if (e == ERR_BAD_SIGNATURE && !token_confirm_holder(token))
        return e;
    return is_pss_failure(mech, e) ? give_up_pss(token) : e;
}

static CK_RV sign(struct token *token, const struct mech *mech, struct bytes in, uint8_t *signature)
{
    if (!pin_available(token) || (pin_consent_needed(token) && !pin_consented(token)))
        return CKR_USER_NOT_LOGGED_IN;
    CK_RV rv = record_ready(token);
    if (mech_is_pss(mech) && token->holder.state == TOKEN_UNREAD)
        token_recall_holder(token);
    if (rv == CKR_OK)
        rv = rv_of(insertion_begin(token->insertion));
    if (rv != CKR_OK)
        return rv;
    bool refused_before = token->insertion->refused_pss;
    /* From here on the card may have signed: one consent, at most one signature. */
    pin_use(token);
    enum err e = sign_on_card(token, mech, in, signature);
    if (e == ERR_OK)
        pin_prove_isolation(token);
    insertion_end(token->insertion, token->config->isolation);
    token_keep_certificates(token);
    if (token->insertion->refused_pss && !refused_before)
        pss_refused_note(token->insertion->card.model);
    if (e == ERR_DENIED)
        pin_lost(token);
    pin_tidy(token);
    return record_signature(token, mech, in, rv_of(e));
}

CK_RV sign_final(struct sign_operation *op, struct token *token, uint8_t *signature, size_t *len)
{
    uint8_t room[MECH_PKCS1_MAX];
    uint8_t made[PROFILE_SIGNATURE_MAX] = {0};
    struct bytes in;
    *len = 0;
    CK_RV rv = input(op, room, sizeof(room), &in);
    if (rv == CKR_OK)
        rv = sign(token, op->mech, in, made);
    if (rv == CKR_OK) {
        *len = sign_size(token);
        memcpy(signature, made, *len);
    }
    secret_wipe(made, sizeof(made)); /* nobody gets a signature that was found wrong */
    secret_wipe(room, sizeof(room));
    sign_cancel(op, token);
    return rv;
}

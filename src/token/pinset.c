/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C_SetPIN (PKCS#11 3.2, section 5.5). The card takes the new PIN alone, on a verified old one: so
 * between two commands everything may break off, and afterwards somebody must know which PIN holds.
 */
#include "token/pin.h"

#include "support/log.h"
#include "support/secret.h"
#include "token/pinmemory.h"
#include "token/pinrule.h"
#include "token/record.h"
#include "token/rv.h"

/* Salted hashes of both PINs. */
struct hashes {
    uint8_t old[REFUSED_HASH], new_pin[REFUSED_HASH];
};

/* Whether the card keeps a PIN for this token's login. What it kept for one that is over may not
 * have been made up for yet. */
static bool keeps(const struct token *token)
{
    return token->logged_in && token->insertion->kept[token->role];
}

/* Ends a transaction; the card keeps a PIN only for a login that it kept before. */
static void end(struct token *token)
{
    struct insertion *in = token->insertion;
    bool keep = keeps(token);
    if (!keep)
        insertion_forgotten(in);
    insertion_end(in, !keep);
}

/*
 * The answer to the change was lost. The counter is full, since the old PIN was right just before:
 * so the new one is tried, and if that is refused, the old one fills the counter again. ERR_OK: the
 * new PIN holds; ERR_PIN_WRONG: the old one; any other error: that is not known.
 */
static enum err find_out(struct token *token, const struct hashes *hashes)
{
    struct pin_memory *pin = token->pin;
    int tries = -1;
    enum err e = insertion_begin(token->insertion);
    if (e != ERR_OK)
        return e;
    e = card_tries(&token->insertion->card, token->role, &tries);
    if (e == ERR_OK && tries != (int)token->key->pin.tries)
        e = ERR_REFUSED; /* somebody else is at it */
    if (e == ERR_OK)
        e = pin_ask_card(token, &pin->new_pin, hashes->new_pin);
    /* Old and new may be the same PIN: refused just now, it is not asked again. */
    if (e == ERR_PIN_WRONG && (refused_has(&pin->refused, hashes->old) ||
                               pin_ask_card(token, &pin->offered, hashes->old) != ERR_OK))
        e = ERR_TRANSPORT;
    end(token);
    return e;
}

static CK_RV not_known(struct token *token, enum err why)
{
    log_write(LOG_ERROR, "it is not known whether the old or the new PIN holds: at the next login "
                         "try the new one, once, then the old one");
    pin_logout(token); /* what is held may be wrong now */
    return rv_of(why) == CKR_DEVICE_REMOVED ? CKR_DEVICE_REMOVED : CKR_DEVICE_ERROR;
}

static CK_RV resolve(struct token *token, const struct hashes *hashes, enum err lost)
{
    log_write(LOG_WARNING, "the answer to the change of the PIN was lost (%s)", err_text(lost));
    enum err e = find_out(token, hashes);
    if (e == ERR_OK)
        return CKR_OK;
    if (e == ERR_PIN_WRONG)
        return CKR_FUNCTION_FAILED;
    return not_known(token, e);
}

/* With the old PIN offered and the new one taken. */
static CK_RV change(struct token *token, const struct hashes *hashes)
{
    struct insertion *in = token->insertion;
    bool unclear = false;
    CK_RV rv = rv_of_login(insertion_begin(in));
    if (rv != CKR_OK)
        return rv;
    rv = pin_verify_offered(token, hashes->old);
    if (rv != CKR_OK) {
        pin_end_transaction(token, rv);
        return rv;
    }
    enum err kept = ERR_OK;
    enum err e = card_change_pin(&in->card, token->role, &token->pin->new_pin, &unclear);
    if (e == ERR_OK)
        pin_note_accepted(token, hashes->new_pin);
    /* Whether the card still holds a login for the old PIN is not known of all cards. */
    if (e == ERR_OK && keeps(token))
        kept = pin_ask_card(token, &token->pin->new_pin, hashes->new_pin);
    end(token);
    if (kept == ERR_PIN_WRONG || kept == ERR_PIN_LOCKED)
        return not_known(token, kept); /* it took the change, and refuses the new PIN */
    if (e == ERR_OK)
        return CKR_OK;
    if (unclear)
        return resolve(token, hashes, e);
    log_write(LOG_ERROR, "the card did not change the PIN: %s", err_text(e));
    return CKR_FUNCTION_FAILED;
}

/* The new PIN holds. */
static void succeeded(struct token *token)
{
    struct pin_memory *pin = token->pin;
    if (pin->held.len > 0)
        pin->held = pin->new_pin;
    log_write(LOG_INFO, "the PIN was changed: the new one holds");
}

static CK_RV change_checked(struct token *token)
{
    struct pin_memory *pin = token->pin;
    struct hashes hashes;
    CK_RV rv = record_ready(token);
    if (rv != CKR_OK)
        return rv;
    if (!refused_hash(&pin->refused, card_pin_text(&pin->offered), hashes.old) ||
        !refused_hash(&pin->refused, card_pin_text(&pin->new_pin), hashes.new_pin)) {
        rv = CKR_FUNCTION_FAILED;
    } else if (refused_has(&pin->refused, hashes.old)) {
        log_write(LOG_WARNING, "the card has refused the old PIN before; it was not asked again");
        rv = CKR_PIN_INVALID;
    } else {
        rv = change(token, &hashes);
    }
    if (rv == CKR_OK)
        succeeded(token);
    else if (rv == CKR_FUNCTION_FAILED)
        log_write(LOG_ERROR, "the PIN was not changed: the old one holds");
    secret_wipe(&hashes, sizeof(hashes));
    return rv;
}

CK_RV pin_set(struct token *token, struct bytes old, struct bytes new_pin)
{
    struct pin_memory *pin = token->pin;
    const struct profile_pin *rule = &token->key->pin;
    CK_RV rv = pinrule_take_new(rule, new_pin, &pin->new_pin);
    if (rv == CKR_OK && !pinrule_take(rule, old, &pin->offered))
        rv = CKR_PIN_LEN_RANGE;
    bool well_formed = rv == CKR_OK;
    if (well_formed)
        rv = change_checked(token);
    secret_wipe(&pin->offered, sizeof(pin->offered));
    secret_wipe(&pin->new_pin, sizeof(pin->new_pin));
    if (record(token, RECORD_CHANGE_PIN, rv) != rv)
        log_write(LOG_ERROR, "the PIN was changed, but that could not be recorded");
    /* CKR_PIN_INVALID, for an old PIN that was refused before, would speak of the new one here. */
    return well_formed && rv == CKR_PIN_INVALID ? CKR_PIN_INCORRECT : rv;
}

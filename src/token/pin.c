/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/pin.h"

#include <string.h>

#include "support/log.h"
#include "support/secret.h"
#include "token/clock.h"
#include "token/pinmemory.h"
#include "token/pinrule.h"
#include "token/record.h"
#include "token/rv.h"

/* A program that signs again and again is spared one command each time, the question for the tries:
 * at a login, for a PIN that the card accepted within the last second; before a held PIN, when the
 * counter was known to be full within the last ten. */
#define JUST_ACCEPTED_MS 1000
#define COUNTER_TRUSTED_MS 10000

struct pin_memory *pin_memory_new(void)
{
    struct pin_memory *pin = secret_new(sizeof(*pin));
    if (pin != NULL && !refused_init(&pin->refused)) {
        secret_free(pin, sizeof(*pin));
        return NULL;
    }
    return pin;
}

void pin_memory_free(struct pin_memory *pin)
{
    secret_free(pin, sizeof(*pin));
}

/* ---- memory of what the card said ---- */

void pin_tries_seen(struct token *token, int tries)
{
    refused_tries_seen(&token->pin->refused, tries, (int)token->key->pin.tries);
}

void pin_park(struct token *token)
{
    refused_park(token->insertion->identity, token->role, &token->pin->refused);
}

void pin_adopt(struct token *token)
{
    refused_adopt(token->insertion->identity, token->role, &token->pin->refused);
}

void pin_taken_out(struct token *token)
{
    refused_forget(&token->pin->refused);
}

static void forget_held(struct pin_memory *pin)
{
    secret_wipe(&pin->held, sizeof(pin->held));
}

/* ---- consent ---- */

bool pin_consent_needed(const struct token *token)
{
    return token->role == CARD_SIGN && token->config->consent == CONFIG_CONSENT_ALWAYS;
}

bool pin_consented(const struct token *token)
{
    return pin_consent_needed(token) && token->pin->consent;
}

void pin_revoke(struct token *token)
{
    token->pin->consent = false;
}

void pin_use(struct token *token)
{
    token->pin->consent = false;
    token->pin->used = true;
}

/* ---- login ---- */

/* A card might not count while somebody else's login is open. One that refuses to drop it gets the
 * PIN all the same. Where that broke off it is not known what the card has selected, and no PIN
 * must go there; nor may it be said that the PIN is locked. */
static enum err tries_when_dropped(struct token *token, int *tries)
{
    struct card *card = &token->insertion->card;
    enum err e = card_drop(card);
    bool dropped = e == ERR_OK;
    if (e == ERR_REFUSED)
        e = card_select_again(card);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_REFUSED : e; /* not the PIN, but the application */
    if (!dropped)
        return card->drop_works == CARD_NO ? ERR_OK : ERR_TRANSPORT;
    insertion_forgotten(token->insertion);
    return card_tries(card, token->role, tries);
}

/* Inside a transaction: refuses (ERR_PIN_LOCKED) when the card would lose a try that is not ours to
 * lose. ERR_NOT_FOUND: it has no such PIN. */
static enum err check_tries(struct token *token)
{
    struct card *card = &token->insertion->card;
    int reserve = (int)token->config->pin_reserve;
    int tries;
    enum err e = card_tries(card, token->role, &tries);
    if (e == ERR_OK && tries < 0)
        e = tries_when_dropped(token, &tries);
    if (e != ERR_OK)
        return e;
    token_set_tries(token, tries);
    if (tries == 0) {
        log_write(LOG_WARNING, "the PIN is locked; only the municipal office or a convenience "
                               "store's kiosk can reset it");
        return ERR_PIN_LOCKED;
    }
    if (tries <= reserve && reserve > 0) {
        log_write(LOG_WARNING, "%d tries left (-1: not known): they are kept (pin.reserve = %d)",
                  tries, reserve);
        return ERR_PIN_LOCKED;
    }
    return ERR_OK;
}

static CK_RV rv_of_tries(enum err e)
{
    return e == ERR_NOT_FOUND ? CKR_USER_PIN_NOT_INITIALIZED : rv_of_login(e);
}

void pin_prove_isolation(struct token *token)
{
    struct card *card = &token->insertion->card;
    if (token->config->isolation && card->drop_works == CARD_UNKNOWN &&
        card->accepted_now[token->role] && card_drop(card) == ERR_OK)
        card_prove_dropped(card, token->role);
}

/* Where the answer costs no signature, it is asked for at once. */
static void prove_at_login(struct token *token)
{
    struct card *card = &token->insertion->card;
    if (token->config->isolation && card->drop_works == CARD_UNKNOWN &&
        token->key->certificate_private && card_drop(card) == ERR_OK)
        card_prove_dropped(card, token->role);
}

void pin_note_accepted(struct token *token, const uint8_t *hash)
{
    struct pin_memory *pin = token->pin;
    token_set_tries(token, (int)token->key->pin.tries);
    refused_forget(&pin->refused);
    memcpy(pin->accepted, hash, REFUSED_HASH);
    pin->has_accepted = true;
}

static void note_refused(struct token *token, const uint8_t *hash, int tries)
{
    struct pin_memory *pin = token->pin;
    log_write(LOG_WARNING, "the card refused the PIN; tries left: %d", tries);
    refused_add(&pin->refused, hash, tries); /* before token_set_tries(), which compares with it */
    token_set_tries(token, tries);
    if (pin->has_accepted && secret_equal(pin->accepted, hash, REFUSED_HASH))
        pin->has_accepted = false;
}

enum err pin_ask_card(struct token *token, struct card_pin *pin, const uint8_t *hash)
{
    int tries;
    insertion_mark(token->insertion);
    enum err e = card_verify(&token->insertion->card, token->role, pin, &tries);
    if (e == ERR_OK) {
        pin_note_accepted(token, hash);
    } else if (e == ERR_PIN_WRONG || e == ERR_PIN_LOCKED) {
        note_refused(token, hash, tries);
    } else {
        log_write(LOG_ERROR, "the card did not say whether the PIN is right: %s", err_text(e));
        refused_doubt(&token->pin->refused, hash, token->tries);
    }
    return e;
}

/* Begins a login, with consent for one signature. Typed on a PIN pad, no PIN was
 * offered and none is held. */
static void begin_login(struct token *token)
{
    struct pin_memory *pin = token->pin;
    pin->consent = true;
    pin->used = false;
    pin->login_at = clock_ms();
    if (token->config->isolation)
        pin->held = pin->offered;
    else
        insertion_keep(token->insertion, token->role);
}

/* Accepted by the card just now, which also filled its counter: no guess. Once the answer to any
 * PIN was lost since then, it would be one. */
static bool was_just_accepted(const struct token *token, const uint8_t *hash)
{
    const struct pin_memory *pin = token->pin;
    return !pin->refused.in_doubt && pin->has_accepted &&
           secret_equal(pin->accepted, hash, REFUSED_HASH) &&
           token->tries == (int)token->key->pin.tries &&
           clock_ms() - token->tries_at < JUST_ACCEPTED_MS;
}

static CK_RV refuse_again(void)
{
    log_write(LOG_WARNING, "the card has refused this PIN before; it was not asked again");
    return CKR_PIN_INVALID;
}

CK_RV pin_verify_offered(struct token *token, const uint8_t *hash)
{
    struct pin_memory *pin = token->pin;
    /* Before the PIN's file is selected, which then stays so until the VERIFY. */
    if (token->issued == CARD_UNKNOWN && token->role == CARD_SIGN)
        token->issued = card_has_certificate(&token->insertion->card, token->role);
    enum err e = was_just_accepted(token, hash) ? ERR_OK : check_tries(token);
    if (e != ERR_OK)
        return rv_of_tries(e);
    if (refused_has(&pin->refused, hash)) /* as the counter may just have told */
        return refuse_again();
    e = pin_ask_card(token, &pin->offered, hash);
    if (e != ERR_OK)
        pin->consent = false;
    return rv_of_login(e);
}

void pin_end_transaction(struct token *token, CK_RV rv)
{
    struct insertion *in = token->insertion;
    bool answered = rv == CKR_OK || rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED ||
                    rv == CKR_FUNCTION_CANCELED;
    bool lost = !answered && in->card.maybe_verified;
    if (lost && !token->config->isolation) {
        in->kept[token->role] = true; /* in case that it cannot be dropped now */
        insertion_ended(in);
    }
    insertion_end(in, token->config->isolation || lost);
}

static CK_RV present_offered(struct token *token, const uint8_t *hash)
{
    CK_RV rv = record_ready(token);
    if (rv == CKR_OK)
        rv = rv_of_login(insertion_begin(token->insertion));
    if (rv != CKR_OK)
        return rv;
    rv = pin_verify_offered(token, hash);
    if (rv == CKR_OK) {
        begin_login(token);
        prove_at_login(token);
    }
    pin_end_transaction(token, rv);
    return rv;
}

/* ---- the reader's PIN pad ---- */

bool pin_on_pad(const struct token *token)
{
    const struct profile_pin *rule = &token->key->pin;
    return token->config->pinpad && token->insertion->pad && rule->alphabet == PROFILE_DIGITS &&
           rule->min == rule->max;
}

bool pin_asked_each_time(const struct token *token)
{
    return pin_consent_needed(token) || (pin_on_pad(token) && token->config->isolation);
}

/* Inside a transaction: has the holder type the PIN, unless the tries that are left are kept. */
static enum err present_on_pad(struct token *token)
{
    int tries;
    enum err e = check_tries(token);
    if (e != ERR_OK)
        return e;
    insertion_mark(token->insertion);
    e = card_verify_on_pad(&token->insertion->card, token->role, &tries);
    if (e == ERR_NOT_FOUND) /* not the PIN: its tries are known */
        e = ERR_REFUSED;
    if (e == ERR_OK)
        token_set_tries(token, (int)token->key->pin.tries);
    if (e == ERR_PIN_WRONG || e == ERR_PIN_LOCKED) {
        token_set_tries(token, tries);
        log_write(LOG_WARNING, "the card refused the PIN; tries left: %d", tries);
    }
    return e;
}

/* A login that asks NOW, or only looks whether the PIN can be asked for where it is used. */
static CK_RV login_on_pad(struct token *token, bool now)
{
    CK_RV rv = record_ready(token);
    if (rv == CKR_OK)
        rv = rv_of_login(insertion_begin(token->insertion));
    if (rv != CKR_OK)
        return rv;
    rv = rv_of_tries(now ? present_on_pad(token) : check_tries(token));
    if (rv == CKR_OK) {
        begin_login(token);
        token->pin->by_pad = true;
    }
    pin_end_transaction(token, rv);
    return rv;
}

static CK_RV login(struct token *token, struct bytes text)
{
    struct pin_memory *pin = token->pin;
    uint8_t hash[REFUSED_HASH];
    if (text.data == NULL && pin_on_pad(token))
        return login_on_pad(token, !token->config->isolation);
    if (!pinrule_take(&token->key->pin, text, &pin->offered))
        return CKR_PIN_LEN_RANGE;
    CK_RV rv = CKR_FUNCTION_FAILED;
    if (refused_hash(&pin->refused, card_pin_text(&pin->offered), hash)) {
        bool refused = refused_has(&pin->refused, hash);
        rv = refused ? refuse_again() : present_offered(token, hash);
    }
    secret_wipe(&pin->offered, sizeof(pin->offered));
    secret_wipe(hash, sizeof(hash));
    return rv;
}

CK_RV pin_login(struct token *token, struct bytes text)
{
    CK_RV rv = login(token, text);
    token->logged_in = rv == CKR_OK;
    rv = record(token, RECORD_LOGIN, rv);
    if (rv != CKR_OK && token->logged_in)
        pin_logout(token);
    return rv;
}

CK_RV pin_check_on_pad(struct token *token)
{
    CK_RV rv = login_on_pad(token, true);
    token->logged_in = rv == CKR_OK;
    rv = record(token, RECORD_LOGIN, rv);
    pin_logout(token);
    return rv;
}

CK_RV pin_consent(struct token *token, struct bytes text)
{
    if (!token->logged_in)
        return CKR_USER_NOT_LOGGED_IN;
    if (text.data == NULL && pin_on_pad(token))
        return CKR_OK; /* the signature itself will ask */
    CK_RV rv = record(token, RECORD_CONSENT, login(token, text));
    if (rv != CKR_OK)
        pin_revoke(token);
    return rv;
}

static void end_login(struct token *token)
{
    forget_held(token->pin);
    secret_wipe(token->pin->accepted, sizeof(token->pin->accepted));
    token->pin->has_accepted = false;
    token->pin->consent = false;
    token->pin->by_pad = false;
    token->logged_in = false;
}

CK_RV pin_logout(struct token *token)
{
    struct insertion *in = token->insertion;
    end_login(token);
    if (!in->kept[token->role] && !in->undropped)
        return CKR_OK;
    /* The card has kept the PIN for us since the login: end it there, and make sure. What fails is
     * tried again by whatever is done next, at the latest by C_Finalize, or by another module. */
    enum err e = insertion_begin(in); /* drops what could not be dropped before */
    if (e != ERR_OK) {
        in->undropped = true;
        insertion_leave(in);
        return rv_of_login(e);
    }
    if (in->kept[token->role]) {
        e = card_logout(&in->card, token->role);
        if (e == ERR_OK)
            insertion_forgotten(in);
        else
            insertion_ended(in);
    }
    insertion_end(in, true);
    return rv_of_login(e);
}

void pin_lost(struct token *token)
{
    if (token->logged_in)
        log_write(LOG_WARNING, "the login is over");
    end_login(token);
}

bool pin_available(const struct token *token)
{
    const struct pin_memory *pin = token->pin;
    return token->logged_in && (!token->config->isolation || pin->held.len > 0 || pin->by_pad);
}

/* Inside a transaction: presents the held PIN, HASH being its salted hash. Another program may have
 * changed the PIN and spent tries since we looked. */
static enum err present_held(struct token *token, const uint8_t *hash)
{
    struct pin_memory *pin = token->pin;
    enum err e = ERR_OK;
    if (pin->refused.in_doubt || token->tries != (int)token->key->pin.tries ||
        clock_ms() - token->tries_at >= COUNTER_TRUSTED_MS)
        e = check_tries(token);
    if (e != ERR_OK)
        return e;
    /* A doubt that this has not ended: the card does not tell its tries. Then nothing will ever say
     * whether it has refused the PIN, which must not go there again by itself. */
    bool ask = !pin->refused.in_doubt && !refused_has(&pin->refused, hash);
    e = ask ? pin_ask_card(token, &pin->held, hash) : ERR_PIN_WRONG;
    if (e != ERR_PIN_WRONG && e != ERR_PIN_LOCKED)
        return e;
    log_write(LOG_WARNING,
              "the card refuses the PIN that it accepted before, or may have refused it");
    pin_lost(token);
    return ERR_DENIED;
}

enum err pin_present(struct token *token)
{
    struct pin_memory *pin = token->pin;
    uint8_t hash[REFUSED_HASH];
    if (!pin_available(token))
        return ERR_DENIED;
    if (!token->config->isolation)
        return ERR_OK;
    if (pin->held.len == 0)
        return present_on_pad(token);
    if (!refused_hash(&pin->refused, card_pin_text(&pin->held), hash))
        return ERR_CRYPTO;
    enum err e = present_held(token, hash);
    secret_wipe(hash, sizeof(hash));
    return e;
}

/* Whether the login has lasted as long as it may; 0 seconds are one signature. */
static bool time_over(const struct token *token)
{
    const struct pin_memory *pin = token->pin;
    long seconds = token->config->pin_cache_seconds;
    if (seconds == CONFIG_CACHE_AUTO)
        return false;
    if (seconds == 0)
        return pin->used;
    return clock_ms() - pin->login_at >= (uint64_t)seconds * 1000;
}

void pin_tidy(struct token *token)
{
    struct pin_memory *pin = token->pin;
    if (!token->logged_in)
        return;
    if (time_over(token)) {
        log_write(LOG_INFO, "the login's time is over (pin.cache-seconds)");
        pin_logout(token);
        return;
    }
    /* The signature key's PIN serves one signature, and until then the reading of the certificate.
     * A certificate that was not read by then wants another login. */
    bool unread = token->holder.state == TOKEN_UNREAD && token->issued != CARD_NO;
    if (pin_consent_needed(token) && !pin->consent && (pin->used || !unread))
        forget_held(pin);
}

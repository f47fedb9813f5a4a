/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/pin.h"

#include <string.h>

#include "crypto/digest.h"
#include "support/log.h"
#include "support/secret.h"
#include "token/clock.h"
#include "token/rv.h"

#define HASH 32 /* SHA-256 */
#define NO_GUESS_MS 1000
#define REFUSED_MAX 16 /* no counter of this card can count more refusals */

/* On pages of secret_new(). */
struct pin_memory {
    struct card_pin held; /* len 0: none */
    uint64_t accepted_at; /* when the card accepted one last */
    bool consent;         /* one signature may be made */
    bool used;            /* a signature was made since then */
    uint8_t salt[16];
    bool has_accepted;
    uint8_t accepted[HASH]; /* what the card accepted last */
    unsigned refused_count;
    uint8_t refused[REFUSED_MAX][HASH];
    int refused_tries; /* what was left after the last refusal */
    struct card_pin offered;
};

struct pin_memory *pin_memory_new(void)
{
    struct pin_memory *pin = secret_new(sizeof(*pin));
    if (pin != NULL && !secret_random(pin->salt, sizeof(pin->salt))) {
        secret_free(pin, sizeof(*pin));
        return NULL;
    }
    return pin;
}

void pin_memory_free(struct pin_memory *pin)
{
    secret_free(pin, sizeof(*pin));
}

/* ---- form ---- */

static bool allowed(enum profile_alphabet alphabet, uint8_t c)
{
    bool digit = c >= '0' && c <= '9';
    return digit || (alphabet == PROFILE_UPPER_DIGITS && c >= 'A' && c <= 'Z');
}

/* Takes TEXT as the offered PIN, in the capital letters that the card wants, as the official
 * software does. False, and nothing is offered, when it cannot be a PIN of this key. */
static bool offer(struct token *token, struct bytes text)
{
    const struct profile_pin *rule = &token->key->pin;
    struct card_pin *offered = &token->pin->offered;
    secret_wipe(offered, sizeof(*offered));
    if (text.data == NULL || text.len < rule->min || text.len > rule->max)
        return false;
    card_pin_set(offered, text);
    for (size_t i = 0; i < offered->len; i++) {
        uint8_t *c = &offered->command[5 + i];
        if (rule->alphabet == PROFILE_UPPER_DIGITS && *c >= 'a' && *c <= 'z')
            *c = (uint8_t)(*c - 'a' + 'A');
        if (!allowed(rule->alphabet, *c)) {
            secret_wipe(offered, sizeof(*offered));
            return false;
        }
    }
    return true;
}

/* ---- memory of what the card said ---- */

static bool hash_offered(struct pin_memory *pin, uint8_t *hash)
{
    uint8_t out[DIGEST_MAX];
    struct digest *d = digest_new(DIGEST_SHA256);
    bool ok = d != NULL && digest_update(d, bytes_of(pin->salt, sizeof(pin->salt))) == ERR_OK &&
              digest_update(d, card_pin_text(&pin->offered)) == ERR_OK &&
              digest_final(d, out) == ERR_OK;
    digest_free(d);
    if (ok)
        memcpy(hash, out, HASH);
    secret_wipe(out, sizeof(out));
    return ok;
}

static bool refused_before(const struct pin_memory *pin, const uint8_t *hash)
{
    bool found = false;
    for (unsigned i = 0; i < pin->refused_count; i++)
        found |= secret_equal(pin->refused[i], hash, HASH);
    return found;
}

static void remember_refused(struct token *token, const uint8_t *hash, int tries)
{
    struct pin_memory *pin = token->pin;
    pin->refused_tries = tries; /* before token_set_tries(), which compares with it */
    token_set_tries(token, tries);
    if (!refused_before(pin, hash) && pin->refused_count < REFUSED_MAX)
        memcpy(pin->refused[pin->refused_count++], hash, HASH);
    if (pin->has_accepted && secret_equal(pin->accepted, hash, HASH))
        pin->has_accepted = false;
}

static void forget_refused(struct pin_memory *pin)
{
    secret_wipe(pin->refused, sizeof(pin->refused));
    pin->refused_count = 0;
}

void pin_tries_seen(struct token *token, int tries)
{
    struct pin_memory *pin = token->pin;
    /* A card that did not say how many were left shows by a full counter that somebody knew the
     * PIN. */
    bool moved =
        pin->refused_tries >= 0 ? tries != pin->refused_tries : tries == (int)token->key->pin.tries;
    if (pin->refused_count > 0 && moved)
        forget_refused(pin);
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

/* Inside a transaction: refuses when the card would lose a try that is not ours to lose. */
static CK_RV check_tries(struct token *token)
{
    struct card *card = &token->insertion->card;
    int reserve = (int)token->config->pin_reserve;
    int tries;
    enum err e = card_tries(card, token->role, &tries);
    /* A card might not count while somebody else's login is open. */
    if (e == ERR_OK && tries < 0 && card_drop(card) == ERR_OK) {
        token->insertion->dropped = !token->config->isolation;
        e = card_tries(card, token->role, &tries);
    }
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? CKR_USER_PIN_NOT_INITIALIZED : rv_of(e);
    token_set_tries(token, tries);
    if (tries == 0) {
        log_write(LOG_WARNING, "the PIN is locked; only the municipal office or a convenience "
                               "store's kiosk can reset it");
        return CKR_PIN_LOCKED;
    }
    if (tries <= reserve && reserve > 0) {
        log_write(LOG_WARNING, "%d tries left (-1: not known): they are kept (pin.reserve = %d)",
                  tries, reserve);
        return CKR_PIN_LOCKED;
    }
    return CKR_OK;
}

enum err pin_prove_isolation(struct token *token)
{
    struct card *card = &token->insertion->card;
    /* A reset or a new connection may have taken the PIN away, which would prove nothing. */
    if (!token->config->isolation || card->drop_works != CARD_UNKNOWN || token->insertion->fresh)
        return ERR_OK;
    enum err e = card_prove_dropped(card, token->role);
    return e == ERR_REFUSED ? ERR_OK : e; /* card_end() knows what to do about it */
}

/* Where the answer costs no signature, it is asked for at once. */
static void prove_at_login(struct token *token)
{
    struct card *card = &token->insertion->card;
    if (token->config->isolation && card->drop_works == CARD_UNKNOWN &&
        token->key->certificate_private && card_drop(card) == ERR_OK)
        card_prove_dropped(card, token->role);
}

static void accepted(struct token *token, const uint8_t *hash)
{
    struct pin_memory *pin = token->pin;
    token_set_tries(token, (int)token->key->pin.tries);
    forget_refused(pin);
    memcpy(pin->accepted, hash, HASH);
    pin->has_accepted = true;
    pin->accepted_at = clock_ms();
    pin->consent = true;
    pin->used = false;
    if (token->config->isolation)
        pin->held = pin->offered;
    else
        token->insertion->open |= 1u << token->role;
}

/* The PIN that the card has accepted within the last second, which also filled its counter: a
 * program that signs again and again is spared one command each time. */
static bool is_no_guess(const struct token *token, const uint8_t *hash)
{
    const struct pin_memory *pin = token->pin;
    return pin->has_accepted && secret_equal(pin->accepted, hash, HASH) &&
           token->tries == (int)token->key->pin.tries && clock_ms() - token->tries_at < NO_GUESS_MS;
}

/* Inside a transaction: presents the offered PIN, once. */
static CK_RV present_offered(struct token *token, const uint8_t *hash)
{
    struct pin_memory *pin = token->pin;
    struct card *card = &token->insertion->card;
    int tries;
    /* Before the PIN's file is selected, which then stays so until the VERIFY. */
    if (token->issued == CARD_UNKNOWN && token->role == CARD_SIGN)
        token->issued = card_has_certificate(card, token->role);
    if (!is_no_guess(token, hash)) {
        CK_RV rv = check_tries(token);
        if (rv != CKR_OK)
            return rv;
    }
    enum err e = card_verify(card, token->role, &pin->offered, &tries);
    if (e == ERR_OK) {
        accepted(token, hash);
        prove_at_login(token);
        return CKR_OK;
    }
    pin->consent = false;
    if (e == ERR_PIN_WRONG || e == ERR_PIN_LOCKED) {
        remember_refused(token, hash, tries);
        log_write(LOG_WARNING, "the card refused the PIN; tries left: %d", tries);
        return rv_of(e);
    }
    log_write(LOG_ERROR, "the card did not say whether the PIN is right: %s", err_text(e));
    return e == ERR_DENIED ? CKR_DEVICE_ERROR : rv_of(e);
}

/* Ends the transaction of a login. When a PIN was sent and its answer lost, the card may have
 * accepted it: then it must not keep it, isolation or not. */
static void end_transaction(struct token *token, CK_RV rv)
{
    struct insertion *in = token->insertion;
    bool lost =
        rv != CKR_OK && rv != CKR_PIN_INCORRECT && rv != CKR_PIN_LOCKED && in->card.maybe_verified;
    if (lost && !token->config->isolation) {
        in->open |= 1u << token->role; /* in case that it cannot be dropped now */
        in->dropped = true;
    }
    insertion_end(in, token->config->isolation || lost);
}

static CK_RV login(struct token *token, struct bytes text)
{
    struct pin_memory *pin = token->pin;
    uint8_t hash[HASH];
    if (!offer(token, text))
        return CKR_PIN_LEN_RANGE;
    if (!hash_offered(pin, hash)) {
        secret_wipe(&pin->offered, sizeof(pin->offered));
        return CKR_FUNCTION_FAILED;
    }
    CK_RV rv = CKR_PIN_INVALID;
    if (!refused_before(pin, hash)) {
        rv = rv_of(insertion_begin(token->insertion));
        if (rv == CKR_OK) {
            rv = present_offered(token, hash);
            end_transaction(token, rv);
        }
    } else {
        log_write(LOG_WARNING, "the card has refused this PIN before; it was not asked again");
    }
    secret_wipe(&pin->offered, sizeof(pin->offered));
    secret_wipe(hash, sizeof(hash));
    return rv;
}

CK_RV pin_login(struct token *token, struct bytes text)
{
    CK_RV rv = login(token, text);
    if (rv == CKR_OK)
        token->logged_in = true;
    return rv;
}

CK_RV pin_consent(struct token *token, struct bytes text)
{
    return token->logged_in ? login(token, text) : CKR_USER_NOT_LOGGED_IN;
}

static void end_login(struct token *token)
{
    forget_held(token->pin);
    secret_wipe(token->pin->accepted, sizeof(token->pin->accepted));
    token->pin->has_accepted = false;
    token->pin->consent = false;
    token->logged_in = false;
}

CK_RV pin_logout(struct token *token)
{
    struct insertion *in = token->insertion;
    end_login(token);
    if ((in->open & 1u << token->role) == 0)
        return CKR_OK;
    /* The card has kept the PIN for us since the login: end it there, and make sure. What fails is
     * tried again at the next logout, at the latest by C_Finalize. */
    enum err e = insertion_begin(in);
    if (e != ERR_OK)
        return rv_of(e);
    e = card_logout(&in->card, token->role);
    if (e == ERR_OK)
        in->open = 0; /* of both */
    in->dropped = true;
    insertion_end(in, true);
    return rv_of(e);
}

void pin_lost(struct token *token)
{
    if (token->logged_in)
        log_write(LOG_WARNING, "the login is over");
    end_login(token);
}

bool pin_available(const struct token *token)
{
    return token->logged_in && (!token->config->isolation || token->pin->held.len > 0);
}

enum err pin_present(struct token *token)
{
    struct pin_memory *pin = token->pin;
    int tries;
    if (!pin_available(token))
        return ERR_DENIED;
    if (!token->config->isolation)
        return ERR_OK;
    enum err e = card_verify(&token->insertion->card, token->role, &pin->held, &tries);
    if (e == ERR_OK)
        token_set_tries(token, (int)token->key->pin.tries);
    if (e != ERR_PIN_WRONG && e != ERR_PIN_LOCKED)
        return e;
    uint8_t hash[HASH];
    log_write(LOG_WARNING, "the card refuses the PIN that it accepted before; tries left: %d",
              tries);
    pin->offered = pin->held;
    if (hash_offered(pin, hash))
        remember_refused(token, hash, tries);
    secret_wipe(&pin->offered, sizeof(pin->offered));
    secret_wipe(hash, sizeof(hash));
    pin_lost(token);
    return ERR_DENIED;
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
    return clock_ms() - pin->accepted_at >= (uint64_t)seconds * 1000;
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
    /* The signature key's PIN serves one signature. It stays only as long as the certificate is
     * still to be read, for programs that look at it after they have signed. */
    bool unread = token->holder.state == TOKEN_UNREAD && token->issued != CARD_NO;
    if (pin_consent_needed(token) && !pin->consent && !unread)
        forget_held(pin);
}

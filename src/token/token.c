/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/token.h"

#include <string.h>

#include "support/log.h"
#include "token/certcache.h"
#include "token/clock.h"
#include "token/mech.h"
#include "token/pin.h"
#include "token/pss_refused.h"
#include "token/rv.h"

/* Another program may spend tries too, but asking the card at each look would be felt. */
#define TRIES_AGE_MS 1000

/* What was read when the card was recognised and has not been told yet: a program that has many
 * readers recognises all cards before it asks for the first token. */
#define TRIES_NEW_MS 10000

static const char *const labels[2][CARD_ROLES] = {
    [CONFIG_LABELS_ENGLISH] = {"JPKI User Authentication", "JPKI Digital Signature"},
    [CONFIG_LABELS_JAPANESE] = {"JPKI 利用者証明用", "JPKI 署名用"},
};

bool token_init(struct token *token, enum card_role role, const struct config *config,
                struct insertion *insertion, unsigned long number)
{
    const struct profile *profile = insertion->card.profile;
    memset(token, 0, sizeof(*token));
    token->pin = pin_memory_new();
    if (token->pin == NULL)
        return false;
    token->role = role;
    token->config = config;
    token->insertion = insertion;
    token->key = &profile->keys[role];
    token->tries = -1;
    token->number = number;
    if (role == CARD_AUTH && !token->key->certificate_private)
        token->issued = insertion->first_is_certificate ? CARD_YES : CARD_NO;
    token->pss = profile->pss && config->pss && !insertion->refused_pss &&
                 !pss_refused_known(insertion->card.model);
    return true;
}

void token_clear(struct token *token)
{
    pin_memory_free(token->pin);
    x509_clear(&token->holder.x509);
    x509_clear(&token->ca.x509);
    memset(token, 0, sizeof(*token));
}

void token_set_tries(struct token *token, int tries)
{
    pin_tries_seen(token, tries);
    token->tries = tries;
    token->tries_at = clock_ms();
    token->tries_new = false;
}

void token_read_tries(struct token *token)
{
    int tries;
    enum err e = card_tries(&token->insertion->card, token->role, &tries);
    if (e == ERR_OK)
        token_set_tries(token, tries);
    else
        log_write(LOG_WARNING, "the tries left cannot be read: %s", err_text(e));
}

static void refresh_tries(struct token *token)
{
    uint64_t age = token->tries_new ? TRIES_NEW_MS : TRIES_AGE_MS;
    token->tries_new = false;
    if (pin_consented(token) || clock_ms() - token->tries_at < age)
        return;
    if (insertion_begin(token->insertion) != ERR_OK)
        return; /* what was known before stands; the next card operation tells more */
    token_read_tries(token);
    insertion_end(token->insertion, false);
}

void token_pad(CK_UTF8CHAR *field, size_t size, const char *text)
{
    size_t len = strlen(text);
    if (len > size) {
        len = size;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    memset(field, ' ', size);
    memcpy(field, text, len);
}

static CK_FLAGS tries_flags(const struct token *token)
{
    int full = (int)token->key->pin.tries;
    if (token->tries < 0)
        return 0;
    if (token->tries == 0)
        return CKF_USER_PIN_LOCKED;
    return (token->tries < full ? CKF_USER_PIN_COUNT_LOW : 0) |
           (token->tries == 1 ? CKF_USER_PIN_FINAL_TRY : 0);
}

CK_RV token_info(struct token *token, CK_TOKEN_INFO *info)
{
    const struct card *card = &token->insertion->card;
    refresh_tries(token);
    memset(info, 0, sizeof(*info));
    token_pad(info->label, sizeof(info->label), labels[token->config->labels][token->role]);
    token_pad(info->manufacturerID, sizeof(info->manufacturerID), "JPKI");
    token_pad(info->model, sizeof(info->model), card->model[0] != '\0' ? card->model : "JPKI");
    token_pad(info->serialNumber, sizeof(info->serialNumber), token->insertion->serial);
    info->flags = CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED |
                  tries_flags(token) | (pin_on_pad(token) ? CKF_PROTECTED_AUTHENTICATION_PATH : 0);
    info->ulMaxSessionCount = CK_EFFECTIVELY_INFINITE;
    info->ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
    info->ulSessionCount = token->sessions;
    info->ulRwSessionCount = token->rw_sessions;
    info->ulMaxPinLen = token->key->pin.max;
    info->ulMinPinLen = token->key->pin.min;
    info->ulTotalPublicMemory = info->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
    info->ulTotalPrivateMemory = info->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
    memset(info->utcTime, ' ', sizeof(info->utcTime));
    return CKR_OK;
}

static enum err parse(struct token_certificate *certificate, uint16_t file, struct bytes der)
{
    enum err e = x509_parse(der, &certificate->x509);
    if (e == ERR_ANSWER) {
        log_write(LOG_ERROR, "the certificate in file %04X makes no sense", file);
        certificate->state = TOKEN_BROKEN;
    }
    if (e == ERR_OK)
        certificate->state = TOKEN_READ;
    return e;
}

/* Whether it may be kept. Never what needs a PIN; the holder's own only where the card's identity
 * was made of it, or another card of the same CA might find it. */
static bool may_keep(const struct token *token, uint16_t file)
{
    bool holders = file == token->key->certificate;
    bool is_public = !token->key->certificate_private && token->insertion->first_is_certificate;
    return token->config->cache && (!holders || is_public);
}

/* Needs no card: FIRST was read from it. */
static bool recall(struct token *token, struct token_certificate *certificate, uint16_t file,
                   struct bytes first)
{
    struct buffer der = {0};
    certificate->remembered = !certificate->distrusted && may_keep(token, file) && first.len > 0 &&
                              certcache_find(token->insertion->identity, file, first, &der) &&
                              parse(certificate, file, buffer_view(&der)) == ERR_OK;
    buffer_clear(&der);
    return certificate->remembered;
}

/* Inside a transaction. FIRST is the file's first block. */
static enum err read_whole(struct token *token, struct token_certificate *certificate,
                           uint16_t file, struct bytes first)
{
    struct buffer der = {0};
    enum err e = card_read_certificate(&token->insertion->card, file, first, &der);
    if (e == ERR_OK)
        e = parse(certificate, file, buffer_view(&der));
    if (e == ERR_OK && may_keep(token, file))
        certificate->unkept = first.len;
    if (e == ERR_NOT_FOUND)
        certificate->state = TOKEN_ABSENT;
    buffer_clear(&der);
    return e;
}

/* The same. FIRST may be empty, where it is not known yet. */
static enum err read_certificate(struct token *token, struct token_certificate *certificate,
                                 uint16_t file, struct bytes first)
{
    uint8_t block[256];
    enum err e = ERR_OK;
    if (first.len == 0) {
        e = card_read_first(&token->insertion->card, file, block, &first.len);
        first.data = block;
    }
    if (e == ERR_NOT_FOUND)
        certificate->state = TOKEN_ABSENT;
    if (e == ERR_OK && !recall(token, certificate, file, first))
        e = read_whole(token, certificate, file, first);
    explicit_bzero(block, sizeof(block)); /* a signature certificate has the holder's name */
    return e;
}

static enum err known(const struct token_certificate *certificate)
{
    switch (certificate->state) {
    case TOKEN_READ:
        return ERR_OK;
    case TOKEN_ABSENT:
        return ERR_NOT_FOUND;
    case TOKEN_BROKEN:
    case TOKEN_UNREAD:
        break;
    }
    return ERR_ANSWER;
}

/* What was read of the holder's certificate when the card was recognised. */
static struct bytes first_of_holder(const struct token *token)
{
    const struct insertion *in = token->insertion;
    bool is_it = in->first_is_certificate && token->role == CARD_AUTH;
    return bytes_of(in->first, is_it ? in->first_len : 0);
}

enum err token_load_holder_inside(struct token *token)
{
    if (token->holder.state != TOKEN_UNREAD)
        return known(&token->holder);
    enum err e =
        read_certificate(token, &token->holder, token->key->certificate, first_of_holder(token));
    if (e == ERR_NOT_FOUND)
        token->issued = CARD_NO;
    return e;
}

bool token_read_holder_anew(struct token *token)
{
    const struct insertion *in = token->insertion;
    if (!token->holder.remembered)
        return false;
    log_write(LOG_WARNING,
              "the certificate that was remembered is not the card's: it is read anew");
    certcache_forget(in->identity, token->key->certificate, first_of_holder(token));
    x509_clear(&token->holder.x509);
    token->holder.remembered = false;
    token->holder.distrusted = true;
    token->holder.state = TOKEN_UNREAD;
    return token_load_holder_inside(token) == ERR_OK;
}

/* In a transaction that was lost by a long read: some drivers (T=1 out of step) let every command
 * come to nothing until the card is reset. Whether this is one, the next command tells. */
static bool is_mute(struct card *card)
{
    if (!card->try_long || card_select_again(card) != ERR_TRANSPORT)
        return false;
    log_write(LOG_INFO, "nothing comes from the card any more: its power is taken");
    card->maybe_verified = card->only_power_helps = true;
    return true;
}

/* A transaction for READ, which reads what needs no PIN, and nothing else. LOST: by trying whether
 * card and reader do what they announce. */
static enum err read_once(struct token *token, enum err (*read)(struct token *), bool *lost)
{
    struct card *card = &token->insertion->card;
    enum card_known before = card->long_reads;
    *lost = false;
    enum err e = insertion_begin(token->insertion);
    if (e != ERR_OK)
        return e;
    card->try_long = token->config->extended && !insertion_keeps(token->insertion);
    e = read(token);
    *lost = e == ERR_TRANSPORT && card->long_reads != before;
    insertion_end(token->insertion, *lost && is_mute(card));
    return e;
}

/* What has come to nothing once is not tried again, so another transaction goes well. */
static enum err read_freely(struct token *token, enum err (*read)(struct token *))
{
    bool lost;
    enum err e = read_once(token, read, &lost);
    if (lost)
        e = read_once(token, read, &lost);
    token_keep_certificates(token);
    return e;
}

static enum err load_with_pin(struct token *token)
{
    if (!pin_available(token))
        return ERR_DENIED;
    enum err e = insertion_begin(token->insertion);
    if (e != ERR_OK)
        return e;
    e = pin_present(token);
    if (e == ERR_OK)
        e = token_load_holder_inside(token);
    insertion_end(token->insertion, token->config->isolation);
    token_keep_certificates(token);
    if (e == ERR_DENIED)
        pin_lost(token);
    pin_tidy(token);
    return e;
}

enum err token_load_holder(struct token *token)
{
    if (token->holder.state != TOKEN_UNREAD)
        return known(&token->holder);
    if (recall(token, &token->holder, token->key->certificate, first_of_holder(token)))
        return ERR_OK;
    return token->key->certificate_private ? load_with_pin(token)
                                           : read_freely(token, token_load_holder_inside);
}

static void keep(const struct token *token, struct token_certificate *certificate, uint16_t file)
{
    struct bytes der = buffer_view(&certificate->x509.der);
    if (certificate->unkept > 0 && der.len > 0)
        certcache_keep(token->insertion->identity, file, bytes_first(der, certificate->unkept),
                       der);
    certificate->unkept = 0;
}

void token_keep_certificates(struct token *token)
{
    keep(token, &token->holder, token->key->certificate);
    keep(token, &token->ca, token->key->ca);
}

enum card_known token_is_issued(struct token *token)
{
    if (token->issued == CARD_UNKNOWN && insertion_begin(token->insertion) == ERR_OK) {
        token->issued = card_has_certificate(&token->insertion->card, token->role);
        insertion_end(token->insertion, false);
    }
    return token->issued;
}

static enum err read_ca(struct token *token)
{
    const struct insertion *in = token->insertion;
    struct bytes first = bytes_of(NULL, 0);
    /* Where the authentication certificate is not free, its CA's first block was read. */
    if (!in->first_is_certificate && token->role == CARD_AUTH)
        first = bytes_of(in->first, in->first_len);
    return read_certificate(token, &token->ca, token->key->ca, first);
}

enum err token_load_ca(struct token *token)
{
    if (token->ca.state != TOKEN_UNREAD)
        return known(&token->ca);
    return read_freely(token, read_ca);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/token.h"

#include <string.h>

#include "support/log.h"
#include "token/clock.h"
#include "token/mech.h"
#include "token/pin.h"
#include "token/pss_refused.h"
#include "token/rv.h"

/* Another program may spend tries too, but asking the card at each look would be felt. */
#define TRIES_AGE_MS 1000

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
    if (pin_consented(token) || clock_ms() - token->tries_at < TRIES_AGE_MS)
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

/* Inside a transaction. FIRST is the file's first block if it is known, else empty. */
static enum err read_certificate(struct token *token, struct token_certificate *certificate,
                                 uint16_t file, struct bytes first)
{
    struct buffer der = {0};
    enum err e = card_read_certificate(&token->insertion->card, file, first, &der);
    if (e == ERR_OK) {
        e = x509_parse(buffer_view(&der), &certificate->x509);
        if (e == ERR_ANSWER) {
            log_write(LOG_ERROR, "the certificate in file %04X makes no sense", file);
            certificate->state = TOKEN_BROKEN;
        }
    }
    if (e == ERR_OK)
        certificate->state = TOKEN_READ;
    if (e == ERR_NOT_FOUND)
        certificate->state = TOKEN_ABSENT;
    buffer_clear(&der);
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

enum err token_load_holder_inside(struct token *token)
{
    const struct insertion *in = token->insertion;
    struct bytes first = bytes_of(NULL, 0);
    if (token->holder.state != TOKEN_UNREAD)
        return known(&token->holder);
    if (in->first_is_certificate && token->role == CARD_AUTH)
        first = bytes_of(in->first, in->first_len);
    enum err e = read_certificate(token, &token->holder, token->key->certificate, first);
    if (e == ERR_NOT_FOUND)
        token->issued = CARD_NO;
    return e;
}

enum err token_load_holder(struct token *token)
{
    if (token->holder.state != TOKEN_UNREAD)
        return known(&token->holder);
    bool with_pin = token->key->certificate_private;
    if (with_pin && !pin_available(token))
        return ERR_DENIED;
    enum err e = insertion_begin(token->insertion);
    if (e != ERR_OK)
        return e;
    if (with_pin)
        e = pin_present(token);
    if (e == ERR_OK)
        e = token_load_holder_inside(token);
    insertion_end(token->insertion, token->config->isolation);
    if (e == ERR_DENIED)
        pin_lost(token);
    pin_tidy(token);
    return e;
}

enum card_known token_is_issued(struct token *token)
{
    if (token->issued == CARD_UNKNOWN && insertion_begin(token->insertion) == ERR_OK) {
        token->issued = card_has_certificate(&token->insertion->card, token->role);
        insertion_end(token->insertion, false);
    }
    return token->issued;
}

enum err token_load_ca(struct token *token)
{
    const struct insertion *in = token->insertion;
    struct bytes first = bytes_of(NULL, 0);
    if (token->ca.state != TOKEN_UNREAD)
        return known(&token->ca);
    /* Where the authentication certificate is not free, its CA's first block was read. */
    if (!in->first_is_certificate && token->role == CARD_AUTH)
        first = bytes_of(in->first, in->first_len);
    enum err e = insertion_begin(token->insertion);
    if (e != ERR_OK)
        return e;
    e = read_certificate(token, &token->ca, token->key->ca, first);
    insertion_end(token->insertion, false);
    return e;
}

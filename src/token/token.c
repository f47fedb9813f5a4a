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
    token->pss = profile->pss && config->pss && !insertion->refused_pss;
    return true;
}

void token_recall_pss(struct token *token)
{
    token->pss = token->pss && !pss_refused_known(token->insertion->card.model);
}

void token_clear(struct token *token)
{
    pin_memory_free(token->pin);
    x509_clear(&token->holder.x509);
    x509_clear(&token->ca.x509);
    buffer_clear(&token->holder.kept);
    buffer_clear(&token->ca.kept);
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
    return token->config->certificates_cache && (!holders || is_public);
}

/* Outside of any transaction: looks for what an earlier program has kept. Whether that is what the
 * card has, recall() finds out. */
static void look_up(struct token *token, struct token_certificate *certificate, uint16_t file)
{
    if (certificate->state == TOKEN_UNREAD && may_keep(token, file) &&
        !token->insertion->distrusts_kept)
        certcache_find(token->insertion->identity, file, &certificate->kept);
}

/* Needs no card: FIRST was read from it. */
static bool recall(struct token_certificate *certificate, uint16_t file, struct bytes first)
{
    struct bytes der = buffer_view(&certificate->kept);
    enum err e = ERR_NOT_FOUND;
    if (first.len > 0 && bytes_equal(bytes_first(der, first.len), first))
        e = x509_parse(der, &certificate->x509);
    if (e == ERR_ANSWER)
        log_write(LOG_WARNING, "what was kept of file %04X makes no sense: it is read anew", file);
    certificate->remembered = e == ERR_OK;
    if (certificate->remembered)
        certificate->state = TOKEN_READ;
    buffer_clear(&certificate->kept);
    return certificate->remembered;
}

static enum err read_and_parse(struct token *token, struct token_certificate *certificate,
                               uint16_t file, struct bytes first)
{
    struct buffer der = {0};
    enum err e = card_read_certificate(&token->insertion->card, file, first, &der);
    if (e == ERR_OK)
        e = parse(certificate, file, buffer_view(&der));
    buffer_clear(&der);
    return e;
}

/* Inside a transaction. FIRST is the file's first block. */
static enum err read_whole(struct token *token, struct token_certificate *certificate,
                           uint16_t file, struct bytes first)
{
    struct card *card = &token->insertion->card;
    enum err e = read_and_parse(token, certificate, file, first);
    /* A long answer of the right length need not be right. */
    if (e == ERR_ANSWER && card->long_reads == CARD_YES) {
        log_write(LOG_INFO, "it is read once more, and from now on 256 bytes at a time");
        card->long_reads = CARD_NO;
        card->current_file = 0;
        certificate->state = TOKEN_UNREAD;
        e = read_and_parse(token, certificate, file, first);
    }
    if (e == ERR_OK)
        certificate->unkept = may_keep(token, file);
    if (e == ERR_NOT_FOUND)
        certificate->state = TOKEN_ABSENT;
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
    if (e == ERR_OK && !recall(certificate, file, first))
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

bool token_recall_holder(struct token *token)
{
    uint16_t file = token->key->certificate;
    look_up(token, &token->holder, file);
    return recall(&token->holder, file, first_of_holder(token));
}

bool token_confirm_holder(struct token *token)
{
    struct card *card = &token->insertion->card;
    struct buffer der = {0};
    card->long_reads = CARD_NO;
    card->current_file = 0;
    enum err e = card_read_certificate(card, token->key->certificate, bytes_of(NULL, 0), &der);
    bool same = e == ERR_OK && bytes_equal(buffer_view(&der), buffer_view(&token->holder.x509.der));
    buffer_clear(&der);
    if (e == ERR_OK && !same) {
        log_write(LOG_WARNING, "the certificate that was %s is not the card's",
                  token->holder.remembered ? "remembered" : "read before");
        token->insertion->distrusts_kept |= token->holder.remembered;
        token->outdated = true;
    }
    return same;
}

/* Whether it may be lost by trying it that the card reads long: also that of somebody who has a
 * login kept on the card. */
static bool may_try_long(const struct token *token)
{
    const struct insertion *in = token->insertion;
    return token->config->reader_extended && in->card.long_reads == CARD_UNKNOWN &&
           !insertion_keeps(in) && !mark_kept(in->reader, in->mark);
}

/* A transaction for READ, which reads what needs no PIN, and nothing else. LOST: by trying whether
 * card and reader do what they announce. */
static enum err read_once(struct token *token, enum err (*read)(struct token *), bool *lost)
{
    struct card *card = &token->insertion->card;
    enum card_known before = card->long_reads;
    bool may_try = may_try_long(token);
    *lost = false;
    enum err e = insertion_begin(token->insertion);
    if (e != ERR_OK)
        return e;
    card->try_long = may_try;
    e = read(token);
    *lost = e == ERR_TRANSPORT && card->long_reads != before;
    insertion_end(token->insertion, false);
    return e;
}

/* Some drivers (T=1 out of step) let every command come to nothing from then on, until the card has
 * no power any more. Whether this is one, a new transaction tells: it has no part in a reset. */
static void wake_if_mute(struct insertion *in)
{
    enum err e = insertion_begin(in);
    if (e == ERR_OK)
        insertion_end(in, false);
    if (e != ERR_TRANSPORT)
        return;
    log_write(LOG_INFO, "nothing comes from the card any more: its power is taken");
    if (card_take_power(&in->card))
        insertion_forgotten(in);
}

/* What has come to nothing once is not tried again, so another transaction goes well. */
static enum err read_freely(struct token *token, enum err (*read)(struct token *))
{
    bool lost;
    enum err e = read_once(token, read, &lost);
    if (lost) {
        wake_if_mute(token->insertion);
        e = read_once(token, read, &lost);
    }
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
    if (token_recall_holder(token))
        return ERR_OK;
    return token->key->certificate_private ? load_with_pin(token)
                                           : read_freely(token, token_load_holder_inside);
}

/* CA is the key of who has issued it. */
static void keep(const struct token *token, struct token_certificate *certificate, uint16_t file,
                 struct bytes ca)
{
    struct bytes der = buffer_view(&certificate->x509.der);
    if (!certificate->unkept)
        return;
    certificate->unkept = false;
    enum err e = x509_signed_by(der, ca);
    if (e == ERR_OK)
        certcache_keep(token->insertion->identity, file, der);
    else
        log_write(LOG_WARNING, "the certificate in file %04X is not kept: its CA's signature: %s",
                  file, err_text(e));
}

/* The CA's certificate as another program has kept it, which is good enough for its key. */
static void find_kept_ca(const struct token *token, struct x509 *ca)
{
    struct buffer der = {0};
    if (certcache_find(token->insertion->identity, token->key->ca, &der))
        x509_parse(buffer_view(&der), ca);
    buffer_clear(&der);
}

void token_keep_certificates(struct token *token)
{
    struct x509 found = {0};
    struct bytes ca = buffer_view(&token->ca.x509.spki);
    if (token->holder.remembered && token->insertion->distrusts_kept)
        certcache_forget(token->insertion->identity, token->key->certificate);
    if (token->holder.unkept && ca.len == 0) {
        find_kept_ca(token, &found);
        ca = buffer_view(&found.spki);
    }
    if (ca.len > 0) { /* else it may yet be read */
        keep(token, &token->holder, token->key->certificate, ca);
        keep(token, &token->ca, token->key->ca, ca);
    }
    x509_clear(&found);
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
    look_up(token, &token->ca, token->key->ca);
    return read_freely(token, read_ca);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card/card.h"

#include <stdio.h>
#include <string.h>

#include "card/apdu.h"
#include "support/log.h"

/* The GlobalPlatform issuer security domain, which every card of this kind has beside JPKI. */
static const uint8_t issuer_domain[] = {0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00};

static enum err select_name(struct card *card, struct bytes aid)
{
    struct apdu select = {0x00, 0xA4, 0x04, 0x0C, aid, APDU_NO_LE};
    struct apdu_answer answer;
    card->current_file = 0;
    enum err e = apdu_exchange(card->reader, &select, &answer);
    /* One card was seen to answer 6F00 to the very first command after power-up, and only then. */
    if (e == ERR_OK && answer.sw == SW_NO_DIAGNOSIS)
        e = apdu_exchange(card->reader, &select, &answer);
    return e != ERR_OK ? e : apdu_plain_status(answer.sw);
}

/* ISO 7816 text fields: padded with spaces. Anything but printable ASCII empties the field. */
static void take_text(struct bytes *in, char *out, size_t size)
{
    struct bytes field;
    memset(out, 0, size);
    if (!bytes_take(in, size - 1, &field))
        return;
    field = bytes_trim(field);
    struct bytes look = field;
    for (uint8_t c; bytes_take_u8(&look, &c);)
        if (c < 0x20 || c > 0x7E)
            return;
    if (field.len > 0)
        memcpy(out, field.data, field.len);
}

/* EF 0006: label 32, manufacturer 32, model 16 bytes, a serial that is perhaps not unique, and more
 * that is not needed. */
static enum err read_info(struct card *card)
{
    uint8_t block[256];
    size_t len;
    enum err e = card_read_first(card, PROFILE_FILE_TOKEN_INFO, block, &len);
    if (e != ERR_OK)
        return e;
    struct bytes in = bytes_of(block, len), label = bytes_of(NULL, 0), skip;
    char text[33];
    struct bytes shown = in;
    take_text(&shown, text, sizeof(text));
    if (!bytes_take(&in, 32, &label))
        return ERR_FOREIGN;
    card->profile = profile_find(bytes_trim(label));
    if (card->profile == NULL) {
        log_write(LOG_WARNING, "the card calls its token '%s', which this version does not know",
                  text);
        return ERR_FOREIGN;
    }
    if (bytes_take(&in, 32, &skip))
        take_text(&in, card->model, sizeof(card->model));
    return ERR_OK;
}

/* Errors that say what the card is, not that the exchange with it broke. */
static bool is_verdict(enum err e)
{
    return e == ERR_NOT_FOUND || e == ERR_REFUSED || e == ERR_DENIED || e == ERR_FOREIGN ||
           e == ERR_ANSWER;
}

/* With a profile that is known already, EF 0006 is not read. */
static enum err recognise(struct card *card)
{
    bool fresh;
    enum err e = reader_begin(card->reader, &fresh);
    if (e != ERR_OK)
        return e;
    e = select_name(card, profile_aid);
    if (e == ERR_OK && card->profile == NULL)
        e = read_info(card);
    if (e == ERR_OK)
        return ERR_OK;
    log_write(LOG_INFO, "no My Number Card: %s", err_text(e));
    reader_end(card->reader, false);
    /* An answer without sense may be a bad contact: the caller decides how often to ask again. */
    return is_verdict(e) && e != ERR_ANSWER ? ERR_FOREIGN : e;
}

enum err card_recognise(struct reader *reader, struct card *card)
{
    memset(card, 0, sizeof(*card));
    card->reader = reader;
    return recognise(card);
}

enum err card_recognise_as(struct reader *reader, struct card *card, const struct profile *profile,
                           const char *model)
{
    memset(card, 0, sizeof(*card));
    card->reader = reader;
    card->profile = profile;
    snprintf(card->model, sizeof(card->model), "%s", model);
    return recognise(card);
}

static enum err begin_once(struct card *card, bool *fresh)
{
    enum err e = reader_begin(card->reader, fresh);
    if (e != ERR_OK)
        return e;
    e = select_name(card, profile_aid);
    if (e != ERR_OK)
        reader_end(card->reader, false);
    return e;
}

enum err card_begin(struct card *card, bool *fresh)
{
    card->current_file = 0;
    card->maybe_verified = false;
    card->only_power_helps = false;
    card->try_long = false;
    enum err e = begin_once(card, fresh);
    /* A reset by another program that pcscd grants just as our transaction begins breaks it.
     * Nothing but the SELECT was sent, so it can be begun again; the card counts as fresh then. */
    if (e == ERR_TRANSPORT) {
        e = begin_once(card, fresh);
        *fresh = true;
    }
    memset(card->accepted_now, 0, sizeof(card->accepted_now));
    if (*fresh)
        memset(card->accepted, 0, sizeof(card->accepted));
    if (e != ERR_OK)
        log_write(LOG_ERROR, "the card's JPKI application cannot be selected: %s", err_text(e));
    return e;
}

/* Selects another application, which ends every verified PIN. */
static bool leave_application(struct card *card)
{
    enum err e = select_name(card, bytes_of(issuer_domain, sizeof(issuer_domain)));
    if (e == ERR_OK)
        return true;
    log_write(LOG_INFO, "the issuer domain cannot be selected (%s): the card's power is taken",
              err_text(e));
    if (is_verdict(e)) {
        card->drop_works = CARD_NO;
        card->drop_proved = e != ERR_ANSWER; /* which may have been an accident */
    }
    return false;
}

bool card_forget(struct card *card)
{
    if (!card->maybe_verified)
        return true;
    if (card->only_power_helps || card->drop_works == CARD_NO || !leave_application(card)) {
        card->only_power_helps = true;
        return false;
    }
    card->maybe_verified = false;
    return true;
}

bool card_end(struct card *card, bool drop)
{
    bool power_off = drop && !card_forget(card);
    bool ended = reader_end(card->reader, power_off);
    if (!ended)
        log_write(LOG_ERROR, "the card's power could not be taken: take it out of the reader, "
                             "other programs may use its keys");
    card->maybe_verified = false;
    card->only_power_helps = false;
    card->current_file = 0;
    return ended;
}

bool card_take_power(struct card *card)
{
    bool fresh;
    return reader_begin(card->reader, &fresh) == ERR_OK && reader_end(card->reader, true);
}

enum err card_select_again(struct card *card)
{
    card->current_file = 0;
    return select_name(card, profile_aid);
}

enum err card_drop(struct card *card)
{
    if (card->drop_works == CARD_NO || !leave_application(card)) {
        card->maybe_verified = true;
        return ERR_REFUSED;
    }
    return select_name(card, profile_aid);
}

enum err card_prove_dropped(struct card *card, enum card_role role)
{
    const struct profile_key *key = &card->profile->keys[role];
    uint8_t out[PROFILE_SIGNATURE_MAX];
    const uint8_t probe[] = {0x00};
    size_t len;
    enum err e;
    if (key->certificate_private)
        e = card_read_first(card, key->certificate, out, &len);
    else
        e = card_sign(card, role, CARD_PKCS1, bytes_of(probe, sizeof(probe)), out);
    explicit_bzero(out, sizeof(out));
    if (e == ERR_DENIED && card->accepted[role]) {
        card->drop_works = CARD_YES;
        card->drop_proved |= card->accepted_now[role];
        card->maybe_verified = false;
        return ERR_OK;
    }
    if (e != ERR_OK)
        return is_verdict(e) ? ERR_OK : e; /* no answer to the question; ask again next time */
    log_write(LOG_WARNING, "this card keeps a verified PIN when another application is selected: "
                           "its power is taken after each operation");
    card->drop_works = CARD_NO;
    card->drop_proved = true;
    card->maybe_verified = true;
    return ERR_REFUSED;
}

enum err card_logout(struct card *card, enum card_role role)
{
    card->maybe_verified = true; /* card_end() drops whatever is not proved to be gone here */
    enum err e = card_drop(card);
    if (e == ERR_OK && card->drop_works == CARD_UNKNOWN)
        e = card_prove_dropped(card, role);
    if (e == ERR_OK && card->drop_works == CARD_YES)
        card->maybe_verified = false;
    return e == ERR_REFUSED ? ERR_OK : e;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * VERIFY (ISO/IEC 7816-4, 7.5.6) and COMPUTE DIGITAL SIGNATURE (ISO/IEC 7816-8, with this card's
 * own class byte and parameters).
 */
#include "card/card.h"

#include <string.h>

#include "card/apdu.h"
#include "support/log.h"

#define INS_VERIFY 0x20
#define INS_CHANGE_REFERENCE_DATA 0x24
#define P1_NEW_PIN_ALONE 0x01
#define P2_CURRENT_FILE 0x80

static enum err query(struct card *card, uint8_t p2, uint16_t *sw)
{
    struct apdu verify = {0x00, INS_VERIFY, 0x00, p2, bytes_of(NULL, 0), APDU_NO_LE};
    struct apdu_answer answer;
    *sw = 0;
    if (card->query_with_le)
        verify.le = 256;
    enum err e = apdu_exchange(card->reader, &verify, &answer);
    /* The card wants four bytes and calls five wrong; some readers will not send four. */
    bool objected = (e == ERR_OK && answer.sw == SW_WRONG_LENGTH) || e == ERR_TRANSPORT;
    if (objected && !card->query_with_le) {
        verify.le = 256;
        e = apdu_exchange(card->reader, &verify, &answer);
        card->query_with_le = e == ERR_OK && apdu_tries(answer.sw) >= 0;
    }
    *sw = answer.sw;
    return e;
}

/* What the query's answer means: only a number of tries, or "verified" on some future card, is
 * one. */
static enum err query_status(uint16_t sw)
{
    enum err e = apdu_status(sw);
    return e == ERR_PIN_WRONG || e == ERR_PIN_LOCKED ? ERR_OK : e;
}

enum err card_tries(struct card *card, enum card_role role, int *tries)
{
    uint16_t file = card->profile->keys[role].pin.file;
    uint16_t sw;
    enum err e = ERR_REFUSED;
    *tries = -1;
    if (card->short_ids_pin != CARD_NO) {
        e = query(card, apdu_short_id(file), &sw);
        if (e != ERR_OK)
            return e;
        e = query_status(sw);
        card->current_file = 0;
        /* 6984 is this card's word for a locked PIN, but ISO 7816's for a reference that cannot be
         * used: the long way must say so too. */
        bool clear = e == ERR_OK && apdu_status(sw) != ERR_PIN_LOCKED;
        if (clear)
            card->short_ids_pin = CARD_YES;
        else if (e == ERR_OK && card->short_ids_pin == CARD_UNKNOWN)
            e = ERR_REFUSED;
    }
    if (card->short_ids_pin != CARD_YES && apdu_may_be_short_id(e)) {
        e = card_select_file(card, file);
        if (e == ERR_OK)
            e = query(card, P2_CURRENT_FILE, &sw);
        if (e != ERR_OK)
            return e;
        e = query_status(sw);
        if (e == ERR_OK && apdu_status(sw) != ERR_PIN_LOCKED)
            card->short_ids_pin = CARD_NO;
    }
    if (e == ERR_OK)
        *tries = apdu_tries(sw);
    return e;
}

void card_pin_set(struct card_pin *pin, struct bytes text)
{
    pin->len = (uint8_t)(text.len <= PROFILE_PIN_MAX ? text.len : 0);
    if (pin->len > 0)
        memcpy(pin->command + CARD_PIN_AT, text.data, pin->len);
}

struct bytes card_pin_text(const struct card_pin *pin)
{
    return bytes_of(pin->command + CARD_PIN_AT, pin->len);
}

/* The head of a command whose data is a PIN of LEN bytes: CARD_PIN_AT bytes into OUT. */
static void write_head(uint8_t *out, uint8_t ins, uint8_t p1, uint8_t p2, uint8_t len)
{
    struct writer w;
    writer_init(&w, out, CARD_PIN_AT);
    writer_u8(&w, 0x00);
    writer_u8(&w, ins);
    writer_u8(&w, p1);
    writer_u8(&w, p2);
    writer_u8(&w, len);
}

static enum err send_pin(struct card *card, const struct card_pin *pin, uint16_t *sw)
{
    return apdu_send_secret(card->reader, bytes_of(pin->command, CARD_PIN_AT + (size_t)pin->len),
                            sw);
}

/*
 * Makes ready for the PIN of ROLE, LEN bytes, and writes the head of its VERIFY command,
 * CARD_PIN_AT bytes. After ERR_OK the command must be taken for sent. How the PIN is to be named is
 * found out with the question for tries, which costs none.
 */
static enum err begin_verify(struct card *card, enum card_role role, uint8_t len, uint8_t *head)
{
    uint16_t file = card->profile->keys[role].pin.file;
    enum err e = ERR_OK;
    int tries; /* of before the VERIFY: thrown away */
    if (card->short_ids_pin == CARD_UNKNOWN)
        e = card_tries(card, role, &tries);
    if (e == ERR_OK && card->short_ids_pin != CARD_YES)
        e = card_select_file(card, file);
    if (e != ERR_OK)
        return e;
    write_head(head, INS_VERIFY, 0x00,
               card->short_ids_pin == CARD_YES ? apdu_short_id(file) : P2_CURRENT_FILE, len);
    card->maybe_verified = true;
    if (card->short_ids_pin == CARD_YES)
        card->current_file = 0; /* whether a short identifier selects here is not known */
    return ERR_OK;
}

enum err card_verify(struct card *card, enum card_role role, struct card_pin *pin, int *tries)
{
    uint16_t sw;
    *tries = -1;
    /* The empty VERIFY is this card's question for tries left, never a presented PIN. */
    if (pin->len == 0)
        return ERR_ARGUMENT;
    enum err e = begin_verify(card, role, pin->len, pin->command);
    if (e != ERR_OK)
        return e;
    e = send_pin(card, pin, &sw);
    if (e != ERR_OK)
        return e;
    *tries = apdu_tries(sw);
    e = apdu_status(sw);
    card->accepted[role] |= e == ERR_OK;
    card->accepted_now[role] |= e == ERR_OK;
    return e;
}

enum err card_change_pin(struct card *card, enum card_role role, struct card_pin *new_pin,
                         bool *unclear)
{
    uint16_t sw;
    *unclear = false;
    if (new_pin->len == 0)
        return ERR_ARGUMENT;
    /* Public programs know this command only for the current file. */
    enum err e = card_select_file(card, card->profile->keys[role].pin.file);
    if (e != ERR_OK)
        return e;
    write_head(new_pin->command, INS_CHANGE_REFERENCE_DATA, P1_NEW_PIN_ALONE, P2_CURRENT_FILE,
               new_pin->len);
    e = send_pin(card, new_pin, &sw);
    if (e == ERR_OK)
        e = apdu_status(sw);
    else
        *unclear = true;
    *unclear |= e == ERR_ANSWER;
    return e;
}

enum err card_verify_on_pad(struct card *card, enum card_role role, int *tries)
{
    const struct profile_pin *rule = &card->profile->keys[role].pin;
    uint8_t command[CARD_PIN_AT + PROFILE_PIN_MAX];
    uint16_t sw;
    *tries = -1;
    /* A pad has only digits, and a PIN of any other length would be a try spent in vain. */
    if (rule->alphabet != PROFILE_DIGITS || rule->min != rule->max)
        return ERR_ARGUMENT;
    enum err e = begin_verify(card, role, rule->max, command);
    if (e != ERR_OK)
        return e;
    memset(command + CARD_PIN_AT, 0xFF, rule->max); /* no digits, should the reader leave them */
    e = apdu_send_on_pad(card->reader, bytes_of(command, CARD_PIN_AT + (size_t)rule->max),
                         rule->max, &sw);
    if (e != ERR_OK)
        return e;
    *tries = apdu_tries(sw);
    /* maybe_verified stays, even if the reader says that nothing was sent: its words could be a
     * card's as well, and making a card forget what it never knew costs one command. */
    e = apdu_pad_status(sw);
    card->accepted[role] |= e == ERR_OK;
    card->accepted_now[role] |= e == ERR_OK;
    return e;
}

static enum err sign_once(struct card *card, uint8_t p1, uint8_t p2, struct bytes in,
                          struct apdu_answer *answer)
{
    struct apdu sign = {0x80, 0x2A, p1, p2, in, 256};
    enum err e = apdu_exchange(card->reader, &sign, answer);
    return e != ERR_OK ? e : apdu_plain_status(answer->sw);
}

static enum err sign_either_way(struct card *card, uint16_t file, uint8_t p1, struct bytes in,
                                struct apdu_answer *answer)
{
    if (card->short_ids_key != CARD_NO) {
        enum err e = sign_once(card, p1, apdu_short_id(file), in, answer);
        card->current_file = 0;
        if (e == ERR_OK)
            card->short_ids_key = CARD_YES;
        /* After a VERIFY, a PIN that is missing may also be the identifier's fault. */
        bool doubtful = apdu_may_be_short_id(e) || (e == ERR_DENIED && card->maybe_verified);
        if (card->short_ids_key == CARD_YES || !doubtful)
            return e;
    }
    enum err e = card_select_file(card, file);
    if (e == ERR_OK)
        e = sign_once(card, p1, P2_CURRENT_FILE, in, answer);
    if (e == ERR_OK)
        card->short_ids_key = CARD_NO;
    return e;
}

enum err card_sign(struct card *card, enum card_role role, enum card_scheme scheme, struct bytes in,
                   uint8_t *signature)
{
    struct apdu_answer answer;
    enum err e = sign_either_way(card, card->profile->keys[role].key, (uint8_t)scheme, in, &answer);
    if (e != ERR_OK)
        return e;
    if (answer.len != card->profile->signature) {
        log_write(LOG_ERROR, "the card made a signature of %zu bytes", answer.len);
        return ERR_ANSWER;
    }
    memcpy(signature, answer.data, answer.len);
    return ERR_OK;
}

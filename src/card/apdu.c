/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card/apdu.h"

#include <string.h>

#include "support/log.h"

/* One command may be followed by so many GET RESPONSE or repetitions: a card that answers 61xx for
 * ever must not hold us. */
#define ROUNDS_MAX 8

/* ISO/IEC 7816-3, 12.1.3: case 2E, the extended form. */
static bool is_long(const struct apdu *command)
{
    return command->le > READER_SHORT_DATA_MAX;
}

static bool is_possible(const struct apdu *command)
{
    return command->data.len <= APDU_DATA_MAX && command->le <= APDU_ANSWER_MAX &&
           !(is_long(command) && command->data.len > 0);
}

static void encode(const struct apdu *command, struct writer *w)
{
    writer_u8(w, command->cla);
    writer_u8(w, command->ins);
    writer_u8(w, command->p1);
    writer_u8(w, command->p2);
    if (command->data.len > 0) {
        writer_u8(w, (uint8_t)command->data.len);
        writer_bytes(w, command->data);
    }
    if (is_long(command)) {
        writer_u8(w, 0x00);
        writer_be16(w, (uint16_t)command->le);
    } else if (command->le != APDU_NO_LE) {
        writer_u8(w, (uint8_t)command->le); /* 256 is written as 00 */
    }
}

/* Splits the status word from the end of a response. */
static enum err split(struct bytes response, struct bytes *data, uint16_t *sw)
{
    *sw = 0;
    *data = bytes_of(NULL, 0);
    if (response.len < 2)
        return ERR_ANSWER;
    bytes_take(&response, response.len - 2, data);
    bytes_take_be16(&response, sw);
    return ERR_OK;
}

/* Adds what is in RESPONSE to ANSWER. */
static enum err take_response(const struct apdu *command, struct bytes response,
                              struct apdu_answer *answer)
{
    struct bytes data;
    enum err e = split(response, &data, &answer->sw);
    if (e != ERR_OK)
        return e;
    size_t most = command->le == APDU_NO_LE ? 0 : (size_t)command->le;
    if (data.len > most || data.len > sizeof(answer->data) - answer->len)
        return ERR_ANSWER;
    struct writer out;
    writer_init(&out, answer->data + answer->len, sizeof(answer->data) - answer->len);
    writer_bytes(&out, data);
    answer->len += data.len;
    return ERR_OK;
}

static enum err send_once(struct reader *reader, const struct apdu *command,
                          struct apdu_answer *answer)
{
    uint8_t sent[APDU_COMMAND_MAX];
    uint8_t response[APDU_ANSWER_MAX + 2];
    size_t received;
    struct writer w;
    if (!is_possible(command))
        return ERR_ARGUMENT;
    writer_init(&w, sent, sizeof(sent));
    encode(command, &w);
    enum err e =
        reader_transmit(reader, writer_result(&w), response,
                        is_long(command) ? sizeof(response) : READER_RESPONSE_MAX, &received);
    if (e == ERR_OK)
        e = take_response(command, bytes_of(response, received), answer);
    explicit_bzero(response, sizeof(response)); /* a signature certificate has the holder's name */
    return e;
}

/* Le as 61xx and 6Cxx write it: 00 is 256. */
static int le_of(uint16_t sw)
{
    return (sw & 0xFF) == 0 ? 256 : sw & 0xFF;
}

static enum err exchange(struct reader *reader, const struct apdu *command,
                         struct apdu_answer *answer)
{
    struct apdu next = *command;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        size_t before = answer->len;
        enum err e = send_once(reader, &next, answer);
        if (e != ERR_OK || command->le == APDU_NO_LE)
            return e;
        if (answer->sw >> 8 == 0x6C) {
            next.le = le_of(answer->sw);
            if (next.le > command->le || answer->len > before)
                return ERR_ANSWER;
        } else if (answer->sw >> 8 == 0x61) {
            next = (struct apdu){.cla = 0x00, .ins = 0xC0, .le = le_of(answer->sw)};
        } else {
            return ERR_OK;
        }
    }
    return ERR_ANSWER;
}

enum err apdu_exchange(struct reader *reader, const struct apdu *command,
                       struct apdu_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    enum err e = exchange(reader, command, answer);
    if (e == ERR_OK && command->le != APDU_NO_LE && answer->len > (size_t)command->le)
        e = ERR_ANSWER;
    log_write(LOG_DEBUG, "card: %02X %02X %02X %02X, %zu bytes -> %zu bytes, %04X%s%s",
              command->cla, command->ins, command->p1, command->p2, command->data.len, answer->len,
              answer->sw, e == ERR_OK ? "" : ": ", e == ERR_OK ? "" : err_text(e));
    if (e != ERR_OK)
        memset(answer, 0, sizeof(*answer));
    return e;
}

/* E: how the exchange ended. No answer to a PIN has any data. */
static enum err secret_answer(enum err e, struct bytes response, const char *what, uint16_t *sw)
{
    struct bytes data;
    *sw = 0;
    if (e == ERR_OK)
        e = split(response, &data, sw);
    if (e == ERR_OK && data.len > 0)
        e = ERR_ANSWER;
    if (e != ERR_OK)
        *sw = 0;
    log_write(LOG_DEBUG, "card: command with a PIN%s -> %04X%s%s", what, *sw,
              e == ERR_OK ? "" : ": ", e == ERR_OK ? "" : err_text(e));
    return e;
}

enum err apdu_send_secret(struct reader *reader, struct bytes command, uint16_t *sw)
{
    uint8_t response[READER_RESPONSE_MAX] = {0};
    size_t received;
    enum err e = reader_transmit(reader, command, response, sizeof(response), &received);
    return secret_answer(e, bytes_of(response, received), "", sw);
}

enum err apdu_send_on_pad(struct reader *reader, struct bytes command, unsigned digits,
                          uint16_t *sw)
{
    uint8_t response[READER_RESPONSE_MAX] = {0};
    size_t received;
    enum err e = reader_verify_on_pad(reader, command, digits, response, &received);
    return secret_answer(e, bytes_of(response, received), " from the PIN pad", sw);
}

enum err apdu_status(uint16_t sw)
{
    if ((sw & 0xFFF0) == 0x63C0)
        return (sw & 0x0F) == 0 ? ERR_PIN_LOCKED : ERR_PIN_WRONG;
    switch (sw) {
    case SW_OK:
        return ERR_OK;
    case 0x6300: /* wrong, without saying how many are left */
        return ERR_PIN_WRONG;
    case 0x6982:
        return ERR_DENIED;
    case 0x6983:
    case 0x6984:
        return ERR_PIN_LOCKED;
    case 0x6A82:
        return ERR_NOT_FOUND;
    default:
        break;
    }
    switch (sw >> 8) {
    case 0x67: /* length */
    case 0x68: /* channel, secure messaging */
    case 0x69: /* not allowed in this state */
    case 0x6A: /* parameters */
    case 0x6B:
    case 0x6D: /* instruction */
    case 0x6E: /* class */
        return ERR_REFUSED;
    default:
        return ERR_ANSWER;
    }
}

enum err apdu_plain_status(uint16_t sw)
{
    enum err e = apdu_status(sw);
    if (e != ERR_PIN_WRONG && e != ERR_PIN_LOCKED)
        return e;
    return sw >> 8 == 0x69 ? ERR_REFUSED : ERR_ANSWER;
}

/*
 * The words of a reader (PC/SC part 10, 2.6). Should a card ever say one of them itself, it means
 * the same here: 64xx is an error that has changed nothing in the card (ISO/IEC 7816-4, 5.1.3).
 */
enum err apdu_pad_status(uint16_t sw)
{
    const char *what;
    switch (sw) {
    case 0x6400:
        what = "no PIN was typed in time";
        break;
    case 0x6401:
        what = "the holder cancelled";
        break;
    case 0x6403:
        what = "too few or too many digits";
        break;
    default:
        return apdu_status(sw);
    }
    log_write(LOG_INFO, "the PIN pad: %s (%04X)", what, sw);
    return ERR_CANCELLED;
}

int apdu_tries(uint16_t sw)
{
    if ((sw & 0xFFF0) == 0x63C0)
        return sw & 0x0F;
    return apdu_status(sw) == ERR_PIN_LOCKED ? 0 : -1;
}

uint8_t apdu_short_id(uint16_t file)
{
    return (uint8_t)(0x80 | (file & 0x1F));
}

bool apdu_may_be_short_id(enum err e)
{
    return e == ERR_REFUSED || e == ERR_NOT_FOUND || e == ERR_ANSWER;
}

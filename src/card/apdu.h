/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Commands and responses (ISO/IEC 7816-4, section 5). Short form, but for responses that are longer
 * than it allows.
 */
#ifndef JPKI_CARD_APDU_H
#define JPKI_CARD_APDU_H

#include <stdbool.h>
#include <stdint.h>

#include "reader/reader.h"
#include "support/bytes.h"
#include "support/err.h"

#define APDU_NO_LE (-1)
#define APDU_DATA_MAX 255
#define APDU_COMMAND_MAX (5 + APDU_DATA_MAX + 1)
#define APDU_ANSWER_MAX 4096 /* bytes: a whole certificate (DER_CERTIFICATE_MAX) */

struct apdu {
    uint8_t cla, ins, p1, p2;
    struct bytes data; /* 0 to 255 bytes */
    /* bytes wanted at most, 1 to 256, or APDU_NO_LE; without data also more, up to APDU_ANSWER_MAX,
     * which is sent in the extended form */
    int le;
};

struct apdu_answer {
    uint8_t data[APDU_ANSWER_MAX];
    size_t len;
    uint16_t sw;
};

/* A file named by its short identifier, as P1 of READ BINARY and P2 of VERIFY and of COMPUTE
 * DIGITAL SIGNATURE want it: the file 00xx has the short identifier xx. */
uint8_t apdu_short_id(uint16_t file);

/* Errors of a command with a short identifier after which naming the file in the long way is worth
 * a try: the card may only have disliked the identifier. */
bool apdu_may_be_short_id(enum err e);

#define SW_OK 0x9000
#define SW_END_OF_FILE 0x6282
#define SW_WRONG_LENGTH 0x6700
#define SW_WRONG_OFFSET 0x6B00
#define SW_NO_DIAGNOSIS 0x6F00

/*
 * Sends COMMAND and receives its answer, following 61xx (GET RESPONSE) and 6Cxx (once more with
 * that Le) a bounded number of times. ERR_OK says only that there is an answer: look at its sw.
 * ERR_ANSWER when it is shorter than a status word or longer than asked for; ERR_ARGUMENT when
 * COMMAND is not as above; reader_transmit()'s errors otherwise. ANSWER is empty on error.
 */
enum err apdu_exchange(struct reader *reader, const struct apdu *command,
                       struct apdu_answer *answer);

/*
 * The same for a command that the caller has encoded in memory of its own, because it holds a
 * PIN: sent once, never repeated, and no answer but a status word is accepted.
 */
enum err apdu_send_secret(struct reader *reader, struct bytes command, uint16_t *sw);

/*
 * The same for a PIN of DIGITS digits that the holder types on the PIN pad, in place of the
 * last bytes of COMMAND (reader_verify_on_pad()). SW is the card's word or the reader's:
 * apdu_pad_status() knows both.
 */
enum err apdu_send_on_pad(struct reader *reader, struct bytes command, unsigned digits,
                          uint16_t *sw);

/* What a status word means, in the one place where that is decided. 63Cx is ERR_PIN_WRONG, with
 * x = 0 ERR_PIN_LOCKED. */
enum err apdu_status(uint16_t sw);

/* The same after a command that presents no PIN. A word about a PIN makes no sense then: it is
 * ERR_REFUSED (69xx) or ERR_ANSWER. */
enum err apdu_plain_status(uint16_t sw);

/* What it means after apdu_send_on_pad(): ERR_CANCELLED when the holder typed no PIN, so that none
 * was tried; else as apdu_status(). */
enum err apdu_pad_status(uint16_t sw);

/* The tries left that a status word tells, or -1 when it tells none. */
int apdu_tries(uint16_t sw);

#endif

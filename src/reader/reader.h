/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The narrow waist between the module and PC/SC. view.c, reader.c and service.c implement it on
 * pcsc-lite; only they and what they share (pcsc.h) know <winscard.h>. The tests link a scripted
 * twin in their place.
 */
#ifndef JPKI_READER_READER_H
#define JPKI_READER_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/bytes.h"
#include "support/err.h"

#define READER_ATR_MAX 33         /* bytes, ISO 7816-3 */
#define READER_RESPONSE_MAX 258   /* bytes of a short response: 256 and the status word */
#define READER_SHORT_DATA_MAX 256 /* bytes of data in a response of a short command */

/*
 * A view of all readers. Each has a connection to the service of its own: one may be waiting while
 * another answers. One thread at a time, but for reader_cancel().
 */
struct reader_view;

/* What can be known of a reader without sending the card anything. */
struct reader_state {
    bool known;   /* the service has a reader of this name */
    bool present; /* with a card that answered its reset */
    bool mute;    /* there is something that does not answer, as a card that lies the wrong way */
    bool held;    /* another program has the card for itself */
    /* Another number means that the card was out in between, or the service was restarted; a reset
     * does not change it. Only numbers from one view can be compared; their lower 16 bits are the
     * service's own counter, the same for all programs. */
    unsigned long events;
    unsigned long service; /* another number: the service was restarted, or could not be reached */
    uint8_t atr[READER_ATR_MAX];
    size_t atr_len;
    unsigned long raw; /* what reader_wait() compares with; means nothing elsewhere */
};

/* NULL without memory. Does not talk to the service yet. reader_view_free() accepts NULL. */
struct reader_view *reader_view_new(void);
void reader_view_free(struct reader_view *view);

#define READER_RUN_SIZE 80 /* bytes, with the terminator */

/*
 * Which run of the service this is, as a text without blanks: another one after each of its starts.
 * False where that cannot be told, as in a container that has only its socket. Asks the service
 * nothing.
 */
bool reader_service_run(char run[READER_RUN_SIZE]);

/*
 * The names of all readers, in the service's order: a NULL-terminated array in one allocation, for
 * the caller to free(). No reader at all is ERR_OK and an empty array.
 * ERR_NO_SERVICE when there is no service; the next call tries again.
 */
enum err reader_list(struct reader_view *view, char ***names);

/*
 * The states of the COUNT readers named. A name that the service does not know gets known = false.
 * ERR_NO_SERVICE as above; STATES are then all unknown.
 */
enum err reader_states(struct reader_view *view, const char *const *names, size_t count,
                       struct reader_state *states);

/*
 * Waits until the state of one of the readers is no longer STATES, or a reader comes or goes, or
 * reader_cancel() is called, at most MILLISECONDS. ERR_OK says only that looking again is
 * worthwhile; ERR_CANCELLED after a cancel; at once ERR_NO_SERVICE without a service, and
 * ERR_NO_READER when one of the readers has left since: look again, but not without a pause.
 */
enum err reader_wait(struct reader_view *view, const char *const *names, size_t count,
                     const struct reader_state *states, unsigned milliseconds);

/* Ends a reader_wait() that is under way in another thread, and makes all later ones on this view
 * return ERR_CANCELLED. One that is just beginning may be missed: repeat until it has ended. */
void reader_cancel(struct reader_view *view);

/* One reader with a connection to its card, which stays open between transactions. */
struct reader;

/* NULL without memory. Does not talk to the service yet. reader_free() leaves the card as it is
 * and accepts NULL. */
struct reader *reader_new(const char *name);
void reader_free(struct reader *reader);

/*
 * Begins a transaction, connecting first if needed. FRESH is set when the card may have been reset
 * or exchanged since the last transaction (new connection, reset by another program, a command that
 * failed). FRESH is valid also when an error is returned.
 * ERR_BUSY when another program holds the card for more than a few seconds. (A new connection, to a
 * card that was put in or whose power reader_end() has taken, cannot be bounded: pcscd keeps it
 * waiting while a transaction is held elsewhere; a reset needs none.) ERR_NO_CARD, ERR_NO_READER,
 * ERR_NO_SERVICE, ERR_TRANSPORT; no transaction is open after any error.
 */
enum err reader_begin(struct reader *reader, bool *fresh);

/*
 * Inside a transaction: the most data, in bytes, that a response may have: READER_SHORT_DATA_MAX,
 * or more where the reader says so (PC/SC part 10, dwMaxAPDUDataSize) and the connection is T=1.
 * Sends the card nothing; the reader is asked once per connection.
 */
size_t reader_data_max(struct reader *reader);

/* Inside a transaction: the card's answer to reset, and the number of its bytes; 0 when it is not
 * known. Sends the card nothing. */
size_t reader_atr(struct reader *reader, uint8_t atr[READER_ATR_MAX]);

/*
 * Sends COMMAND and receives the response with its status word into RESPONSE; RECEIVED is the
 * number of bytes, 0 on error. ROOM is that of RESPONSE: READER_RESPONSE_MAX for a command in the
 * short form, and for one in the extended form what it asks for, up to reader_data_max(), and the
 * two bytes of the status word. If such a one comes to nothing, the reader is not believed any
 * more: reader_data_max() is READER_SHORT_DATA_MAX from then on.
 * Only inside a transaction, which is to be ended by reader_end() also after an error. ERR_NO_CARD,
 * ERR_NO_READER, ERR_NO_SERVICE: nothing more can be sent in it. ERR_TRANSPORT: what the card did
 * is not known. COMMAND is not copied and not logged.
 */
enum err reader_transmit(struct reader *reader, struct bytes command, uint8_t *response,
                         size_t room, size_t *received);

/* Inside a transaction: whether the reader has a PIN pad (PC/SC part 10,
 * FEATURE_VERIFY_PIN_DIRECT). Sends the card nothing; the reader is asked once per connection. */
bool reader_has_pad(struct reader *reader);

/*
 * Inside a transaction: has the holder type a PIN of DIGITS decimal digits, 1 to 15, on the
 * reader's PIN pad, and sends it to the card in place of the last DIGITS bytes of COMMAND, a whole
 * VERIFY command. Waits for the holder, who may take half a minute or more. RESPONSE as for
 * reader_transmit() with READER_RESPONSE_MAX: the card's status word, or the reader's own (PC/SC
 * part 10, 2.6: 6400 nothing was typed in time, 6401 cancelled, 6403 too few or too many digits,
 * 6B80 the reader cannot do it so). Errors as for reader_transmit(); ERR_REFUSED when the reader
 * has no pad, ERR_ARGUMENT when COMMAND does not fit DIGITS: nothing was asked or sent then.
 */
enum err reader_verify_on_pad(struct reader *reader, struct bytes command, unsigned digits,
                              uint8_t *response, size_t *received);

/* Ends the transaction. POWER_OFF takes the power from the card, which forgets every PIN; the next
 * reader_begin() connects again. False when POWER_OFF was asked for and the card may still have its
 * power. */
bool reader_end(struct reader *reader, bool power_off);

/* Gives up the connection outside a transaction, leaving the card as it is. */
void reader_disconnect(struct reader *reader);

#endif

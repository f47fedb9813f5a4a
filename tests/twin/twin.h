/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The scripted twin: reader/reader.h without PC/SC, for tests. Linked into a test, it takes the
 * place of src/reader/view.c and reader.c. Readers, cards and faults are what the test says.
 *
 * A card is a function that answers commands. twin_insert_vcard() puts the virtual card in, in
 * this process: so the tests of the upper layers have a card that behaves as the real one does,
 * count its commands, and can spoil any of them.
 *
 * All functions may be called from any thread.
 */
#ifndef JPKI_TESTS_TWIN_H
#define JPKI_TESTS_TWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/reader.h"

#define TWIN_RESPONSE_MAX 65536

/* Answers COMMAND into RESPONSE (room for TWIN_RESPONSE_MAX) and returns the number of bytes. */
typedef size_t twin_card(void *context, const uint8_t *command, size_t len, uint8_t *response);

/* Everything as at the start: a service without readers, no faults, all counters 0. */
void twin_clear(void);

/* The service goes (ERR_NO_SERVICE everywhere) or comes, as a new one. */
void twin_service(bool running);

/* A reader comes or goes. */
void twin_reader(const char *name, bool there);

/* A card is put in: a cold reset. CONTEXT is the caller's. The reader must be there. */
void twin_insert(const char *name, twin_card *card, void *context, struct bytes atr);

/* The virtual card in folder DIR, made by jpki-vcard new; an answer to reset of its own. Fails the
 * test when it cannot be opened. */
void twin_insert_vcard(const char *name, const char *dir);

void twin_remove(const char *name);     /* the card is taken out */
void twin_warm_reset(const char *name); /* by another program: the next transaction is fresh */
void twin_hold(const char *name, bool); /* another program has the card: ERR_BUSY, state.held */

/* A command sent by another program, between our transactions: its status word. */
uint16_t twin_other_program(const char *name, const uint8_t *command, size_t len);

/* The reader gets a PIN pad, or loses it. */
void twin_pad(const char *reader, bool has);

/* The reader says that it takes data of so many bytes (PC/SC part 10, dwMaxAPDUDataSize); 0: it
 * does not say. */
void twin_data_max(const char *reader, uint32_t bytes);

/*
 * What the holder will do the next time that READER asks for a PIN: type DIGITS, which go to the
 * card in the command's last bytes, or, with READER_SW not 0, make the reader answer with this
 * status word and send the card nothing. The reader answers 6403 to a wrong number of digits, as it
 * must, and 6400 when nothing was said here.
 */
void twin_pad_types(const char *reader, const char *digits, uint16_t reader_sw);

/* What was sent since twin_clear() or twin_counters_clear(), on all readers. */
unsigned twin_commands(void);
unsigned twin_commands_of(uint8_t ins);
unsigned twin_verifies(void); /* VERIFY with a PIN, not the question for tries left */
unsigned twin_power_offs(void);
unsigned twin_pad_asked(void); /* how often a holder was asked to type a PIN */
void twin_counters_clear(void);

/* Transactions open now; those that were begun or sent to in any wrong order fail the test. */
unsigned twin_open_transactions(void);

/*
 * Faults. Call k (counted from 0 over reader_list, reader_states, reader_begin, reader_transmit,
 * reader_verify_on_pad and reader_end since twin_calls_clear()) fails with ERROR instead of being
 * done; k < 0: none. With AFTER the call is done and only its answer lost (reader_transmit,
 * reader_verify_on_pad).
 */
void twin_fail_call(long k, enum err error, bool after);
unsigned long twin_calls(void);
void twin_calls_clear(void);

/* Every command passes here before the card (HOOK NULL: none). It may answer itself and return
 * true, or return false. It is called without any lock of the twin held. */
typedef bool twin_hook(void *context, const uint8_t *command, size_t len, uint8_t *response,
                       size_t *received);
void twin_set_hook(twin_hook *hook, void *context);

/* Called where each transaction begins, and just before it ends (INSIDE); without any lock of the
 * twin held. NULL: nobody is. */
typedef void twin_watch(void *context, bool inside);
void twin_set_watch(twin_watch *watch, void *context);

#endif

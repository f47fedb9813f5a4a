/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A scripted PC/SC: the functions of <winscard.h>, for tests. Linked into a test they take the
 * place of libpcsclite below the real src/reader. Readers and cards are moved by the functions
 * of twin/twin.h, as those tests do that have the twin in place of it.
 *
 * It behaves as pcsc-lite 1.9 does, and ends the program at what no caller may do: a context or
 * handle that was not given out, is closed, or is the parent process's; two threads in one context;
 * a command outside a transaction, a transaction in a transaction; more readers in a question than
 * pcsc-lite takes; a state to compare with that was never told.
 */
#ifndef JPKI_TESTS_SCRIPT_H
#define JPKI_TESTS_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <winscard.h>

#include "twin/twin.h"

/*
 * What is not as it should be. All zero: everything is. To be set while no call is under way.
 * A length that is claimed is not written beyond the caller's room.
 */
struct script {
    /* Before each call is done, without a lock: its number since twin_calls_clear() and name. */
    void (*before)(unsigned long k, const char *name);

    LONG dead; /* what a restarted service's old contexts get; 0: SCARD_E_NO_SERVICE */

    /* SCardListReaders instead of the truth: bytes, and the lengths that a question for the length
     * and one for the names claim. */
    const char *names;
    size_t names_len;
    DWORD names_first, names_second;

    /* SCardGetStatusChange: flags more in each answer, bytes of the answer to reset claimed (0: as
     * it is), what one that has to wait gets at once (0: it waits). */
    DWORD flags;
    DWORD atr_claim;
    LONG wait;

    DWORD protocol;       /* of a connection; 0: T=1 */
    bool no_protocol;     /* SCARD_PROTOCOL_UNDEFINED */
    DWORD transmit_claim; /* bytes that a response claims to have; 0: as it is */
    bool transmit_empty;  /* it has none */
    bool mute;            /* no command comes to anything until a reset, or power, ends it */

    /* SCardControl: the list of features, or the error; with the length that is claimed if not 0.
     * NULL and 0: as twin_pad() says. */
    const uint8_t *features;
    size_t features_len;
    DWORD features_claim;
    LONG features_error;

    /* The same for the list of properties; NULL and 0: as twin_data_max() says. */
    const uint8_t *properties;
    size_t properties_len;
    DWORD properties_claim;
    LONG properties_error;

    /* What comes back from the PIN pad instead of the card's word, and claims to be so long. */
    const uint8_t *pad;
    size_t pad_len;
    DWORD pad_claim;
};
extern struct script script;

/* Before a test and after it: nothing is odd any more. */
void script_clear(void);

/*
 * Call K (counted from 0 over all of <winscard.h> but SCardCancel, since twin_calls_clear()) gets
 * ERROR instead of being done, or, AFTER, when it is done. What the error says is made true: the
 * card is out, reset or without power, the reader is gone, the service stopped (E_NO_SERVICE,
 * E_SERVICE_STOPPED) or started anew (E_INVALID_HANDLE, F_COMM_ERROR). K < 0: no call.
 */
void script_fail(long k, LONG error, bool after);

/* The name of call K as the module called it; "" when there was none, or it is long ago. */
const char *script_call_name(unsigned long k);

/* The driver takes the card's power, which pcsc-lite tells of as of a reset. */
void script_power_off(const char *reader);

/* What this process has open. */
unsigned script_contexts(void);
unsigned script_handles(void);

/* How often somebody has looked who is connected (reader/clients.h, which the script has in its
 * place): everybody is who has a context, parent processes too. */
unsigned script_looks(void);

/* Whether another program could speak to the card in READER just now. */
bool script_is_ready(const char *reader);

/* How many threads wait in SCardGetStatusChange. */
unsigned script_waiting(void);

#endif

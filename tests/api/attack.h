/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Another program with access to the reader, by PC/SC alone. It never sends a PIN; whatever it
 * gets signed or read, it owes to a PIN that somebody else has verified. For both keys it asks for
 * every scheme that the card has, by short identifier and by file, with the JPKI application
 * selected first and in whatever state the card was left. VCARD_DIR of the environment names the
 * card's folder, where sign.der is what must not be read.
 */
#ifndef JPKI_TESTS_API_ATTACK_H
#define JPKI_TESTS_API_ATTACK_H

#include <stdbool.h>
#include <stddef.h>

#include <winscard.h>

struct attack {
    SCARDCONTEXT context;
    SCARDHANDLE card;
    DWORD protocol;
    bool connected;
    char reader[MAX_READERNAME];
    unsigned char wanted[256];  /* the beginning of the signature certificate */
    size_t wanted_len;          /* 0 without VCARD_DIR: any will do */
    unsigned long attempts;     /* signing and reading commands that the card has answered */
    unsigned long signatures;   /* 256 bytes and 9000 */
    unsigned long certificates; /* the first bytes of the signature certificate and 9000 */
    unsigned long odd;          /* 9000 with an answer of another size */
};

/* Connects to the reader of this number, counted from 0; waits up to ten seconds for another
 * program's transaction. False, after a line on standard error, when that fails. */
bool attack_open(struct attack *attack, unsigned number);

/* Leaves the card as it is. Accepts one that was not opened. */
void attack_close(struct attack *attack);

/* Everything once, first without and then within one transaction. False when the card could not
 * be asked everything. */
bool attack_once(struct attack *attack);

/* Something at a random moment, unless the card is another program's just then; now and then in a
 * transaction, with a new connection, or after a warm reset. SEED is changed. False when the reader
 * is lost. */
bool attack_somehow(struct attack *attack, unsigned *seed);

/* True when the attacker got anything. */
bool attack_succeeded(const struct attack *attack);

#endif

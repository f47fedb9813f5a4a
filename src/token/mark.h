/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The mark of a card that is open. A verified PIN outlives the process that presented it, and no
 * software in a process covers its own death: pcscd only resets the card then, which keeps the PIN.
 * So before a PIN is sent a mark is made, and taken away when the card has forgotten the PIN. A
 * mark that the next of our modules finds tells it to make the card forget first.
 *
 * A mark is a file of its owner's in folder_runtime(), card-HASH-PID-NUMBER. HASH is the beginning
 * of the SHA-256 of the reader's name, NUMBER is random. It holds one line, "PID START operation"
 * or "PID START kept", START being the time at which the process began (proc(5), stat, field 22).
 * Nothing in it is secret.
 *
 * Marks are made and looked for inside a transaction with the card. So one that says "operation"
 * and is found by somebody else is that of a process that is there no more, or that has failed, or
 * at worst that has just taken the card's power. Where no folder can be written there are no marks,
 * and this protection is missing; the log says so. A process that replaces itself (execve) with a
 * login kept is taken for alive until it ends.
 *
 * All functions keep errno. What fails in them is logged or costs the next operation some commands,
 * and is otherwise harmless.
 */
#ifndef JPKI_TOKEN_MARK_H
#define JPKI_TOKEN_MARK_H

#include <stdbool.h>

enum mark {
    MARK_OPERATION, /* the card is to forget the PIN before the transaction ends */
    MARK_KEPT       /* with isolation = no: the card keeps it until logout */
};

#define MARK_NAME_SIZE 48

/* A name for the marks of one owner: this process, with the card in READER (its PC/SC name). Empty,
 * which all functions here take for no mark, when none can be made. */
void mark_name(const char *reader, char name[MARK_NAME_SIZE]);

void mark_set(const char *name, enum mark mark);
void mark_clear(const char *name);

/* Whether there is a mark for READER, other than MINE, that should not be there: of an operation,
 * or of a login kept by a process that has ended. MINE may be empty. */
bool mark_stray(const char *reader, const char *mine);

/* Whether there is one other than MINE of a login that a living process keeps on the card. */
bool mark_kept(const char *reader, const char *mine);

/* Takes away all that mark_stray() looks for. */
void mark_clear_strays(const char *reader, const char *mine);

#endif

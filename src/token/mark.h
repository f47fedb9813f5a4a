/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The mark of a card that is open. A verified PIN outlives the process that presented it, and no
 * software in a process covers its own death: pcscd only resets the card then, which keeps the PIN.
 * So before a PIN is sent a mark is made, and taken away when the card has forgotten the PIN. A
 * mark that the next of our modules finds tells it to make the card forget first.
 *
 * A mark is the file card-HASH in folder_runtime(), HASH being the beginning of the SHA-256 of the
 * reader's name. It holds one line, "PID START operation" or "PID START kept", START being the time
 * at which the process began (proc(5), stat, field 22). Nothing in it is secret.
 *
 * Marks are made, taken away and looked for inside a transaction with the card. So a mark that says
 * "operation" is always that of somebody who is there no more, or has failed. Where no folder can
 * be written there are no marks, and this protection is missing; the log says so.
 */
#ifndef JPKI_TOKEN_MARK_H
#define JPKI_TOKEN_MARK_H

#include <stdbool.h>

enum mark {
    MARK_OPERATION, /* the card is to forget the PIN before the transaction ends */
    MARK_KEPT       /* with isolation = no: the card keeps it until logout */
};

void mark_set(const char *reader, enum mark mark);
void mark_clear(const char *reader);

/* Whether there is a mark that should not be there: of an operation, or of a login kept by a
 * process that has ended or, unless it is OURS, by this one. */
bool mark_found(const char *reader, bool ours);

#endif

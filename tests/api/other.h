/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What another program does with the PINs of the card in READER_1. It leaves no PIN verified.
 */
#ifndef JPKI_TESTS_API_OTHER_H
#define JPKI_TESTS_API_OTHER_H

#include "world.h"

/* The tries that a new card has, by role. */
extern const unsigned other_full[2];

/* The tries left, by the card's own word. Leaves a verified PIN as it is. */
unsigned other_tries(enum role role);

/* Asks for a signature, with the application selected as other programs do, and no PIN of its own:
 * the card's status word, 9000 where somebody has left a PIN verified. */
unsigned other_signs(enum role role);

/* Whether nothing is open: neither key signs and the signature key's certificate is not read, with
 * the application selected anew and no PIN. */
bool other_finds_closed(void);

/* Presents TEXT: the card's status word. */
unsigned other_verifies(enum role role, const char *text);

/* Changes the PIN from OLD, which must be right, to TEXT. The tries are full then. */
void other_changes(enum role role, const char *old, const char *text);

#endif

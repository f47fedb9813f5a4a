/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What PC/SC part 10 ("IFDs with Secure PIN Entry Capabilities") says to readers
 * with a PIN pad, as bytes. Nothing here talks to a reader: reader.c does.
 */
#ifndef JPKI_READER_PAD_H
#define JPKI_READER_PAD_H

#include <stddef.h>
#include <stdint.h>

#include "support/bytes.h"

#define PAD_DIGITS_MAX 15 /* the size of the PIN block is written in four bits */
#define PAD_SECONDS 30    /* that the reader waits for the PIN */
#define PAD_VERIFY_MAX (19 + 5 + PAD_DIGITS_MAX)

/*
 * Writes the structure PIN_VERIFY for a PIN of exactly DIGITS decimal digits, sent as text in place
 * of the last DIGITS bytes of COMMAND: a whole VERIFY command of five bytes and these. OUT has room
 * for PAD_VERIFY_MAX; the number of bytes written is returned, 0 when COMMAND does not fit DIGITS
 * or DIGITS is not from 1 to PAD_DIGITS_MAX.
 */
size_t pad_build_verify(struct bytes command, unsigned digits, uint8_t *out);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where a program can be held up on its way to pcscd. stop.c defines five functions of libpcsclite
 * and hands them on; a program that exports its symbols so stands between a module that it loads
 * and the library. Their names here: connect, look (SCardGetAttrib, which asks whether another
 * program has the card), begin, transmit, end.
 */
#ifndef JPKI_TESTS_API_STOP_H
#define JPKI_TESTS_API_STOP_H

/* The NUMBER-th of these calls from now on, by whatever thread, says "stop NAME" on standard output
 * and waits for stop_go(). 0: none. */
void stop_at(unsigned long number);

/* Lets the call that waits go on; if none does, the next that stops. */
void stop_go(void);

/* How many of these calls there were since stop_at(). */
unsigned long stop_calls(void);

#endif

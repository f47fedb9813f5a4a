/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The terminal while the holder types somewhere else: a PIN that is typed here by mistake must not
 * be seen, nor become the next line that the shell reads and remembers.
 */
#ifndef JPKI_CLI_HUSH_H
#define JPKI_CLI_HUSH_H

/* Switches the echo off, where there is a terminal that is ours. Signals wait meanwhile (hold.h),
 * or else end the program with the echo switched on again. */
void hush_begin(void);

/* As it was before, without what was typed. Nothing happens when nothing was begun. */
void hush_end(void);

#endif

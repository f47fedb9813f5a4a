/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to the usage history: how long others are waited for, in all.
 */
#ifndef JPKI_HISTORY_DEADLINE_H
#define JPKI_HISTORY_DEADLINE_H

#include <stdint.h>

/* The moment two seconds from now, in milliseconds of CLOCK_MONOTONIC. */
int64_t deadline_begin(void);

/* Milliseconds left until DEADLINE, 0 to 2000. */
int deadline_left(int64_t deadline);

#endif

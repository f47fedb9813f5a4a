/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef JPKI_TOKEN_CLOCK_H
#define JPKI_TOKEN_CLOCK_H

#include <stdint.h>

/* Milliseconds since some fixed moment; time in suspend counts, so that a PIN does not outlive the
 * night in a closed laptop. */
uint64_t clock_ms(void);

#endif

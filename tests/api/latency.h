/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How long many calls took, as a histogram.
 */
#ifndef JPKI_TESTS_API_LATENCY_H
#define JPKI_TESTS_API_LATENCY_H

#include <stdint.h>

#define LATENCY_STEPS 96 /* four to each doubling: up to sixteen seconds */

struct latency {
    unsigned long steps[LATENCY_STEPS];
    unsigned long count;
    uint64_t longest, sum; /* microseconds */
};

/* Microseconds since some moment. */
uint64_t latency_now(void);

/* Adds one call that began at START. */
void latency_add(struct latency *latency, uint64_t start);

/* A line for each step that has calls, and one of percentiles. */
void latency_print(const struct latency *latency, const char *what);

#endif

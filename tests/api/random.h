/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Random numbers that a seed repeats, for tests; nothing else may be made of them.
 */
#ifndef JPKI_TESTS_API_RANDOM_H
#define JPKI_TESTS_API_RANDOM_H

#include <time.h>

/* The next number below LIMIT (at least 1) by xorshift; a SEED of 0 is taken for another one. */
static inline unsigned random_below(unsigned *seed, unsigned limit)
{
    unsigned x = *seed != 0 ? *seed : 2463534242u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *seed = x;
    return (x >> 4) % limit;
}

/* Sleeps for less than so many microseconds, at most a second. */
static inline void random_pause(unsigned *seed, unsigned microseconds)
{
    struct timespec pause = {.tv_nsec = (long)random_below(seed, microseconds) * 1000};
    nanosleep(&pause, NULL);
}

#endif

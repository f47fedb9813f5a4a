/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "latency.h"

#include <stdio.h>
#include <time.h>

#define BAR 50 /* characters of the longest one */

uint64_t latency_now(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The end of a step: 1, 1 1/4, 1 1/2, 1 3/4, 2, 2 1/2, ... microseconds, in whole ones. */
static uint64_t end_of(unsigned step)
{
    return ((uint64_t)(4 + step % 4 + 1) << (step / 4)) / 4;
}

void latency_add(struct latency *latency, uint64_t start)
{
    uint64_t took = latency_now() - start;
    unsigned step = 0;
    while (step < LATENCY_STEPS - 1 && took >= end_of(step))
        step++;
    latency->steps[step]++;
    latency->count++;
    latency->sum += took;
    if (took > latency->longest)
        latency->longest = took;
}

/* In thousandths; the end of the step in which so many of the calls were done. */
static uint64_t percentile(const struct latency *latency, unsigned thousandths)
{
    unsigned long seen = 0;
    for (unsigned step = 0; step < LATENCY_STEPS; step++) {
        seen += latency->steps[step];
        if (seen * 1000 >= latency->count * thousandths)
            return end_of(step);
    }
    return latency->longest;
}

void latency_print(const struct latency *latency, const char *what)
{
    unsigned long most = 1;
    for (unsigned step = 0; step < LATENCY_STEPS; step++)
        if (latency->steps[step] > most)
            most = latency->steps[step];
    printf("%s: %lu calls\n", what, latency->count);
    for (unsigned step = 0; step < LATENCY_STEPS; step++)
        if (latency->steps[step] > 0)
            printf("  < %9.3f ms %8lu %.*s\n", (double)end_of(step) / 1000, latency->steps[step],
                   (int)(latency->steps[step] * BAR / most),
                   "##################################################");
    if (latency->count > 0)
        printf("  mean %.3f ms, half < %.3f, 99 %% < %.3f, 99.9 %% < %.3f, longest %.3f\n",
               (double)latency->sum / (double)latency->count / 1000,
               (double)percentile(latency, 500) / 1000, (double)percentile(latency, 990) / 1000,
               (double)percentile(latency, 999) / 1000, (double)latency->longest / 1000);
}

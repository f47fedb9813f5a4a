/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "history/deadline.h"

#include <time.h>

#define WAIT_MS 2000

static int64_t now_ms(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t deadline_begin(void)
{
    return now_ms() + WAIT_MS;
}

int deadline_left(int64_t deadline)
{
    int64_t left = deadline - now_ms();
    return left > 0 ? (int)left : 0;
}

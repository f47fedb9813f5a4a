/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <time.h>

#include "cli/past.h"

#define LOOK_MS 500

static void pass_over(struct past *past)
{
    struct past_line line;
    while (past != NULL && past_next(past, &line))
        continue;
}

static void report_new(struct past *past, void (*each)(void *context, const struct past_line *line),
                       void *context)
{
    struct past_line line;
    while (past != NULL && past_next(past, &line))
        if (line.whole)
            each(context, &line);
}

void past_follow(const char *greeting, void (*each)(void *context, const struct past_line *line),
                 void *context)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    struct past *past = past_open();
    pass_over(past);
    puts(greeting);
    while (fflush(stdout) == 0 && !ferror(stdout)) {
        report_new(past, each, context);
        if (past == NULL || past_moved(past)) {
            past_close(past);
            past = past_open(); /* a new one: all of its lines are new, too */
        } else {
            nanosleep(&pause, NULL);
        }
        if (past == NULL)
            nanosleep(&pause, NULL);
    }
    past_close(past);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
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

/* The history after PAST: a new one, whose lines are all new, too. What was written into the old
 * one before it went is not lost. */
static struct past *change(struct past *past,
                           void (*each)(void *context, const struct past_line *line), void *context)
{
    report_new(past, each, context);
    past_close(past);
    return past_open();
}

/* Why PAST cannot be read, or could not be opened just now, as an errno. None may come yet: that is
 * no fault, and 0. */
static int fault(const struct past *past)
{
    if (past != NULL)
        return past_error(past);
    return errno != ENOENT ? errno : 0;
}

int past_follow(const char *greeting, void (*each)(void *context, const struct past_line *line),
                void *context)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    struct past *past = past_open();
    int why = fault(past);
    pass_over(past);
    puts(greeting);
    while (why == 0 && fflush(stdout) == 0 && !ferror(stdout)) {
        report_new(past, each, context);
        if (past == NULL || past_moved(past))
            past = change(past, each, context);
        else
            nanosleep(&pause, NULL);
        why = fault(past);
        if (past == NULL && why == 0)
            nanosleep(&pause, NULL);
    }
    past_close(past);
    if (why != 0)
        cli_complain(_("the usage history cannot be read: %s"), strerror(why));
    return why == 0 ? CLI_OK : CLI_FAILED;
}

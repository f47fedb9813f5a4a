/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/hold.h"

#include <signal.h>
#include <stddef.h>

static unsigned depth;
static sigset_t before;

void hold_begin(void)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGTSTP);
    sigaddset(&held, SIGTTOU);
    sigaddset(&held, SIGPIPE);
    if (depth++ == 0)
        sigprocmask(SIG_BLOCK, &held, &before);
}

void hold_end(void)
{
    if (--depth == 0)
        sigprocmask(SIG_SETMASK, &before, NULL);
}

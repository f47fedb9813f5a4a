/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/hush.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>
#include <unistd.h>

static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
#define SIGNALS (sizeof(signals) / sizeof(*signals))

static int terminal = -1;
static struct termios before;
static struct sigaction actions[SIGNALS];

/* The signal is blocked here and has its usual action again (SA_RESETHAND): that follows. */
static void put_back(int number)
{
    tcsetattr(terminal, TCSANOW, &before); /* TCSAFLUSH would wait for output that ^S holds */
    tcflush(terminal, TCIFLUSH);
    raise(number);
}

/* What the caller wants ignored, like nohup(1), stays ignored. */
static void take_signals(void)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction action = {.sa_flags = (int)SA_RESETHAND};
        action.sa_handler = signals[i] == SIGTSTP ? SIG_IGN : put_back;
        sigaction(signals[i], NULL, &actions[i]);
        if (actions[i].sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

/* A program in the background would be stopped for changing the terminal. */
static bool is_ours(int fd)
{
    return tcgetpgrp(fd) == getpgrp() && tcgetattr(fd, &before) == 0;
}

void hush_begin(void)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return;
    if (!is_ours(fd)) {
        close(fd);
        return;
    }
    struct termios quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    terminal = fd;
    take_signals();
    tcsetattr(fd, TCSADRAIN, &quiet);
}

void hush_end(void)
{
    if (terminal < 0)
        return;
    tcsetattr(terminal, TCSAFLUSH, &before);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &actions[i], NULL);
    close(terminal);
    terminal = -1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define RETRY_US 100000 /* between two attempts to connect */
#define HINT_US 5000000 /* a reader asks for its card every second or so */
#define RESPONSE_SIZE (VCARD_RESPONSE_MAX + FAULT_EXTRA_MAX)

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void take_signal(struct session *session)
{
    struct signalfd_siginfo info;

    if (read(session->signals, &info, sizeof info) != sizeof info)
        return;
    switch (info.ssi_signo) {
    case SIGUSR1:
        session->wanted = false;
        session->back_at = 0;
        break;
    case SIGUSR2:
        session->wanted = true;
        session->back_at = 0;
        break;
    default:
        session->stop = true;
        break;
    }
}

/* Waits for a signal, for FD (-1: none) to be readable, or for the time (negative: for ever). True
 * when FD is readable. */
static bool wait_for(struct session *session, int fd, int64_t microseconds)
{
    struct pollfd what[] = {{.fd = session->signals, .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    struct timespec limit = {.tv_sec = (time_t)(microseconds / 1000000),
                             .tv_nsec = (long)(microseconds % 1000000) * 1000};

    if (ppoll(what, 2, microseconds < 0 ? NULL : &limit, NULL) <= 0)
        return false;
    if (what[0].revents)
        take_signal(session);
    return what[1].revents != 0;
}

/* Waits until UNTIL (now_us()), which may be over already; false when the card was taken out
 * meanwhile. */
static bool work(struct session *session, int64_t until)
{
    while (session->wanted && !session->stop) {
        int64_t left = until - now_us();
        if (left <= 0)
            return true;
        wait_for(session, -1, left);
    }
    return false;
}

static void take_out(struct session *session)
{
    if (session->link.fd < 0)
        return;
    vpcd_close(&session->link);
    vcard_power_off(session->card);
    trace_event(session->log, "card out");
}

/* A card that was pulled by a fault; ARGUMENT says when it comes back. */
static void pull(struct session *session, const struct fault *fault)
{
    session->wanted = false;
    session->back_at = fault->has_argument ? now_us() + (int64_t)fault->argument * 1000 : 0;
}

static void control(struct session *session, uint8_t code)
{
    struct vcard *card = session->card;

    switch (code) {
    case VPCD_POWER_OFF:
        vcard_power_off(card);
        trace_event(session->log, "power off");
        break;
    case VPCD_POWER_ON:
        vcard_power_on(card);
        trace_event(session->log, "power on");
        break;
    case VPCD_RESET:
        vcard_reset(card);
        trace_event(session->log, "reset");
        break;
    case VPCD_GET_ATR: /* also how vpcd asks whether the card is there: every second, so no log */
        if (!vpcd_send(&session->link, card->settings.atr, card->settings.atr_len))
            take_out(session);
        break;
    default:
        break;
    }
}

/* Executes a command unless FAULT prevents it; the length of the answer, as spoilt. */
static size_t answer(struct session *session, const struct fault *fault, const uint8_t *command,
                     size_t len, uint64_t *busy_us)
{
    size_t n = 0;

    *busy_us = 0;
    if (!fault || fault->kind != FAULT_SW) {
        n = vcard_command(session->card, command, len, session->response);
        *busy_us = session->card->busy_us;
    }
    if (!fault)
        return n;
    if (fault->kind == FAULT_DELAY)
        *busy_us += fault->argument * 1000;
    return fault_spoil(fault, session->response, n, RESPONSE_SIZE);
}

static void command(struct session *session, const uint8_t *bytes, size_t len)
{
    const struct fault *fault = fault_strike(&session->faults, bytes, len);
    bool early = fault && fault->kind == FAULT_PULL_EARLY;
    bool pulled = early || (fault && fault->kind == FAULT_PULL);
    int64_t begin = now_us(); /* what this process itself needs is part of the card's time */
    uint64_t busy_us = 0;
    size_t n = 0;

    if (!early)
        n = answer(session, fault, bytes, len, &busy_us);
    if (!work(session, begin + (int64_t)busy_us))
        pulled = true;
    trace_command(session->log, bytes, len, session->response, pulled ? 0 : n);
    if (session->times)
        trace_times(session->log, begin, now_us());
    if (fault)
        trace_fault(session->log, fault_name(fault));
    if (fault && (fault->kind == FAULT_PULL || early))
        pull(session, fault);
    if (pulled || !vpcd_send(&session->link, session->response, n))
        take_out(session);
}

static void serve(struct session *session)
{
    const uint8_t *message;
    size_t len;

    if (!wait_for(session, session->link.fd, session->asked ? -1 : HINT_US)) {
        if (!session->asked && !session->stop && session->wanted)
            fprintf(stderr, "jpki-vcard: the reader does not ask for the card; is another card in "
                            "it already?\n");
        session->asked = true; /* said once is enough */
        return;
    }
    session->asked = true;
    switch (vpcd_receive(&session->link, &message, &len)) {
    case VPCD_MESSAGE:
        if (len == 1)
            control(session, message[0]);
        else
            command(session, message, len);
        break;
    case VPCD_CLOSED:
        take_out(session);
        break;
    case VPCD_INCOMPLETE:
        break;
    }
}

/* Connects, trying again until the time to wait is over. True also when a signal ended it. */
static bool put_in(struct session *session, struct problem *why)
{
    int64_t end = now_us() + (int64_t)session->wait_seconds * 1000000;

    while (session->wanted && !session->stop) {
        if (vpcd_connect(&session->link, session->host, session->port, why)) {
            session->asked = false;
            trace_event(session->log, "card in");
            printf("card in reader %s:%s\n", session->host, session->port);
            fflush(stdout);
            return true;
        }
        if (now_us() >= end)
            return false;
        wait_for(session, -1, RETRY_US);
    }
    return true;
}

/* Outside the reader: until a signal, or until the card comes back by itself. */
static void rest(struct session *session)
{
    int64_t left = session->back_at ? session->back_at - now_us() : -1;

    take_out(session);
    if (session->back_at && left <= 0) {
        session->wanted = true;
        session->back_at = 0;
        return;
    }
    wait_for(session, -1, left < 0 ? -1 : left);
}

static int block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool loop(struct session *session, struct problem *why)
{
    session->wanted = true;
    while (!session->stop) {
        if (!session->wanted)
            rest(session);
        else if (session->link.fd >= 0)
            serve(session);
        else if (!put_in(session, why))
            return false;
    }
    return true;
}

bool session_run(struct session *session, struct problem *why)
{
    bool ok = false;

    session->signals = block_signals();
    session->response = malloc(RESPONSE_SIZE);
    if (session->signals < 0)
        text_problem(why, "cannot receive signals: %s", strerror(errno));
    else if (!session->response || !vpcd_init(&session->link))
        text_problem(why, "out of memory");
    else
        ok = loop(session, why);
    if (session->link.buffer)
        take_out(session);
    vpcd_free(&session->link);
    free(session->response);
    if (session->signals >= 0)
        close(session->signals);
    return ok;
}

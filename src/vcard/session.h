/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A card in a reader: commands, power, faults, delays, and signals that move the card.
 */
#ifndef JPKI_VCARD_SESSION_H
#define JPKI_VCARD_SESSION_H

#include "vcard/fault.h"
#include "vcard/trace.h"
#include "vcard/vcard.h"
#include "vcard/vpcd.h"

struct session {
    struct vcard *card; /* borrowed */
    FILE *log;          /* borrowed; NULL: none */
    bool times;         /* the log says when the card was at work, too */
    struct fault_list faults;
    const char *host, *port;
    unsigned long wait_seconds; /* for a reader that is not there yet */

    struct vpcd link;
    uint8_t *response;
    int signals;     /* a signalfd */
    bool stop;       /* SIGTERM or SIGINT has come */
    bool wanted;     /* the card is to be in the reader */
    bool asked;      /* the reader has asked for it since it was put in */
    int64_t back_at; /* when it comes back by itself, microseconds; 0: it does not */
};

/* Runs until SIGTERM or SIGINT; SIGUSR1 takes the card out, SIGUSR2 puts it in again. False when
 * the reader cannot be reached within the time to wait. Blocks these signals for the process. */
bool session_run(struct session *session, struct problem *why);

#endif

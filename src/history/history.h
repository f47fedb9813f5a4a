/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The usage history: what was done with the card's keys, for its holder to look at. One event is
 * one line of JSON (JSON Lines), in $XDG_STATE_HOME/jpki-pkcs11/history.jsonl (folder.h) with mode
 * 0600, or in the system log. docs/history.md says what a line holds and what it never holds.
 *
 * Each line in the file holds the SHA-256 of the one before. So a line that was damaged, changed or
 * taken out by hand shows; but whoever may write the file may also write all of it anew, or cut its
 * end. Against that helps only a place that he may not write to: the system log.
 *
 * Nothing is kept between calls, so a fork changes nothing. Several processes may write at once.
 */
#ifndef JPKI_HISTORY_HISTORY_H
#define JPKI_HISTORY_HISTORY_H

#include "support/config.h"
#include "support/err.h"

/* All texts are the caller's; any bytes in them are made harmless. */
struct history_event {
    const char *token;     /* "auth" or "sign" */
    const char *serial;    /* of the token */
    const char *operation; /* "login", "consent", "sign", "change-pin" */
    const char *mechanism; /* "RSA-PKCS", "SHA256-RSA-PKCS-PSS", …; NULL: none */
    const char *result;    /* the name of the CK_RV, "CKR_OK" */
    int tries;             /* left, -1 when not known */
    const char *digest;    /* "SHA-256:0123…", or NULL: not asked for */
};

/*
 * Whether an event could be written to TARGET now, as far as that can be known without writing.
 * ERR_NOT_RECORDED, with a line in the log that says why, when not; also for CONFIG_HISTORY_NO,
 * which records nothing.
 */
enum err history_ready(enum config_history target);

/*
 * Writes EVENT, with time and program. ERR_OK also for CONFIG_HISTORY_NO, which has nothing to
 * write. ERR_NOT_RECORDED, with a line in the log that says why, when it could not be written
 * whole, or not surely stored. Waits at most two seconds for other writers.
 */
enum err history_add(enum config_history target, const struct history_event *event);

#endif

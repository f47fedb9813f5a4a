/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to the usage history: its file, opened so that nothing else is ever written to.
 */
#ifndef JPKI_HISTORY_HISTFILE_H
#define JPKI_HISTORY_HISTFILE_H

#include <stdbool.h>

#include "support/err.h"

#define HISTFILE_NAME "history.jsonl"

struct histfile {
    int folder, fd; /* -1 when not open; closed on exec */
};

/*
 * Opens the file for reading and appending; makes it, with mode 0600, and its folders where they
 * are missing. ERR_NOT_RECORDED, with a line in the log that says what to do, when that is not
 * possible or when something else stands in its place, which is left as it is: a link, a folder, a
 * device, another user's file, one with a second name or that others may write to. FILE may be
 * closed either way.
 */
enum err histfile_open(struct histfile *file);

/*
 * Takes the lock that all writers take, waiting at most two seconds, and looks that the file is
 * still in its place: whoever moved it away meanwhile has it closed, and a new one is opened.
 * ERR_NOT_RECORDED as above.
 */
enum err histfile_lock(struct histfile *file);

/* Gives the lock back and closes. False, with errno, when only now it turns out that something
 * could not be written, as on a network's file system. Keeps errno otherwise. */
bool histfile_close(struct histfile *file);

/* "The usage history cannot be written", REASON and the path of FILE, for the log. Keeps errno. */
void histfile_complain(const struct histfile *file, const char *reason);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to the usage history: the words of a line. docs/history.md shows one.
 */
#ifndef JPKI_HISTORY_LINE_H
#define JPKI_HISTORY_LINE_H

#include <stdbool.h>
#include <time.h>

#include "history/history.h"
#include "support/bytes.h"

/* A line is never longer, with its newline. Longer texts in it are cut. */
#define LINE_MAX_BYTES 2048

#define LINE_HASH_LEN 64 /* hexadecimal digits of a SHA-256 */

/* Who does what is recorded, and when. */
struct line_origin {
    struct timespec time; /* of CLOCK_REALTIME */
    long pid;
    char program[4096]; /* path of the executable; "" when not known */
};

/* The time now and this process. */
void line_origin_find(struct line_origin *origin);

/* Writes the line's object up to, but without, what chains it and its end. */
void line_begin(struct writer *w, const struct line_origin *origin,
                const struct history_event *event);

/* Writes the members that chain the line: PREV, the hash of the line before, and whether that line
 * had been left unfinished. */
void line_chain(struct writer *w, bool mended, const char prev[LINE_HASH_LEN + 1]);

/* Ends the object. A newline is the caller's matter. */
void line_end(struct writer *w);

#endif

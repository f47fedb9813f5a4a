/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The usage history, read: docs/history.md has its form.
 */
#ifndef JPKI_CLI_PAST_H
#define JPKI_CLI_PAST_H

#include <stdbool.h>
#include <time.h>

#define PAST_LINE_MAX 2048 /* bytes of a line, with its end; a longer one is none of ours */

/* What one line says. Texts are cut to fit, and "" for what is null or missing. */
struct past_line {
    unsigned long number; /* from 1 */
    bool whole;           /* one of ours; otherwise only the number is set */
    bool follows;         /* holds the hash of the line before */
    bool mended;          /* says that the line before had been left unfinished */
    time_t time;          /* -1 when it cannot be read */
    char token[8];        /* "auth", "sign" */
    char serial[24];
    char program[PAST_LINE_MAX]; /* never cut: its end is what tells */
    char operation[16];
    char mechanism[40];
    char result[40];
    int tries;  /* -1: not known */
    char *text; /* the line itself; owned by the history, until the next one is read */
};

struct past; /* a history that is being read */

/* The holder's own history. NULL, with errno, when there is none or it cannot be read: EISDIR or
 * EOPNOTSUPP when something else than a file stands in its place. */
struct past *past_open(void);
void past_close(struct past *past); /* accepts NULL */

/* The next line. False at the end; more may come later. A last line without its end does not count
 * yet. False also when it cannot be read: see past_error(). */
bool past_next(struct past *past, struct past_line *line);

/* Why the history could not be read to its end, as an errno, after past_next() was false; or 0. */
int past_error(const struct past *past);

/* Whether the history ends with a line that breaks off, after past_next() was false. */
bool past_unfinished(const struct past *past);

/* Whether another file stands in its place by now, or none, or it was cut in its place. */
bool past_moved(const struct past *past);

/* The last successful use of the token ("auth", "sign") with this serial number. False: none is
 * known. */
bool past_last(const char *token, const char *serial, struct past_line *use);

/*
 * Prints GREETING, and calls EACH for every use from then on, until standard output ends. A history
 * that is made, moved away or begun anew meanwhile is noticed. The exit code: CLI_FAILED, after a
 * complaint, when the history cannot be read any more.
 */
int past_follow(const char *greeting, void (*each)(void *context, const struct past_line *line),
                void *context);

/* An operation or a result in the holder's language; what is not known comes back as it is. */
const char *past_operation_text(const char *operation);
const char *past_result_text(const char *result);

#endif

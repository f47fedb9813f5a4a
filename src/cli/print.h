/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is printed for people: aligned also where a character takes two columns, with colour only on
 * a terminal.
 */
#ifndef JPKI_CLI_PRINT_H
#define JPKI_CLI_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

/* The columns that TEXT takes on a terminal. */
size_t print_columns(const char *text);

/* TEXT on standard output, with a "?" for each character that could deceive a terminal: of control,
 * or one that turns the direction of writing. */
void print_safe(const char *text);

/* The same to OUT; the columns that were printed. */
size_t print_safe_to(FILE *out, const char *text);

/* The same for a text of several lines: newlines and tabs stay. */
void print_safe_lines(FILE *out, const char *text);

/* The same on standard output, filled with blanks up to COLUMNS. */
void print_safe_padded(const char *text, size_t columns);

/* The same to OUT, behind INDENT columns that are in use already: what would not fit into a
 * terminal's 80 goes on below them, in a new line. Only a word that is too long stays whole. */
void print_safe_wrapped(FILE *out, const char *text, size_t indent);

/* Whether the Unicode character C turns the direction of writing. */
bool print_turns(unsigned long c);

/* TEXT on standard output, filled with blanks up to COLUMNS. */
void print_padded(const char *text, size_t columns);

enum print_style { PRINT_PLAIN, PRINT_BOLD, PRINT_GOOD, PRINT_WARNING, PRINT_BAD };

/* TEXT on standard output in a style, where that is a terminal and NO_COLOR is not set. */
void print_styled(enum print_style style, const char *text);

/* The same for a text of others, or one of more than a line (print_safe_wrapped()). */
void print_styled_wrapped(enum print_style style, const char *text);

/* WHEN in local time, "2026-11-24 18:43:00", or "?" for -1. */
#define PRINT_TIME 32
void print_time(time_t when, char text[PRINT_TIME]);

/* The end of everything on standard output: CODE, or CLI_FAILED with a complaint when it could not
 * all be written. */
int print_end(int code);

#endif

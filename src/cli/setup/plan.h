/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is to be changed for a program: thought out in memory, shown, and only then done.
 */
#ifndef JPKI_CLI_SETUP_PLAN_H
#define JPKI_CLI_SETUP_PLAN_H

#include "cli/setup/text.h"

#define PLAN_MAX 32 /* changes at once: more than anybody has profiles */

/* A block of lines that is put into a file. */
struct plan_change {
    char *path; /* symbolic links followed */
    enum text_kind kind;
    char *block; /* ends with a newline */
    char *mark;  /* a line of it by which it is known again; none for TEXT_FILE */
    struct text before;
};

struct plan {
    struct plan_change changes[PLAN_MAX];
    size_t count;
};

/*
 * Adds a change, and takes PATH, BLOCK and MARK over; any of them may be NULL for want of memory.
 * What is there already is not put in again: that is said. False after a complaint: without memory,
 * or because the file is of no kind that can be changed.
 */
bool plan_add(struct plan *plan, char *path, enum text_kind kind, char *block, char *mark);

/* On standard output: what will be done. */
void plan_show(const struct plan *plan);

/* PATH, and below it the lines of BLOCK, each with SIGN before it. */
void plan_show_block(const char *path, const char *sentence, char sign, const char *block);

void plan_free(struct plan *plan);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files that are signed, and files that are made.
 */
#ifndef JPKI_CLI_INFILE_H
#define JPKI_CLI_INFILE_H

#include <stdio.h>

#include "support/bytes.h"
#include "cli/cli.h"

#define INFILE_HASH 32 /* bytes: SHA-256 */

/*
 * The SHA-256 of the file at PATH, read piece by piece; a large one shows on a terminal how far it
 * is. False, after a complaint, when it cannot be read to its end, is no regular file, or changes
 * meanwhile.
 */
bool infile_hash(const char *path, uint8_t hash[INFILE_HASH]);

/* A file that appears under its name only when all of it is written. {0} is none. */
struct outfile {
    const char *path; /* not owned */
    char *temporary;
    int fd;
};

/* Makes it ready, before anything is asked of the card. FORCE: one of that name may be replaced.
 * False, after a complaint, when it cannot be written there. */
bool outfile_open(struct outfile *out, const char *path, bool force);

/* Writes all of CONTENT and gives the file its name. False after a complaint; nothing is left of
 * it. */
bool outfile_finish(struct outfile *out, struct bytes content, bool force);

/* Takes back what was not finished. Accepts {0}. */
void outfile_drop(struct outfile *out);

#endif

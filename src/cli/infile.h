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

/* Whether a file can be made at PATH, as far as that can be known: for before anything is asked of
 * the card. FORCE: one of that name may be replaced. False after a complaint. */
bool outfile_check(const char *path, bool force);

/* Makes the file of CONTENT. It has its name only when all of it is on the disk. False, after a
 * complaint, and nothing is left of it. */
bool outfile_write(const char *path, struct bytes content, bool force);

#endif

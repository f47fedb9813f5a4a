/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files that are signed, and files that are made.
 */
#ifndef JPKI_CLI_INFILE_H
#define JPKI_CLI_INFILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "support/bytes.h"
#include "cli/cli.h"

#define INFILE_HASH 32 /* bytes: SHA-256 */

/* A file that is being signed. {.fd = -1} is none. */
struct infile {
    const char *path; /* not owned */
    int fd;
    struct stat before; /* when it was opened */
};

/* False, after a complaint, when it cannot be read or is no regular file. */
bool infile_open(struct infile *in, const char *path);
void infile_close(struct infile *in);

/* The SHA-256 of all of it, read piece by piece; a large one shows on a terminal how far it is.
 * False, after a complaint, when it cannot be read to its end. */
bool infile_hash(const struct infile *in, uint8_t hash[INFILE_HASH]);

/* Whether it is still as it was when it was opened, and still at its place. Complains if not. */
bool infile_unchanged(const struct infile *in);

/* Whether a file can be made at PATH, as far as that can be known: for before anything is asked of
 * the card. FORCE: one of that name may be replaced, but never what is signed. False after a
 * complaint. */
bool outfile_check(const char *path, bool force, const struct infile *in);

/* Makes the file of CONTENT. It has its name only when all of it is on the disk. False, after a
 * complaint, and nothing is left of it. */
bool outfile_write(const char *path, struct bytes content, bool force);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Small files in a folder of folder.h: read whole, and replaced whole, so that a reader never finds
 * half of one.
 */
#ifndef JPKI_SUPPORT_SMALLFILE_H
#define JPKI_SUPPORT_SMALLFILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads the file NAME in FOLDER into ROOM of SIZE bytes; LEN is how many it has. False, LEN 0, with
 * errno when it cannot be read, is no regular file (EINVAL), another user's (EPERM), or has more
 * than SIZE bytes (EFBIG).
 */
bool smallfile_read(int folder, const char *name, void *room, size_t size, size_t *len);

/*
 * Makes the LEN bytes at DATA the file NAME, mode 0600. NAME has at most 80 characters. False, with
 * errno, when that cannot be done: what was there before then stays. Not written through to the
 * disk: after a crash of the machine the file may be the old one, or empty.
 */
bool smallfile_write(int folder, const char *name, const void *data, size_t len);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The files of a card's folder. Each is written whole or not at all.
 */
#ifndef JPKI_VCARD_STORE_H
#define JPKI_VCARD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcard/text.h"

#define STORE_FILE_MAX 65536 /* bytes; nothing in the folder comes near */

/* The file DIR/NAME as bytes for the caller to free(), with a zero byte after its LEN bytes. NULL
 * when it is missing, unreadable, empty or larger than STORE_FILE_MAX: then WHY says so. */
uint8_t *store_read(const char *dir, const char *name, size_t *len, struct problem *why);

/* As store_read(), for a text: a zero byte inside is a problem too. */
char *store_read_text(const char *dir, const char *name, struct problem *why);

/* Writes DIR/NAME with MODE in such a way that after a crash or a full disk either the old or the
 * new contents are there: a temporary file beside it, fsync, rename, fsync of the folder. */
bool store_write(const char *dir, const char *name, unsigned mode, const void *data, size_t len,
                 struct problem *why);

/* True when DIR/NAME exists, whatever it is. */
bool store_has(const char *dir, const char *name);

/* Removes DIR/NAME if it is there. */
bool store_remove(const char *dir, const char *name, struct problem *why);

/* Makes the folder DIR (mode 0700) unless it exists. EMPTY tells whether nothing is in it. */
bool store_make_folder(const char *dir, bool *empty, struct problem *why);

/* Takes the folder for this process until it ends, as a card is in one reader at a time: false
 * when another process has it. FD, -1 on failure, is for store_release(). */
bool store_claim(const char *dir, int *fd, struct problem *why);
void store_release(int fd);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A reader's name, as it stands in the names of files: it may have any characters and any length.
 */
#ifndef JPKI_TOKEN_READERNAME_H
#define JPKI_TOKEN_READERNAME_H

#include <stdbool.h>

#define READERNAME_HASH_SIZE 17 /* bytes, with the terminator */

/* The first eight bytes of the SHA-256 of NAME, a reader's PC/SC name, in hexadecimal. False, HASH
 * empty, when that cannot be computed. */
bool readername_hash(const char *name, char hash[READERNAME_HASH_SIZE]);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Programs that read certificates, and the folder in which these are kept for the next one.
 */
#ifndef JPKI_TESTS_API_KEPT_H
#define JPKI_TESTS_API_KEPT_H

#include "world.h"

#include <stddef.h>
#include <stdint.h>

#include "support/bytes.h"

#define VALUE_MAX 4096               /* bytes of a certificate */
#define KEPT_ROOM (2 * (size_t)4096) /* for a whole file */
#define KEPT_BEGINNING 256           /* bytes of a first block */
#define READ_BINARY 0xB0             /* instruction */

/* READ BINARY of a program that finds all certificates kept: EF 0006, and three first blocks. */
#define KEPT_READS 4

/* The public certificates are what this card has. */
void kept_expect_certificates(int card);

/* The life of a program that reads them. How many READ BINARY it has sent. */
unsigned kept_program(int card, const char *settings);

/* The folder's path; of static memory. */
const char *kept_folder(void);

/* Calls EACH, if not NULL, for each file, and returns how many there are. */
unsigned kept_each(void (*each)(const char *path, void *context), void *context);

/* The bytes of a file, and their number. */
size_t kept_contents(const char *path, uint8_t room[KEPT_ROOM]);

/* Makes DATA the contents of a file. */
void kept_replace(const char *path, const void *data, size_t len);

/* The file NAME of the first card's folder; DER is for free(). */
struct bytes kept_on_card(const char *name, uint8_t **der);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For the tests of the usage history: a state folder of its own for each test, and the module's
 * log.
 */
#ifndef TESTS_UNIT_HISTORY_HOME_H
#define TESTS_UNIT_HISTORY_HOME_H

#include <stdbool.h>
#include <stddef.h>

#define HOME_TEXT_MAX 400000

/* Paths: of the state folder, our folder in it, the history, the module's log, something beside. */
extern char home_root[], home_folder[96], home_file[128], home_log[96], home_other[96];

/* Fixtures for cmocka: sets XDG_STATE_HOME and opens the log; takes all of it away. */
int home_make(void **state);
int home_remove(void **state);

/* The whole text of a file, which must be readable; static, until the next call with this SLOT (0
 * or 1). LEN may be NULL. */
const char *home_read(const char *path, unsigned slot, size_t *len);

/* Makes a file of these bytes, and our folder if it is missing. */
void home_write(const char *path, const void *text, size_t len);

/* Whether the log holds TEXT; the log is then emptied. */
bool home_logged(const char *text);

/* How many descriptors this process has open. */
unsigned home_descriptors(void);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Keys for the cards of tests. Making them takes longer than most tests: the build makes some.
 */
#ifndef JPKI_TESTS_KEYS_H
#define JPKI_TESTS_KEYS_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The folder with the keys for card NUMBER of a test, in PATH. NULL, so that new ones are made, for
 * a test that Meson does not start, and when there are no more. */
static inline const char *keys_ready(unsigned number, char path[256])
{
    const char *folder = getenv("JPKI_TEST_KEYS");

    if (folder == NULL)
        return NULL;
    int length = snprintf(path, 256, "%s/keys-%u", folder, number);
    return length < 256 && access(path, R_OK) == 0 ? path : NULL;
}

#endif

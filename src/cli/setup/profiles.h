/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The profiles of Firefox and Thunderbird.
 */
#ifndef JPKI_CLI_SETUP_PROFILES_H
#define JPKI_CLI_SETUP_PROFILES_H

#include <stdbool.h>
#include <stddef.h>

#define PROFILES_MAX 16

struct profiles {
    char *paths[PROFILES_MAX]; /* folders; owned */
    size_t count;
};

/* Adds the profiles that ROOT/profiles.ini names, if there is such a file; ROOT, which may be NULL
 * for want of memory, is freed. False after a complaint. */
bool profiles_add(struct profiles *profiles, char *root);
void profiles_free(struct profiles *profiles);

/* Whether a program of Mozilla's uses this profile now. It holds a lock on .parentlock then. */
bool profiles_busy(const char *path);

#endif

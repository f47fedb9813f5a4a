/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The profiles of Firefox and Thunderbird.
 */
#ifndef JPKI_CLI_SETUP_PROFILES_H
#define JPKI_CLI_SETUP_PROFILES_H

#include <stdbool.h>
#include <stddef.h>

#define PROFILES_MAX 16

/* Those that were used: a new one has no database of NSS yet, and most often never will. */
struct profiles {
    char *paths[PROFILES_MAX]; /* folders, links followed, each once; owned */
    size_t count;
};

/* Adds the profiles that ROOT/profiles.ini names, if there is such a file. False after a
 * complaint. */
bool profiles_add(struct profiles *profiles, const char *root);

/* Adds the profile in FOLDER. False after a complaint: it is none that was used, too. */
bool profiles_add_one(struct profiles *profiles, const char *folder);

void profiles_free(struct profiles *profiles);

/* Whether a program of Mozilla's uses this profile now. It holds a lock on .parentlock then, of
 * which nothing is left when it has crashed. */
bool profiles_busy(const char *path);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Programs from snap and flatpak live in boxes of their own, which reach neither the module nor
 * pcscd.
 */
#ifndef JPKI_CLI_SETUP_BOX_H
#define JPKI_CLI_SETUP_BOX_H

#include <stdbool.h>

/* Complains of each of these FOLDERS, below the holder's home and ended by NULL, that is there. */
bool box_found(const char *program, const char *const *folders);

/* Complains if the profile in FOLDER belongs to such a PROGRAM. */
bool box_holds(const char *program, const char *folder);

#endif

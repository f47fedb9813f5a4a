/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to the settings: one file of them.
 */
#ifndef JPKI_SUPPORT_CONFIG_FILE_H
#define JPKI_SUPPORT_CONFIG_FILE_H

#include <stdbool.h>

#include "support/config_state.h"

#define CONFIG_FILE_MAX 65536 /* bytes */

enum config_owner { CONFIG_OF_SYSTEM, CONFIG_OF_USER };

/* Reads the settings in FILE into STATE. A file that does not exist holds none. */
void config_file_read(struct config_state *state, const char *file, enum config_owner owner);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef JPKI_CLI_SETTINGS_H
#define JPKI_CLI_SETTINGS_H

#include "support/config.h"

/*
 * Reads the settings as the module does. RESERVED (may be NULL) is this command's own part, in the
 * place of the parameter string of C_Initialize. False without memory; config_clear() is the
 * caller's duty either way.
 */
bool settings_load(struct config *config, const char *reserved);

/* Whether something in them is wrong, and does not count. */
bool settings_have_faults(void);

/* The tries that the administrator keeps, whatever the holder says (pin.reserve under [enforced]);
 * 0 when he does not. Without memory it is the default. */
unsigned settings_enforced_reserve(void);

#endif

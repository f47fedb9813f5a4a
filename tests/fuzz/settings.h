/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What fuzz_config and fuzz_reserved share.
 */
#ifndef JPKI_TESTS_FUZZ_SETTINGS_H
#define JPKI_TESTS_FUZZ_SETTINGS_H

#include "support/config.h"

/* Loads SOURCES and explains them, with faults of memory by SEED: all values are ones that can be,
 * the tokens are some of TOKENS, and no complaint could steer a terminal. */
void fuzz_settings(const struct config_sources *sources, unsigned tokens, unsigned seed);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef JPKI_CLI_SETUP_APPLY_H
#define JPKI_CLI_SETUP_APPLY_H

#include "cli/setup/record.h"

/* Does what PLAN says and remembers it in RECORD: all of it, or, after a complaint, nothing. */
bool apply(const struct plan *plan, struct record *record);

#endif

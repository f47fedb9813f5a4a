/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The database of NSS, where Firefox, Thunderbird and Chromium keep the modules that they load.
 */
#ifndef JPKI_CLI_SETUP_NSS_H
#define JPKI_CLI_SETUP_NSS_H

#include "cli/setup/plan.h"

struct nss_module {
    const char *key;     /* "auth" or "sign" */
    const char *name;    /* as the program shows it */
    const char *program; /* that loads it */
};

/* Plans MODULE for the database in FOLDER; where there is none, its first user makes the rest of
 * it. One that the holder has registered himself is left, and he is told of one that he had better
 * not have. False after a complaint. */
bool nss_plan(struct plan *plan, const char *folder, const struct nss_module *module);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The settings in force, one by one, with the place that each comes from: for people, not for the
 * module.
 */
#ifndef JPKI_SUPPORT_CONFIG_EXPLAIN_H
#define JPKI_SUPPORT_CONFIG_EXPLAIN_H

#include "support/config.h"

/* All texts live as long as the call. */
struct config_fact {
    const char *name;
    const char *value; /* as it stands in a file; "" for none */
    const char
        *source;   /* a path, "pReserved", or a variable of the environment; NULL: the default */
    unsigned line; /* in that file, or 0 */
    bool enforced; /* later sources cannot change it */
};

/* Calls EACH for every key, in the order of docs/settings.md. The rest as in config_load(). */
void config_explain(const struct config_sources *sources, unsigned module_tokens,
                    void (*each)(void *context, const struct config_fact *fact), void *context);

#endif

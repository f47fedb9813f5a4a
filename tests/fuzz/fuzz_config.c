/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A settings file, the holder's or the system's: the first byte says which. Where it is the
 * holder's, the system's enforces what is safest, and nothing in the holder's may undo that.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

static const char enforcing[] = "[enforced]\nisolation = yes\nsign.consent = always\n"
                                "pin.reserve = 4\nhistory.required = yes\nslots = auth\n";

static void must_be_enforced(const struct config *config)
{
    fuzz_must(config->isolation && config->consent == CONFIG_CONSENT_ALWAYS);
    fuzz_must(config->pin_reserve == 4 && config->history_required);
    fuzz_must((config->tokens & ~(unsigned)CONFIG_TOKEN_AUTH) == 0);
}

static void as_holder(struct config_sources *sources, const char *system_file)
{
    struct config config;
    fuzz_write("system", enforcing, sizeof(enforcing) - 1);
    sources->system_file = system_file;
    if (config_load(&config, sources, CONFIG_TOKEN_BOTH))
        must_be_enforced(&config);
    config_clear(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char system_file[300], user_file[300];
    struct config_sources sources = {0};
    fuzz_begin(data, size);
    unsigned which = fuzz_below(2), seed = fuzz_u8();
    snprintf(system_file, sizeof(system_file), "%s/system", fuzz_folder());
    snprintf(user_file, sizeof(user_file), "%s/user", fuzz_folder());
    size_t head = size < 2 ? size : 2;
    fuzz_write(which == 0 ? "user" : "system", data + head, size - head);
    if (which == 0)
        sources.user_file = user_file;
    else
        sources.system_file = system_file;
    fuzz_settings(&sources, CONFIG_TOKEN_BOTH, seed);
    if (which == 0)
        as_holder(&sources, system_file);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/settings.h"

#include "support/folder.h"
#include "support/log.h"

static bool read_all(struct config *config, const char *reserved)
{
    struct config_sources sources = {.system_file = CONFIG_SYSTEM_FILE};
    config_find(&sources);
    sources.reserved = reserved;
    bool ok = config_load(config, &sources, CONFIG_TOKEN_BOTH);
    config_forget(&sources);
    return ok;
}

bool settings_load(struct config *config, const char *reserved)
{
    folder_find();
    bool ok = read_all(config, reserved);
    log_open(config->log_level, config->log_file);
    for (size_t i = 0; i < config->complaint_count; i++)
        log_write(LOG_WARNING, "%s", config->complaints[i]);
    return ok;
}

unsigned settings_enforced_reserve(void)
{
    struct config config;
    read_all(&config, "pin.reserve=0"); /* the last word, but for what is enforced */
    unsigned reserve = config.pin_reserve;
    config_clear(&config);
    return reserve;
}

bool settings_have_faults(void)
{
    struct config config;
    bool ok = read_all(&config, NULL);
    bool faults = !ok || config.complaint_count > 0;
    config_clear(&config);
    return faults;
}

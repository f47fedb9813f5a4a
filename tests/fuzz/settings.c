/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"

#include <string.h>

#include "fuzz.h"
#include "support/config_explain.h"
#include "support/config_state.h"

static void must_be_possible(const struct config *config, unsigned tokens)
{
    fuzz_must((config->tokens & ~tokens) == 0);
    fuzz_must(config->labels == CONFIG_LABELS_ENGLISH || config->labels == CONFIG_LABELS_JAPANESE);
    fuzz_must(config->pin_reserve <= 4);
    fuzz_must(config->pin_cache_seconds >= CONFIG_CACHE_AUTO && config->pin_cache_seconds <= 86400);
    fuzz_must((unsigned)config->consent <= CONFIG_CONSENT_SESSION);
    fuzz_must((unsigned)config->history <= CONFIG_HISTORY_SYSLOG);
    fuzz_must((unsigned)config->log_level <= LOG_DEBUG);
    fuzz_must(config->log_file == NULL || config->log_file[0] == '/');
}

static void must_be_plain(const char *text)
{
    for (; *text != '\0'; text++)
        fuzz_must((unsigned char)*text >= 0x20 && *text != 0x7F);
}

static void count(void *context, const struct config_fact *fact)
{
    fuzz_must(fact->name != NULL && fact->value != NULL);
    ++*(unsigned *)context;
}

void fuzz_settings(const struct config_sources *sources, unsigned tokens, unsigned seed)
{
    struct config config;
    unsigned facts = 0;
    fuzz_faults(seed);
    bool ok = config_load(&config, sources, tokens);
    fuzz_faults(0);
    fuzz_must(ok || seed != 0);
    must_be_possible(&config, tokens);
    fuzz_must(config.complaint_count <= CONFIG_COMPLAINTS_MAX);
    for (size_t i = 0; i < config.complaint_count; i++)
        must_be_plain(config.complaints[i]);
    config_clear(&config);
    config_explain(sources, tokens, count, &facts);
    fuzz_must(facts == CONFIG_KEY_COUNT);
}

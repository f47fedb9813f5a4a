/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/config_explain.h"

#include "support/config_state.h"

static void explain(const struct config_state *state, enum config_key key,
                    void (*each)(void *context, const struct config_fact *fact), void *context)
{
    char number[CONFIG_ALLOWED_MAX];
    const char *text = state->text[key] != NULL ? state->text[key] : "";
    struct config_fact fact = {.name = config_key_name(key),
                               .value = number,
                               .source = state->source[key],
                               .line = state->line[key],
                               .enforced = state->enforced[key]};

    config_key_print(key, state->number[key], number);
    if (config_key_is_text(key))
        fact.value = text;
    each(context, &fact);
}

void config_explain(const struct config_sources *sources, unsigned module_tokens,
                    void (*each)(void *context, const struct config_fact *fact), void *context)
{
    struct config_state state;

    config_state_init(&state, module_tokens);
    config_state_read(&state, sources);
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
        explain(&state, (enum config_key)i, each, context);
    config_state_clear(&state);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/config_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void config_state_init(struct config_state *state, unsigned module_tokens)
{
    *state = (struct config_state){.module_tokens = (long)module_tokens};
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
        state->number[i] = config_key_default((enum config_key)i);
    state->number[CONFIG_KEY_SLOTS] &= state->module_tokens;
}

void config_state_clear(struct config_state *state)
{
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
        free(state->text[i]);
    for (size_t i = 0; i < state->complaint_count; i++)
        free(state->complaints[i]);
    free(state->complaints);
    *state = (struct config_state){0};
}

/* Complaints are shown on terminals: neither C0 controls nor, in UTF-8, C1 controls pass. */
static void make_plain(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7f)
            *at = '?';
        if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
            at[0] = at[1] = '?';
    }
}

static bool make_room(struct config_state *state)
{
    if (state->complaints == NULL)
        state->complaints = calloc(CONFIG_COMPLAINTS_MAX, sizeof(state->complaints[0]));
    if (state->complaints == NULL)
        state->no_memory = true;
    return state->complaints != NULL && state->complaint_count < CONFIG_COMPLAINTS_MAX;
}

static char *with_place(const struct config_place *place, const char *said)
{
    char *all = NULL;
    int len = place->line > 0 ? asprintf(&all, "%s:%u: %s", place->source, place->line, said)
                              : asprintf(&all, "%s: %s", place->source, said);

    return len < 0 ? NULL : all;
}

void config_state_complain(struct config_state *state, const struct config_place *place,
                           const char *format, ...)
{
    va_list arguments;
    char *said = NULL;
    char *all = NULL;

    if (!make_room(state))
        return;
    va_start(arguments, format);
    if (vasprintf(&said, format, arguments) < 0)
        said = NULL;
    va_end(arguments);
    if (said != NULL)
        all = with_place(place, state->complaint_count < CONFIG_COMPLAINTS_MAX - 1
                                    ? said
                                    : "there is more to complain about from here on");
    free(said);
    if (all == NULL) {
        state->no_memory = true;
        return;
    }
    make_plain(all);
    state->complaints[state->complaint_count++] = all;
}

/* Whether an earlier source has said under [enforced] what KEY is. */
static bool stands(const struct config_state *state, const struct config_place *place,
                   enum config_key key)
{
    return state->enforced[key] && !place->enforce;
}

/* Only where the value in force is the one at PLACE: one that is kept keeps its origin, too. */
static void note_origin(struct config_state *state, const struct config_place *place,
                        enum config_key key)
{
    state->source[key] = place->source;
    state->line[key] = place->line;
}

static void after_wrong(struct config_state *state, const struct config_place *place,
                        enum config_key key)
{
    if (stands(state, place, key))
        return;
    long so_far = state->number[key];
    state->number[key] = config_key_after_wrong(key, so_far);
    if (state->number[key] != so_far)
        note_origin(state, place, key);
    if (place->enforce)
        state->enforced[key] = true;
}

static void complain_value(struct config_state *state, const struct config_place *place,
                           enum config_key key, const char *value)
{
    char allowed[CONFIG_ALLOWED_MAX];

    config_key_allowed(key, allowed);
    if (config_key_quotable(key))
        config_state_complain(state, place, "'%s' is '%.80s', but must be %s", config_key_name(key),
                              value, allowed);
    else
        config_state_complain(state, place, "'%s' has a wrong value; it must be %s",
                              config_key_name(key), allowed);
}

static void complain_name(struct config_state *state, const struct config_place *place,
                          const char *name)
{
    const char *nearest = config_key_nearest(name);

    if (nearest != NULL)
        config_state_complain(state, place, "there is no setting '%.40s'; is '%s' meant?", name,
                              nearest);
    else
        config_state_complain(state, place, "there is no setting '%.40s'", name);
}

static void set_text(struct config_state *state, const struct config_place *place,
                     enum config_key key, const char *value)
{
    char *copy = NULL;

    if (value[0] != '\0') {
        copy = strdup(value);
        if (copy == NULL) {
            state->no_memory = true;
            return;
        }
    }
    free(state->text[key]);
    state->text[key] = copy;
    note_origin(state, place, key);
}

static void set_number(struct config_state *state, const struct config_place *place,
                       enum config_key key, long wanted)
{
    long so_far = state->number[key];
    long number;

    if (key == CONFIG_KEY_SLOTS)
        wanted &= state->module_tokens;
    number = wanted;
    if (place->stricter_only)
        number = config_key_stricter(key, so_far, number);
    if (key == CONFIG_KEY_SLOTS && number == 0)
        config_state_complain(state, place, "'slots' leaves no token of this module to show");
    state->number[key] = number;
    if (number == wanted || number != so_far)
        note_origin(state, place, key);
}

static bool same(const struct config_state *state, enum config_key key, const char *value,
                 long number)
{
    const char *text = state->text[key];

    if (key == CONFIG_KEY_SLOTS)
        number &= state->module_tokens;
    return config_key_is_text(key) ? strcmp(text == NULL ? "" : text, value) == 0
                                   : state->number[key] == number;
}

void config_state_set(struct config_state *state, const struct config_place *place,
                      const char *name, const char *value)
{
    enum config_key key;
    long number;

    if (!config_key_find(name, strlen(name), &key)) {
        complain_name(state, place, name);
        return;
    }
    if (!config_key_parse(key, value, &number)) {
        complain_value(state, place, key, value);
        after_wrong(state, place, key);
        return;
    }
    if (stands(state, place, key)) {
        if (!same(state, key, value, number))
            config_state_complain(state, place, "'%s' is enforced by the system's settings",
                                  config_key_name(key));
        return;
    }
    if (!config_key_is_text(key))
        set_number(state, place, key, number);
    else if (!place->stricter_only)
        set_text(state, place, key, value);
    if (place->enforce)
        state->enforced[key] = true;
}

static bool in_name(char c)
{
    return c != ' ' && c != '\t' && c != '=' && c != ':' && c != '\0';
}

void config_state_spoil(struct config_state *state, const struct config_place *place,
                        const char *line, size_t len)
{
    enum config_key key;
    size_t name_len = 0;

    while (len > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (name_len < len && in_name(line[name_len]))
        name_len++;
    if (config_key_find(line, name_len, &key))
        after_wrong(state, place, key);
}

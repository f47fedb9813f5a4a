/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "support/config_file.h"
#include "support/config_state.h"

#define RESERVED_MAX 4096 /* bytes of pReserved; nobody says how long that string may be */

/* The XDG base directory specification has relative paths ignored. */
static const char *absolute(const char *path)
{
    return path != NULL && path[0] == '/' ? path : NULL;
}

static const char *not_empty(const char *value)
{
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* False only without memory. */
static bool find_user_file(const char **out)
{
    const char *config = absolute(secure_getenv("XDG_CONFIG_HOME"));
    const char *home = absolute(secure_getenv("HOME"));
    char *file = NULL;
    int len = 0;

    *out = NULL;
    if (getauxval(AT_SECURE) != 0)
        return true;
    if (config != NULL)
        len = asprintf(&file, "%s/jpki-pkcs11.conf", config);
    else if (home != NULL)
        len = asprintf(&file, "%s/.config/jpki-pkcs11.conf", home);
    if (len >= 0)
        *out = file;
    return len >= 0;
}

void config_find(struct config_sources *sources)
{
    sources->no_memory = !find_user_file(&sources->user_file);
    sources->slots = not_empty(secure_getenv("JPKI_PKCS11_SLOTS"));
    sources->debug = not_empty(secure_getenv("JPKI_PKCS11_DEBUG"));
}

void config_forget(struct config_sources *sources)
{
    union {
        const char *given;
        char *ours;
    } file = {.given = sources->user_file}; /* const only for everybody else */

    free(file.ours);
    sources->user_file = NULL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Ends the word at WORD with a zero and returns what follows it, or NULL when a quotation mark has
 * no partner. The value is put at VALUE, without its quotation marks; NULL without a '='. */
static char *split_word(char *word, char **value)
{
    char *at = word;
    bool quoted;

    *value = NULL;
    while (*at != '\0' && *at != '=' && !is_space(*at))
        at++;
    if (*at == '=') {
        *at++ = '\0';
        quoted = *at == '"';
        if (quoted)
            at++;
        *value = at;
        while (*at != '\0' && (quoted ? *at != '"' : !is_space(*at)))
            at++;
        if (quoted && (*at == '\0' || (at[1] != '\0' && !is_space(at[1]))))
            return NULL;
    }
    if (*at != '\0')
        *at++ = '\0';
    return at;
}

static void read_words(struct config_state *state, const struct config_place *place, char *text)
{
    unsigned count = 0;

    while (text != NULL) {
        char *word = text;
        enum config_key key;
        char *value;

        while (is_space(*word))
            word++;
        if (*word == '\0')
            return;
        count++;
        text = split_word(word, &value);
        if (text == NULL) {
            config_state_complain(state, place,
                                  "word %u has a quotation mark in a wrong place: ignored from "
                                  "there on",
                                  count);
            config_state_spoil(state, place, word, strlen(word));
        } else if (value == NULL || !config_key_find(word, strlen(word), &key)) {
            /* Not repeated: the string may be meant for somebody else, with a password in it. */
            config_state_complain(state, place, "word %u is no setting: ignored", count);
            config_state_spoil(state, place, word, strlen(word));
        } else {
            config_state_set(state, place, word, value);
        }
    }
}

static bool is_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c < 0x20 && !is_space(text[i])) || c == 0x7f)
            return false;
    }
    return true;
}

static void read_reserved(struct config_state *state, const char *reserved)
{
    const struct config_place place = {.source = "pReserved"};
    size_t len = strnlen(reserved, RESERVED_MAX + 1);
    char *copy;

    if (len > RESERVED_MAX) {
        config_state_complain(state, &place, "longer than %d bytes: ignored", RESERVED_MAX);
        return;
    }
    if (!is_text(reserved, len)) {
        config_state_complain(state, &place, "this is not text: ignored");
        return;
    }
    copy = strndup(reserved, len);
    if (copy == NULL) {
        state->no_memory = true;
        return;
    }
    read_words(state, &place, copy);
    free(copy);
}

/* Narrows, and may therefore do so even when `slots` is enforced. */
static void read_slots(struct config_state *state, const char *slots)
{
    const struct config_place place = {
        .source = "JPKI_PKCS11_SLOTS", .enforce = true, .stricter_only = true};

    config_state_set(state, &place, config_key_name(CONFIG_KEY_SLOTS), slots);
}

/* Sends the log to standard error: who sets the variable is looking at the terminal. */
static void read_debug(struct config_state *state, const char *debug)
{
    const struct config_place place = {.source = "JPKI_PKCS11_DEBUG"};
    long level;

    config_state_set(state, &place, config_key_name(CONFIG_KEY_LOG_LEVEL), debug);
    if (config_key_parse(CONFIG_KEY_LOG_LEVEL, debug, &level) &&
        !state->enforced[CONFIG_KEY_LOG_LEVEL] && !state->enforced[CONFIG_KEY_LOG_FILE])
        config_state_set(state, &place, config_key_name(CONFIG_KEY_LOG_FILE), "");
}

void config_state_read(struct config_state *state, const struct config_sources *sources)
{
    if (sources->no_memory)
        state->no_memory = true;
    if (sources->system_file != NULL)
        config_file_read(state, sources->system_file, CONFIG_OF_SYSTEM);
    if (sources->user_file != NULL && getauxval(AT_SECURE) == 0)
        config_file_read(state, sources->user_file, CONFIG_OF_USER);
    if (sources->reserved != NULL)
        read_reserved(state, sources->reserved);
    if (sources->slots != NULL)
        read_slots(state, sources->slots);
    if (sources->debug != NULL)
        read_debug(state, sources->debug);
}

/* Moves what STATE holds into CONFIG. */
static void export(struct config *config, struct config_state *state)
{
    const long *number = state->number;

    *config = (struct config){
        .tokens = (unsigned)number[CONFIG_KEY_SLOTS],
        .labels = (enum config_labels)number[CONFIG_KEY_LABELS],
        .pin_reserve = (unsigned)number[CONFIG_KEY_PIN_RESERVE],
        .pin_cache_seconds = number[CONFIG_KEY_PIN_CACHE],
        .consent = (enum config_consent)number[CONFIG_KEY_CONSENT],
        .isolation = number[CONFIG_KEY_ISOLATION] != 0,
        .pss = number[CONFIG_KEY_PSS] != 0,
        .certificates_cache = number[CONFIG_KEY_CERTIFICATES_CACHE] != 0,
        .history = (enum config_history)number[CONFIG_KEY_HISTORY],
        .history_required = number[CONFIG_KEY_HISTORY_REQUIRED] != 0,
        .history_digests = number[CONFIG_KEY_HISTORY_DIGESTS] != 0,
        .log_level = (enum log_level)number[CONFIG_KEY_LOG_LEVEL],
        .log_file = state->text[CONFIG_KEY_LOG_FILE],
        .reader_ignore = state->text[CONFIG_KEY_READER_IGNORE],
        .pinpad = number[CONFIG_KEY_READER_PINPAD] != 0,
        .reader_extended = number[CONFIG_KEY_READER_EXTENDED] != 0,
        .complaints = state->complaints,
        .complaint_count = state->complaint_count,
    };
    state->text[CONFIG_KEY_LOG_FILE] = NULL;
    state->text[CONFIG_KEY_READER_IGNORE] = NULL;
    state->complaints = NULL;
    state->complaint_count = 0;
}

bool config_load(struct config *config, const struct config_sources *sources,
                 unsigned module_tokens)
{
    int saved = errno;
    struct config_state state;
    bool complete;

    config_state_init(&state, module_tokens);
    config_state_read(&state, sources);
    complete = !state.no_memory;
    export(config, &state);
    config_state_clear(&state);
    errno = saved;
    return complete;
}

void config_clear(struct config *config)
{
    free(config->log_file);
    free(config->reader_ignore);
    for (size_t i = 0; i < config->complaint_count; i++)
        free(config->complaints[i]);
    free(config->complaints);
    *config = (struct config){0};
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vcard/store.h"

#define FILE_NAME "state"
#define MISSING 99

static const struct {
    const char *name;
    unsigned tries;
    const char *pin; /* unless another one is given */
} pins[PIN_COUNT] = {{"auth", 3, "1234"}, {"sign", 5, "ABC123"}};

unsigned state_tries_max(enum pin which)
{
    return pins[which].tries;
}

static void put(struct pin_state *to, const char *pin, unsigned tries)
{
    *to = (struct pin_state){.len = strlen(pin), .tries = tries};
    memcpy(to->pin, pin, to->len);
}

void state_init(struct state *state)
{
    for (int i = 0; i < PIN_COUNT; i++)
        put(&state->pin[i], pins[i].pin, pins[i].tries);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return c >= 'A' && c <= 'Z';
}

bool state_issue(struct state *state, enum pin which, const char *pin, struct problem *why)
{
    size_t digits = 0, letters = 0, len = strlen(pin);

    for (size_t i = 0; i < len; i++) {
        digits += is_digit(pin[i]);
        letters += is_letter(pin[i]);
    }
    if (which == PIN_AUTH && (len != 4 || digits != 4))
        return text_problem(why, "the authentication PIN is four digits");
    if (which == PIN_SIGN &&
        (len < 6 || len > STATE_PIN_MAX || digits + letters != len || !digits || !letters))
        return text_problem(why, "the signature PIN is 6 to 16 characters of A-Z and 0-9, with at "
                                 "least one letter and one digit");
    put(&state->pin[which], pin, pins[which].tries);
    return true;
}

/* Only text that needs no thought is written as text. */
static bool is_plain(const struct pin_state *pin)
{
    for (size_t i = 0; i < pin->len; i++) {
        char c = (char)pin->pin[i];
        if (!is_digit(c) && !is_letter(c) && !(c >= 'a' && c <= 'z'))
            return false;
    }
    return true;
}

static bool parse_pin(struct pin_state *to, const char *value)
{
    size_t len = strlen(value);

    if (!strncmp(value, "hex:", 4))
        return text_hex(value + 4, to->pin, sizeof to->pin, &to->len) && to->len;
    if (!len || len > sizeof to->pin)
        return false;
    memcpy(to->pin, value, len);
    to->len = len;
    return true;
}

/* Sets one of auth.pin, auth.tries, sign.pin, sign.tries. */
static bool set(struct state *state, const char *key, const char *value)
{
    unsigned long tries;

    for (int i = 0; i < PIN_COUNT; i++) {
        size_t len = strlen(pins[i].name);
        if (strncmp(key, pins[i].name, len) || key[len] != '.')
            continue;
        if (!strcmp(key + len, ".pin"))
            return parse_pin(&state->pin[i], value);
        if (strcmp(key + len, ".tries") || !text_number(value, pins[i].tries, &tries))
            return false;
        state->pin[i].tries = (unsigned)tries;
        return true;
    }
    return false;
}

bool state_load(struct state *state, const char *dir, struct problem *why)
{
    char *text = store_read_text(dir, FILE_NAME, why);
    char *rest = text, *line, *key, *value;
    struct state loaded = {.pin = {{.tries = MISSING}, {.tries = MISSING}}};
    bool ok = true;

    if (!text)
        return false;
    for (unsigned n = 1; ok && (line = text_line(&rest)); n++) {
        if (!*line || *line == '#')
            continue;
        if (!text_pair(line, &key, &value) || !set(&loaded, key, value))
            ok = text_problem(why,
                              "%s/" FILE_NAME ":%u: expected auth.pin, auth.tries (0 to 3), "
                              "sign.pin or sign.tries (0 to 5)",
                              dir, n);
    }
    free(text);
    for (int i = 0; ok && i < PIN_COUNT; i++)
        if (!loaded.pin[i].len || loaded.pin[i].tries == MISSING)
            ok = text_problem(why, "%s/" FILE_NAME ": %s.pin or %s.tries is missing", dir,
                              pins[i].name, pins[i].name);
    if (ok)
        *state = loaded;
    return ok;
}

bool state_save(const struct state *state, const char *dir, struct problem *why)
{
    char text[512];
    size_t used = (size_t)snprintf(text, sizeof text,
                                   "# PINs and tries left; the card writes this file itself.\n");

    for (int i = 0; i < PIN_COUNT; i++) {
        const struct pin_state *pin = &state->pin[i];
        char shown[2 * STATE_PIN_MAX + 5] = "hex:";

        if (is_plain(pin))
            snprintf(shown, sizeof shown, "%.*s", (int)pin->len, (const char *)pin->pin);
        else
            text_to_hex(pin->pin, pin->len, shown + 4);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s.pin = %s\n%s.tries = %u\n",
                                 pins[i].name, shown, pins[i].name, pin->tries);
    }
    return store_write(dir, FILE_NAME, 0600, text, used, why);
}

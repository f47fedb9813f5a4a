/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/fault.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

enum argument { OPTIONAL, NEEDED, STATUS };

static const struct {
    const char *name;
    enum fault_kind kind;
    enum argument argument;
    unsigned long max;
} kinds[] = {
    {"pull", FAULT_PULL, OPTIONAL, 3600000},
    {"pull-early", FAULT_PULL_EARLY, OPTIONAL, 3600000},
    {"sw", FAULT_SW, STATUS, 0},
    {"lie", FAULT_LIE, STATUS, 0},
    {"short", FAULT_SHORT, NEEDED, 65535},
    {"long", FAULT_LONG, NEEDED, FAULT_EXTRA_MAX},
    {"noise", FAULT_NOISE, OPTIONAL, FAULT_EXTRA_MAX},
    {"delay", FAULT_DELAY, NEEDED, 3600000},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static bool parse_argument(struct fault *fault, size_t kind, const char *text)
{
    uint8_t sw[2];
    size_t len;

    fault->has_argument = text != NULL;
    if (!text)
        return kinds[kind].argument == OPTIONAL;
    if (kinds[kind].argument != STATUS)
        return text_number(text, kinds[kind].max, &fault->argument);
    if (strlen(text) != 4 || !text_hex(text, sw, sizeof sw, &len) || len != 2)
        return false;
    fault->argument = (unsigned long)sw[0] << 8 | sw[1];
    return true;
}

static bool parse_kind(struct fault *fault, const char *name, const char *argument)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name))
            continue;
        fault->kind = kinds[i].kind;
        return parse_argument(fault, i, argument);
    }
    return false;
}

static bool parse_ins(struct fault *fault, const char *text)
{
    uint8_t ins;
    size_t len;

    if (strlen(text) != 2 || !text_hex(text, &ins, 1, &len) || len != 1)
        return false;
    fault->ins = ins;
    return true;
}

static bool parse_count(struct fault *fault, char *text)
{
    size_t len = strlen(text);

    fault->onwards = len && text[len - 1] == '+';
    if (fault->onwards)
        text[len - 1] = 0;
    return text_number(text, 1000000000UL, &fault->first) && fault->first;
}

static bool parse(struct fault *fault, char *text)
{
    char *field = strsep(&text, ":");

    *fault = (struct fault){.ins = -1};
    if (field && !strncmp(field, "ins=", 4)) {
        if (!parse_ins(fault, field + 4))
            return false;
        field = strsep(&text, ":");
    }
    if (!field || !parse_count(fault, field))
        return false;
    char *name = strsep(&text, ":");
    return name && parse_kind(fault, name, text);
}

bool fault_add(struct fault_list *list, const char *spec, struct problem *why)
{
    char copy[64];
    struct fault fault;

    if (list->count == FAULT_LIST_MAX)
        return text_problem(why, "--fault: at most %d of them", FAULT_LIST_MAX);
    snprintf(copy, sizeof copy, "%s", spec);
    if (strlen(spec) >= sizeof copy || !parse(&fault, copy))
        return text_problem(why,
                            "--fault: \"%.60s\" is not [ins=HH:]N[+]:KIND[:ARGUMENT] with KIND one "
                            "of pull[:MS], pull-early[:MS], sw:XXXX, lie:XXXX, short:BYTES, "
                            "long:BYTES, noise[:BYTES], delay:MS (at most %d bytes)",
                            spec, FAULT_EXTRA_MAX);
    list->fault[list->count++] = fault;
    return true;
}

const struct fault *fault_strike(struct fault_list *list, const uint8_t *command, size_t len)
{
    const struct fault *found = NULL;

    for (size_t i = 0; i < list->count; i++) {
        struct fault *fault = &list->fault[i];
        if (fault->ins >= 0 && (len < 2 || command[1] != fault->ins))
            continue;
        fault->seen++;
        bool strikes = fault->onwards ? fault->seen >= fault->first : fault->seen == fault->first;
        if (strikes && !found)
            found = fault;
    }
    return found;
}

static size_t answer_sw(const struct fault *fault, uint8_t *response)
{
    response[0] = (uint8_t)(fault->argument >> 8);
    response[1] = (uint8_t)(fault->argument & 0xFF);
    return 2;
}

static size_t lengthen(const struct fault *fault, uint8_t *response, size_t len, size_t size)
{
    size_t extra = fault->argument;
    size_t data = len < 2 ? 0 : len - 2;

    if (extra > size - len)
        extra = size - len;
    memmove(response + data + extra, response + data, len - data);
    RAND_bytes(response + data, (int)extra);
    return len + extra;
}

static size_t make_noise(const struct fault *fault, uint8_t *response, size_t len, size_t size)
{
    if (fault->has_argument)
        len = fault->argument < size ? fault->argument : size;
    RAND_bytes(response, (int)len);
    return len;
}

size_t fault_spoil(const struct fault *fault, uint8_t *response, size_t len, size_t size)
{
    switch (fault->kind) {
    case FAULT_SW:
    case FAULT_LIE:
        return answer_sw(fault, response);
    case FAULT_SHORT:
        return fault->argument < len ? fault->argument : len;
    case FAULT_LONG:
        return lengthen(fault, response, len, size);
    case FAULT_NOISE:
        return make_noise(fault, response, len, size);
    case FAULT_NONE:
    case FAULT_PULL:
    case FAULT_PULL_EARLY:
    case FAULT_DELAY:
        break;
    }
    return len;
}

const char *fault_name(const struct fault *fault)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].kind == fault->kind)
            return kinds[i].name;
    return "none";
}

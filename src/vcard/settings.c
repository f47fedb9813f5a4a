/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/settings.h"

#include <stdlib.h>
#include <string.h>

enum kind { YES_NO, TEXT, ATR, TIME };

struct key {
    const char *name;
    enum kind kind;
    size_t offset;
    size_t size; /* of a text, with its terminator */
    const char *help;
};

#define FIELD(name) offsetof(struct settings, name)

static const struct key keys[] = {
    {"label", TEXT, FIELD(label), 33, "EF 0006: token label, up to 32 characters"},
    {"model", TEXT, FIELD(model), 17, "EF 0006: model, up to 16 characters"},
    {"serial", TEXT, FIELD(serial), 17, "EF 0006: serial number, up to 16 characters"},
    {"atr", ATR, FIELD(atr), 0, "answer to reset, hexadecimal"},
    {"auth-cert-pin", YES_NO, FIELD(auth_cert_pin), 0,
     "authentication certificate behind its PIN, as on a telephone"},
    {"sign-cert", YES_NO, FIELD(sign_cert), 0, "there is a signature certificate"},
    {"sign-cert-ef", YES_NO, FIELD(sign_cert_ef), 0,
     "without one: EF 0001 exists and is empty (no: 6A82)"},
    {"other-apps", YES_NO, FIELD(other_apps), 0, "the applications beside JPKI can be selected"},
    {"sfi", YES_NO, FIELD(sfi), 0, "short EF identifiers work"},
    {"pss", YES_NO, FIELD(pss), 0, "PSS signatures (P1=04, 05) work"},
    {"pss-as-pkcs1", YES_NO, FIELD(pss_as_pkcs1), 0,
     "PSS commands give PKCS#1 signatures: a lying card"},
    {"isd", YES_NO, FIELD(isd), 0, "the issuer security domain can be selected"},
    {"ignore-isd", YES_NO, FIELD(ignore_isd), 0, "selecting it keeps the login: a hostile chip"},
    {"old-lock", YES_NO, FIELD(old_lock), 0,
     "retry query of a locked PIN answers 63C0 instead of 6984"},
    {"first-6f00", YES_NO, FIELD(first_6f00), 0, "first command after power-up answers 6F00"},
    {"warm-reset-clears", YES_NO, FIELD(warm_reset_clears), 0, "a warm reset ends the login"},
    {"extended", YES_NO, FIELD(extended), 0, "READ BINARY takes an extended Le"},
    {"check", YES_NO, FIELD(check), 0, "refuse damaged certificate files"},
    {"delay-apdu", TIME, FIELD(delay_apdu_us), 0, "milliseconds per command"},
    {"delay-byte", TIME, FIELD(delay_byte_us), 0, "milliseconds per byte, both directions"},
    {"delay-sign", TIME, FIELD(delay_sign_us), 0, "milliseconds per signature"},
};
#define KEYS (sizeof keys / sizeof *keys)

void settings_init(struct settings *settings)
{
    /* The ATR that a current card in a contact reader was seen with; OpenSC knows it too. */
    static const uint8_t atr[] = {0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14};

    *settings = (struct settings){.label = "JPKIAPICCTOKEN2",
                                  .model = "E16R01NJ",
                                  .serial = "0000000099000001",
                                  .atr_len = sizeof atr,
                                  .sign_cert = true,
                                  .sign_cert_ef = true,
                                  .other_apps = true,
                                  .sfi = true,
                                  .pss = true,
                                  .isd = true,
                                  .check = true};
    memcpy(settings->atr, atr, sizeof atr);
}

void settings_smartphone(struct settings *settings)
{
    /* Public observation: label and PIN rule differ, the kenmen applications are not there. */
    snprintf(settings->label, sizeof settings->label, "JPKIAPGPSETOKEN");
    settings->auth_cert_pin = true;
    settings->other_apps = false;
}

bool settings_slow(struct settings *settings, const char *preset)
{
    static const struct {
        const char *name;
        uint64_t apdu, byte, sign;
    } presets[] = {
        {"none", 0, 0, 0}, {"contactless", 15000, 100, 350000}, {"contact", 10000, 1000, 600000}};

    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        if (strcmp(presets[i].name, preset))
            continue;
        settings->delay_apdu_us = presets[i].apdu;
        settings->delay_byte_us = presets[i].byte;
        settings->delay_sign_us = presets[i].sign;
        return true;
    }
    return false;
}

static bool set_text(char *field, const struct key *key, const char *value, struct problem *why)
{
    size_t len = strlen(value);

    for (size_t i = 0; i < len; i++)
        if (value[i] < 0x20 || value[i] > 0x7E)
            return text_problem(why, "%s: use printable ASCII characters only", key->name);
    if (len >= key->size)
        return text_problem(why, "%s: \"%s\" is too long, at most %zu characters fit", key->name,
                            value, key->size - 1);
    memcpy(field, value, len + 1);
    return true;
}

static bool set_atr(struct settings *settings, const char *value, struct problem *why)
{
    uint8_t atr[SETTINGS_ATR_MAX] = {0};
    size_t len;

    /* TS and T0 are the least; the rest may be as odd as the tests want it. */
    if (!text_hex(value, atr, sizeof atr, &len) || len < 2)
        return text_problem(why, "atr: \"%s\" is not 2 to %d bytes in hexadecimal", value,
                            SETTINGS_ATR_MAX);
    memcpy(settings->atr, atr, sizeof atr);
    settings->atr_len = len;
    return true;
}

static bool set_yes_no(bool *field, const struct key *key, const char *value, struct problem *why)
{
    if (strcmp(value, "yes") && strcmp(value, "no"))
        return text_problem(why, "%s: \"%s\" is neither yes nor no", key->name, value);
    *field = !strcmp(value, "yes");
    return true;
}

static const struct key *find(const char *name)
{
    for (size_t i = 0; i < KEYS; i++)
        if (!strcmp(keys[i].name, name))
            return &keys[i];
    return NULL;
}

static bool set_unknown(const char *name, struct problem *why)
{
    char list[512] = "";
    size_t used = 0;

    for (size_t i = 0; i < KEYS && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, " %s", keys[i].name);
    return text_problem(why, "unknown key \"%s\"; known are:%s", name, list);
}

bool settings_set(struct settings *settings, const char *name, const char *value,
                  struct problem *why)
{
    const struct key *key = find(name);

    if (!key)
        return set_unknown(name, why);
    void *field = (char *)settings + key->offset;
    switch (key->kind) {
    case YES_NO:
        return set_yes_no(field, key, value, why);
    case TEXT:
        return set_text(field, key, value, why);
    case ATR:
        return set_atr(settings, value, why);
    case TIME:
        if (text_milliseconds(value, field))
            return true;
        return text_problem(why, "%s: \"%s\" is no time; give milliseconds such as 15 or 0.1",
                            key->name, value);
    }
    return false;
}

bool settings_parse(struct settings *settings, char *text, const char *path, struct problem *why)
{
    char *line, *key, *value;

    for (unsigned number = 1; (line = text_line(&text)); number++) {
        struct problem detail;

        if (!*line || *line == '#')
            continue;
        if (!text_pair(line, &key, &value))
            return text_problem(why, "%s:%u: write \"key = value\" or start the line with #", path,
                                number);
        if (!settings_set(settings, key, value, &detail))
            return text_problem(why, "%s:%u: %.500s", path, number, detail.text);
    }
    return true;
}

static void print_value(FILE *out, const struct settings *settings, const struct key *key)
{
    const void *field = (const char *)settings + key->offset;
    char hex[2 * SETTINGS_ATR_MAX + 1];
    uint64_t us = 0;

    switch (key->kind) {
    case YES_NO:
        fputs(*(const bool *)field ? "yes" : "no", out);
        break;
    case TEXT:
        fputs(field, out);
        break;
    case ATR:
        text_to_hex(settings->atr, settings->atr_len, hex);
        fputs(hex, out);
        break;
    case TIME:
        us = *(const uint64_t *)field;
        fprintf(out, "%llu.%03llu", (unsigned long long)(us / 1000),
                (unsigned long long)(us % 1000));
        break;
    }
}

char *settings_print(const struct settings *settings)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fputs("# A virtual My Number Card of a fictitious person, made by jpki-vcard.\n"
          "# Takes effect at the next \"jpki-vcard run\".\n",
          out);
    for (size_t i = 0; i < KEYS; i++) {
        fprintf(out, "\n# %s\n%s = ", keys[i].help, keys[i].name);
        print_value(out, settings, &keys[i]);
        fputc('\n', out);
    }
    bool bad = ferror(out);
    if (fclose(out) || bad) {
        free(text);
        return NULL;
    }
    return text;
}

void settings_help(FILE *out)
{
    for (size_t i = 0; i < KEYS; i++)
        fprintf(out, "  %-18s %s\n", keys[i].name, keys[i].help);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/cmd.h"

#include <stdio.h>
#include <string.h>

#include "vcard/args.h"
#include "vcard/issue.h"

/* An option that sets one key of card.conf, to a fixed value or to the option's. */
static bool set_key(void *context, const struct args_option *option, const char *value,
                    struct problem *why)
{
    struct issue *issue = context;

    return settings_set(&issue->settings, option->key, option->fixed ? option->fixed : value, why);
}

static bool set_any_key(void *context, const struct args_option *option, const char *value,
                        struct problem *why)
{
    struct issue *issue = context;
    char copy[256], *key, *text;

    snprintf(copy, sizeof copy, "%s", value);
    if (strlen(value) >= sizeof copy || !text_pair(copy, &key, &text))
        return text_problem(why, "--%s: give KEY=VALUE", option->name);
    return settings_set(&issue->settings, key, text, why);
}

static bool set_name(void *context, const struct args_option *option, const char *value,
                     struct problem *why)
{
    (void)option;
    (void)why;
    ((struct issue *)context)->person.name = value;
    return true;
}

static bool set_address(void *context, const struct args_option *option, const char *value,
                        struct problem *why)
{
    (void)option;
    (void)why;
    ((struct issue *)context)->person.address = value;
    return true;
}

static bool set_place(void *context, const struct args_option *option, const char *value,
                      struct problem *why)
{
    struct person *person = &((struct issue *)context)->person;

    (void)why;
    if (!strcmp(option->name, "municipality"))
        person->municipality = value;
    else if (!strcmp(option->name, "prefecture"))
        person->prefecture = value;
    else
        person->code = value;
    return true;
}

static bool set_sex(void *context, const struct args_option *option, const char *value,
                    struct problem *why)
{
    (void)option;
    if (person_set_sex(&((struct issue *)context)->person, value))
        return true;
    return text_problem(why, "--sex: give male, female or other (or 1, 2, 3, 9), not \"%.40s\"",
                        value);
}

static bool set_date(void *context, const struct args_option *option, const char *value,
                     struct problem *why)
{
    struct issue *issue = context;
    struct date date;

    if (!date_parse(value, &date))
        return text_problem(why, "--%s: \"%.40s\" is no day; write it as YYYYMMDD", option->name,
                            value);
    if (!strcmp(option->name, "birth")) {
        issue->person.birth = date;
        issue->birth_given = true;
    } else if (!strcmp(option->name, "not-before")) {
        issue->from = date;
    } else {
        issue->to = date;
    }
    return true;
}

static bool set_age(void *context, const struct args_option *option, const char *value,
                    struct problem *why)
{
    (void)value;
    (void)why;
    ((struct issue *)context)->age =
        !strcmp(option->name, "expired") ? ISSUE_EXPIRED : ISSUE_EXPIRING;
    return true;
}

static bool set_pin(void *context, const struct args_option *option, const char *value,
                    struct problem *why)
{
    struct issue *issue = context;

    return state_issue(&issue->state, !strcmp(option->name, "pin-auth") ? PIN_AUTH : PIN_SIGN,
                       value, why);
}

static bool set_slow(void *context, const struct args_option *option, const char *value,
                     struct problem *why)
{
    (void)option;
    if (settings_slow(&((struct issue *)context)->settings, value))
        return true;
    return text_problem(why, "--slow: give contactless, contact or none, not \"%.40s\"", value);
}

static bool set_smartphone(void *context, const struct args_option *option, const char *value,
                           struct problem *why)
{
    (void)option;
    (void)value;
    (void)why;
    settings_smartphone(&((struct issue *)context)->settings);
    return true;
}

static bool set_force(void *context, const struct args_option *option, const char *value,
                      struct problem *why)
{
    (void)option;
    (void)value;
    (void)why;
    ((struct issue *)context)->force = true;
    return true;
}

static bool set_keys(void *context, const struct args_option *option, const char *value,
                     struct problem *why)
{
    (void)option;
    (void)why;
    ((struct issue *)context)->keys = value;
    return true;
}

/* clang-format off */
static const struct args_option options[] = {
    {"force", NULL, "replace the card that is in DIR", set_force, NULL, NULL},
    {"keys", "FOLDER", "the keys of the card in FOLDER, not new ones", set_keys, NULL, NULL},
    {"name", "TEXT", "name, surname first (UTF-8)", set_name, NULL, NULL},
    {"sex", "SEX", "male, female, other", set_sex, NULL, NULL},
    {"birth", "YYYYMMDD", "day of birth", set_date, NULL, NULL},
    {"address", "TEXT", "address, up to 200 characters (UTF-8)", set_address, NULL, NULL},
    {"municipality", "LATIN", "e.g. Shiken-shi", set_place, NULL, NULL},
    {"prefecture", "LATIN", "e.g. Kakuu-ken", set_place, NULL, NULL},
    {"municipality-code", "DIGITS", "five digits", set_place, NULL, NULL},
    {"not-before", "YYYYMMDD", "first day of the certificates", set_date, NULL, NULL},
    {"not-after", "YYYYMMDD", "last day (default: the fifth birthday)", set_date, NULL, NULL},
    {"expired", NULL, "certificates that have ended", set_age, NULL, NULL},
    {"expiring", NULL, "certificates that end in twenty days", set_age, NULL, NULL},
    {"pin-auth", "PIN", "four digits (default 1234)", set_pin, NULL, NULL},
    {"pin-sign", "PIN", "6 to 16 of A-Z, 0-9 (default ABC123)", set_pin, NULL, NULL},
    {"no-sign-cert", NULL, "no signature certificate and key", set_key, "sign-cert", "no"},
    {"no-sign-cert-ef", NULL, "with it: EF 0001 is missing, not empty", set_key, "sign-cert-ef", "no"},
    {"smartphone", NULL, "a telephone's JPKI: label, PIN before certificate", set_smartphone, NULL, NULL},
    {"no-sfi", NULL, "no short EF identifiers", set_key, "sfi", "no"},
    {"no-pss", NULL, "no PSS signatures", set_key, "pss", "no"},
    {"pss-as-pkcs1", NULL, "a card whose PSS signatures are PKCS#1", set_key, "pss-as-pkcs1", "yes"},
    {"no-isd", NULL, "issuer security domain not found (6A82)", set_key, "isd", "no"},
    {"ignore-isd", NULL, "selecting it does not end the login", set_key, "ignore-isd", "yes"},
    {"old-lock", NULL, "retry query of a locked PIN: 63C0, not 6984", set_key, "old-lock", "yes"},
    {"first-6f00", NULL, "first command after power-up fails", set_key, "first-6f00", "yes"},
    {"warm-reset-clears", NULL, "a warm reset ends the login", set_key, "warm-reset-clears", "yes"},
    {"extended", NULL, "READ BINARY takes an extended Le", set_key, "extended", "yes"},
    {"slow", "PRESET", "contactless, contact or none", set_slow, NULL, NULL},
    {"delay-apdu", "MS", "milliseconds per command", set_key, "delay-apdu", NULL},
    {"delay-byte", "MS", "per byte, e.g. 0.1", set_key, "delay-byte", NULL},
    {"delay-sign", "MS", "per signature", set_key, "delay-sign", NULL},
    {"label", "TEXT", "EF 0006: label", set_key, "label", NULL},
    {"model", "TEXT", "EF 0006: model", set_key, "model", NULL},
    {"serial", "TEXT", "EF 0006: serial number", set_key, "serial", NULL},
    {"atr", "HEX", "answer to reset", set_key, "atr", NULL},
    {"set", "KEY=VALUE", "any key of card.conf", set_any_key, NULL, NULL},
};
/* clang-format on */

static void more_help(FILE *out)
{
    fputs("\nkeys of card.conf:\n", out);
    settings_help(out);
}

int cmd_new(int argc, char **argv)
{
    static const struct args_command command = {
        "new",
        "Makes the card of a fictitious person in DIR: keys, certificates of invented\n"
        "authorities (auth.pem, auth-ca.pem, sign.pem, sign-ca.pem), card.conf and state.",
        options, sizeof options / sizeof *options, more_help};
    struct issue issue;
    struct problem why;
    const char *dir;

    issue_init(&issue);
    enum args_result result = args_parse(&command, argc, argv, &issue, &dir);
    if (result != ARGS_RUN)
        return result == ARGS_HELP ? ARGS_EXIT_OK : ARGS_EXIT_USAGE;
    if (issue_card(&issue, dir, &why))
        return ARGS_EXIT_OK;
    args_complain(why.text);
    return ARGS_EXIT_FAILED;
}

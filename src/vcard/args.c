/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/args.h"

#include <string.h>

void args_complain(const char *text)
{
    fprintf(stderr, "jpki-vcard: %s\n", text);
}

static void print_help(const struct args_command *command)
{
    printf("usage: jpki-vcard %s DIR [option]...\n\n%s\n\noptions:\n", command->name,
           command->summary);
    for (size_t i = 0; i < command->count; i++) {
        const struct args_option *option = &command->options[i];
        char left[64];

        snprintf(left, sizeof left, "--%s%s%s", option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        printf("  %-28s %s\n", left, option->help);
    }
    printf("  %-28s %s\n", "--help", "this text");
    if (command->more_help)
        command->more_help(stdout);
}

static const struct args_option *find(const struct args_command *command, const char *name,
                                      size_t len)
{
    for (size_t i = 0; i < command->count; i++)
        if (strlen(command->options[i].name) == len &&
            !strncmp(command->options[i].name, name, len))
            return &command->options[i];
    return NULL;
}

/* One option at ARGV[*AT]; *AT is moved over its value. */
static bool parse_option(const struct args_command *command, int argc, char **argv, int *at,
                         void *context, struct problem *why)
{
    const char *name = argv[*at] + 2;
    const char *equals = strchr(name, '=');
    const char *value = equals ? equals + 1 : NULL;
    const struct args_option *option =
        find(command, name, equals ? (size_t)(equals - name) : strlen(name));

    if (!option)
        return text_problem(why, "unknown option %.60s", argv[*at]);
    if (!option->value && value)
        return text_problem(why, "--%s takes no value", option->name);
    if (option->value && !value) {
        if (*at + 1 >= argc)
            return text_problem(why, "--%s needs a value (%s)", option->name, option->value);
        value = argv[++*at];
    }
    return option->set(context, option, value, why);
}

static bool parse(const struct args_command *command, int argc, char **argv, void *context,
                  const char **dir, struct problem *why)
{
    for (int at = 1; at < argc; at++) {
        if (!strncmp(argv[at], "--", 2)) {
            if (!parse_option(command, argc, argv, &at, context, why))
                return false;
        } else if (argv[at][0] == '-') {
            return text_problem(why, "unknown option %.60s; options start with two dashes",
                                argv[at]);
        } else if (*dir) {
            return text_problem(why, "one folder only, not both %.60s and %.60s", *dir, argv[at]);
        } else {
            *dir = argv[at];
        }
    }
    if (!*dir || !**dir)
        return text_problem(why, "give the folder of the card");
    return true;
}

enum args_result args_parse(const struct args_command *command, int argc, char **argv,
                            void *context, const char **dir)
{
    struct problem why;

    *dir = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help")) {
            print_help(command);
            return ARGS_HELP;
        }
    }
    if (parse(command, argc, argv, context, dir, &why))
        return ARGS_RUN;
    args_complain(why.text);
    fprintf(stderr, "Try \"jpki-vcard %s --help\".\n", command->name);
    return ARGS_BAD;
}

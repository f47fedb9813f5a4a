/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Command lines: "jpki-vcard COMMAND DIR [--option [VALUE]]...", from a table of options.
 */
#ifndef JPKI_VCARD_ARGS_H
#define JPKI_VCARD_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "vcard/text.h"

#define ARGS_EXIT_OK 0
#define ARGS_EXIT_FAILED 1
#define ARGS_EXIT_USAGE 2

struct args_option {
    const char *name;  /* without the dashes */
    const char *value; /* its name in the help; NULL: the option takes none */
    const char *help;
    /* Called with the command's context and VALUE (NULL without one). */
    bool (*set)(void *context, const struct args_option *option, const char *value,
                struct problem *why);
    const char *key; /* for SET, as it likes */
    const char *fixed;
};

struct args_command {
    const char *name;
    const char *summary; /* a sentence */
    const struct args_option *options;
    size_t count;
    void (*more_help)(FILE *out); /* may be NULL */
};

enum args_result {
    ARGS_RUN,  /* go on with the command */
    ARGS_HELP, /* help was printed: exit code 0 */
    ARGS_BAD   /* the mistake was printed: exit code 2 */
};

/* ARGV[0] is the command's name. DIR is the one argument that is no option. */
enum args_result args_parse(const struct args_command *command, int argc, char **argv,
                            void *context, const char **dir);

/* Prints "jpki-vcard: TEXT" to standard error. */
void args_complain(const char *text);

#endif

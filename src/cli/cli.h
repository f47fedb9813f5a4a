/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki, the holder's command. What all of its commands share: exit codes, messages, options.
 */
#ifndef JPKI_CLI_CLI_H
#define JPKI_CLI_CLI_H

#include <libintl.h>
#include <stdbool.h>
#include <stddef.h>

/* A text in the holder's language; N_ only marks one that is translated where it is used. */
#define _(text) gettext(text)
#define N_(text) text

/* Exit codes, for scripts: they keep their meaning. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,      /* the message says what to do */
    CLI_USAGE = 2,       /* the command line makes no sense */
    CLI_NO_CARD = 3,     /* no service, no reader, no card, or not one of ours */
    CLI_PIN_REFUSED = 4, /* not the PIN, or none was typed */
    CLI_PIN_LOCKED = 5   /* no tries are left, or only those that are kept */
};

struct cli_command {
    const char *name;
    const char *operands; /* for the first line of the help; "" for none */
    const char *summary;  /* a sentence, N_() */
    int (*run)(const struct cli_command *self, int argc, char **argv);
};

int cmd_cert(const struct cli_command *self, int argc, char **argv);
int cmd_config(const struct cli_command *self, int argc, char **argv);
int cmd_doctor(const struct cli_command *self, int argc, char **argv);
int cmd_history(const struct cli_command *self, int argc, char **argv);
int cmd_list(const struct cli_command *self, int argc, char **argv);
int cmd_pin(const struct cli_command *self, int argc, char **argv);
int cmd_setup(const struct cli_command *self, int argc, char **argv);
int cmd_sign(const struct cli_command *self, int argc, char **argv);
int cmd_status(const struct cli_command *self, int argc, char **argv);
int cmd_verify(const struct cli_command *self, int argc, char **argv);
int cmd_watch(const struct cli_command *self, int argc, char **argv);

/* Prints "jpki: TEXT" and a newline on standard error. */
__attribute__((format(printf, 1, 2))) void cli_complain(const char *format, ...);

/* ---- options (option.c) ---- */

/* One option of a command. Exactly one of FLAG and TEXT is set: an option without and with value.
 */
struct cli_option {
    const char *name;  /* without the dashes */
    const char *value; /* the name of the value in the help, N_(); NULL: none */
    const char *help;  /* N_() */
    bool *flag;
    const char **text; /* points into ARGV afterwards */
};

/* How many options there are in an array of them. */
#define CLI_COUNT(options) (sizeof(options) / sizeof(*(options)))

/*
 * Reads the options of a command line, ARGV[0] being the command's name, and moves the operands to
 * the end. No abbreviations; the same option with two values is refused. True: go on, with the
 * operands from ARGV[*FIRST] on, which are at least MIN and at most MAX. False: the command ends
 * with *EXIT; help or a complaint was printed.
 */
bool cli_options(const struct cli_command *self, const struct cli_option *options, size_t count,
                 int argc, char **argv, int min, int max, int *first, int *code);

#endif

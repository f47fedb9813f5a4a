/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The command line of a command, by getopt_long(3); the messages are ours. It takes abbreviations,
 * which we do not: a script with one would break at the next option that begins alike.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "support/nearest.h"

#define OPTIONS_MAX 12
#define FIRST_OPTION 0x100 /* what getopt_long(3) returns for it: no letter */

static void print_usage(const struct cli_command *self, FILE *out)
{
    fprintf(out, _("usage: jpki %s"), self->name);
    if (self->operands[0] != '\0')
        fprintf(out, " %s", self->operands);
    fprintf(out, _(" [OPTION]...\n"));
}

static void print_help(const struct cli_command *self, const struct cli_option *options,
                       size_t count)
{
    print_usage(self, stdout);
    printf("\n%s\n\n", _(self->summary));
    for (size_t i = 0; i < count; i++) {
        char left[40];
        if (options[i].value != NULL)
            snprintf(left, sizeof(left), "--%s %s", options[i].name, _(options[i].value));
        else
            snprintf(left, sizeof(left), "--%s", options[i].name);
        fputs("  ", stdout);
        print_padded(left, 18);
        puts(_(options[i].help));
    }
    fputs("  ", stdout);
    print_padded("--help", 18);
    puts(_("print this"));
}

/* NEAR is what WORD may have been meant to be; NULL: whatever resembles it. */
static void unknown(const struct cli_command *self, const struct cli_option *options, size_t count,
                    const char *word, const char *near)
{
    const char *names[OPTIONS_MAX + 1] = {"help"};
    size_t dashes = strspn(word, "-");
    for (size_t i = 0; i < count; i++)
        names[i + 1] = options[i].name;
    if (near == NULL)
        near = nearest(word + dashes, names, count + 1);
    if (near != NULL)
        cli_complain(_("%s has no option \"%.60s\"; did you mean \"--%s\"?"), self->name, word,
                     near);
    else
        cli_complain(_("%s has no option \"%.60s\"; \"jpki %s --help\" lists them"), self->name,
                     word, self->name);
}

/* Whether WORD of the command line is this option, written in full. */
static bool is_whole(const char *word, const char *name)
{
    size_t len = strcspn(word, "=");
    return strncmp(word, "--", 2) == 0 && len == strlen(name) + 2 &&
           strncmp(word + 2, name, len - 2) == 0;
}

/* The first of two values would be forgotten, and it may be the one that was meant. */
static bool take_value(const struct cli_option *option)
{
    if (*option->text != NULL && strcmp(*option->text, optarg) != 0) {
        cli_complain(
            _("--%s is there twice, with \"%.60s\" and with \"%.60s\"; which one is meant?"),
            option->name, *option->text, optarg);
        return false;
    }
    *option->text = optarg;
    return true;
}

/* Whether getopt_long(3) has stopped at a letter that stands in the word after WORD: one of
 * several, like "-xy", is counted only after its last. */
static bool is_in_next(const char *word)
{
    bool letter = optopt != 0 && optopt < FIRST_OPTION;
    return letter && (word[0] != '-' || word[1] == '-' || strchr(word + 1, optopt) == NULL);
}

/* Whether what getopt_long(3) has FOUND is one of ROWS, in full and with its value. Complains if
 * not. */
static bool is_right(const struct cli_command *self, const struct cli_option *options, size_t count,
                     const struct option *rows, int found, char **argv)
{
    int row = (found == ':' ? optopt : found) - FIRST_OPTION;
    bool separate = optarg != NULL && optarg == argv[optind - 1]; /* a word after the option's */
    const char *word = argv[optind - (separate ? 2 : 1)];
    if (found == '?' && is_in_next(word))
        word = argv[optind];
    if (row < 0 || !is_whole(word, rows[row].name)) {
        unknown(self, options, count, word, row < 0 ? NULL : rows[row].name);
        return false;
    }
    if (found == ':')
        cli_complain(_("%s wants a value; \"jpki %s --help\" tells more"), word, self->name);
    return found != ':';
}

/* False: it makes no sense. */
static bool take(const struct cli_option *option)
{
    if (option->text != NULL)
        return take_value(option);
    *option->flag = true;
    return true;
}

static void fill(const struct cli_option *options, size_t count, struct option *rows)
{
    memset(rows, 0, (OPTIONS_MAX + 2) * sizeof(*rows));
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct option){.name = options[i].name,
                                  .has_arg = options[i].text != NULL,
                                  .val = (int)i + FIRST_OPTION};
    rows[count] = (struct option){.name = "help", .val = (int)count + FIRST_OPTION};
}

bool cli_options(const struct cli_command *self, const struct cli_option *options, size_t count,
                 int argc, char **argv, int min, int max, int *first, int *code)
{
    struct option rows[OPTIONS_MAX + 2];
    int found;
    fill(options, count, rows);
    opterr = 0;
    *code = CLI_USAGE;
    while ((found = getopt_long(argc, argv, ":h", rows, NULL)) != -1) {
        if (found != 'h' && !is_right(self, options, count, rows, found, argv))
            return false;
        if (found == 'h' || found == (int)count + FIRST_OPTION) {
            print_help(self, options, count);
            *code = CLI_OK;
            return false;
        }
        if (!take(&options[found - FIRST_OPTION]))
            return false;
    }
    *first = optind;
    if (argc - optind < min || argc - optind > max) {
        print_usage(self, stderr);
        return false;
    }
    return true;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The command line of a command, by getopt_long(3); the messages are ours.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "support/nearest.h"

#define OPTIONS_MAX 12

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

static void unknown(const struct cli_command *self, const struct cli_option *options, size_t count,
                    const char *word)
{
    const char *names[OPTIONS_MAX + 1] = {"help"};
    size_t dashes = strspn(word, "-");
    for (size_t i = 0; i < count; i++)
        names[i + 1] = options[i].name;
    const char *near = nearest(word + dashes, names, count + 1);
    if (near != NULL)
        cli_complain(_("%s has no option \"%.60s\"; did you mean \"--%s\"?"), self->name, word,
                     near);
    else
        cli_complain(_("%s has no option \"%.60s\"; \"jpki %s --help\" lists them"), self->name,
                     word, self->name);
}

/* What getopt_long(3) returned for one option. False: it makes no sense. */
static bool take(const struct cli_command *self, const struct cli_option *options, size_t count,
                 int found, char **argv)
{
    if (found == ':') {
        cli_complain(_("%s wants a value; \"jpki %s --help\" tells more"), argv[optind - 1],
                     self->name);
        return false;
    }
    if (found < 0x100) {
        unknown(self, options, count, argv[optind - 1]);
        return false;
    }
    const struct cli_option *option = &options[found - 0x100];
    if (option->flag != NULL)
        *option->flag = true;
    else
        *option->text = optarg;
    return true;
}

static void fill(const struct cli_option *options, size_t count, struct option *rows)
{
    memset(rows, 0, (OPTIONS_MAX + 2) * sizeof(*rows));
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct option){
            .name = options[i].name, .has_arg = options[i].text != NULL, .val = (int)i + 0x100};
    rows[count] = (struct option){.name = "help", .val = 'h'};
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
        if (found == 'h') {
            print_help(self, options, count);
            *code = CLI_OK;
            return false;
        }
        if (!take(self, options, count, found, argv))
            return false;
    }
    *first = optind;
    if (argc - optind < min || argc - optind > max) {
        print_usage(self, stderr);
        return false;
    }
    return true;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The command line of a command, by getopt_long(3); the messages are ours.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"

#define OPTIONS_MAX 12
#define LONGEST 24 /* letters of a word that is compared */

/* Steps from A to B: letters left out, added or exchanged (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST + 1];
    size_t len = strlen(b);
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < len; j++) {
            size_t steps = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            if (steps > row[j] + 1)
                steps = row[j] + 1;
            if (steps > diagonal + 1)
                steps = diagonal + 1;
            row[j + 1] = steps;
        }
    }
    return row[len];
}

const char *cli_nearest(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t least = strlen(word) / 2 + 1; /* half of it must be right */
    if (strlen(word) > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) <= LONGEST && distance(word, words[i]) < least) {
            least = distance(word, words[i]);
            best = words[i];
        }
    return best;
}

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
    const char *nearest = cli_nearest(word + dashes, names, count + 1);
    if (nearest != NULL)
        cli_complain(_("%s has no option \"%.60s\"; did you mean \"--%s\"?"), self->name, word,
                     nearest);
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

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki-vcard: a virtual My Number Card of a fictitious person, for vpcd's virtual reader.
 */
#include <stdio.h>
#include <string.h>

#include "vcard/args.h"
#include "vcard/cmd.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"new", cmd_new, "make the card of a fictitious person in a folder"},
    {"run", cmd_run, "put the card into a virtual reader (vpcd) until it is taken out"},
    {"status", cmd_status, "show what kind of card it is and the tries left"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static void print_usage(FILE *out)
{
    fputs("usage: jpki-vcard COMMAND DIR [option]...\n\n"
          "A My Number Card of an invented person, for the virtual reader of pcscd (vpcd).\n"
          "It behaves as a real one does, and is worth nothing: never give it real PINs.\n\n"
          "commands:\n",
          out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\noptions:\n"
          "  --help     this text; after a command: its options\n"
          "  --version  the version\n"
          "\nfrom nothing to a card in the first virtual reader, with the PINs 1234 and ABC123:\n"
          "  jpki-vcard new card\n"
          "  jpki-vcard run card &\n"
          "\nexit codes: 0 done, 1 failed, 2 the command line makes no sense\n"
          "The manual page jpki-vcard(1) tells more.\n",
          out);
}

int main(int argc, char **argv)
{
    if (argc >= 2 && !strcmp(argv[1], "--help")) {
        print_usage(stdout);
        return ARGS_EXIT_OK;
    }
    if (argc >= 2 && !strcmp(argv[1], "--version")) {
        puts("jpki-vcard " JPKI_VERSION);
        return ARGS_EXIT_OK;
    }
    for (size_t i = 0; argc >= 2 && i < COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    if (argc >= 2)
        fprintf(stderr, "jpki-vcard: unknown command %.60s\n", argv[1]);
    print_usage(stderr);
    return ARGS_EXIT_USAGE;
}

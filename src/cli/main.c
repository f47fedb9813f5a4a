/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki: what the holder of a card wants to know and to do, in his language.
 */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "support/nearest.h"

static const struct cli_command commands[] = {
    {"status", "", N_("Shows how the card stands. Asks for no PIN and spends no try."), cmd_status},
    {"list", "", N_("Lists the keys on the cards, as other programs see them."), cmd_list},
    {"cert", "auth|sign|auth-ca|sign-ca", N_("Prints a certificate that is on the card."),
     cmd_cert},
    {"sign", "FILE", N_("Signs a file; the signature is a file of its own."), cmd_sign},
    {"verify", "FILE SIGNATURE", N_("Tells whether a signature is of a file, and whose."),
     cmd_verify},
    {"pin", "status|verify|change [auth|sign]",
     N_("Shows the tries left, checks a PIN, or changes it."), cmd_pin},
    {"history", "", N_("Shows what was done with the card, and by which program."), cmd_history},
    {"setup", "firefox|thunderbird|chromium|ssh SERVER...|openssl|p11-kit [PROGRAM...]|java",
     N_("Registers the module with a program, or takes that back."), cmd_setup},
    {"doctor", "", N_("Finds what is wrong, and says how to mend it."), cmd_doctor},
    {"watch", "", N_("Shows a notification on the desktop at each use of the card."), cmd_watch},
    {"config", "", N_("Shows the settings in force, and where each comes from."), cmd_config},
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void print_help(FILE *out)
{
    fprintf(out, _("usage: jpki COMMAND [OPTION]...\n\nCommands:\n"));
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, _(commands[i].summary));
    fprintf(out, _("\n\"jpki COMMAND --help\" tells more of a command.\n"));
}

static int unknown(const char *word)
{
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    const char *near = nearest(word, names, COMMANDS);
    if (near != NULL)
        cli_complain(_("there is no command \"%.60s\"; did you mean \"%s\"?"), word, near);
    else
        cli_complain(_("there is no command \"%.60s\"; \"jpki --help\" lists them"), word);
    return CLI_USAGE;
}

/* The configuration of OpenSSL may load our module into this very process, where it would be at the
 * card a second time; and what is said of a signature must not depend on the environment. */
static void leave_openssl_plain(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

/* What is opened next would take the place of a standard stream that the caller has closed, and get
 * what is meant for it: the connection to pcscd our output, the usage history our complaints.
 * Opened the wrong way round, using it still fails. */
static bool occupy_standard_streams(void)
{
    static const int ways[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", ways[fd]) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    if (!occupy_standard_streams())
        return CLI_FAILED;
    leave_openssl_plain();            /* before anything else uses it */
    setvbuf(stderr, NULL, _IOLBF, 0); /* a message is one write, whoever else writes there */
    setlocale(LC_ALL, "");
    bindtextdomain("jpki-pkcs11", JPKI_LOCALEDIR);
    textdomain("jpki-pkcs11");
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return print_end(CLI_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("jpki " JPKI_VERSION);
        return print_end(CLI_OK);
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return print_end(commands[i].run(&commands[i], argc - 1, argv + 1));
    return unknown(argv[1]);
}

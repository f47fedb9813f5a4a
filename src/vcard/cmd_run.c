/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vcard/args.h"
#include "vcard/session.h"
#include "vcard/store.h"

#define CHANGES_MAX 32
#define DAY 86400

struct run {
    struct session session;
    const char *log;
    const char *change[CHANGES_MAX]; /* KEY=VALUE */
    size_t changes;
};

static bool set_host(void *context, const struct args_option *option, const char *value,
                     struct problem *why)
{
    (void)option;
    (void)why;
    ((struct run *)context)->session.host = value;
    return true;
}

static bool set_port(void *context, const struct args_option *option, const char *value,
                     struct problem *why)
{
    unsigned long port;

    (void)option;
    if (!text_number(value, 65535, &port) || !port)
        return text_problem(why, "--port: give a number from 1 to 65535, not \"%.40s\"", value);
    ((struct run *)context)->session.port = value;
    return true;
}

static bool set_wait(void *context, const struct args_option *option, const char *value,
                     struct problem *why)
{
    (void)option;
    if (text_number(value, DAY, &((struct run *)context)->session.wait_seconds))
        return true;
    return text_problem(why, "--wait: give seconds, 0 to %d, not \"%.40s\"", DAY, value);
}

static bool set_log(void *context, const struct args_option *option, const char *value,
                    struct problem *why)
{
    (void)option;
    (void)why;
    ((struct run *)context)->log = value;
    return true;
}

static bool set_times(void *context, const struct args_option *option, const char *value,
                      struct problem *why)
{
    (void)option;
    (void)value;
    (void)why;
    ((struct run *)context)->session.times = true;
    return true;
}

static bool set_fault(void *context, const struct args_option *option, const char *value,
                      struct problem *why)
{
    (void)option;
    return fault_add(&((struct run *)context)->session.faults, value, why);
}

static bool set_change(void *context, const struct args_option *option, const char *value,
                       struct problem *why)
{
    struct run *run = context;

    (void)option;
    if (run->changes == CHANGES_MAX)
        return text_problem(why, "--set: at most %d of them", CHANGES_MAX);
    run->change[run->changes++] = value;
    return true;
}

static const struct args_option options[] = {
    {"host", "NAME", "where pcscd runs (default 127.0.0.1)", set_host, NULL, NULL},
    {"port", "NUMBER", "vpcd's: 35963 first reader (default), 35964 second", set_port, NULL, NULL},
    {"wait", "SECONDS", "for a reader that is not there yet (default 10)", set_wait, NULL, NULL},
    {"log", "FILE", "append commands and answers, PINs blanked", set_log, NULL, NULL},
    {"times", NULL, "and when the card was at work on each", set_times, NULL, NULL},
    {"fault", "SPEC", "make a command fail, see below", set_fault, NULL, NULL},
    {"set", "KEY=VALUE", "a key of card.conf, for this run only", set_change, NULL, NULL},
};

static void more_help(FILE *out)
{
    fputs("\nfaults, [ins=HH:]N[+]:KIND: the N-th command (with ins: of that instruction byte), "
          "with\n"
          "+ all later ones too. KIND is one of\n"
          "  pull[:MS]        executed, card out before the answer (back after MS milliseconds)\n"
          "  pull-early[:MS]  the same, not executed\n"
          "  sw:XXXX          not executed, this status word\n"
          "  lie:XXXX         executed, this status word and no data\n"
          "  short:K          answer cut to K bytes\n"
          "  long:K           K random bytes before the status word\n"
          "  noise[:K]        K random bytes instead of the answer\n"
          "  delay:MS         answer later by MS milliseconds\n"
          "\nsignals: SIGUSR1 card out, SIGUSR2 card in, SIGTERM or SIGINT end\n"
          "log lines: \"> COMMAND -> ANSWER\", \"= EVENT\", \"! FAULT\" (of the line before);\n"
          "with --times also \"@ BEGIN END\": when the card was at work, in microseconds\n",
          out);
}

/* Puts the --set options over card.conf. */
static bool override(struct settings *settings, void *context, struct problem *why)
{
    const struct run *run = context;
    char copy[256], *key, *value;

    for (size_t i = 0; i < run->changes; i++) {
        snprintf(copy, sizeof copy, "%s", run->change[i]);
        if (strlen(run->change[i]) >= sizeof copy || !text_pair(copy, &key, &value))
            return text_problem(why, "--set: give KEY=VALUE");
        if (!settings_set(settings, key, value, why))
            return false;
    }
    return true;
}

static bool run_card(struct run *run, const char *dir, struct problem *why)
{
    int claim;
    bool ok = store_claim(dir, &claim, why);

    if (ok)
        run->session.card = vcard_open(dir, override, run, why);
    ok = ok && run->session.card;
    if (ok && run->log) {
        run->session.log = trace_open(run->log, why);
        ok = run->session.log != NULL;
    }
    ok = ok && session_run(&run->session, why);
    if (run->session.log)
        fclose(run->session.log);
    vcard_free(run->session.card);
    store_release(claim);
    return ok;
}

int cmd_run(int argc, char **argv)
{
    static const struct args_command command = {
        "run", "Puts the card in DIR into a virtual reader (vpcd) until it is taken out.", options,
        sizeof options / sizeof *options, more_help};
    struct run *run = calloc(1, sizeof *run);
    struct problem why;
    const char *dir;

    if (!run) {
        args_complain("out of memory");
        return ARGS_EXIT_FAILED;
    }
    run->session.host = "127.0.0.1";
    run->session.port = "35963";
    run->session.wait_seconds = 10;
    enum args_result result = args_parse(&command, argc, argv, run, &dir);
    int code = result == ARGS_HELP ? ARGS_EXIT_OK : ARGS_EXIT_USAGE;
    if (result == ARGS_RUN) {
        bool ok = run_card(run, dir, &why);
        if (!ok)
            args_complain(why.text);
        code = ok ? ARGS_EXIT_OK : ARGS_EXIT_FAILED;
    }
    free(run);
    return code;
}

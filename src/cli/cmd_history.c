/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki history: what was done with the card, and by which program.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/past.h"
#include "cli/print.h"
#include "cli/report_json.h"
#include "cli/settings.h"

#define SHOWN 20 /* uses, unless more are asked for */

struct wish {
    bool follow, check, all, json;
    time_t since; /* -1: from the beginning */
};

/* Uses that are to be shown, the newest last. */
struct uses {
    struct past_line *lines;
    size_t count, room;
};

static bool keep(struct uses *uses, const struct past_line *line)
{
    if (uses->count == uses->room) {
        size_t room = uses->room == 0 ? 64 : uses->room * 2;
        struct past_line *more = realloc(uses->lines, room * sizeof(*more));
        if (more == NULL)
            return false;
        uses->lines = more;
        uses->room = room;
    }
    uses->lines[uses->count++] = *line;
    return true;
}

/* ---- as a table ---- */

static void print_use(const struct past_line *line)
{
    char when[PRINT_TIME];
    print_time(line->time, when);
    print_padded(when, 20);
    print_safe_padded(line->token, 5);
    print_safe_padded(past_operation_text(line->operation), 11);
    print_safe_padded(past_result_text(line->result), 12);
    print_safe(line->program[0] != '\0' ? line->program : "?");
    putchar('\n');
}

static void print_head(void)
{
    print_padded(_("TIME"), 20);
    print_padded(_("KEY"), 5);
    print_padded(_("USE"), 11);
    print_padded(_("RESULT"), 12);
    puts(_("PROGRAM"));
}

static void print_previous(const struct past_line *line)
{
    char when[PRINT_TIME], text[256];
    print_time(line->time, when);
    snprintf(text, sizeof(text), _("Previous use: %s, %s (%s)"), when,
             past_operation_text(line->operation), past_result_text(line->result));
    print_safe(text);
    fputs("\n\n", stdout);
}

static void print_table(const struct uses *uses, bool all)
{
    size_t shown = all || uses->count < SHOWN ? uses->count : SHOWN;
    if (uses->count == 0) {
        puts(_("No use is recorded."));
        return;
    }
    print_previous(&uses->lines[uses->count - 1]);
    print_head();
    for (size_t i = 0; i < shown; i++)
        print_use(&uses->lines[uses->count - 1 - i]);
    if (shown < uses->count)
        printf(_("(%zu older ones: jpki history --all)\n"), uses->count - shown);
}

/* ---- the jobs ---- */

static int unreadable(int why)
{
    cli_complain(_("the usage history cannot be read: %s"), strerror(why));
    return CLI_FAILED;
}

static bool wanted(const struct wish *wish, const struct past_line *line)
{
    return line->whole && (wish->since == -1 || line->time >= wish->since);
}

static int show_json(struct past *past, const struct wish *wish)
{
    struct past_line line;
    json_t *all = json_array();
    while (past_next(past, &line))
        if (wanted(wish, &line))
            report_json_add(&all, json_loads(line.text, 0, NULL));
    if (past_error(past) == 0)
        return report_json_print(all);
    json_decref(all); /* a part would pass for the whole */
    return CLI_FAILED;
}

static int show(struct past *past, const struct wish *wish)
{
    struct past_line line;
    struct uses uses = {0};
    bool ok = true;
    while (ok && past_next(past, &line))
        if (wanted(wish, &line))
            ok = keep(&uses, &line);
    if (ok && (uses.count > 0 || past_error(past) == 0))
        print_table(&uses, wish->all || wish->since != -1);
    else if (!ok)
        cli_complain(_("no memory is left"));
    free(uses.lines);
    return ok ? CLI_OK : CLI_FAILED;
}

/* A piece that broke off is explained by the next line, if that says so. */
static int check(struct past *past)
{
    struct past_line line;
    unsigned long broken = 0, faults = 0, count = 0;
    while (past_next(past, &line)) {
        if (broken != 0 && !line.mended) {
            printf(_("line %lu is damaged\n"), broken);
            faults++;
        }
        broken = line.whole ? 0 : line.number;
        if (line.whole && !line.follows) {
            printf(_("line %lu does not follow the line before it: one was changed or taken out\n"),
                   line.number);
            faults++;
        }
        count++;
    }
    if (broken != 0) {
        printf(_("line %lu is damaged\n"), broken);
        faults++;
    }
    if (past_error(past) != 0)
        return CLI_FAILED;
    if (past_unfinished(past))
        puts(_("the last line breaks off; the next use will mend it"));
    if (faults == 0)
        printf(_("%lu lines, each follows the one before\n"), count);
    return faults == 0 ? CLI_OK : CLI_FAILED;
}

static void show_use(void *context, const struct past_line *line)
{
    (void)context;
    print_use(line);
    fflush(stdout);
}

/* ---- the command ---- */

/* A day, or a day and a time, in local time. */
static bool parse_since(const char *text, time_t *since)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *end = strptime(text, forms[i], &tm);
        if (end != NULL && *end == '\0') {
            *since = mktime(&tm);
            return true;
        }
    }
    cli_complain(_("--since wants a day, or a day and a time: 2026-11-24, \"2026-11-24 18:30\""));
    return false;
}

static int explain_missing(int why)
{
    struct config config;
    bool ok = settings_load(&config, NULL);
    enum config_history target = config.history;
    config_clear(&config);
    if (why != ENOENT)
        return unreadable(why);
    if (ok && target == CONFIG_HISTORY_SYSLOG)
        puts(_("By the settings, uses go to the system log: journalctl -t jpki-pkcs11"));
    else if (ok && target == CONFIG_HISTORY_NO)
        puts(_("By the settings, no use is recorded."));
    else
        puts(_("No use is recorded."));
    return CLI_OK;
}

int cmd_history(const struct cli_command *self, int argc, char **argv)
{
    struct wish wish = {.since = -1};
    const char *since = NULL;
    const struct cli_option options[] = {
        {"all", NULL, N_("all uses, not only the last 20"), &wish.all, NULL},
        {"since", N_("DAY"), N_("those since a day: 2026-11-24"), NULL, &since},
        {"follow", NULL, N_("wait for new ones, until ^C"), &wish.follow, NULL},
        {"check", NULL, N_("look for changed and missing lines"), &wish.check, NULL},
        {"json", NULL, N_("print JSON, for programs"), &wish.json, NULL},
    };
    int first, code;
    if (!cli_options(self, options, CLI_COUNT(options), argc, argv, 0, 0, &first, &code))
        return code;
    if (wish.follow + wish.check + wish.json > 1) {
        cli_complain(_("choose one of --follow, --check and --json"));
        return CLI_USAGE;
    }
    if (since != NULL && !parse_since(since, &wish.since))
        return CLI_USAGE;
    if (wish.follow)
        return past_follow(_("Each use of the card will be shown. ^C ends this."), show_use, NULL);
    struct past *past = past_open();
    if (past == NULL)
        return explain_missing(errno);
    code = wish.check ? check(past) : wish.json ? show_json(past, &wish) : show(past, &wish);
    if (past_error(past) != 0) /* what was shown is not all */
        code = unreadable(past_error(past));
    past_close(past);
    return code;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki setup: registers the module with a program, and takes that back.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/setup/apply.h"
#include "cli/setup/target.h"
#include "cli/setup/undo.h"
#include "support/nearest.h"

static const struct target targets[] = {
    {"firefox", false, false, true, target_firefox_plan, target_firefox_idle,
     target_firefox_advise},
    {"thunderbird", false, false, true, target_thunderbird_plan, target_thunderbird_idle,
     target_thunderbird_advise},
    {"chromium", false, false, false, target_chromium_plan, target_chromium_idle,
     target_chromium_advise},
    {"ssh", true, true, false, target_ssh_plan, NULL, target_ssh_advise},
    {"openssl", false, false, false, target_openssl_plan, NULL, target_openssl_advise},
    {"p11-kit", true, false, false, target_p11kit_plan, NULL, target_p11kit_advise},
    {"java", false, false, false, target_java_plan, NULL, target_java_advise},
};
#define TARGETS (sizeof(targets) / sizeof(*targets))

struct setup {
    bool undo, dry_run, yes;
    const char *profile;
};

static const struct target *find_target(const char *name)
{
    const char *names[TARGETS];
    for (size_t i = 0; i < TARGETS; i++) {
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
        names[i] = targets[i].name;
    }
    const char *near = nearest(name, names, TARGETS);
    if (near != NULL)
        cli_complain(_("\"%.60s\" is no program that can be set up; did you mean \"%s\"?"), name,
                     near);
    else
        cli_complain(_("\"%.60s\" is no program that can be set up; \"jpki setup --help\" lists "
                       "them"),
                     name);
    return NULL;
}

/* Whether it is to be done; *CODE says how the command ends if not. */
static bool agreed(const struct setup *setup, int *code)
{
    fflush(stdout);
    *code = CLI_OK;
    if (setup->dry_run) {
        puts(_("(Nothing was changed.)"));
        return false;
    }
    if (setup->yes || ask_consent(_("Type \"yes\" to do this: ")))
        return true;
    cli_complain(_("nothing was changed; --yes does it without a question"));
    *code = CLI_FAILED;
    return false;
}

/* Looked at before the holder is asked, and again when he has answered: he may have taken his
 * time. */
static bool plan_is_idle(const struct target *target, const struct plan *plan)
{
    for (size_t i = 0; target->idle != NULL && i < plan->count; i++)
        if (!target->idle(plan->changes[i].path))
            return false;
    return true;
}

static bool record_is_idle(const struct target *target, const struct record *record)
{
    struct record_change change;
    for (size_t i = 0; target->idle != NULL && i < json_array_size(record->changes); i++)
        if (!record_get(record, i, &change) || !target->idle(change.path))
            return false;
    return true;
}

static int do_plan(const struct setup *setup, const struct target *target, const struct plan *plan,
                   struct record *record)
{
    int code;
    if (plan->count == 0) {
        puts(_("There is nothing to change."));
        return CLI_OK;
    }
    if (!plan_is_idle(target, plan))
        return CLI_FAILED;
    plan_show(plan);
    if (!agreed(setup, &code))
        return code;
    return plan_is_idle(target, plan) && apply(plan, record) ? CLI_OK : CLI_FAILED;
}

static int set_up(const struct setup *setup, const struct target *target,
                  const struct target_request *request)
{
    struct plan plan = {0};
    struct record record = {.folder = -1};
    int code = CLI_FAILED;
    if (record_open(&record, target->name, !setup->dry_run) && target->plan(request, &plan)) {
        code = do_plan(setup, target, &plan, &record);
        if (code == CLI_OK && !setup->dry_run)
            target->advise(request);
    }
    plan_free(&plan);
    record_close(&record);
    return code;
}

static int do_undo(const struct setup *setup, const struct target *target, struct record *record)
{
    struct undo undo = {0};
    int code = CLI_FAILED;
    if (json_array_size(record->changes) == 0) {
        puts(_("There is nothing to undo: jpki has changed nothing for this program."));
        return CLI_OK;
    }
    if (record_is_idle(target, record) && undo_plan(&undo, record, 0)) {
        undo_show(&undo, record);
        if (agreed(setup, &code))
            code = record_is_idle(target, record) && undo_run(&undo, record) ? CLI_OK : CLI_FAILED;
    }
    undo_free(&undo);
    return code;
}

static int take_back(const struct setup *setup, const struct target *target)
{
    struct record record = {.folder = -1};
    int code = CLI_FAILED;
    if (record_open(&record, target->name, false))
        code = do_undo(setup, target, &record);
    record_close(&record);
    return code;
}

/* Whether these operands and options belong together. */
static bool fits(const struct setup *setup, const struct target *target, size_t names)
{
    if (names > 0 && (setup->undo || !target->takes_names)) {
        cli_complain(_("\"jpki setup %s\" takes no more words than that"), target->name);
        return false;
    }
    if (names == 0 && !setup->undo && target->needs_names) {
        cli_complain(_("name the servers that are to know the card: jpki setup ssh SERVER..."));
        return false;
    }
    if (setup->profile != NULL && (setup->undo || !target->takes_profile)) {
        cli_complain(_("\"--profile\" does not belong to this; \"jpki setup --help\" tells more"));
        return false;
    }
    return true;
}

/* Root's own programs are rarely meant. With p11-kit root means everybody. */
static void warn_root(const struct target *target)
{
    if (target->plan != target_p11kit_plan && geteuid() == 0 && secure_getenv("SUDO_USER") != NULL)
        cli_complain(_("this is about root's own programs; without sudo it is about yours"));
}

int cmd_setup(const struct cli_command *self, int argc, char **argv)
{
    struct setup setup = {0};
    const struct cli_option options[] = {
        {"undo", NULL, N_("take back what was changed"), &setup.undo, NULL},
        {"dry-run", NULL, N_("show it, and change nothing"), &setup.dry_run, NULL},
        {"yes", NULL, N_("change it without a question"), &setup.yes, NULL},
        {"profile", N_("FOLDER"), N_("of this one profile only"), NULL, &setup.profile},
    };
    int first, code;
    if (!cli_options(self, options, CLI_COUNT(options), argc, argv, 1, PLAN_MAX + 1, &first, &code))
        return code;
    const struct target *target = find_target(argv[first]);
    struct target_request request = {
        .names = argv + first + 1, .count = (size_t)(argc - first - 1), .profile = setup.profile};
    if (target == NULL || !fits(&setup, target, request.count))
        return CLI_USAGE;
    warn_root(target);
    return setup.undo ? take_back(&setup, target) : set_up(&setup, target, &request);
}

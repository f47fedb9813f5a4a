/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/setup/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/hold.h"
#include "cli/setup/undo.h"

/* What has come between the plan and now is not written over. */
static bool unchanged(const struct plan_change *change)
{
    if (text_still(change->path, &change->before))
        return true;
    cli_complain(_("%s has changed meanwhile; try again"), change->path);
    return false;
}

/* What is made outside of the holder's home, by root, is for everybody. */
static mode_t folder_mode(const char *path)
{
    const char *home = secure_getenv("HOME");
    size_t len = home != NULL ? strlen(home) : 0;
    while (len > 0 && home[len - 1] == '/')
        len--;
    bool inside = len > 0 && strncmp(path, home, len) == 0 && path[len] == '/';
    return inside || geteuid() != 0 ? 0700 : 0755;
}

static bool make_folders(const struct record_change *done)
{
    for (size_t i = 0; i < json_array_size(done->folders); i++) {
        const char *path = json_string_value(json_array_get(done->folders, i));
        if (mkdir(path, folder_mode(path)) != 0 && errno != EEXIST) {
            cli_complain("%s: %s", path, strerror(errno));
            return false;
        }
    }
    return true;
}

/* A plan changes no file twice, so that BEFORE is what is there. */
static bool change_file(const struct plan_change *change, const struct record_change *done)
{
    struct text after = {0};
    bool ok = make_folders(done) && unchanged(change) &&
              text_insert(&change->before, change->kind, change->block, &after) &&
              text_write(change->path, &after, 0644);
    text_free(&after);
    return ok;
}

/* How many of the files were changed: the last that was begun is not, if it failed. */
static size_t change_all(const struct plan *plan, const struct record *record, size_t from)
{
    struct record_change done;
    size_t i = 0;
    while (i < plan->count && record_get(record, from + i, &done) &&
           change_file(&plan->changes[i], &done))
        i++;
    return i;
}

/* The record is on the disk before the first file is changed, so that whatever happens in between
 * can be undone. */
static bool remember(const struct plan *plan, struct record *record)
{
    for (size_t i = 0; i < plan->count; i++)
        if (!record_add(record, &plan->changes[i]))
            return false;
    return record_save(record);
}

/* Undoes the first COUNT changes from FROM on; the rest was never made, and what stands at their
 * places now is somebody else's. */
static bool roll_back(struct record *record, size_t from, size_t count)
{
    struct undo undo = {0};
    while (json_array_size(record->changes) > from + count)
        undo_forget(record, json_array_size(record->changes) - 1);
    bool ok = undo_plan(&undo, record, from) && undo_run(&undo, record);
    undo_free(&undo);
    return ok;
}

/* Nothing or all of it. */
static bool change_or_undo(const struct plan *plan, struct record *record)
{
    size_t from = json_array_size(record->changes);
    size_t count = remember(plan, record) ? change_all(plan, record, from) : 0;
    if (plan->count > 0 && count == plan->count)
        return true;
    if (roll_back(record, from, count))
        cli_complain(_("nothing was changed"));
    return false;
}

bool apply(const struct plan *plan, struct record *record)
{
    hold_begin();
    bool done = change_or_undo(plan, record);
    hold_end();
    return done;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/setup/undo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/hold.h"

struct undo_file {
    const char *path; /* the record's */
    struct text now, then;
};

/* What is to become of a file, as far as it was thought out. NULL after a complaint. */
static struct undo_file *file_of(struct undo *undo, const char *path)
{
    for (size_t i = 0; i < undo->file_count; i++)
        if (strcmp(undo->files[i].path, path) == 0)
            return &undo->files[i];
    struct undo_file *file = &undo->files[undo->file_count++];
    *file = (struct undo_file){.path = path};
    return text_read(path, &file->now) && text_copy(&file->now, &file->then) ? file : NULL;
}

/* A file that would not be there without us goes when nothing else is left in it. */
static void drop_empty(const struct record_change *change, struct text *text)
{
    if (change->copy == NULL && text->len == 0)
        text_free(text);
}

/* Whether what was there before is known. A copy that somebody has taken away is not: that there
 * was no file would be wrong. */
static bool is_known(const struct record_change *change, const struct text *before)
{
    return change->copy == NULL || before->data != NULL;
}

static bool undo_change(struct undo *undo, const struct record *record, size_t index)
{
    static const enum undo_end ends[] = {
        [CUT_DONE] = END_CUT, [CUT_NOTHING] = END_NOTHING, [CUT_CHANGED] = END_LEFT};
    struct record_change change;
    struct text before = {0}, after = {0};
    struct undo_file *file = NULL;
    bool ok = record_get(record, index, &change) && (file = file_of(undo, change.path)) != NULL &&
              record_copy(record, &change, &before) &&
              text_insert(&before, change.kind, change.block, &after);
    if (ok && is_known(&change, &before) && text_equal(&file->then, &after)) {
        undo->ends[index] = END_RESTORED;
        ok = text_copy(&before, &file->then);
    } else if (ok) {
        undo->ends[index] = ends[text_cut(&file->then, change.kind, change.block, change.mark)];
        drop_empty(&change, &file->then);
    }
    text_free(&before);
    text_free(&after);
    return ok;
}

bool undo_plan(struct undo *undo, const struct record *record, size_t from)
{
    size_t count = json_array_size(record->changes);
    *undo = (struct undo){.from = from};
    undo->files = calloc(count + 1, sizeof(*undo->files));
    undo->ends = calloc(count + 1, sizeof(*undo->ends));
    if (undo->files == NULL || undo->ends == NULL) {
        cli_complain(_("no memory is left"));
        return false;
    }
    for (size_t i = count; i > from; i--)
        if (!undo_change(undo, record, i - 1))
            return false;
    return true;
}

void undo_free(struct undo *undo)
{
    for (size_t i = 0; i < undo->file_count; i++) {
        text_free(&undo->files[i].now);
        text_free(&undo->files[i].then);
    }
    free(undo->files);
    free(undo->ends);
}

static const char *sentence(const struct record_change *change, enum undo_end end)
{
    switch (end) {
    case END_RESTORED:
        return change->copy == NULL ? _("this file was made, and is taken away again")
                                    : _("becomes again what it was before these lines");
    case END_CUT:
        return _("it has changed since; only these lines are taken out");
    case END_LEFT:
        return _("these lines were changed since, and are left to you");
    case END_NOTHING:
    default:
        return _("these lines are not there any more");
    }
}

void undo_show(const struct undo *undo, const struct record *record)
{
    struct record_change change;
    for (size_t i = json_array_size(record->changes); i > undo->from; i--)
        if (record_get(record, i - 1, &change))
            plan_show_block(change.path, sentence(&change, undo->ends[i - 1]),
                            undo->ends[i - 1] <= END_CUT ? '-' : ' ', change.block);
}

/* What has come between the plan and now is not written over. */
static bool unchanged(const struct undo_file *file)
{
    if (text_still(file->path, &file->now))
        return true;
    cli_complain(_("%s has changed meanwhile and was left; try again"), file->path);
    return false;
}

/* The holder may have moved it elsewhere since, and have put a link in its place: it is changed
 * where it is. A link to what is gone is of no use. */
static bool replace(const char *path, const struct text *then)
{
    char *real = realpath(path, NULL);
    if (real != NULL && then->data != NULL) {
        bool ok = text_write(real, then, 0644);
        free(real);
        return ok;
    }
    bool ok = real != NULL && unlink(real) == 0;
    if (!ok)
        cli_complain("%s: %s", path, strerror(errno));
    else if (strcmp(real, path) != 0)
        unlink(path);
    free(real);
    return ok;
}

static bool put_back(const struct undo_file *file)
{
    return text_equal(&file->now, &file->then) ||
           (unchanged(file) && replace(file->path, &file->then));
}

void undo_forget(struct record *record, size_t index)
{
    struct record_change change;
    if (!record_get(record, index, &change))
        return;
    for (size_t i = json_array_size(change.folders); i > 0; i--) {
        const char *path = json_string_value(json_array_get(change.folders, i - 1));
        if (path != NULL)
            rmdir(path); /* one that others use by now is not empty */
    }
    record_drop(record, index);
}

static bool forget(const struct undo *undo, struct record *record)
{
    struct record_change change;
    bool all = true;
    for (size_t i = json_array_size(record->changes); i > undo->from; i--) {
        if (!record_get(record, i - 1, &change))
            return false;
        if (undo->ends[i - 1] == END_LEFT) {
            cli_complain(_("%s: take the lines out yourself"), change.path);
            all = false;
            continue;
        }
        undo_forget(record, i - 1);
    }
    return record_save(record) && all;
}

static bool put_all_back(const struct undo *undo)
{
    for (size_t i = 0; i < undo->file_count; i++)
        if (!put_back(&undo->files[i]))
            return false;
    return true;
}

bool undo_run(const struct undo *undo, struct record *record)
{
    hold_begin();
    bool done = put_all_back(undo) && forget(undo, record);
    hold_end();
    return done;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/setup/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/print.h"

/* Who keeps his settings elsewhere and only links to them wants them changed there. */
static bool follow_links(char **path)
{
    struct stat st;
    char *real = realpath(*path, NULL);
    if (real == NULL) {
        if (errno == ENOENT && lstat(*path, &st) != 0)
            return true; /* there is no such file yet */
        cli_complain("%s: %s", *path, strerror(errno));
        return false;
    }
    free(*path);
    *path = real;
    return true;
}

static void change_free(struct plan_change *change)
{
    free(change->path);
    free(change->block);
    free(change->mark);
    text_free(&change->before);
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        change_free(&plan->changes[i]);
    plan->count = 0;
}

static bool is_there(const struct plan_change *change)
{
    struct text whole = {.data = change->block, .len = strlen(change->block)};
    return change->kind == TEXT_FILE ? text_equal(&whole, &change->before)
                                     : text_has_line(&change->before, change->mark);
}

/* The lines of one that was made for a module elsewhere, or that the holder has changed. A
 * paragraph is its program's to write as it likes. */
static bool is_other(const struct plan_change *change)
{
    return change->kind == TEXT_TOP && !text_has_line(&change->before, change->block);
}

/* NEW is one that is really to be made. False: it is not, and *OK says whether that is right. */
static bool examine(struct plan_change *new, bool *ok)
{
    *ok = follow_links(&new->path) && text_read(new->path, &new->before);
    if (!*ok)
        return false;
    bool there = is_there(new);
    if (there && !is_other(new)) {
        print_safe(new->path);
        puts(_(": it is there already"));
        return false;
    }
    if (!there && (new->kind != TEXT_FILE || new->before.data == NULL))
        return true;
    cli_complain(_("%s is there already, and is different: take back what jpki has made "
                   "(--undo), or move it away"),
                 new->path);
    *ok = false;
    return false;
}

bool plan_add(struct plan *plan, char *path, enum text_kind kind, char *block, char *mark)
{
    struct plan_change new = {.path = path, .kind = kind, .block = block, .mark = mark};
    bool ok = path != NULL && block != NULL && (mark != NULL || kind == TEXT_FILE);
    if (ok && plan->count == PLAN_MAX) {
        cli_complain(_("these are too many at once"));
        ok = false;
    }
    if (ok && examine(&new, &ok))
        plan->changes[plan->count++] = new;
    else
        change_free(&new);
    return ok;
}

void plan_show_block(const char *path, const char *sentence, char sign, const char *block)
{
    print_safe(path);
    printf(": %s\n", sentence);
    while (*block != '\0') {
        size_t len = strcspn(block, "\n");
        char *line = strndup(block, len);
        printf("  %c ", sign);
        if (line != NULL)
            print_safe(line);
        putchar('\n');
        free(line);
        block += len + (block[len] == '\n');
    }
}

static const char *sentence(const struct plan_change *change)
{
    if (change->before.data == NULL)
        return _("this file is made");
    return change->kind == TEXT_TOP ? _("these lines are put before all others")
                                    : _("these lines are put after all others");
}

void plan_show(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        plan_show_block(plan->changes[i].path, sentence(&plan->changes[i]), '+',
                        plan->changes[i].block);
}

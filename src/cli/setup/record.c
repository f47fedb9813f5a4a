/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/setup/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/setup/place.h"
#include "support/folder.h"

#define FOLDER "setup"

static const char *const kinds[] = {
    [TEXT_FILE] = "file",
    [TEXT_TOP] = "top",
    [TEXT_LINE] = "line",
    [TEXT_PARAGRAPH] = "paragraph",
};
#define KINDS ((int)(sizeof(kinds) / sizeof(*kinds)))

char *record_path(const struct record *record, const char *name)
{
    char link[64], folder[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", record->folder);
    ssize_t len = readlink(link, folder, sizeof(folder) - 1);
    if (len <= 0) { /* without /proc */
        cli_complain("%s: %s", link, strerror(errno));
        return NULL;
    }
    folder[len] = '\0';
    return place_text("%s/%s", folder, name);
}

static char *list_path(const struct record *record)
{
    char name[40];
    snprintf(name, sizeof(name), "%s.json", record->target);
    return record_path(record, name);
}

static bool cannot_open(void)
{
    cli_complain(_("there is no place to remember what is changed: the folder jpki-pkcs11 in "
                   "$XDG_STATE_HOME or ~/.local/state cannot be used: %s"),
                 strerror(errno));
    return false;
}

/* Two at once would not know of each other's changes. */
static bool lock(int folder)
{
    if (flock(folder, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno != EWOULDBLOCK)
        return cannot_open();
    cli_complain(_("another \"jpki setup\" is at work; wait for its end"));
    return false;
}

static bool open_folder(struct record *record, bool make)
{
    int state = folder_state(make);
    if (state < 0)
        return !make && errno == ENOENT ? true : cannot_open();
    if (make && mkdirat(state, FOLDER, 0700) != 0 && errno != EEXIST) {
        close(state);
        return cannot_open();
    }
    record->folder = openat(state, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int why = errno;
    close(state);
    errno = why;
    if (record->folder < 0)
        return !make && errno == ENOENT ? true : cannot_open();
    return lock(record->folder);
}

static bool not_ours(const struct record *record)
{
    char *path = list_path(record);
    if (path != NULL)
        cli_complain(_("%s is not as jpki has written it, so that nothing can be undone by it"),
                     path);
    free(path);
    return false;
}

static bool read_list(struct record *record)
{
    struct text text = {0};
    char *path = list_path(record);
    bool ok = path != NULL && text_read(path, &text);
    free(path);
    if (ok && text.data != NULL) {
        json_decref(record->changes);
        record->changes = json_loadb(text.data, text.len, 0, NULL);
        ok = json_is_array(record->changes) || not_ours(record);
    }
    text_free(&text);
    return ok;
}

bool record_open(struct record *record, const char *target, bool make)
{
    *record = (struct record){.folder = -1, .target = target, .changes = json_array()};
    if (record->changes == NULL) {
        cli_complain(_("no memory is left"));
        return false;
    }
    return open_folder(record, make) && (record->folder < 0 || read_list(record));
}

void record_close(struct record *record)
{
    if (record->folder >= 0)
        close(record->folder);
    json_decref(record->changes);
    *record = (struct record){.folder = -1};
}

/* Whether NAME is one that keep_copy() gives: not the list itself, nor what is another program's.
 */
static bool is_copy(const struct record *record, const char *name)
{
    size_t len = strlen(record->target);
    const char *number = name + len + 1;
    return strncmp(name, record->target, len) == 0 && name[len] == '.' && number[0] != '\0' &&
           number[strspn(number, "0123456789")] == '\0';
}

static bool is_sound(const struct record *record, const struct record_change *change)
{
    return change->path[0] == '/' && change->block[0] != '\0' &&
           (change->mark != NULL ? change->mark[0] != '\0' : change->kind == TEXT_FILE) &&
           (change->copy == NULL || is_copy(record, change->copy));
}

bool record_get(const struct record *record, size_t index, struct record_change *change)
{
    const char *kind = "";
    *change = (struct record_change){0};
    if (json_unpack(json_array_get(record->changes, index), "{s:s, s:s, s:s, s?s, s?s, s?o}",
                    "path", &change->path, "kind", &kind, "block", &change->block, "mark",
                    &change->mark, "copy", &change->copy, "folders", &change->folders) != 0)
        return not_ours(record);
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kind, kinds[i]) == 0) {
            change->kind = (enum text_kind)i;
            return is_sound(record, change) || not_ours(record);
        }
    return not_ours(record);
}

#define COPY_NAME 60

/* A copy of TEXT under the first NAME that is free; "" when there is nothing to copy. False after a
 * complaint. */
static bool keep_copy(const struct record *record, const struct text *text, char name[COPY_NAME])
{
    struct stat st;
    int number = 1;
    name[0] = '\0';
    if (text->data == NULL)
        return true;
    do
        snprintf(name, COPY_NAME, "%s.%d", record->target, number++);
    while (fstatat(record->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
    char *path = record_path(record, name);
    bool ok = path != NULL && text_write(path, text, 0600);
    free(path);
    return ok;
}

/* The folders above PATH that are not there yet, the outermost first. */
static json_t *missing_folders(const char *path)
{
    json_t *folders = json_array();
    char *above = strdup(path), *slash;
    while (above != NULL && (slash = strrchr(above, '/')) != NULL && slash != above) {
        *slash = '\0';
        if (place_exists(above))
            break;
        json_array_insert_new(folders, 0, json_string(above));
    }
    free(above);
    return folders;
}

bool record_add(struct record *record, const struct plan_change *change)
{
    char copy[COPY_NAME];
    if (!keep_copy(record, &change->before, copy))
        return false;
    json_t *entry =
        json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:o}", "path", change->path, "kind",
                  kinds[change->kind], "block", change->block, "mark", change->mark, "copy",
                  copy[0] != '\0' ? copy : NULL, "folders", missing_folders(change->path));
    if (json_array_append_new(record->changes, entry) == 0)
        return true;
    cli_complain(_("%s: its name cannot be remembered"), change->path);
    return false;
}

bool record_save(const struct record *record)
{
    char *path = list_path(record);
    char *data = json_dumps(record->changes, JSON_INDENT(1));
    bool ok = path != NULL && data != NULL;
    if (path != NULL && data == NULL)
        cli_complain(_("no memory is left"));
    if (ok && json_array_size(record->changes) == 0)
        ok = unlink(path) == 0 || errno == ENOENT;
    else if (ok)
        ok = text_write(path, &(struct text){.data = data, .len = strlen(data)}, 0600);
    free(data);
    free(path);
    return ok;
}

void record_drop(struct record *record, size_t index)
{
    struct record_change change;
    if (record_get(record, index, &change) && change.copy != NULL)
        unlinkat(record->folder, change.copy, 0);
    json_array_remove(record->changes, index);
}

bool record_copy(const struct record *record, const struct record_change *change, struct text *text)
{
    text_free(text);
    if (change->copy == NULL)
        return true;
    char *path = record_path(record, change->copy);
    bool ok = path != NULL && text_read(path, text);
    free(path);
    return ok; /* a copy that somebody has taken away is none */
}

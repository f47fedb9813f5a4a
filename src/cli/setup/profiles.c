/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/setup/profiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/setup/place.h"
#include "cli/setup/text.h"

/* A profiles.ini that is being read. Its lines may be longer than ini_parse(3) takes, and a path
 * may have a semicolon in it. */
struct reading {
    struct profiles *profiles;
    const char *root;
    bool in_profile; /* in one of its sections [Profile0], [Profile1] ... */
    bool has_store;  /* there are profiles that only a database of Firefox's names */
};

static bool is_used(const char *folder)
{
    char *path = place_text("%s/pkcs11.txt", folder);
    bool used = path != NULL && place_exists(path);
    free(path);
    return used;
}

static bool is_known(const struct profiles *profiles, const char *folder)
{
    for (size_t i = 0; i < profiles->count; i++)
        if (strcmp(profiles->paths[i], folder) == 0)
            return true;
    return false;
}

/* Takes FOLDER over, which is NULL when memory was missing. */
static bool add(struct profiles *profiles, char *folder)
{
    char *real = folder != NULL ? realpath(folder, NULL) : NULL;
    bool ok = folder != NULL;
    free(folder);
    if (real == NULL || !is_used(real) || is_known(profiles, real)) {
        free(real);
        return ok;
    }
    if (profiles->count == PROFILES_MAX) {
        cli_complain(_("there are too many profiles; name one with --profile FOLDER"));
        free(real);
        return false;
    }
    profiles->paths[profiles->count++] = real;
    return true;
}

/* A path is absolute, or below the folder of profiles.ini. */
static bool take_line(struct reading *reading, const char *line)
{
    static const char path[] = "Path=", store[] = "StoreID=";
    if (line[0] == '[')
        reading->in_profile = strncmp(line, "[Profile", strlen("[Profile")) == 0;
    if (strncmp(line, store, strlen(store)) == 0)
        reading->has_store = true;
    if (!reading->in_profile || strncmp(line, path, strlen(path)) != 0)
        return true;
    line += strlen(path);
    return add(reading->profiles,
               line[0] == '/' ? place_text("%s", line) : place_text("%s/%s", reading->root, line));
}

static bool take_lines(struct reading *reading, char *lines)
{
    char *rest = lines, *line;
    while ((line = strsep(&rest, "\r\n")) != NULL)
        if (!take_line(reading, line))
            return false;
    return true;
}

/* Firefox's newer profile manager makes profiles that profiles.ini does not name, beside those that
 * it does. */
static bool add_beside(struct profiles *profiles, const char *root)
{
    DIR *folder = opendir(root);
    const struct dirent *entry;
    bool ok = true;
    while (folder != NULL && ok && (entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.')
            ok = add(profiles, place_text("%s/%s", root, entry->d_name));
    if (folder != NULL)
        closedir(folder);
    return ok;
}

bool profiles_add(struct profiles *profiles, const char *root)
{
    struct reading reading = {.profiles = profiles, .root = root};
    struct text text = {0};
    char *path = place_text("%s/profiles.ini", root);
    bool ok = path != NULL && text_read(path, &text);
    free(path);
    if (ok && text.data != NULL)
        ok = take_lines(&reading, text.data) && (!reading.has_store || add_beside(profiles, root));
    text_free(&text);
    return ok;
}

bool profiles_add_one(struct profiles *profiles, const char *folder)
{
    char *real = realpath(folder, NULL);
    if (real == NULL) {
        cli_complain("%s: %s", folder, strerror(errno));
        return false;
    }
    if (is_used(real))
        return add(profiles, real);
    cli_complain(_("%s is no profile that was used: it has no pkcs11.txt; the page about:profiles "
                   "shows the right folder, its root directory"),
                 folder);
    free(real);
    return false;
}

void profiles_free(struct profiles *profiles)
{
    for (size_t i = 0; i < profiles->count; i++)
        free(profiles->paths[i]);
    profiles->count = 0;
}

bool profiles_busy(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char *name = place_text("%s/.parentlock", path);
    int fd = name != NULL ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    bool busy = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (fd >= 0)
        close(fd);
    free(name);
    return busy;
}

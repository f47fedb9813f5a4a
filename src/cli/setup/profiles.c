/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/setup/profiles.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

#include "cli/cli.h"
#include "cli/setup/place.h"

struct reading {
    struct profiles *profiles;
    const char *root;
};

/* For ini_parse(3): 1 goes on, 0 ends. Path is absolute, or below the folder of profiles.ini. */
static int take(void *context, const char *section, const char *name, const char *value)
{
    const struct reading *reading = context;
    struct profiles *profiles = reading->profiles;
    if (strncmp(section, "Profile", 7) != 0 || strcmp(name, "Path") != 0)
        return 1;
    if (profiles->count == PROFILES_MAX) {
        cli_complain(_("there are too many profiles; name one with --profile FOLDER"));
        return 0;
    }
    char *path =
        value[0] == '/' ? place_text("%s", value) : place_text("%s/%s", reading->root, value);
    if (path == NULL)
        return 0;
    profiles->paths[profiles->count++] = path;
    return 1;
}

bool profiles_add(struct profiles *profiles, char *root)
{
    struct reading reading = {.profiles = profiles, .root = root};
    char *path = root != NULL ? place_text("%s/profiles.ini", root) : NULL;
    bool ok = path != NULL;
    if (ok && place_exists(path)) {
        int line = ini_parse(path, take, &reading);
        ok = line == 0;
        if (!ok)
            cli_complain(_("%s cannot be read (line %d)"), path, line);
    }
    free(path);
    free(root);
    return ok;
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
    int fd = name != NULL ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    bool busy = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (fd >= 0)
        close(fd);
    free(name);
    return busy;
}

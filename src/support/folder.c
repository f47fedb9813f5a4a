/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/descriptor.h"

#define SUBFOLDER "/jpki-pkcs11"

/* The nearest folder above PATH that is there. It is shortened in PATH. */
static bool find_parent(char *path, struct stat *st)
{
    char *slash;
    while ((slash = strrchr(path, '/')) != NULL) {
        *slash = '\0';
        if (stat(path[0] != '\0' ? path : "/", st) == 0)
            return true;
    }
    return false;
}

/* Root with somebody else's environment (sudo -E) would make folders that their owner cannot use.
 */
static bool may_make(const char *path)
{
    char *parent = strdup(path);
    struct stat st;
    bool others = parent != NULL && find_parent(parent, &st) && st.st_uid != 0;
    free(parent);
    return geteuid() != 0 || !others;
}

static void make_all(const char *path)
{
    char *copy = strdup(path);
    for (char *p = copy; p != NULL;) {
        p = strchr(p + 1, '/');
        if (p != NULL)
            *p = '\0';
        mkdir(copy, 0700); /* what cannot be made shows itself in open() */
        if (p != NULL)
            *p = '/';
    }
    free(copy);
}

static int give_up(int fd, int error)
{
    close(fd);
    errno = error;
    return -1;
}

/* Where everybody may make links (/tmp as XDG_RUNTIME_DIR), one may lead to a folder of ours that
 * has another purpose: only our own and root's are followed. */
static int open_no_foreign_link(const char *path)
{
    struct stat st;
    int at = descriptor_above_standard(open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (at < 0)
        return -1;
    if (fstat(at, &st) != 0)
        return give_up(at, errno);
    if (S_ISLNK(st.st_mode) && st.st_uid != geteuid() && st.st_uid != 0)
        return give_up(at, EPERM);
    int fd = S_ISLNK(st.st_mode) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                                 : openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    give_up(at, errno); /* of open(), if that has failed */
    return descriptor_above_standard(fd);
}

static int open_folder(const char *path, bool make)
{
    struct stat st;
    if (path[0] == '\0') {
        errno = ENOENT;
        return -1;
    }
    if (make && may_make(path))
        make_all(path);
    int fd = open_no_foreign_link(path);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0)
        return give_up(fd, errno);
    if (st.st_uid != geteuid() || (st.st_mode & S_IWOTH) != 0)
        return give_up(fd, EPERM);
    return fd;
}

/* ---- where they are ---- */

enum place { STATE, RUNTIME, CACHE, PLACES };

/* "" where there is none. */
static char known[PLACES][PATH_MAX];
static bool found;

/* BASE REST SUBFOLDER; a path that is too long is none, and so is one without BASE. */
static void join(char path[PATH_MAX], const char *base, const char *rest)
{
    int n = base == NULL ? -1 : snprintf(path, PATH_MAX, "%s%s" SUBFOLDER, base, rest);
    if (n < 0 || n >= PATH_MAX)
        path[0] = '\0';
}

/* The specification has relative paths ignored. */
static const char *absolute(const char *variable)
{
    const char *path = secure_getenv(variable);
    return path != NULL && path[0] == '/' ? path : NULL;
}

/* What VARIABLE names, or what lies BELOW the home folder. */
static void locate_at_home(char path[PATH_MAX], const char *variable, const char *below)
{
    const char *named = absolute(variable);
    if (named != NULL)
        join(path, named, "");
    else
        join(path, absolute("HOME"), below);
}

static void locate_runtime(char path[PATH_MAX])
{
    char usual[64];
    const char *runtime = absolute("XDG_RUNTIME_DIR");
    snprintf(usual, sizeof(usual), "/run/user/%ld", (long)geteuid());
    if (runtime == NULL && faccessat(AT_FDCWD, usual, W_OK, AT_EACCESS) == 0)
        runtime = usual;
    join(path, runtime, "");
}

static void locate(enum place place, char path[PATH_MAX])
{
    if (place == STATE)
        locate_at_home(path, "XDG_STATE_HOME", "/.local/state");
    else if (place == CACHE)
        locate_at_home(path, "XDG_CACHE_HOME", "/.cache");
    else
        locate_runtime(path);
}

void folder_find(void)
{
    for (int place = 0; place < PLACES; place++)
        locate((enum place)place, known[place]);
    found = true;
}

static int open_place(enum place place, bool make)
{
    char path[PATH_MAX];
    if (found)
        return open_folder(known[place], make);
    locate(place, path);
    return open_folder(path, make);
}

int folder_state(bool make)
{
    return open_place(STATE, make);
}

int folder_cache(bool make)
{
    return open_place(CACHE, make);
}

int folder_runtime(bool make)
{
    int fd = open_place(RUNTIME, make);
    return fd >= 0 ? fd : open_place(STATE, make);
}

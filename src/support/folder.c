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

#define NAME "/jpki-pkcs11"

static void make_all(char *path)
{
    for (char *p = path + 1; p != NULL;) {
        p = strchr(p, '/');
        if (p != NULL)
            *p = '\0';
        mkdir(path, 0700); /* what cannot be made shows itself in open() */
        if (p != NULL)
            *p++ = '/';
    }
}

static int give_up(int fd, int error)
{
    close(fd);
    errno = error;
    return -1;
}

/* The folder NAME in BASE and REST. */
static int open_below(const char *base, const char *rest, bool make)
{
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof(path), "%s%s" NAME, base, rest);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (make)
        make_all(path);
    int fd = descriptor_above_standard(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0)
        return give_up(fd, errno);
    if (st.st_uid != geteuid() || (st.st_mode & S_IWOTH) != 0)
        return give_up(fd, EPERM);
    return fd;
}

/* The specification has relative paths ignored. */
static const char *absolute(const char *variable)
{
    const char *path = secure_getenv(variable);
    return path != NULL && path[0] == '/' ? path : NULL;
}

int folder_state(bool make)
{
    const char *state = absolute("XDG_STATE_HOME");
    const char *home = absolute("HOME");
    if (state != NULL)
        return open_below(state, "", make);
    if (home != NULL)
        return open_below(home, "/.local/state", make);
    errno = ENOENT;
    return -1;
}

int folder_runtime(bool make)
{
    char usual[64];
    const char *runtime = absolute("XDG_RUNTIME_DIR");
    snprintf(usual, sizeof(usual), "/run/user/%ld", (long)geteuid());
    if (runtime == NULL && access(usual, W_OK) == 0)
        runtime = usual;
    return runtime != NULL ? open_below(runtime, "", make) : folder_state(make);
}

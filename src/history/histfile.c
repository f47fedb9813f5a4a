/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "history/histfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "history/deadline.h"
#include "support/descriptor.h"
#include "support/folder.h"
#include "support/log.h"

#define POLL_MS 10

void histfile_complain(const struct histfile *file, const char *reason)
{
    int saved = errno;
    char link[64], folder[PATH_MAX];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", file->folder);
    ssize_t n = readlink(link, folder, sizeof(folder) - 1);
    folder[n > 0 ? n : 0] = '\0';
    log_write(LOG_WARNING, "the usage history cannot be written: %s (%s%s" HISTFILE_NAME ")",
              reason, folder, n > 0 ? "/" : "");
    errno = saved;
}

static enum err refuse(const struct histfile *file, const char *reason)
{
    histfile_complain(file, reason);
    return ERR_NOT_RECORDED;
}

/* What is wrong with the thing in the file's place, and what to do; NULL when nothing is. A file
 * without any name has just been deleted: histfile_lock() sees to that. */
static const char *wrong_with(const struct stat *st)
{
    if (S_ISLNK(st->st_mode))
        return "it is a symbolic link, which is not followed; move it away";
    if (S_ISDIR(st->st_mode))
        return "it is a folder; move it away";
    if (!S_ISREG(st->st_mode))
        return "it is a device, a pipe or a socket and no file; move it away";
    if (st->st_uid != geteuid())
        return "it belongs to another user; move it away";
    if (st->st_nlink > 1)
        return "it has a second name (a hard link); move it away, or remove the other name";
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "its group or everybody may write to it; chmod go-w it";
    return NULL;
}

static enum err open_folder(struct histfile *file)
{
    char reason[256];

    file->folder = folder_state(true);
    if (file->folder >= 0)
        return ERR_OK;
    if (errno == ENOENT)
        return refuse(file, "no place is known for it: neither XDG_STATE_HOME nor HOME names an "
                            "absolute path, or the program runs with raised privileges");
    if (errno == EPERM)
        return refuse(file, "its folder belongs to another user, or everybody may write to it");
    snprintf(reason, sizeof(reason), "its folder cannot be opened: %s", strerror(errno));
    return refuse(file, reason);
}

/* What is not a file of ours is not even opened: with a device, that alone could do something. The
 * second look is at what was really opened. */
static enum err open_file(struct histfile *file)
{
    const int flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    char reason[256];
    struct stat st;
    const char *wrong = NULL;

    if (fstatat(file->folder, HISTFILE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
        wrong = wrong_with(&st);
    if (wrong != NULL)
        return refuse(file, wrong);
    file->fd = descriptor_above_standard(openat(file->folder, HISTFILE_NAME, flags, 0600));
    if (file->fd < 0 || fstat(file->fd, &st) != 0) {
        snprintf(reason, sizeof(reason), "it cannot be opened: %s", strerror(errno));
        return refuse(file, reason);
    }
    wrong = wrong_with(&st);
    return wrong != NULL ? refuse(file, wrong) : ERR_OK;
}

enum err histfile_open(struct histfile *file)
{
    *file = (struct histfile){.folder = -1, .fd = -1};
    enum err e = open_folder(file);
    return e == ERR_OK ? open_file(file) : e;
}

/* Without a handler or a timer of our own there is no waiting for a lock with an end but asking. */
static enum err wait_for_lock(const struct histfile *file, int64_t deadline)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    char reason[256];

    while (flock(file->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            snprintf(reason, sizeof(reason), "it cannot be locked: %s", strerror(errno));
            return refuse(file, reason);
        }
        if (deadline_left(deadline) == 0)
            return refuse(file, "another program keeps it locked");
        nanosleep(&pause, NULL);
    }
    return ERR_OK;
}

static bool in_its_place(const struct histfile *file)
{
    struct stat opened, named;
    return fstat(file->fd, &opened) == 0 &&
           fstatat(file->folder, HISTFILE_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/* The lock belongs to the open file, which a child forked meanwhile by another thread also has: so
 * it is given back, and not left to close(2). */
static bool close_file(struct histfile *file)
{
    int fd = file->fd;
    file->fd = -1;
    if (fd < 0)
        return true;
    flock(fd, LOCK_UN);
    return close(fd) == 0 || errno == EINTR;
}

enum err histfile_lock(struct histfile *file)
{
    int64_t deadline = deadline_begin();

    for (int opened = 1;; opened++) {
        enum err e = wait_for_lock(file, deadline);
        if (e != ERR_OK || in_its_place(file))
            return e;
        if (opened == 2)
            return refuse(file, "it is moved away again and again");
        close_file(file);
        e = open_file(file);
        if (e != ERR_OK)
            return e;
    }
}

bool histfile_close(struct histfile *file)
{
    int saved = errno;
    bool ok = close_file(file);
    int error = ok ? saved : errno;
    if (file->folder >= 0)
        close(file->folder);
    file->folder = -1;
    errno = error;
    return ok;
}

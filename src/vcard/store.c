/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* On the heap: two paths on the stack would be a large frame. */
static char *join(const char *dir, const char *name, const char *suffix, struct problem *why)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s%s", dir, name, suffix) < 0) {
        text_problem(why, "out of memory");
        return NULL;
    }
    return path;
}

/* Reads until the end of file; false on error. */
static bool read_all(int fd, uint8_t *data, size_t size, size_t *len)
{
    *len = 0;
    while (*len < size) {
        ssize_t n = read(fd, data + *len, size - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        *len += (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool explain_open(const char *dir, const char *path, int error, struct problem *why)
{
    struct stat info;

    if (stat(dir, &info))
        return text_problem(why, "%s: %s; make a card with \"jpki-vcard new %s\"", dir,
                            strerror(errno), dir);
    if (!S_ISDIR(info.st_mode))
        return text_problem(why, "%s is not a folder; give the folder of a card", dir);
    if (error == ENOENT)
        return text_problem(why,
                            "%s is missing: no card or a damaged one; make it with "
                            "\"jpki-vcard new %s\" (--force if it is damaged)",
                            path, dir);
    return text_problem(why, "cannot read %s: %s", path, strerror(error));
}

static uint8_t *read_open(int fd, const char *dir, const char *path, size_t *len,
                          struct problem *why)
{
    uint8_t *data = malloc(STORE_FILE_MAX + 1);
    size_t got = 0;

    if (!data)
        text_problem(why, "out of memory");
    else if (!read_all(fd, data, STORE_FILE_MAX + 1, &got))
        text_problem(why, "cannot read %s: %s", path, strerror(errno));
    else if (!got || got > STORE_FILE_MAX)
        text_problem(why,
                     "%s is %s: the card is damaged; make it anew with \"jpki-vcard new "
                     "--force %s\"",
                     path, got ? "too large" : "empty", dir);
    else
        *len = got;
    if (!*len) {
        free(data);
        return NULL;
    }
    data[*len] = 0;
    return data;
}

uint8_t *store_read(const char *dir, const char *name, size_t *len, struct problem *why)
{
    char *path = join(dir, name, "", why);
    uint8_t *data = NULL;

    *len = 0;
    if (!path)
        return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        explain_open(dir, path, errno, why);
    } else {
        data = read_open(fd, dir, path, len, why);
        close(fd);
    }
    free(path);
    return data;
}

char *store_read_text(const char *dir, const char *name, struct problem *why)
{
    size_t len;
    uint8_t *data = store_read(dir, name, &len, why);

    if (data && memchr(data, 0, len)) {
        text_problem(why,
                     "%s/%s is no text file: the card is damaged; make it anew with "
                     "\"jpki-vcard new --force %s\"",
                     dir, name, dir);
        free(data);
        return NULL;
    }
    return (char *)data;
}

static void sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    fsync(fd); /* some file systems cannot; the rename is atomic all the same */
    close(fd);
}

/* 0 or the errno of the step that failed. */
static int write_temporary(const char *path, unsigned mode, const void *data, size_t len)
{
    unlink(path); /* left by a crash, perhaps with another mode */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    int error = 0;

    if (fd < 0)
        return errno;
    if (!write_all(fd, data, len) || fsync(fd))
        error = errno;
    if (close(fd) && !error)
        error = errno;
    return error;
}

bool store_write(const char *dir, const char *name, unsigned mode, const void *data, size_t len,
                 struct problem *why)
{
    char *path = join(dir, name, "", why);
    char *temporary = join(dir, name, ".new", why);
    bool ok = path && temporary;

    if (ok) {
        int error = write_temporary(temporary, mode, data, len);
        if (!error && rename(temporary, path))
            error = errno;
        if (error) {
            unlink(temporary);
            ok = text_problem(why, "cannot write %s: %s; is the folder yours, the disk full?", path,
                              strerror(error));
        } else {
            sync_folder(dir);
        }
    }
    free(path);
    free(temporary);
    return ok;
}

bool store_has(const char *dir, const char *name)
{
    struct stat info;
    char *path = join(dir, name, "", NULL);
    bool has = path && !lstat(path, &info);

    free(path);
    return has;
}

bool store_remove(const char *dir, const char *name, struct problem *why)
{
    char *path = join(dir, name, "", why);
    bool ok = path != NULL;

    if (ok && unlink(path) && errno != ENOENT)
        ok = text_problem(why, "cannot remove %s: %s", path, strerror(errno));
    free(path);
    return ok;
}

static bool folder_is_empty(DIR *folder)
{
    struct dirent *entry;

    while ((entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            return false;
    return true;
}

bool store_make_folder(const char *dir, bool *empty, struct problem *why)
{
    *empty = false;
    if (mkdir(dir, 0700) && errno != EEXIST)
        return text_problem(why, "cannot make the folder %s: %s%s", dir, strerror(errno),
                            errno == ENOENT ? "; make the folder above it first" : "");
    DIR *folder = opendir(dir);
    if (!folder)
        return text_problem(why, "cannot open the folder %s: %s", dir, strerror(errno));
    *empty = folder_is_empty(folder);
    closedir(folder);
    return true;
}

bool store_claim(const char *dir, int *fd, struct problem *why)
{
    *fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return explain_open(dir, dir, errno, why);
    if (!flock(*fd, LOCK_EX | LOCK_NB))
        return true;
    close(*fd);
    *fd = -1;
    return text_problem(why,
                        "the card %s is in a reader already; end that \"jpki-vcard run\" "
                        "first or use another card",
                        dir);
}

void store_release(int fd)
{
    if (fd >= 0)
        close(fd); /* drops the lock too */
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/infile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"

#define PIECE 65536
#define LARGE                                                                                      \
    (64L << 20) /* bytes: from here on it takes longer than people like to wait silently */

static bool complain(const char *path)
{
    cli_complain("%s: %s", path, strerror(errno));
    return false;
}

static bool same_state(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ino == b->st_ino &&
           a->st_dev == b->st_dev;
}

static void show_progress(off_t done, off_t size)
{
    static int shown = -1;
    int percent = size > 0 ? (int)(done * 100 / size) : 100;
    if (size < LARGE || !isatty(STDERR_FILENO) || percent == shown)
        return;
    shown = percent;
    fprintf(stderr, "\r%3d %%%s", percent, percent == 100 ? "\n" : "");
    fflush(stderr);
}

/* Reads FD, a file of SIZE bytes at PATH, to its end. */
static bool hash_open(int fd, const char *path, off_t size, struct digest *digest)
{
    static uint8_t piece[PIECE];
    off_t done = 0;
    ssize_t n;
    while ((n = read(fd, piece, sizeof(piece))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return complain(path);
        if (digest_update(digest, bytes_of(piece, (size_t)n)) != ERR_OK)
            return false;
        done += n;
        show_progress(done, size);
    }
    return true;
}

/* FD is open and stays so. */
static bool hash_fd(int fd, const char *path, uint8_t hash[INFILE_HASH])
{
    uint8_t whole[DIGEST_MAX];
    struct stat before, after, named;
    if (fstat(fd, &before) != 0)
        return complain(path);
    if (!S_ISREG(before.st_mode)) {
        cli_complain(_("%s is not a regular file"), path);
        return false;
    }
    struct digest *digest = digest_new(DIGEST_SHA256);
    bool ok = digest != NULL && hash_open(fd, path, before.st_size, digest) &&
              digest_final(digest, whole) == ERR_OK;
    digest_free(digest);
    if (!ok)
        return false;
    memcpy(hash, whole, INFILE_HASH);
    if (fstat(fd, &after) == 0 && same_state(&before, &after) && stat(path, &named) == 0 &&
        same_state(&before, &named))
        return true;
    cli_complain(_("%s has changed while it was read; nothing was signed"), path);
    return false;
}

bool infile_hash(const char *path, uint8_t hash[INFILE_HASH])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return complain(path);
    bool ok = hash_fd(fd, path, hash);
    close(fd);
    return ok;
}

/* ---- a file that is made ---- */

bool outfile_check(const char *path, bool force)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    if (folder == NULL) {
        cli_complain(_("no memory is left"));
        return false;
    }
    bool ok = access(folder, W_OK | X_OK) == 0 || complain(path);
    free(folder);
    if (ok && !force && lstat(path, &st) == 0) {
        cli_complain(_("%s is there already; --force replaces it"), path);
        ok = false;
    }
    return ok;
}

static bool write_all(int fd, struct bytes content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.data, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        content = bytes_of(content.data + n, content.len - (size_t)n);
    }
    return true;
}

/* mkostemp() lets only the owner read; a signature is as public as other files. */
static bool open_to_others(int fd)
{
    mode_t mask = umask(0);
    umask(mask);
    return fchmod(fd, 0666 & ~mask) == 0;
}

/* link(2) replaces nothing that has come meanwhile; where a file system has no links, rename(2). */
static bool give_name(const char *temporary, const char *path, bool force)
{
    if (!force) {
        if (link(temporary, path) == 0)
            return unlink(temporary) == 0;
        if (errno != EPERM && errno != EOPNOTSUPP)
            return false;
    }
    return rename(temporary, path) == 0;
}

/* TEMPORARY is a template for mkostemp(3). errno says why when it is false. */
static bool write_as(char *temporary, const char *path, struct bytes content, bool force)
{
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = write_all(fd, content) && open_to_others(fd) && fsync(fd) == 0 &&
              give_name(temporary, path, force);
    int why = errno;
    close(fd);
    if (!ok)
        unlink(temporary);
    errno = why;
    return ok;
}

bool outfile_write(const char *path, struct bytes content, bool force)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        cli_complain(_("no memory is left"));
        return false;
    }
    bool ok = write_as(temporary, path, content, force) || complain(path);
    free(temporary);
    return ok;
}

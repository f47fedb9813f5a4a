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

bool outfile_open(struct outfile *out, const char *path, bool force)
{
    struct stat st;
    *out = (struct outfile){.path = path, .fd = -1};
    if (!force && lstat(path, &st) == 0) {
        cli_complain(_("%s is there already; --force replaces it"), path);
        return false;
    }
    if (asprintf(&out->temporary, "%s.XXXXXX", path) < 0) {
        out->temporary = NULL;
        cli_complain(_("no memory is left"));
        return false;
    }
    out->fd = mkostemp(out->temporary, O_CLOEXEC);
    if (out->fd >= 0)
        return true;
    complain(path);
    free(out->temporary);
    out->temporary = NULL;
    return false;
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
static bool give_name(const struct outfile *out, bool force)
{
    if (!force) {
        if (link(out->temporary, out->path) == 0)
            return unlink(out->temporary) == 0;
        if (errno != EPERM && errno != EOPNOTSUPP)
            return false;
    }
    return rename(out->temporary, out->path) == 0;
}

bool outfile_finish(struct outfile *out, struct bytes content, bool force)
{
    bool ok = write_all(out->fd, content) && open_to_others(out->fd) && fsync(out->fd) == 0;
    ok = ok && give_name(out, force);
    if (ok) {
        free(out->temporary);
        out->temporary = NULL;
    } else {
        complain(out->path);
    }
    outfile_drop(out);
    return ok;
}

void outfile_drop(struct outfile *out)
{
    if (out->temporary != NULL) {
        unlink(out->temporary);
        close(out->fd);
    } else if (out->path != NULL && out->fd >= 0) {
        close(out->fd);
    }
    free(out->temporary);
    *out = (struct outfile){0};
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/infile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/hold.h"
#include "crypto/digest.h"

#define PIECE 65536
#define LARGE                                                                                      \
    (64L << 20) /* bytes: from here on it takes longer than people like to wait silently */

static bool complain(const char *path)
{
    cli_complain("%s: %s", path, strerror(errno));
    return false;
}

static bool no_file(const char *path)
{
    cli_complain(_("%s is not a regular file"), path);
    return false;
}

static bool same_state(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec && a->st_ino == b->st_ino &&
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
        if (digest_update(digest, bytes_of(piece, (size_t)n)) != ERR_OK) {
            cli_complain(_("OpenSSL cannot make the signature: %s"), "SHA-256");
            return false;
        }
        done += n;
        show_progress(done, size);
    }
    return true;
}

bool infile_open(struct infile *in, const char *path)
{
    *in = (struct infile){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (in->fd < 0 || fstat(in->fd, &in->before) != 0) {
        complain(path);
        infile_close(in);
        return false;
    }
    if (S_ISREG(in->before.st_mode))
        return true;
    no_file(path);
    infile_close(in);
    return false;
}

void infile_close(struct infile *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
}

bool infile_hash(const struct infile *in, uint8_t hash[INFILE_HASH])
{
    uint8_t whole[DIGEST_MAX];
    struct digest *digest = digest_new(DIGEST_SHA256);
    bool ok = digest != NULL && hash_open(in->fd, in->path, in->before.st_size, digest) &&
              digest_final(digest, whole) == ERR_OK;
    if (digest == NULL)
        cli_complain(_("no memory is left"));
    digest_free(digest);
    if (ok)
        memcpy(hash, whole, INFILE_HASH);
    return ok && infile_unchanged(in);
}

bool infile_unchanged(const struct infile *in)
{
    struct stat now, named;
    if (fstat(in->fd, &now) == 0 && same_state(&in->before, &now) && stat(in->path, &named) == 0 &&
        same_state(&in->before, &named))
        return true;
    cli_complain(_("%s has changed meanwhile; nothing was signed"), in->path);
    return false;
}

/* ---- a file that is made ---- */

/* The folder of PATH with its slash; to be freed. NULL, after a complaint, without memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup("./") : strndup(path, (size_t)(slash - path) + 1);
    if (folder == NULL)
        cli_complain(_("no memory is left"));
    return folder;
}

static bool may_stand_there(const char *path, bool force, const struct infile *in)
{
    struct stat st, target;
    if (lstat(path, &st) != 0)
        return errno == ENOENT || complain(path);
    if (stat(path, &target) == 0 && target.st_ino == in->before.st_ino &&
        target.st_dev == in->before.st_dev) {
        cli_complain(_("%s is what is to be signed; it is not replaced"), path);
        return false;
    }
    if (!S_ISREG(st.st_mode)) /* a folder, or /dev/stdout, even where root could replace it */
        return no_file(path);
    if (force)
        return true;
    cli_complain(_("%s is there already; --force replaces it"), path);
    return false;
}

bool outfile_check(const char *path, bool force, const struct infile *in)
{
    char *folder = folder_of(path);
    if (folder == NULL)
        return false;
    bool ok = access(folder, W_OK | X_OK) == 0 || complain(path);
    free(folder);
    return ok && may_stand_there(path, force, in);
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

/* Replaces nothing that has come meanwhile: renameat2(2) where the file system knows it, else
 * link(2), and where there are no links either, as good as it can be. */
static bool give_new_name(const char *temporary, const char *path)
{
    struct stat st;
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return true;
    if (errno == EEXIST)
        return false;
    if (link(temporary, path) == 0) {
        unlink(temporary);
        return true;
    }
    if (errno == EEXIST)
        return false;
    if (lstat(path, &st) == 0) {
        errno = EEXIST;
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
              (force ? rename(temporary, path) == 0 : give_new_name(temporary, path));
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
    char *folder = folder_of(path);
    if (folder == NULL)
        return false;
    /* A short name: the one that is wanted may be as long as names can be. */
    bool ok = asprintf(&temporary, "%s.jpki-XXXXXX", folder) >= 0;
    free(folder);
    if (!ok) {
        cli_complain(_("no memory is left"));
        return false;
    }
    hold_begin();
    ok = write_as(temporary, path, content, force) || complain(path);
    hold_end();
    free(temporary);
    return ok;
}

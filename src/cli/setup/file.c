/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The files behind the texts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/hold.h"
#include "cli/setup/text.h"

static bool complain(const char *path)
{
    cli_complain("%s: %s", path, strerror(errno));
    return false;
}

/* Reads SIZE bytes or what there is; the number of bytes, or -1. */
static ssize_t read_all(int fd, char *data, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while (len < size && (n = read(fd, data + len, size - len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static bool read_open(int fd, const char *path, struct text *text)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return complain(path);
    if (!S_ISREG(st.st_mode)) {
        cli_complain(_("%s is not a regular file"), path);
        return false;
    }
    char *data = malloc(TEXT_MAX + 1);
    if (data == NULL)
        return complain(path);
    ssize_t len = read_all(fd, data, TEXT_MAX + 1);
    bool ok = len >= 0 || complain(path);
    if (ok && ((size_t)len > TEXT_MAX || memchr(data, '\0', (size_t)len) != NULL)) {
        cli_complain(_("%s is not a text; nothing was changed"), path);
        ok = false;
    }
    ok = ok && text_set(text, data, (size_t)len);
    free(data);
    return ok;
}

bool text_read(const char *path, struct text *text)
{
    text_free(text);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || complain(path);
    bool ok = read_open(fd, path, text);
    close(fd);
    return ok;
}

bool text_still(const char *path, const struct text *text)
{
    struct text now = {0};
    bool same = text_read(path, &now) && text_equal(&now, text);
    text_free(&now);
    return same;
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
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

/* Gives FD the mode and the owner of the file at PATH, if there is one. */
static bool take_after(int fd, const char *path, mode_t mode)
{
    struct stat st;
    mode_t mask = umask(0);
    umask(mask);
    if (stat(path, &st) != 0)
        return errno == ENOENT && fchmod(fd, mode & ~mask) == 0;
    if ((st.st_uid != geteuid() || st.st_gid != getegid()) && fchown(fd, st.st_uid, st.st_gid) != 0)
        return false;
    return fchmod(fd, st.st_mode & 07777) == 0;
}

/* TEMPORARY is a template for mkostemp(3). */
static bool write_as(char *temporary, const char *path, const struct text *text, mode_t mode)
{
    int fd = mkostemp(temporary, O_CLOEXEC);
    bool ok = fd >= 0 && write_all(fd, text->data, text->len) && take_after(fd, path, mode) &&
              fsync(fd) == 0 && rename(temporary, path) == 0;
    if (!ok)
        complain(path);
    if (fd >= 0) {
        close(fd);
        if (!ok)
            unlink(temporary);
    }
    return ok;
}

bool text_write(const char *path, const struct text *text, mode_t mode)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.jpki-XXXXXX", path) < 0) {
        cli_complain(_("no memory is left"));
        return false;
    }
    hold_begin();
    bool ok = write_as(temporary, path, text, mode);
    hold_end();
    free(temporary);
    return ok;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/smallfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/descriptor.h"
#include "support/secret.h"

#define TEMPORARY_SIZE 112 /* a name, and what makes it nobody else's */

static ssize_t read_open(int fd, void *room, size_t size)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -1;
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        errno = S_ISREG(st.st_mode) ? EPERM : EINVAL;
        return -1;
    }
    if ((unsigned long long)st.st_size > size) {
        errno = EFBIG;
        return -1;
    }
    return read(fd, room, size);
}

bool smallfile_read(int folder, const char *name, void *room, size_t size, size_t *len)
{
    *len = 0;
    int fd = descriptor_above_standard(
        openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (fd < 0)
        return false;
    ssize_t n = read_open(fd, room, size);
    int error = errno;
    close(fd);
    errno = error;
    *len = n > 0 ? (size_t)n : 0;
    return n >= 0;
}

static bool write_new(int fd, const void *data, size_t len)
{
    ssize_t n = descriptor_write(fd, data, len);
    if (n >= 0 && (size_t)n != len)
        errno = ENOSPC;
    bool ok = n >= 0 && (size_t)n == len;
    int error = errno;
    ok = close(fd) == 0 && ok;
    errno = ok ? errno : error;
    return ok;
}

bool smallfile_write(int folder, const char *name, const void *data, size_t len)
{
    char temporary[TEMPORARY_SIZE];
    unsigned number;
    /* Another thread, or a process of another namespace, may have our number. */
    if (!secret_random(&number, sizeof(number)))
        return false;
    int n = snprintf(temporary, sizeof(temporary), "%s.%ld-%08x", name, (long)getpid(), number);
    if (n < 0 || (size_t)n >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = descriptor_above_standard(
        openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (fd < 0)
        return false;
    bool ok = write_new(fd, data, len);
    ok = ok && renameat(folder, temporary, folder, name) == 0;
    int error = errno;
    if (!ok)
        unlinkat(folder, temporary, 0);
    errno = error;
    return ok;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

int descriptor_above_standard(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = errno;
    close(fd);
    errno = error;
    return moved;
}

/* The signal that comes with this error of write(2), 0 for none. */
static int signal_of(int error)
{
    if (error == EPIPE)
        return SIGPIPE;
    return error == EFBIG ? SIGXFSZ : 0;
}

/* Takes away the SIGNAL that this thread has earned. */
static void take_away(int signal)
{
    const struct timespec at_once = {0};
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, signal);
    while (sigtimedwait(&only, NULL, &at_once) < 0 && errno == EINTR)
        ;
}

ssize_t descriptor_write(int fd, const void *data, size_t len)
{
    sigset_t both, before, pending;
    ssize_t n;

    sigemptyset(&both);
    sigaddset(&both, SIGPIPE);
    sigaddset(&both, SIGXFSZ);
    sigemptyset(&pending);
    sigpending(&pending);
    int error = pthread_sigmask(SIG_BLOCK, &both, &before);
    if (error != 0) {
        errno = error;
        return -1;
    }
    do {
        n = write(fd, data, len);
    } while (n < 0 && errno == EINTR);
    error = errno;
    int signal = n < 0 ? signal_of(error) : 0;
    if (signal != 0 && sigismember(&pending, signal) == 0) /* else one was waiting already */
        take_away(signal);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return n;
}

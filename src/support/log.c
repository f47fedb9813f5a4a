/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/descriptor.h"

#define LINE_MAX_BYTES 1024 /* longer lines are cut, and say so */
#define NO_FILE (-1)        /* standard error */

static const char *const names[] = {
    [LOG_OFF] = "off",   [LOG_ERROR] = "error", [LOG_WARNING] = "warning",
    [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static const char cut_mark[] = " [cut]";

/*
 * No mutex here: a child forked while another thread writes would inherit it locked. A thread
 * counts itself in WRITERS before it reads TARGET, so that log_close() can tell when nobody uses
 * the descriptor any more.
 */
static atomic_int threshold = LOG_OFF;
static atomic_int target = NO_FILE;
static atomic_int writers;

/* The file behind TARGET: written only while that is NO_FILE and there are no WRITERS. */
static struct {
    dev_t device;
    ino_t number;
} target_file;

/* A program that becomes a daemon closes all descriptors, and their numbers go to files of its own:
 * those are neither written to nor closed. */
static bool is_still_log(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_dev == target_file.device &&
           st.st_ino == target_file.number;
}

static int open_file(const char *file)
{
    /* O_NONBLOCK: a FIFO in its place must not stop the host. */
    int fd = open(
        file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    struct stat st;

    if (fd < 0)
        return NO_FILE;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return NO_FILE;
    }
    fd = descriptor_above_standard(fd);
    if (fd < 0)
        return NO_FILE;
    target_file.device = st.st_dev;
    target_file.number = st.st_ino;
    return fd;
}

/* Closes FD once no thread writes to it. A count that stays up was inherited by fork from a
 * thread that does not exist here: then one descriptor is leaked rather than a wrong one used. */
static void close_unused(int fd)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    if (fd == NO_FILE)
        return;
    for (int round = 0; round < 100; round++) {
        if (atomic_load(&writers) == 0) {
            if (is_still_log(fd))
                close(fd);
            return;
        }
        nanosleep(&pause, NULL);
    }
}

void log_close(void)
{
    int saved = errno;

    atomic_store(&threshold, LOG_OFF);
    close_unused(atomic_exchange(&target, NO_FILE));
    errno = saved;
}

void log_open(enum log_level level, const char *file)
{
    int saved = errno;
    int fd;

    log_close(); /* after a fork the parent's file is still open here */
    fd = file != NULL && level != LOG_OFF ? open_file(file) : NO_FILE;
    atomic_store(&target, fd);
    atomic_store(&threshold, (int)level);
    errno = saved;
    if (fd == NO_FILE && file != NULL)
        log_write(LOG_WARNING, "the log file cannot be opened; the log goes to standard error");
}

bool log_on(enum log_level level)
{
    return level != LOG_OFF && (int)level <= atomic_load(&threshold);
}

/* What comes from a card, a reader or a file name must not forge lines or steer a terminal. */
static void make_plain(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text > 0x7e)
            *text = '?';
    }
}

/* Puts the whole line into LINE (LINE_MAX_BYTES) and returns its length. */
__attribute__((format(printf, 3, 0))) static size_t
format_line(char *line, enum log_level level, const char *format, va_list arguments)
{
    const size_t end = LINE_MAX_BYTES - 1; /* room for the newline */
    size_t head =
        (size_t)snprintf(line, end, "jpki-pkcs11[%ld] %s: ", (long)getpid(), names[level]);
    int body = vsnprintf(line + head, end - head, format, arguments);
    size_t len;

    if (body < 0)
        body = snprintf(line + head, end - head, "(a line that cannot be formatted)");
    make_plain(line);
    len = head + (size_t)body;
    if (len >= end) {
        memcpy(line + end - sizeof(cut_mark), cut_mark, sizeof(cut_mark));
        len = end - 1;
    }
    line[len] = '\n';
    return len + 1;
}

void log_write(enum log_level level, const char *format, ...)
{
    int saved = errno;
    char line[LINE_MAX_BYTES];
    va_list arguments;
    int fd;
    size_t len;

    if (!log_on(level) || (size_t)level >= NAME_COUNT)
        return;
    va_start(arguments, format);
    len = format_line(line, level, format, arguments);
    va_end(arguments);
    atomic_fetch_add(&writers, 1);
    fd = atomic_load(&target);
    if (fd == NO_FILE)
        descriptor_write(STDERR_FILENO, line, len);
    else if (is_still_log(fd))
        descriptor_write(fd, line, len);
    atomic_fetch_sub(&writers, 1);
    errno = saved;
}

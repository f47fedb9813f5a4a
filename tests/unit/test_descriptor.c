/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/descriptor.h"

#define LIMIT 100

static char path[] = "/tmp/jpki-test-descriptor-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static int open_it(void)
{
    return open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
}

/* Runs TEST in a process of its own, whose signals, limits and descriptors may be spoilt. */
static void in_child(int (*test)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(test());
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status)); /* and not ended by a signal */
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int moves_up(void)
{
    for (int closed = 0; closed <= 2; closed++)
        close(closed);
    for (int round = 0; round < 3; round++) {
        int fd = descriptor_above_standard(open_it());
        if (fd <= 2 || (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0 || write(fd, "x", 1) != 1)
            return 1;
        for (int closed = 0; closed <= 2; closed++) {
            if (fcntl(closed, F_GETFD) != -1)
                return 2;
        }
    }
    return 0;
}

static void test_moves_up(void **state)
{
    (void)state;
    in_child(moves_up);
}

static int no_room_above(void)
{
    const struct rlimit three = {3, 3};
    close(0);
    if (setrlimit(RLIMIT_NOFILE, &three) != 0)
        return 1;
    int fd = open_it();
    if (fd != 0)
        return 2;
    if (descriptor_above_standard(fd) != -1 || (errno != EMFILE && errno != EINVAL))
        return 3;
    return fcntl(0, F_GETFD) == -1 ? 0 : 4; /* closed */
}

static void test_no_room_above(void **state)
{
    (void)state;
    in_child(no_room_above);
}

static void test_stays(void **state)
{
    (void)state;
    int fd = open_it();
    assert_true(fd > 2);
    assert_int_equal(descriptor_above_standard(fd), fd);
    assert_int_equal(close(fd), 0);
    errno = ENOTDIR;
    assert_int_equal(descriptor_above_standard(-1), -1);
    assert_int_equal(errno, ENOTDIR);
}

static volatile sig_atomic_t caught;

static void note(int number)
{
    caught = number;
}

static int pending_signal(int number)
{
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    return sigismember(&pending, number);
}

/* The first write is cut at the limit, which sends no signal; the second one would send it. */
static int over_the_limit(void)
{
    const struct rlimit limit = {LIMIT, LIMIT};
    char text[LIMIT + 50];
    memset(text, 'x', sizeof(text));
    if (truncate(path, 0) != 0 || setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 1;
    int fd = open_it();
    if (descriptor_write(fd, text, sizeof(text)) != LIMIT)
        return 2;
    if (descriptor_write(fd, text, sizeof(text)) != -1 || errno != EFBIG)
        return 3;
    if (signal(SIGXFSZ, note) == SIG_ERR || descriptor_write(fd, text, 1) != -1)
        return 4;
    return caught == 0 && pending_signal(SIGXFSZ) == 0 ? 0 : 5;
}

static void test_file_size_limit(void **state)
{
    (void)state;
    in_child(over_the_limit);
}

static int nobody_reads(void)
{
    int ends[2];
    sigset_t mask;
    if (pipe(ends) != 0 || close(ends[0]) != 0)
        return 1;
    if (descriptor_write(ends[1], "x", 1) != -1 || errno != EPIPE)
        return 2;
    if (pending_signal(SIGPIPE) != 0)
        return 3;
    sigemptyset(&mask);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    return sigismember(&mask, SIGPIPE) == 0 && sigismember(&mask, SIGXFSZ) == 0 ? 0 : 4;
}

static void test_nobody_reads(void **state)
{
    (void)state;
    in_child(nobody_reads);
}

/* A signal that the host has held back itself is the host's: it is still there afterwards. */
static int not_ours(void)
{
    int ends[2];
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    if (pipe(ends) != 0 || close(ends[0]) != 0 || pthread_sigmask(SIG_BLOCK, &only, NULL) != 0)
        return 1;
    raise(SIGPIPE);
    if (descriptor_write(ends[1], "x", 1) != -1)
        return 2;
    if (pending_signal(SIGPIPE) != 1)
        return 3;
    pthread_sigmask(SIG_SETMASK, NULL, &only);
    return sigismember(&only, SIGPIPE) == 1 ? 0 : 4; /* and still held back */
}

static void test_signal_of_the_host(void **state)
{
    (void)state;
    in_child(not_ours);
}

static void test_other_errors(void **state)
{
    (void)state;
    assert_int_equal(descriptor_write(-1, "x", 1), -1);
    assert_int_equal(errno, EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves_up),     cmocka_unit_test(test_no_room_above),
        cmocka_unit_test(test_stays),        cmocka_unit_test(test_file_size_limit),
        cmocka_unit_test(test_nobody_reads), cmocka_unit_test(test_signal_of_the_host),
        cmocka_unit_test(test_other_errors),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}

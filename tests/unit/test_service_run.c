/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/reader.h"

static char folder[] = "/tmp/test-service-run-XXXXXX";
static char file[64];

static int setup(void **state)
{
    char socket[64];
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file, sizeof(file), "%s/pcscd.pid", folder);
    snprintf(socket, sizeof(socket), "%s/pcscd.comm", folder);
    return setenv("PCSCLITE_CSOCK_NAME", socket, 1);
}

static int teardown(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(folder);
}

static void start_service(long second)
{
    const struct timespec times[2] = {{.tv_sec = second}, {.tv_sec = second, .tv_nsec = 5}};
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "20\n", 3), 3);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void test_run(void **state)
{
    char first[READER_RUN_SIZE], again[READER_RUN_SIZE], next[READER_RUN_SIZE];
    (void)state;
    assert_false(reader_service_run(first));
    assert_string_equal(first, "");
    start_service(1000);
    assert_true(reader_service_run(first));
    assert_true(reader_service_run(again));
    assert_string_equal(first, again);
    assert_null(strpbrk(first, " \n"));
    start_service(1001); /* with the same number, in the same file */
    assert_true(reader_service_run(next));
    assert_string_not_equal(first, next);
    assert_int_equal(unlink(file) | mkdir(file, 0700), 0);
    assert_false(reader_service_run(next));
    assert_int_equal(rmdir(file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_run)};
    return cmocka_run_group_tests(tests, setup, teardown);
}

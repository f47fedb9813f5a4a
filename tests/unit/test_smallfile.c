/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/smallfile.h"

#define TEMPLATE "/tmp/test-smallfile-XXXXXX"
#define NAME "name"

static char root[sizeof(TEMPLATE)];
static int folder = -1;

static int setup(void **state)
{
    (void)state;
    memcpy(root, TEMPLATE, sizeof(TEMPLATE));
    if (mkdtemp(root) == NULL)
        return -1;
    folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0;
}

static int teardown(void **state)
{
    (void)state;
    unlinkat(folder, NAME, 0);
    unlinkat(folder, NAME, AT_REMOVEDIR);
    close(folder);
    return rmdir(root); /* fails when something else was left there */
}

static void expect(const char *text)
{
    char room[16];
    size_t len;
    assert_true(smallfile_read(folder, NAME, room, sizeof(room), &len));
    assert_int_equal(len, strlen(text));
    assert_memory_equal(room, text, len);
}

static void test_replaced(void **state)
{
    struct stat st;
    (void)state;
    assert_true(smallfile_write(folder, NAME, "first", 5));
    expect("first");
    assert_true(smallfile_write(folder, NAME, "2nd", 3));
    expect("2nd");
    assert_true(smallfile_write(folder, NAME, "", 0));
    expect("");
    assert_int_equal(fstatat(folder, NAME, &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void refused(size_t size, int error)
{
    char room[16];
    size_t len = 1;
    errno = 0;
    assert_false(smallfile_read(folder, NAME, room, size, &len));
    assert_int_equal(errno, error);
    assert_int_equal(len, 0);
}

static void test_not_read(void **state)
{
    (void)state;
    refused(16, ENOENT);
    assert_true(smallfile_write(folder, NAME, "12345", 5));
    refused(4, EFBIG);
    assert_int_equal(unlinkat(folder, NAME, 0), 0);
    assert_int_equal(symlinkat("/etc/passwd", folder, NAME), 0);
    refused(16, ELOOP);
    assert_int_equal(unlinkat(folder, NAME, 0), 0);
    assert_int_equal(mkfifoat(folder, NAME, 0600), 0);
    refused(16, EINVAL);
    assert_int_equal(unlinkat(folder, NAME, 0), 0);
    assert_int_equal(mkdirat(folder, NAME, 0700), 0);
    refused(16, EINVAL);
}

/* Only root can make one. Its folder is refused, too (folder.h), but may belong to a group. */
static void test_not_of_others(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return;
    assert_true(smallfile_write(folder, NAME, "text", 4));
    assert_int_equal(fchownat(folder, NAME, 65534, 65534, 0), 0);
    refused(16, EPERM);
    assert_true(smallfile_write(folder, NAME, "own", 3));
    expect("own");
}

/* A link or a pipe is replaced, and what it leads to stays as it is. */
static void test_no_link_followed(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(symlinkat("/dev/full", folder, NAME), 0);
    assert_true(smallfile_write(folder, NAME, "text", 4));
    assert_int_equal(fstatat(folder, NAME, &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISREG(st.st_mode));
    expect("text");
}

/* What was there stays, and nothing else is left in the folder (see teardown). */
static void test_not_written(void **state)
{
    char name[128];
    struct rlimit before, none;
    (void)state;
    assert_true(smallfile_write(folder, NAME, "kept", 4));
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_false(smallfile_write(folder, name, "text", 4));
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){.rlim_cur = 2, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    bool written = smallfile_write(folder, NAME, "text", 4);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(written);
    expect("kept");
    assert_false(smallfile_write(-1, NAME, "text", 4));
    assert_int_equal(errno, EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_link_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_written, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

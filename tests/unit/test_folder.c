/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/folder.h"

#define TEMPLATE "/tmp/test-folder-XXXXXX"

static char root[sizeof(TEMPLATE)];

static int unlink_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    (void)state;
    memcpy(root, TEMPLATE, sizeof(TEMPLATE));
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    umask(022);
    return mkdtemp(root) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    return nftw(root, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *below(const char *rest)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s%s", root, rest);
    return path;
}

/* FD is the folder at ROOT/REST, with this mode. Closes it. */
static void assert_is(int fd, const char *rest, unsigned mode)
{
    struct stat a, b;
    assert_true(fd > 2);
    assert_int_equal(fstat(fd, &a), 0);
    assert_int_equal(stat(below(rest), &b), 0);
    assert_true(a.st_dev == b.st_dev && a.st_ino == b.st_ino);
    assert_int_equal(a.st_mode & 07777, mode);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
}

static void assert_none(int fd, int error)
{
    int seen = errno;
    assert_int_equal(fd, -1);
    assert_int_equal(seen, error);
}

static void test_state_home(void **state)
{
    (void)state;
    setenv("XDG_STATE_HOME", below("/a/b"), 1);
    setenv("HOME", below("/home"), 1);
    assert_none(folder_state(false), ENOENT);
    assert_is(folder_state(true), "/a/b/jpki-pkcs11", 0700);
    assert_is(folder_state(false), "/a/b/jpki-pkcs11", 0700);
}

static void test_home(void **state)
{
    (void)state;
    setenv("HOME", below("/home"), 1);
    assert_is(folder_state(true), "/home/.local/state/jpki-pkcs11", 0700);
    setenv("XDG_STATE_HOME", "relative", 1); /* which the specification has ignored */
    assert_is(folder_state(false), "/home/.local/state/jpki-pkcs11", 0700);
}

static void test_nowhere(void **state)
{
    (void)state;
    assert_none(folder_state(true), ENOENT);
    setenv("HOME", "", 1);
    assert_none(folder_state(true), ENOENT);
}

static void test_runtime(void **state)
{
    (void)state;
    setenv("HOME", below("/home"), 1);
    setenv("XDG_RUNTIME_DIR", below("/run"), 1);
    assert_none(folder_runtime(false), ENOENT);
    assert_is(folder_runtime(true), "/run/jpki-pkcs11", 0700);
    /* One that is of no use is none. */
    assert_int_equal(chmod(below("/run/jpki-pkcs11"), 0777), 0);
    assert_is(folder_runtime(true), "/home/.local/state/jpki-pkcs11", 0700);
}

static void test_cache(void **state)
{
    (void)state;
    setenv("HOME", below("/home"), 1);
    assert_none(folder_cache(false), ENOENT);
    assert_is(folder_cache(true), "/home/.cache/jpki-pkcs11", 0700);
    setenv("XDG_CACHE_HOME", below("/cache"), 1);
    assert_is(folder_cache(true), "/cache/jpki-pkcs11", 0700);
    assert_int_equal(chmod(below("/cache/jpki-pkcs11"), 0777), 0);
    assert_none(folder_cache(true), EPERM);
}

/* Root makes nothing in the place of another user, who could not use it. */
static void test_as_root_elsewhere(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return;
    assert_int_equal(mkdir(below("/home"), 0700), 0);
    assert_int_equal(chown(below("/home"), 12345, 12345), 0);
    setenv("HOME", below("/home"), 1);
    assert_none(folder_state(true), ENOENT);
    assert_int_equal(access(below("/home/.local"), F_OK), -1);
    setenv("XDG_STATE_HOME",
           below("/home"
                 "/state"),
           1);
    assert_none(folder_state(true), ENOENT);
    assert_int_equal(access(below("/home"
                                  "/state"),
                            F_OK),
                     -1);
}

/* Once looked up, the environment is left alone. */
static void test_found(void **state)
{
    (void)state;
    setenv("HOME", below("/home"), 1);
    folder_find();
    setenv("HOME", below("/elsewhere"), 1);
    assert_is(folder_state(true), "/home/.local/state/jpki-pkcs11", 0700);
}

/* Where a session has no folder of its own, the state folder serves. */
static void test_runtime_without(void **state)
{
    char usual[64];
    (void)state;
    snprintf(usual, sizeof(usual), "/run/user/%ld", (long)geteuid());
    setenv("HOME", below("/home"), 1);
    int fd = folder_runtime(true);
    if (access(usual, W_OK) == 0) {
        assert_true(fd >= 0);
        close(fd);
    } else {
        assert_is(fd, "/home/.local/state/jpki-pkcs11", 0700);
    }
}

/* A folder that others may change, or a file, is none. */
static void test_refused(void **state)
{
    (void)state;
    setenv("XDG_STATE_HOME", root, 1);
    assert_is(folder_state(true), "/jpki-pkcs11", 0700);
    assert_int_equal(chmod(below("/jpki-pkcs11"), 0777), 0);
    assert_none(folder_state(true), EPERM);
    assert_int_equal(chmod(below("/jpki-pkcs11"), 0755), 0);
    assert_is(folder_state(true), "/jpki-pkcs11", 0755);
    if (geteuid() == 0) {
        assert_int_equal(chown(below("/jpki-pkcs11"), 1, 1), 0);
        assert_none(folder_state(true), EPERM);
    }
    assert_int_equal(rmdir(below("/jpki-pkcs11")), 0);
    int fd = open(below("/jpki-pkcs11"), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_none(folder_state(true), ENOTDIR);
}

/* A link may be the holder's way to a larger disk, or somebody's way to a folder of the holder's.
 */
static void test_links(void **state)
{
    (void)state;
    assert_int_equal(mkdir(below("/elsewhere"), 0700), 0);
    assert_int_equal(symlink("elsewhere", below("/jpki-pkcs11")), 0);
    setenv("XDG_STATE_HOME", root, 1);
    assert_is(folder_state(true), "/elsewhere", 0700);
    if (geteuid() == 0) {
        assert_int_equal(lchown(below("/jpki-pkcs11"), 1, 1), 0);
        assert_none(folder_state(true), EPERM);
    }
    assert_int_equal(rmdir(below("/elsewhere")) | unlink(below("/jpki-pkcs11")), 0);
}

static void test_too_long(void **state)
{
    char path[5000];
    (void)state;
    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    setenv("XDG_STATE_HOME", path, 1);
    assert_none(folder_state(true), ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_state_home, setup, teardown),
        cmocka_unit_test_setup_teardown(test_home, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nowhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_runtime, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_runtime_without, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_as_root_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_found, setup, teardown), /* last: it stays */
    };
    return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}

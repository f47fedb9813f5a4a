/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A signal in the middle of jpki setup: nothing is left half done.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/setup/apply.h"
#include "cli/setup/place.h"
#include "cli/setup/undo.h"

static char home[] = "/tmp/test_setup_hold.XXXXXX";
static bool disturbed;

/* Stands in for the C library's: a file is written, and has not taken its name yet. */
int fsync(int fd)
{
    (void)fd;
    if (disturbed)
        raise(SIGTERM);
    return 0;
}

static size_t files(const char *folder)
{
    char command[200];
    size_t count = 0;
    snprintf(command, sizeof(command), "find '%s/%s' -type f | wc -l", home, folder);
    FILE *found = popen(command, "r");
    assert_non_null(found);
    assert_int_equal(fscanf(found, "%zu", &count), 1);
    pclose(found);
    return count;
}

static void set_up(void)
{
    struct plan plan = {0};
    struct record record;
    bool ok = record_open(&record, "java", true);
    for (int i = 1; ok && i <= 3; i++)
        ok = plan_add(&plan, place_text("%s/place/%d", home, i), TEXT_FILE, place_text("%d\n", i),
                      NULL);
    _exit(ok && apply(&plan, &record) ? 0 : 1);
}

static void take_back(void)
{
    struct undo undo;
    struct record record;
    _exit(record_open(&record, "java", false) && undo_plan(&undo, &record, 0) &&
                  undo_run(&undo, &record)
              ? 0
              : 1);
}

/* A child that gets a signal whenever a file is written. */
static void check(void (*job)(void), size_t made, size_t remembered)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        disturbed = true;
        job();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_int_equal(files("place"), made);
    assert_int_equal(files("state/jpki-pkcs11/setup"), remembered);
}

static void test_text(void **state)
{
    (void)state;
    char path[100];
    int status;
    snprintf(path, sizeof(path), "%s/place/text", home);
    pid_t child = fork();
    if (child == 0) {
        disturbed = true;
        text_write(path, &(struct text){.data = (char[]){"a\n"}, .len = 2}, 0600);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_int_equal(files("place"), 1);
    assert_int_equal(unlink(path), 0);
}

static void test_all_of_it(void **state)
{
    (void)state;
    check(set_up, 3, 1);
}

/* The last write is that of the record, unless there is nothing left to remember: so one file is
 * the holder's by now. */
static void test_all_of_it_back(void **state)
{
    (void)state;
    char path[100];
    snprintf(path, sizeof(path), "%s/place/1", home);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs("mine\n", file);
    fclose(file);
    check(take_back, 1, 1);
}

static int make_home(void **state)
{
    (void)state;
    char path[100];
    if (mkdtemp(home) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/state", home);
    setenv("XDG_STATE_HOME", path, 1);
    snprintf(path, sizeof(path), "%s/place", home);
    return mkdir(path, 0700);
}

static int remove_home(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof(command), "rm -r '%s'", home);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_all_of_it),
        cmocka_unit_test(test_all_of_it_back),
    };
    return cmocka_run_group_tests(tests, make_home, remove_home);
}

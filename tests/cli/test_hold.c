/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Signals that wait: what is begun is ended, and then the signal has its effect.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/hold.h"

/* A child that gets a signal while it holds says so on TO when it goes on all the same. */
static void hold_and_get(int number, int to)
{
    signal(number, SIG_DFL); /* which whoever started us may have set aside, as nohup(1) does */
    setpgid(0, 0);           /* ^Z stops no group that has nobody to wake it up */
    hold_begin();
    hold_begin();
    raise(number);
    hold_end();
    if (write(to, "", 1) != 1)
        _exit(2);
    hold_end();
    _exit(3);
}

static void check(int number, bool stops)
{
    int ends[2], status;
    char c;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        hold_and_get(number, ends[1]);
    close(ends[1]);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    if (WIFSTOPPED(status)) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    assert_int_equal(read(ends[0], &c, 1), 1); /* after the signal */
    close(ends[0]);
    assert_true(stops ? WIFSTOPPED(status) && WSTOPSIG(status) == number
                      : WIFSIGNALED(status) && WTERMSIG(status) == number);
}

static void test_ends(void **state)
{
    (void)state;
    check(SIGINT, false);
    check(SIGTERM, false);
    check(SIGHUP, false);
}

static void test_nobody_reads(void **state)
{
    (void)state;
    check(SIGPIPE, false);
}

static void test_stops(void **state)
{
    (void)state;
    check(SIGTSTP, true);
    check(SIGTTOU, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_nobody_reads),
        cmocka_unit_test(test_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

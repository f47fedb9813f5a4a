/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * When the card rests, for other programs to get it (reader/reader.c). The clock is one of this
 * program, and goes on only when the test says so or the module sleeps: nothing here takes time,
 * and each millisecond is counted.
 */
#include "pcsc/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "Twin Reader 00"
#define STEP 10 /* ms: a transaction */

/* What docs/architecture.md says. */
#define REST 150
#define SECOND 1000
#define ALONE (2 * SECOND)

static uint64_t now;   /* ms */
static uint64_t slept; /* ms, since count_from() */
static unsigned sleeps, looked_before;
static struct reader *reader;

int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    (void)clock;
    *out =
        (struct timespec){.tv_sec = (time_t)(now / 1000), .tv_nsec = (long)(now % 1000) * 1000000L};
    return 0;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
    (void)left;
    uint64_t ms = (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_nsec / 1000000;
    now += ms;
    slept += ms;
    sleeps++;
    return 0;
}

static size_t card(void *context, const uint8_t *command, size_t len, uint8_t *out)
{
    (void)context;
    (void)command;
    (void)len;
    (void)out;
    return 0;
}

static unsigned step; /* ms that a transaction takes */

static int begin(void **state)
{
    (void)state;
    now = 3600 * SECOND;
    step = STEP;
    script_clear();
    twin_clear();
    twin_reader(NAME, true);
    twin_insert(NAME, card, NULL, bytes_of("\x3B\x00", 2));
    reader = reader_new(NAME);
    return reader == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    script_clear();
    reader_free(reader);
    unsigned left = script_contexts() + script_handles();
    twin_clear();
    return left == 0 ? 0 : -1;
}

/* ---- the card is used ---- */

static void count_from(void)
{
    slept = 0;
    sleeps = 0;
    looked_before = script_looks();
}

static unsigned looks(void)
{
    return script_looks() - looked_before;
}

static void transaction(struct reader *in)
{
    bool fresh;
    assert_int_equal(reader_begin(in, &fresh), ERR_OK);
    now += step;
    assert_true(reader_end(in, false));
}

/* The card is used without a pause for so many milliseconds. */
static void use(unsigned ms)
{
    for (unsigned done = 0; done < ms; done += STEP)
        transaction(reader);
}

/* After the rest, or the pause, before: it goes on for exactly so long until it rests again. */
static void expect_use(unsigned ms)
{
    count_from();
    use(ms);
    assert_int_equal(sleeps, 0);
    transaction(reader);
    assert_int_equal(sleeps, 1);
    assert_int_equal(slept, REST);
    use(STEP * 10); /* what comes after a rest is no part of the use before */
    assert_int_equal(sleeps, 1);
    now += REST;
}

static SCARDCONTEXT other_program(void)
{
    SCARDCONTEXT context;
    assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context),
                     SCARD_S_SUCCESS);
    return context;
}

/* ---- when it rests ---- */

static void test_with_others(void **state)
{
    (void)state;
    SCARDCONTEXT other = other_program();
    for (int i = 0; i < 5; i++)
        expect_use(SECOND);
    /* Once per rest: not with each transaction. */
    count_from();
    use(10 * SECOND);
    assert_int_equal(sleeps, 9);
    assert_int_equal(looks(), 9);
    SCardReleaseContext(other);
}

/* Those who are not seen come to their turn, too. */
static void test_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        expect_use(ALONE);
    count_from();
    use(10 * ALONE);
    assert_int_equal(sleeps, 9);
    assert_int_equal(slept, 9 * REST);
    assert_int_equal(looks(), 10);
}

/* A card that needs longer for each command is not used for longer, but for the transaction in
 * which the time ends. */
static void test_long_transactions(void **state)
{
    (void)state;
    for (step = 100; step < ALONE; step += 100) {
        uint64_t begun = now;
        count_from();
        while (sleeps == 0)
            transaction(reader);
        assert_true(now - begun - REST - step < ALONE + step);
        now += REST;
    }
}

/* Whoever comes waits no longer than in test_with_others; for who has left, nobody rests. */
static void test_others_come_and_go(void **state)
{
    (void)state;
    for (unsigned at = STEP; at <= ALONE; at += STEP) {
        count_from();
        use(at);
        SCARDCONTEXT other = other_program();
        unsigned waited = 0;
        for (; sleeps == 0; waited += STEP)
            transaction(reader);
        assert_true(waited <= SECOND + STEP);
        SCardReleaseContext(other);
        now += REST;
    }
    SCARDCONTEXT other = other_program();
    expect_use(SECOND);
    use(SECOND - STEP);
    SCardReleaseContext(other);
    count_from();
    use(ALONE - SECOND);
    assert_int_equal(sleeps, 0);
}

/* A program that leaves the card alone for a moment need not rest, nor look. */
static void test_with_pauses(void **state)
{
    (void)state;
    SCARDCONTEXT other = other_program();
    count_from();
    for (int i = 0; i < 50; i++) {
        use(SECOND);
        now += REST;
    }
    assert_int_equal(sleeps, 0);
    assert_int_equal(looks(), 0);
    SCardReleaseContext(other);
}

/* What others can have of a pause that is too short is made up to a rest. */
static void test_with_short_pauses(void **state)
{
    (void)state;
    SCARDCONTEXT other = other_program();
    use(SECOND);
    now += REST / 3;
    count_from();
    transaction(reader);
    assert_int_equal(slept, REST - REST / 3);
    SCardReleaseContext(other);
}

/* ---- who is there ---- */

/* All that the module has itself is nobody else; it may have come and gone, with the service too.
 */
static void test_all_of_ours(void **state)
{
    (void)state;
    char **names = NULL;
    struct reader_view *views[] = {reader_view_new(), reader_view_new()};
    struct reader *second = reader_new(NAME);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(reader_list(views[i], &names), ERR_OK);
        free(names);
    }
    transaction(second);
    assert_int_equal(script_contexts(), 3);
    expect_use(ALONE);
    reader_free(second);
    reader_view_free(views[1]);
    expect_use(ALONE);
    twin_service(false);
    assert_int_equal(reader_list(views[0], &names), ERR_NO_SERVICE);
    twin_service(true);
    assert_int_equal(reader_list(views[0], &names), ERR_OK);
    free(names);
    transaction(reader);
    now += REST;
    expect_use(ALONE);
    SCARDCONTEXT other = other_program();
    expect_use(SECOND);
    SCardReleaseContext(other);
    reader_view_free(views[0]);
    expect_use(ALONE);
}

/* Runs TEST in a child with a reader of its own. What fails there ends it with another code. */
static void in_child(void (*test)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        reader = reader_new(NAME);
        test();
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* assert_…() would go on in the parent's test. */
static void must_use(unsigned ms)
{
    count_from();
    use(ms);
    unsigned too_early = sleeps;
    transaction(reader);
    if (too_early != 0 || sleeps != 1)
        _exit(1);
}

static void with_others(void)
{
    must_use(SECOND);
}

static void alone(void)
{
    must_use(ALONE);
}

/* The parent has connections, and uses the card; it is another program. */
static void test_fork(void **state)
{
    (void)state;
    in_child(alone);
    transaction(reader);
    now += REST;
    in_child(with_others);
    expect_use(ALONE); /* and a child takes none of its parent's */
}

static void elsewhere(void)
{
    setenv("PCSCLITE_CSOCK_NAME", "/run/elsewhere/pcscd.comm", 1);
    must_use(SECOND);
}

/* The list may have another service under the usual name, and as many connections to it. */
static void test_another_socket(void **state)
{
    (void)state;
    in_child(elsewhere);
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_another_socket), /* first: where the socket is, a process asks once */
        row(test_with_others),        row(test_alone),       row(test_long_transactions),
        row(test_others_come_and_go), row(test_with_pauses), row(test_with_short_pauses),
        row(test_all_of_ours),        row(test_fork),
    };
    return cmocka_run_group_tests_name("rest", tests, NULL, NULL);
}

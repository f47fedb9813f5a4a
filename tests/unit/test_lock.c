/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/lock.h"
#include "support/log.h"

#define THREADS 4
#define ROUNDS 20000

static struct lock *shared;
static long counter;

static void *count(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        lock_take(shared);
        counter++;
        lock_give(shared);
    }
    return NULL;
}

static void test_excludes(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    shared = lock_new(NULL);
    assert_non_null(shared);
    counter = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(counter, (long)THREADS * ROUNDS);
    lock_free(shared);
    lock_free(NULL);
}

/* The application's functions, which count. */
static int created, destroyed, taken, given, mutex;
static bool fails;

static bool on_create(void **m)
{
    *m = &mutex;
    created++;
    return !fails;
}

static bool on_destroy(void *m)
{
    assert_ptr_equal(m, &mutex);
    destroyed++;
    return !fails;
}

static bool on_take(void *m)
{
    assert_ptr_equal(m, &mutex);
    taken++;
    return !fails;
}

static bool on_give(void *m)
{
    assert_ptr_equal(m, &mutex);
    given++;
    return !fails;
}

static const struct lock_calls all_calls = {on_create, on_destroy, on_take, on_give};

static int reset(void **state)
{
    (void)state;
    created = destroyed = taken = given = 0;
    fails = false;
    return 0;
}

static void test_application_calls(void **state)
{
    struct lock_calls calls = all_calls;
    struct lock *lock = lock_new(&calls);

    (void)state;
    assert_non_null(lock);
    memset(&calls, 0, sizeof(calls)); /* they were copied */
    assert_int_equal(created, 1);
    for (int i = 1; i <= 3; i++) {
        lock_take(lock);
        assert_int_equal(taken, i);
        assert_int_equal(given, i - 1);
        lock_give(lock);
        assert_int_equal(given, i);
    }
    lock_free(lock);
    assert_int_equal(created, 1);
    assert_int_equal(destroyed, 1);
}

static void *take_in_vain(void *argument)
{
    struct lock *lock = argument;
    fails = true;
    lock_take(lock);
    lock_give(lock);
    fails = false;
    return NULL;
}

/* What was not taken is not given back, whether nobody has it or another thread. */
static void test_not_taken_not_given(void **state)
{
    pthread_t thread;
    struct lock *lock = lock_new(&all_calls);

    (void)state;
    assert_non_null(lock);
    take_in_vain(lock);
    assert_int_equal(taken, 1);
    assert_int_equal(given, 0);
    lock_take(lock);
    assert_int_equal(pthread_create(&thread, NULL, take_in_vain, lock), 0);
    pthread_join(thread, NULL);
    assert_int_equal(taken, 3);
    assert_int_equal(given, 0);
    lock_give(lock);
    assert_int_equal(given, 1);
    lock_give(lock); /* nor twice */
    assert_int_equal(given, 1);
    lock_free(lock);
}

static void test_cannot_be_made(void **state)
{
    (void)state;
    fails = true;
    assert_null(lock_new(&all_calls));
    assert_int_equal(created, 1);
    assert_int_equal(destroyed, 0);
}

static void test_calls_missing(void **state)
{
    struct lock_calls calls = all_calls;

    (void)state;
    calls.create = NULL;
    assert_null(lock_new(&calls));
    calls = all_calls;
    calls.destroy = NULL;
    assert_null(lock_new(&calls));
    calls = all_calls;
    calls.take = NULL;
    assert_null(lock_new(&calls));
    calls = all_calls;
    calls.give = NULL;
    assert_null(lock_new(&calls));
    assert_int_equal(created, 0);
}

static void test_failures_are_logged(void **state)
{
    char file[] = "/tmp/jpki-test-lock-XXXXXX";
    char text[1024] = "";
    struct lock *lock = lock_new(&all_calls);
    int fd = mkstemp(file);

    (void)state;
    assert_true(fd >= 0);
    assert_non_null(lock);
    log_open(LOG_ERROR, file);
    fails = true;
    lock_take(lock);
    fails = false;
    lock_take(lock);
    fails = true;
    lock_give(lock);
    lock_free(lock);
    log_close();
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    assert_non_null(strstr(text, "error: a mutex could not be locked"));
    assert_non_null(strstr(text, "error: a mutex could not be unlocked"));
    assert_non_null(strstr(text, "error: the application could not destroy its mutex"));
    close(fd);
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_excludes),
        cmocka_unit_test_setup(test_application_calls, reset),
        cmocka_unit_test_setup(test_not_taken_not_given, reset),
        cmocka_unit_test_setup(test_cannot_be_made, reset),
        cmocka_unit_test_setup(test_calls_missing, reset),
        cmocka_unit_test_setup(test_failures_are_logged, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

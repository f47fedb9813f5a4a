/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit/history_home.h"
#include "cli/past.h"
#include "crypto/digest.h"

#define NONE "0000000000000000000000000000000000000000000000000000000000000000"

/* A history of SIZE bytes at its beginning, then a line that follows the last of them, LAST. */
static struct past *followed(char *text, size_t size, const char *last, size_t last_len)
{
    uint8_t hash[DIGEST_MAX];
    char hex[65];
    assert_int_equal(digest_once(DIGEST_SHA256, bytes_of(last, last_len), hash), ERR_OK);
    bytes_hex(bytes_of(hash, 32), hex);
    size += (size_t)sprintf(text + size, "{\"operation\":\"sign\",\"prev\":\"%s\"}\n", hex);
    home_write(home_file, text, size);
    struct past *past = past_open();
    assert_non_null(past);
    return past;
}

static void expect_damaged_then_good(struct past *past)
{
    struct past_line line;
    assert_true(past_next(past, &line));
    assert_int_equal(line.number, 1);
    assert_false(line.whole);
    assert_true(past_next(past, &line));
    assert_true(line.whole);
    assert_true(line.follows);
    assert_string_equal(line.operation, "sign");
    assert_false(past_next(past, &line));
    assert_int_equal(past_error(past), 0);
    assert_false(past_unfinished(past));
    past_close(past);
}

/* SIZE bytes in the first line, with its end. */
static void first_line(char *text, size_t size)
{
    const char *end = "\",\"prev\":\"" NONE "\"}\n";
    memset(text, 'x', size);
    memcpy(text, "{\"program\":\"", 12);
    memcpy(text + size - strlen(end), end, strlen(end));
}

static void test_long_line(void **state)
{
    static char text[300000];
    (void)state;
    const size_t sizes[] = {PAST_LINE_MAX + 1, PAST_LINE_MAX + 2, 2 * PAST_LINE_MAX,
                            2 * PAST_LINE_MAX + 1, 200000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        first_line(text, sizes[i]);
        expect_damaged_then_good(followed(text, sizes[i], text, sizes[i] - 1));
    }
}

static void test_longest_line(void **state)
{
    char text[PAST_LINE_MAX + 200];
    struct past_line line;
    (void)state;
    first_line(text, PAST_LINE_MAX);
    struct past *past = followed(text, PAST_LINE_MAX, text, PAST_LINE_MAX - 1);
    assert_true(past_next(past, &line));
    assert_true(line.whole);
    assert_true(line.follows);
    assert_int_equal(strlen(line.program),
                     PAST_LINE_MAX - 12 - strlen("\",\"prev\":\"" NONE "\"}\n"));
    assert_true(past_next(past, &line));
    assert_true(line.follows);
    past_close(past);
}

/* What comes after a zero byte is not hidden by it. */
static void test_zero_byte(void **state)
{
    char text[400] = "{\"prev\":\"" NONE "\"}";
    (void)state;
    size_t len = strlen(text);
    memcpy(text + len, "\0more\n", 6);
    expect_damaged_then_good(followed(text, len + 6, text, len + 5));
}

static void test_no_file(void **state)
{
    (void)state;
    assert_null(past_open());
    assert_int_equal(errno, ENOENT);
    assert_int_equal(mkdir(home_folder, 0700), 0);
    assert_null(past_open());
    assert_int_equal(errno, ENOENT);
    assert_int_equal(mkfifo(home_file, 0600), 0);
    assert_null(past_open());
    assert_int_equal(errno, EOPNOTSUPP);
    assert_int_equal(unlink(home_file), 0);
    assert_int_equal(mkdir(home_file, 0700), 0);
    assert_null(past_open());
    assert_int_equal(errno, EISDIR);
}

static void test_moved(void **state)
{
    char text[400] = "{\"prev\":\"" NONE "\"}\n";
    struct past_line line;
    (void)state;
    struct past *past = followed(text, strlen(text), "", 0);
    assert_true(past_next(past, &line));
    assert_true(past_next(past, &line));
    assert_false(past_next(past, &line));
    assert_false(past_moved(past));
    assert_int_equal(truncate(home_file, (off_t)strlen(text) - 1), 0);
    assert_true(past_moved(past));
    past_close(past);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_long_line, home_make, home_remove),
        cmocka_unit_test_setup_teardown(test_longest_line, home_make, home_remove),
        cmocka_unit_test_setup_teardown(test_zero_byte, home_make, home_remove),
        cmocka_unit_test_setup_teardown(test_no_file, home_make, home_remove),
        cmocka_unit_test_setup_teardown(test_moved, home_make, home_remove),
    };
    return cmocka_run_group_tests_name("past", tests, NULL, NULL);
}

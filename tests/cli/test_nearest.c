/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/nearest.h"

static const char *const words[] = {"status", "list", "history",
                                    "a word of more than thirty-two letters"};

static const char *of(const char *word)
{
    return nearest(word, words, sizeof(words) / sizeof(*words));
}

static void test_slips(void **state)
{
    (void)state;
    assert_string_equal(of("status"), "status");
    assert_string_equal(of("stats"), "status");   /* a letter left out */
    assert_string_equal(of("statuss"), "status"); /* one added */
    assert_string_equal(of("ststus"), "status");  /* one exchanged */
    assert_string_equal(of("STATUS"), "status");
    assert_string_equal(of("lsit"), "list");
    assert_string_equal(of("histroy"), "history");
}

static void test_far_away(void **state)
{
    (void)state;
    assert_null(of("firefox"));
    assert_null(of(""));
    assert_null(of("a word of more than thirty-two letters"));
    assert_null(nearest("status", words, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slips),
        cmocka_unit_test(test_far_away),
    };
    return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}

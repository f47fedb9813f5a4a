/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>

#include "cli/print.h"

static void test_columns(void **state)
{
    (void)state;
    assert_int_equal(print_columns(""), 0);
    assert_int_equal(print_columns("PIN"), 3);
    assert_int_equal(print_columns("暗証番号"), 8);
    assert_int_equal(print_columns("e\xCC\x81"), 1); /* an accent of its own takes no column */
    assert_int_equal(print_columns("a\xFF"), 2);     /* no character */
}

static void test_time(void **state)
{
    char text[PRINT_TIME];
    (void)state;
    print_time(-1, text);
    assert_string_equal(text, "?");
    print_time(1764000000, text); /* of `date -u -d @1764000000` */
    assert_string_equal(text, "2025-11-24 16:00:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_time),
    };
    if (setlocale(LC_ALL, "C.UTF-8") == NULL || setenv("TZ", "UTC", 1) != 0)
        return 1;
    return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}

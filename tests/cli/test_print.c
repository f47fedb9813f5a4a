/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
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

/* TEXT as it is printed; static. */
static const char *printed(const char *text, bool lines)
{
    static char kept[128];
    char *out = NULL;
    size_t size;
    FILE *file = open_memstream(&out, &size);
    assert_non_null(file);
    if (lines)
        print_safe_lines(file, text);
    else
        print_safe_to(file, text);
    assert_int_equal(fclose(file), 0);
    snprintf(kept, sizeof(kept), "%s", out);
    free(out);
    return kept;
}

static void test_safe(void **state)
{
    (void)state;
    assert_string_equal(printed("/usr/bin/ssh", false), "/usr/bin/ssh");
    assert_string_equal(printed("暗証番号", false), "暗証番号");
    assert_string_equal(printed("a\x1B[2Jb\r\n\tc\x7F", false), "a?[2Jb???c?");
    assert_string_equal(printed("a\xC2\x9B"
                                "2J",
                                false),
                        "a?2J"); /* CSI as one character */
    assert_string_equal(printed("gpj\xE2\x80\xAE"
                                "exe",
                                false),
                        "gpj?exe");
    assert_string_equal(printed("\xE2\x81\xA6"
                                "a\xD8\x9C",
                                false),
                        "?a?");
    assert_string_equal(printed("a\xFF\x9B"
                                "b\xE6\x9A",
                                false),
                        "a??b??"); /* no characters */
    assert_string_equal(printed("", false), "");
}

static void test_safe_columns(void **state)
{
    (void)state;
    assert_int_equal(print_safe_to(stdout, "PIN"), 3);
    assert_int_equal(print_safe_to(stdout, "暗証番号"), 8);
    assert_int_equal(print_safe_to(stdout, "a\x1B[\xFF\n"), 5); /* a ?, and it takes its column */
}

static void test_safe_lines(void **state)
{
    (void)state;
    assert_string_equal(printed("a:\tb\n\x1B[2Jc\r\n", true), "a:\tb\n?[2Jc?\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),    cmocka_unit_test(test_time),
        cmocka_unit_test(test_safe),       cmocka_unit_test(test_safe_columns),
        cmocka_unit_test(test_safe_lines),
    };
    if (setlocale(LC_ALL, "C.UTF-8") == NULL || setenv("TZ", "UTC", 1) != 0)
        return 1;
    return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}

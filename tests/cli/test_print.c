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

enum how { SAFE, LINES, WRAPPED };

/* TEXT as it is printed; static. */
static const char *printed(const char *text, enum how how)
{
    static char kept[512];
    char *out = NULL;
    size_t size;
    FILE *file = open_memstream(&out, &size);
    assert_non_null(file);
    if (how == LINES)
        print_safe_lines(file, text);
    else if (how == WRAPPED)
        print_safe_wrapped(file, text, 74);
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
    assert_string_equal(printed("/usr/bin/ssh", SAFE), "/usr/bin/ssh");
    assert_string_equal(printed("暗証番号", SAFE), "暗証番号");
    assert_string_equal(printed("a\x1B[2Jb\r\n\tc\x7F", SAFE), "a?[2Jb???c?");
    assert_string_equal(printed("a\xC2\x9B"
                                "2J",
                                SAFE),
                        "a?2J"); /* CSI as one character */
    assert_string_equal(printed("gpj\xE2\x80\xAE"
                                "exe",
                                SAFE),
                        "gpj?exe");
    assert_string_equal(printed("\xE2\x81\xA6"
                                "a\xD8\x9C",
                                SAFE),
                        "?a?");
    assert_string_equal(printed("a\xFF\x9B"
                                "b\xE6\x9A",
                                SAFE),
                        "a??b??"); /* no characters */
    assert_string_equal(printed("", SAFE), "");
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
    assert_string_equal(printed("a:\tb\n\x1B[2Jc\r\n", LINES), "a:\tb\n?[2Jc?\n");
}

/* Behind 74 columns six are left. */
static void test_wrapped(void **state)
{
    (void)state;
#define BELOW                                                                                      \
    "\n"                                                                                           \
    "          "                                                                                   \
    "          "                                                                                   \
    "          "                                                                                   \
    "          "                                                                                   \
    "          "                                                                                   \
    "          "                                                                                   \
    "          "                                                                                   \
    "    "
    assert_string_equal(printed("", WRAPPED), "");
    assert_string_equal(printed("ab cde", WRAPPED), "ab cde");
    assert_string_equal(printed("ab cdef", WRAPPED), "ab" BELOW "cdef");
    assert_string_equal(printed("/a/long/word b", WRAPPED), "/a/long/word" BELOW "b");
    assert_string_equal(printed("暗証番号", WRAPPED), "暗証番" BELOW "号");
    assert_string_equal(printed("暗証番。号", WRAPPED), "暗証" BELOW "番。号"); /* none before 。 */
    assert_string_equal(printed("暗証「号」", WRAPPED), "暗証" BELOW "「号」"); /* nor behind 「 */
    assert_string_equal(printed("暗号 PIN", WRAPPED), "暗号" BELOW "PIN");
    assert_string_equal(printed("a\x1B\xFF 暗証", WRAPPED), "a?? 暗" BELOW "証");
#undef BELOW
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),    cmocka_unit_test(test_time),
        cmocka_unit_test(test_safe),       cmocka_unit_test(test_safe_columns),
        cmocka_unit_test(test_safe_lines), cmocka_unit_test(test_wrapped),
    };
    if (setlocale(LC_ALL, "C.UTF-8") == NULL || setenv("TZ", "UTC", 1) != 0)
        return 1;
    return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Lines that are put into a text, and taken out again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/setup/text.h"

#define BLOCK "library=/m.so\nname=M\n\n"
#define MARK "library=/m.so"

static struct text text_of(const char *data)
{
    struct text text = {0};
    if (data != NULL)
        assert_true(text_set(&text, data, strlen(data)));
    return text;
}

static void check(const char *before, enum text_kind kind, const char *block, const char *wanted)
{
    struct text from = text_of(before), to = {0};
    assert_true(text_insert(&from, kind, block, &to));
    assert_string_equal(to.data, wanted);
    assert_int_equal(to.len, strlen(wanted));
    text_free(&from);
    text_free(&to);
}

static void test_insert(void **state)
{
    (void)state;
    check(NULL, TEXT_TOP, "a\n", "a\n");
    check("x\n", TEXT_TOP, "a\n", "a\nx\n");
    check("x", TEXT_TOP, "a\n", "a\nx");
    check(NULL, TEXT_LINE, "a\n", "a\n");
    check("x\n", TEXT_LINE, "a\n", "x\na\n");
    check("x", TEXT_LINE, "a\n", "x\na\n");
    check(NULL, TEXT_PARAGRAPH, "a\n\n", "a\n\n");
    check("x\n", TEXT_PARAGRAPH, "a\n\n", "x\n\na\n\n");
    check("x\n\n", TEXT_PARAGRAPH, "a\n\n", "x\n\na\n\n");
    check("x", TEXT_PARAGRAPH, "a\n\n", "x\n\na\n\n");
    check("\n", TEXT_PARAGRAPH, "a\n\n", "\n\na\n\n");
    check(NULL, TEXT_FILE, "a\n", "a\n");
}

static void cut(const char *before, enum text_kind kind, const char *block, const char *mark,
                enum text_cut end, const char *wanted)
{
    struct text text = text_of(before);
    assert_int_equal(text_cut(&text, kind, block, mark), end);
    if (wanted == NULL)
        assert_null(text.data);
    else
        assert_string_equal(text.data, wanted);
    if (wanted != NULL)
        assert_int_equal(text.len, strlen(wanted));
    text_free(&text);
}

static void test_cut_lines(void **state)
{
    (void)state;
    cut("x\na\nb\ny\n", TEXT_TOP, "a\nb\n", "a", CUT_DONE, "x\ny\n");
    cut("a\nb\n", TEXT_TOP, "a\nb\n", "a", CUT_DONE, "");
    cut("x\na\nB\ny\n", TEXT_TOP, "a\nb\n", "a", CUT_CHANGED, "x\na\nB\ny\n");
    cut("x\ny\n", TEXT_TOP, "a\nb\n", "a", CUT_NOTHING, "x\ny\n");
    cut("xa\nb\n", TEXT_TOP, "a\nb\n", "a", CUT_NOTHING, "xa\nb\n"); /* not a line of its own */
    cut("xa\na\n", TEXT_LINE, "a\n", "a", CUT_DONE, "xa\n");
    cut(NULL, TEXT_LINE, "a\n", "a", CUT_NOTHING, NULL);
}

/* The owner of the file has written it anew, with values of his own. */
static void test_cut_paragraph(void **state)
{
    (void)state;
    cut("x\n\n" BLOCK, TEXT_PARAGRAPH, BLOCK, MARK, CUT_DONE, "x\n\n");
    cut("x\n\n" BLOCK "y\n\n", TEXT_PARAGRAPH, BLOCK, MARK, CUT_DONE, "x\n\ny\n\n");
    cut("x\n\nname=N\n" MARK "\nNSS=1\n\ny\n", TEXT_PARAGRAPH, BLOCK, MARK, CUT_DONE, "x\n\ny\n");
    cut(MARK "\n", TEXT_PARAGRAPH, BLOCK, MARK, CUT_DONE, "");
    cut("\n" MARK "\n\nx\n", TEXT_PARAGRAPH, BLOCK, MARK, CUT_DONE, "\nx\n");
    cut("x\n\n" MARK, TEXT_PARAGRAPH, BLOCK, MARK, CUT_DONE, "x\n\n");
    cut(MARK ".old\n", TEXT_PARAGRAPH, BLOCK, MARK, CUT_NOTHING, MARK ".old\n");
}

static void test_cut_file(void **state)
{
    (void)state;
    cut("a\n", TEXT_FILE, "a\n", NULL, CUT_DONE, NULL);
    cut("a\nb\n", TEXT_FILE, "a\n", NULL, CUT_CHANGED, "a\nb\n");
    cut(NULL, TEXT_FILE, "a\n", NULL, CUT_NOTHING, NULL);
}

static void test_has_line(void **state)
{
    (void)state;
    struct text text = text_of("one\ntwo"), none = {0};
    assert_true(text_has_line(&text, "one"));
    assert_true(text_has_line(&text, "two"));
    assert_false(text_has_line(&text, "on"));
    assert_false(text_has_line(&text, "ne"));
    assert_false(text_has_line(&none, "one"));
    text_free(&text);
}

static void test_equal(void **state)
{
    (void)state;
    struct text a = text_of("a"), b = text_of("b"), long_a = text_of("aa"), empty = text_of("");
    struct text none = {0}, copy = {0};
    assert_true(text_copy(&a, &copy));
    assert_true(text_equal(&a, &copy));
    assert_false(text_equal(&a, &b));
    assert_false(text_equal(&a, &long_a));
    assert_false(text_equal(&empty, &none)); /* an empty file is one */
    assert_true(text_copy(&none, &copy));
    assert_true(text_equal(&none, &copy));
    text_free(&a);
    text_free(&b);
    text_free(&long_a);
    text_free(&empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_insert),        cmocka_unit_test(test_cut_lines),
        cmocka_unit_test(test_cut_paragraph), cmocka_unit_test(test_cut_file),
        cmocka_unit_test(test_has_line),      cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests_name("setup_text", tests, NULL, NULL);
}

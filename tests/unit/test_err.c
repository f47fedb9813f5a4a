/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/err.h"

static void test_every_error_has_its_own_text(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        const char *text = err_text((enum err)i);

        assert_non_null(text);
        assert_string_not_equal(text, "unknown error");
        assert_int_not_equal(strlen(text), 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(text, err_text((enum err)j));
    }
}

static void test_known_texts(void **state)
{
    (void)state;
    assert_string_equal(err_text(ERR_OK), "no error");
    assert_string_equal(err_text(ERR_DENIED), "the card wants a PIN first");
    assert_string_equal(err_text(ERR_FOREIGN), "not a My Number Card");
}

static void test_other_numbers(void **state)
{
    (void)state;
    assert_string_equal(err_text(ERR_COUNT), "unknown error");
    assert_string_equal(err_text((enum err)(ERR_COUNT + 1)), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_its_own_text),
        cmocka_unit_test(test_known_texts),
        cmocka_unit_test(test_other_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

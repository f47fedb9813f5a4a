/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/bytes.h"

static const uint8_t sample[] = {0x01, 0x82, 0x03, 0xff, 0x05};

static void test_views(void **state)
{
    struct bytes b = bytes_of(sample, sizeof(sample));
    struct bytes t = bytes_of_text("abc");

    (void)state;
    assert_ptr_equal(b.data, sample);
    assert_int_equal(b.len, 5);
    assert_int_equal(t.len, 3);
    assert_memory_equal(t.data, "abc", 3);
    assert_int_equal(bytes_of_text("").len, 0);
}

static void test_equal(void **state)
{
    struct bytes none = {0};

    (void)state;
    assert_true(bytes_equal(none, none));
    assert_true(bytes_equal(none, bytes_of(sample, 0)));
    assert_true(bytes_equal(bytes_of_text("abc"), bytes_of_text("abc")));
    assert_false(bytes_equal(bytes_of_text("abc"), bytes_of_text("abd")));
    assert_false(bytes_equal(bytes_of_text("abc"), bytes_of_text("ab")));
    assert_false(bytes_equal(bytes_of_text("abc"), none));
}

static void test_take(void **state)
{
    struct bytes in = bytes_of(sample, sizeof(sample));
    struct bytes out;

    (void)state;
    assert_true(bytes_take(&in, 2, &out));
    assert_ptr_equal(out.data, sample);
    assert_int_equal(out.len, 2);
    assert_ptr_equal(in.data, sample + 2);
    assert_int_equal(in.len, 3);
    assert_true(bytes_take(&in, 0, &out));
    assert_int_equal(out.len, 0);
    assert_false(bytes_take(&in, 4, &out));
    assert_null(out.data);
    assert_int_equal(out.len, 0);
    assert_int_equal(in.len, 3);
    assert_false(bytes_take(&in, SIZE_MAX, &out));
    assert_true(bytes_take(&in, 3, &out));
    assert_int_equal(in.len, 0);
    assert_false(bytes_take(&in, 1, &out));
}

static void test_take_from_nothing(void **state)
{
    struct bytes in = {0};
    struct bytes out = bytes_of(sample, 1);

    (void)state;
    assert_true(bytes_take(&in, 0, &out));
    assert_int_equal(out.len, 0);
    assert_false(bytes_take(&in, 1, &out));
}

static void test_take_numbers(void **state)
{
    struct bytes in = bytes_of(sample, sizeof(sample));
    uint8_t one = 9;
    uint16_t two = 9;

    (void)state;
    assert_true(bytes_take_u8(&in, &one));
    assert_int_equal(one, 0x01);
    assert_true(bytes_take_be16(&in, &two));
    assert_int_equal(two, 0x8203);
    assert_true(bytes_take_be16(&in, &two));
    assert_int_equal(two, 0xff05);
    assert_false(bytes_take_u8(&in, &one));
    assert_int_equal(one, 0);
    in = bytes_of(sample, 1);
    assert_false(bytes_take_be16(&in, &two));
    assert_int_equal(two, 0);
    assert_int_equal(in.len, 1);
}

static void test_first(void **state)
{
    struct bytes in = bytes_of(sample, sizeof(sample));

    (void)state;
    assert_int_equal(bytes_first(in, 3).len, 3);
    assert_ptr_equal(bytes_first(in, 3).data, sample);
    assert_int_equal(bytes_first(in, 5).len, 5);
    assert_int_equal(bytes_first(in, SIZE_MAX).len, 5);
    assert_int_equal(bytes_first(in, 0).len, 0);
    assert_int_equal(bytes_first((struct bytes){0}, 3).len, 0);
}

static void test_trim(void **state)
{
    (void)state;
    assert_int_equal(bytes_trim(bytes_of(" a \0 \0", 6)).len, 2);
    assert_int_equal(bytes_trim(bytes_of(" \0 ", 3)).len, 0);
    assert_int_equal(bytes_trim(bytes_of("ab\t", 3)).len, 3);
    assert_int_equal(bytes_trim((struct bytes){0}).len, 0);
}

static void test_writer(void **state)
{
    const uint8_t expected[] = {0xaa, 0x12, 0x34, 0x01, 0x82};
    uint8_t room[6] = {0, 0, 0, 0, 0, 0x77};
    struct writer w;

    (void)state;
    writer_init(&w, room, 5);
    assert_int_equal(writer_result(&w).len, 0);
    writer_u8(&w, 0xaa);
    writer_be16(&w, 0x1234);
    writer_bytes(&w, (struct bytes){0});
    writer_bytes(&w, bytes_of(sample, 2));
    assert_true(bytes_equal(writer_result(&w), bytes_of(expected, 5)));
    assert_false(w.failed);
    writer_u8(&w, 1);
    assert_true(w.failed);
    assert_int_equal(room[5], 0x77);
    assert_null(writer_result(&w).data);
    assert_int_equal(writer_result(&w).len, 0);
}

static void test_writer_fails_for_good(void **state)
{
    uint8_t room[3] = {7, 7, 7};
    struct writer w;

    (void)state;
    writer_init(&w, room, sizeof(room));
    writer_u8(&w, 1);
    writer_bytes(&w, bytes_of(sample, 3));
    assert_int_equal(w.len, 1);
    assert_int_equal(room[1], 7);
    writer_u8(&w, 2); /* would fit */
    assert_int_equal(w.len, 1);
    assert_int_equal(room[1], 7);
    assert_int_equal(writer_result(&w).len, 0);
    writer_init(&w, NULL, 0);
    writer_be16(&w, 1);
    assert_true(w.failed);
    writer_init(&w, room, 1);
    writer_be16(&w, 0x0909);
    assert_int_equal(room[0], 1);
}

static void test_buffer(void **state)
{
    struct buffer b = {0};

    (void)state;
    assert_int_equal(buffer_view(&b).len, 0);
    assert_true(buffer_set(&b, bytes_of(sample, sizeof(sample))));
    assert_ptr_not_equal(b.data, sample);
    assert_true(bytes_equal(buffer_view(&b), bytes_of(sample, sizeof(sample))));
    /* from itself */
    assert_true(buffer_set(&b, bytes_of(b.data + 1, 2)));
    assert_true(bytes_equal(buffer_view(&b), bytes_of(sample + 1, 2)));
    assert_true(buffer_set(&b, (struct bytes){0}));
    assert_int_equal(b.len, 0);
    assert_null(b.data);
    assert_true(buffer_set(&b, bytes_of_text("x")));
    buffer_clear(&b);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    buffer_clear(&b);
}

static void test_hex(void **state)
{
    const uint8_t in[] = {0x00, 0x0F, 0xA5, 0xFF};
    char out[9];
    (void)state;
    memset(out, 'x', sizeof(out));
    bytes_hex(bytes_of(in, sizeof(in)), out);
    assert_string_equal(out, "000fa5ff");
    bytes_hex(bytes_of(NULL, 0), out);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_take_from_nothing),
        cmocka_unit_test(test_take_numbers),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_writer_fails_for_good),
        cmocka_unit_test(test_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

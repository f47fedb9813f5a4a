/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/asn1.h"

struct sample {
    const char *der;
    size_t len;
    size_t content; /* bytes of it */
};

static void test_elements(void **state)
{
    static uint8_t big[4 + 256] = {0x04, 0x82, 0x01, 0x00};
    static const struct sample good[] = {
        {"\x04\x00", 2, 0}, {"\x30\x02xy", 4, 2}, {"\xa3\x01z and more", 12, 1}};
    struct asn1 element;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct bytes in = bytes_of(good[i].der, good[i].len);

        assert_true(asn1_any(&in, &element));
        assert_int_equal(element.tag, (uint8_t)good[i].der[0]);
        assert_ptr_equal(element.whole.data, good[i].der);
        assert_int_equal(element.whole.len, good[i].content + 2);
        assert_int_equal(element.content.len, good[i].content);
        assert_int_equal(in.len, good[i].len - good[i].content - 2);
    }
    for (size_t len = 0; len < sizeof(big); len++) {
        struct bytes in = bytes_of(big, len);

        assert_false(asn1_any(&in, &element));
        assert_int_equal(in.len, len);
        assert_int_equal(element.whole.len, 0);
    }
    {
        struct bytes in = bytes_of(big, sizeof(big));

        assert_true(asn1_any(&in, &element));
        assert_int_equal(element.content.len, 256);
    }
}

/* Indefinite, not the shortest, too long, a tag of several bytes. */
static void test_no_elements(void **state)
{
    static const struct sample bad[] = {
        {"", 0, 0},
        {"\x30", 1, 0},
        {"\x30\x80\x00\x00", 4, 0},
        {"\x30\x81\x02xy", 5, 0},
        {"\x30\x82\x00\x02xy", 6, 0},
        {"\x30\x84\xff\xff\xff\xff", 6, 0},
        {"\x30\x85\x01\x00\x00\x00\x00", 7, 0},
        {"\x30\xff", 2, 0},
        {"\x1f\x81\x01\x00", 4, 0},
        {"\x30\x03xy", 4, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bytes in = bytes_of(bad[i].der, bad[i].len);
        struct asn1 element;

        assert_false(asn1_any(&in, &element));
        assert_int_equal(in.len, bad[i].len);
        assert_null(element.content.data);
    }
}

static void test_take(void **state)
{
    struct bytes in = bytes_of("\x30\x00\x05\x00", 4);
    struct asn1 element;

    (void)state;
    assert_false(asn1_take(&in, ASN1_NULL_TAG, &element));
    assert_int_equal(in.len, 4);
    assert_int_equal(element.tag, 0);
    assert_true(asn1_take(&in, ASN1_SEQUENCE_TAG, &element));
    assert_true(asn1_take(&in, ASN1_NULL_TAG, &element));
    assert_false(asn1_take(&in, ASN1_NULL_TAG, &element));
}

static void test_integers(void **state)
{
    static const struct {
        struct sample der;
        bool good;
    } all[] = {
        {{"\x02\x01\x00", 3, 0}, true},
        {{"\x02\x02\x00\x80", 4, 0}, true},
        {{"\x02\x02\xff\x7f", 4, 0}, true},
        {{"\x02\x01\xff", 3, 0}, true},
        {{"\x02\x00", 2, 0}, false},
        {{"\x02\x02\x00\x7f", 4, 0}, false},
        {{"\x02\x02\xff\x80", 4, 0}, false},
        {{"\x04\x01\x00", 3, 0}, false},
        {{"\x02\x03\x00\x00\x80", 5, 0}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct bytes in = bytes_of(all[i].der.der, all[i].der.len);
        struct asn1 element;

        assert_int_equal(asn1_integer(&in, &element), all[i].good);
        assert_int_equal(in.len, all[i].good ? 0 : all[i].der.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_no_elements),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_integers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common.h"

#include "card/der.h"

static enum err size_of(const uint8_t *head, size_t len, size_t *size)
{
    *size = 0xEEEE;
    return der_certificate_size(bytes_of(head, len), size);
}

/* X.690, 8.1: tag, then one byte of length, or 81, 82, 83, 84 and so many bytes. */
static void test_begins_otherwise(void **state)
{
    (void)state;
    for (unsigned first = 0; first <= 0xFFFF; first++) {
        const uint8_t head[] = {(uint8_t)(first >> 8), (uint8_t)first, 0x04, 0x00};
        size_t size;
        enum err e = size_of(head, sizeof(head), &size);
        assert_int_equal(e, first == 0x3082 ? ERR_OK : ERR_NOT_FOUND);
        assert_int_equal(size, first == 0x3082 ? 0x0404 : 0);
    }
}

static void test_every_length(void **state)
{
    (void)state;
    for (unsigned length = 0; length <= 0xFFFF; length++) {
        const uint8_t head[] = {0x30, 0x82, (uint8_t)(length >> 8), (uint8_t)length};
        size_t size;
        enum err e = size_of(head, sizeof(head), &size);
        /* 4 kB is what a certificate of this card may have; below 256 this form is no DER. */
        bool good = length >= 256 && length + 4 <= 4096;
        assert_int_equal(e, good ? ERR_OK : ERR_ANSWER);
        assert_int_equal(size, good ? length + 4 : 0);
    }
}

static void test_too_short(void **state)
{
    const uint8_t head[] = {0x30, 0x82, 0x05, 0xDC};
    size_t size;
    (void)state;
    for (size_t len = 0; len < sizeof(head); len++) {
        assert_int_equal(size_of(head, len, &size), ERR_NOT_FOUND);
        assert_int_equal(size, 0);
    }
    assert_int_equal(size_of(NULL, 0, &size), ERR_NOT_FOUND);
    assert_int_equal(size_of(head, sizeof(head), &size), ERR_OK);
    assert_int_equal(size, 1504);
}

static void test_what_follows_does_not_matter(void **state)
{
    uint8_t block[256];
    size_t size;
    (void)state;
    plain_certificate(block, sizeof(block));
    block[2] = 0x06;
    block[3] = 0x00;
    assert_int_equal(size_of(block, sizeof(block), &size), ERR_OK);
    assert_int_equal(size, 0x0604);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begins_otherwise),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_too_short),
        cmocka_unit_test(test_what_follows_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

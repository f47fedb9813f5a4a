/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The lists of what readers can do. pcsc-lite's <reader.h>, which drivers are built with, is the
 * second opinion on the numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <winscard.h>
#include <reader.h>

#include "reader/features.h"

#define CODE 0x42330006U /* what the CCID driver gives out */

/* A feature as the drivers write it. */
static void feature(uint8_t *at, uint8_t tag, uint32_t code)
{
    at[0] = tag;
    at[1] = 4;
    for (size_t i = 0; i < 4; i++)
        at[2 + i] = (uint8_t)(code >> (24 - 8 * i));
}

static enum err find(const uint8_t *list, size_t len, uint32_t *code)
{
    *code = 0xEEEEEEEE;
    return features_find(bytes_of(list, len), FEATURE_VERIFY_PIN_DIRECT, code);
}

static void is_found(const uint8_t *list, size_t len, uint32_t wanted)
{
    uint32_t code;
    assert_int_equal(find(list, len, &code), ERR_OK);
    assert_int_equal(code, wanted);
}

static void is_malformed(const uint8_t *list, size_t len)
{
    uint32_t code;
    assert_int_equal(find(list, len, &code), ERR_ANSWER);
    assert_int_equal(code, 0);
}

/* ---- the list of features ---- */

/* What the CCID driver says of a reader with keys. */
static void test_list_as_drivers_write_it(void **state)
{
    static const uint8_t list[] = {0x06, 0x04, 0x42, 0x33, 0x00, 0x06, 0x07, 0x04,
                                   0x42, 0x33, 0x00, 0x07, 0x0A, 0x04, 0x42, 0x33,
                                   0x00, 0x0A, 0x12, 0x04, 0x42, 0x33, 0x00, 0x12};
    (void)state;
    assert_int_equal(sizeof(PCSC_TLV_STRUCTURE), 6);
    assert_int_equal(FEATURE_VERIFY_PIN_DIRECT, 6);
    is_found(list, sizeof(list), CODE);
    is_found(list + 6, sizeof(list) - 6, 0); /* all but this one: other things can be done */
    is_found(list, 0, 0);
    is_found(NULL, 0, 0);
}

static void test_every_place(void **state)
{
    uint8_t list[8 * 6];
    (void)state;
    for (size_t place = 0; place < 8; place++) {
        for (size_t i = 0; i < 8; i++)
            feature(list + 6 * i, (uint8_t)(0x10 + i), (uint32_t)(0x42330010 + i));
        is_found(list, sizeof(list), 0);
        feature(list + 6 * place, FEATURE_VERIFY_PIN_DIRECT, CODE);
        is_found(list, sizeof(list), CODE);
    }
}

/* No other tag is taken for it: neither that of changing a PIN, nor those in two steps. */
static void test_every_tag(void **state)
{
    uint8_t list[6];
    (void)state;
    for (unsigned tag = 0; tag <= 0xFF; tag++) {
        feature(list, (uint8_t)tag, CODE);
        is_found(list, sizeof(list), tag == FEATURE_VERIFY_PIN_DIRECT ? CODE : 0);
    }
}

static void test_every_byte_of_the_code(void **state)
{
    static const uint32_t codes[] = {0x01000000, 0x00010000, 0x00000100, 0x00000001, 0xFFFFFFFF};
    uint8_t list[6];
    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        feature(list, FEATURE_VERIFY_PIN_DIRECT, codes[i]);
        is_found(list, sizeof(list), codes[i]);
    }
}

/* Cut off anywhere, and with bytes too many. */
static void test_every_length(void **state)
{
    uint8_t list[4 * 6] = {0};
    (void)state;
    feature(list, FEATURE_VERIFY_PIN_DIRECT, CODE);
    feature(list + 6, FEATURE_MODIFY_PIN_DIRECT, CODE + 1);
    feature(list + 12, FEATURE_IFD_PIN_PROPERTIES, CODE + 2);
    feature(list + 18, FEATURE_GET_TLV_PROPERTIES, CODE + 3);
    for (size_t len = 1; len <= sizeof(list); len++) {
        if (len % 6 == 0)
            is_found(list, len, CODE);
        else
            is_malformed(list, len);
    }
}

/* A wrong length anywhere spoils the whole list, also behind or before the one that is wanted. */
static void test_every_length_of_a_code(void **state)
{
    uint8_t list[3 * 6];
    (void)state;
    for (size_t place = 0; place < 3; place++) {
        for (unsigned len = 0; len <= 0xFF; len++) {
            feature(list, FEATURE_MODIFY_PIN_DIRECT, CODE + 1);
            feature(list + 6, FEATURE_VERIFY_PIN_DIRECT, CODE);
            feature(list + 12, FEATURE_IFD_PIN_PROPERTIES, CODE + 2);
            list[6 * place + 1] = (uint8_t)len;
            if (len == 4)
                is_found(list, sizeof(list), CODE);
            else
                is_malformed(list, sizeof(list));
        }
    }
}

static void test_no_code(void **state)
{
    uint8_t list[12];
    (void)state;
    feature(list, FEATURE_VERIFY_PIN_DIRECT, 0);
    feature(list + 6, FEATURE_MODIFY_PIN_DIRECT, CODE);
    is_malformed(list, 6);
    is_malformed(list, 12);
}

static void test_twice(void **state)
{
    uint8_t list[12];
    (void)state;
    feature(list, FEATURE_VERIFY_PIN_DIRECT, CODE);
    feature(list + 6, FEATURE_VERIFY_PIN_DIRECT, CODE + 1);
    is_malformed(list, sizeof(list));
    feature(list + 6, FEATURE_VERIFY_PIN_DIRECT, CODE);
    is_malformed(list, sizeof(list));
}

/* ---- the list of properties ---- */

static enum err find_max(const uint8_t *list, size_t len, uint32_t *max)
{
    *max = 0xEEEEEEEE;
    return features_data_max(bytes_of(list, len), max);
}

static void check_max(const uint8_t *list, size_t len, enum err wanted, uint32_t wanted_max)
{
    uint32_t max;
    assert_int_equal(find_max(list, len, &max), wanted);
    assert_int_equal(max, wanted_max);
}

/* What the CCID driver says: minimum and maximum of PINs, the firmware's name, the reader's number,
 * and 0x10000 or 0 bytes. */
static void test_properties_as_drivers_write_them(void **state)
{
    static const uint8_t list[] = {0x01, 2,    0,    0,    0x02, 1,    7, 0x03, 1,    0,    0x08,
                                   4,    0x32, 0x2E, 0x30, 0x30, 0x09, 1, 2,    0x0B, 2,    0xE6,
                                   0x08, 0x0C, 2,    0x37, 0x34, 0x0A, 4, 0x00, 0x00, 0x01, 0x00};
    uint8_t short_only[sizeof(list)];
    (void)state;
    assert_int_equal(PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize, 0x0A);
    assert_int_equal(FEATURE_GET_TLV_PROPERTIES, FEATURE_PROPERTIES_TLV);
    assert_int_equal(FEATURE_VERIFY_PIN_DIRECT, FEATURE_VERIFY_DIRECT);
    check_max(list, sizeof(list), ERR_OK, 0x10000);
    memcpy(short_only, list, sizeof(list));
    short_only[sizeof(list) - 2] = 0;
    check_max(short_only, sizeof(list), ERR_OK, 0);
    check_max(list, sizeof(list) - 6, ERR_OK, 0); /* it does not tell */
    check_max(NULL, 0, ERR_OK, 0);
}

/* The lowest byte first; up to 256 is short, more than 65,536 there is not. */
static void test_every_size(void **state)
{
    static const struct {
        uint8_t bytes[4];
        enum err e;
        uint32_t max;
    } sizes[] = {
        {{0xFF, 0, 0, 0}, ERR_OK, 0},
        {{0x00, 1, 0, 0}, ERR_OK, 0},
        {{0x01, 1, 0, 0}, ERR_OK, 257},
        {{0x00, 2, 0, 0}, ERR_OK, 512},
        {{0xFF, 0xFF, 0, 0}, ERR_OK, 65535},
        {{0, 0, 1, 0}, ERR_OK, 65536},
        {{1, 0, 1, 0}, ERR_ANSWER, 0},
        {{0, 0, 2, 0}, ERR_ANSWER, 0},
        {{0, 0, 0, 1}, ERR_ANSWER, 0},
        {{0, 0, 0, 0x80}, ERR_ANSWER, 0},
        {{0xFF, 0xFF, 0xFF, 0xFF}, ERR_ANSWER, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t list[6] = {0x0A, 4};
        memcpy(list + 2, sizes[i].bytes, 4);
        check_max(list, sizeof(list), sizes[i].e, sizes[i].max);
    }
}

/* Every tag with every length: what is cut off makes no sense, and no other tag is taken for it. */
static void test_every_property(void **state)
{
    uint8_t list[2 + 0xFF] = {0};
    (void)state;
    list[4] = 1; /* 0x10000 */
    for (unsigned tag = 0; tag <= 0xFF; tag++)
        for (unsigned len = 0; len <= 0xFF; len++) {
            bool it = tag == 0x0A;
            list[0] = (uint8_t)tag;
            list[1] = (uint8_t)len;
            check_max(list, 2 + len, it && len != 4 ? ERR_ANSWER : ERR_OK,
                      it && len == 4 ? 65536 : 0);
            check_max(list, 1 + len, ERR_ANSWER, 0);
        }
}

static void test_property_twice(void **state)
{
    static const uint8_t list[] = {0x0A, 4, 0, 0, 1, 0, 0x0A, 4, 0, 0, 1, 0};
    (void)state;
    check_max(list, sizeof(list), ERR_ANSWER, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_as_drivers_write_it),
        cmocka_unit_test(test_every_place),
        cmocka_unit_test(test_every_tag),
        cmocka_unit_test(test_every_byte_of_the_code),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_every_length_of_a_code),
        cmocka_unit_test(test_no_code),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_properties_as_drivers_write_them),
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_every_property),
        cmocka_unit_test(test_property_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

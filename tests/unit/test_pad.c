/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is said to readers with keys of their own. pcsc-lite's <reader.h>, which drivers are built
 * with, is the second opinion on where each field stands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <winscard.h>
#include <reader.h>

#include "reader/pad.h"

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
    return pad_find_verify(bytes_of(list, len), code);
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

/* ---- the structure ---- */

static size_t build(unsigned digits, uint8_t *out)
{
    uint8_t command[5 + PAD_DIGITS_MAX] = {0x00, 0x20, 0x00, 0x98, (uint8_t)digits};
    memset(command + 5, 0xFF, digits);
    memset(out, 0xEE, PAD_VERIFY_MAX + 1);
    size_t len = pad_build_verify(bytes_of(command, 5 + (size_t)digits), digits, out);
    for (size_t i = len; i <= PAD_VERIFY_MAX; i++)
        assert_int_equal(out[i], 0xEE);
    return len;
}

#define FIELD(name) offsetof(PIN_VERIFY_STRUCTURE, name)

/* Read with pcsc-lite's structure, every PIN that can be described. */
static void test_every_field(void **state)
{
    uint8_t out[PAD_VERIFY_MAX + 1];
    (void)state;
    for (unsigned digits = 1; digits <= PAD_DIGITS_MAX; digits++) {
        PIN_VERIFY_STRUCTURE v;
        assert_int_equal(build(digits, out), FIELD(abData) + 5 + digits);
        memcpy(&v, out, FIELD(abData));
        assert_int_equal(v.bTimerOut, 30);
        assert_int_equal(v.bTimerOut2, 30);
        assert_int_equal(v.bmFormatString, 0x82);
        assert_int_equal(v.bmPINBlockString, digits);
        assert_int_equal(v.bmPINLengthFormat, 0);
        assert_int_equal(v.wPINMaxExtraDigit >> 8, digits);
        assert_int_equal(v.wPINMaxExtraDigit & 0xFF, digits);
        assert_int_equal(v.bEntryValidationCondition, 2);
        assert_int_equal(v.bNumberMessage, 1);
        assert_int_equal(v.wLangId, 0x0409);
        assert_int_equal(v.bMsgIndex, 0);
        assert_memory_equal(v.bTeoPrologue, "\0\0\0", 3);
        assert_int_equal(v.ulDataLength, 5 + digits);
        assert_memory_equal(out + FIELD(abData), "\x00\x20\x00\x98", 4);
        assert_int_equal(out[FIELD(abData) + 4], digits);
        for (size_t i = 0; i < digits; i++)
            assert_int_equal(out[FIELD(abData) + 5 + i], 0xFF);
    }
}

/* The whole of it for the card's PIN of four digits, put down by hand for a PC. */
static void test_bytes(void **state)
{
    static const uint8_t wanted[] = {
        30,   30,                     /* bTimeOut, bTimeOut2 */
        0x82, 0x04, 0x00,             /* bmFormatString, bmPINBlockString, bmPINLengthFormat */
        0x04, 0x04,                   /* wPINMaxExtraDigit */
        0x02, 0x01, 0x09, 0x04, 0x00, /* condition, messages, language, message */
        0x00, 0x00, 0x00,             /* bTeoPrologue */
        0x09, 0x00, 0x00, 0x00,       /* ulDataLength */
        0x00, 0x20, 0x00, 0x98, 0x04, 0xFF, 0xFF, 0xFF, 0xFF,
    };
    const uint16_t one = 1;
    uint8_t out[PAD_VERIFY_MAX + 1];
    (void)state;
    if (*(const uint8_t *)&one != 1)
        skip(); /* the order of the bytes is another one on this machine */
    assert_int_equal(build(4, out), sizeof(wanted));
    assert_memory_equal(out, wanted, sizeof(wanted));
}

/* What does not fit is not described at all: a reader would do something with it. */
static void test_commands_that_do_not_fit(void **state)
{
    uint8_t command[32] = {0x00, 0x20, 0x00, 0x98, 4, 0xFF, 0xFF, 0xFF, 0xFF};
    uint8_t out[PAD_VERIFY_MAX];
    (void)state;
    for (size_t len = 0; len <= sizeof(command); len++)
        for (unsigned digits = 0; digits <= sizeof(command); digits++) {
            size_t made = pad_build_verify(bytes_of(command, len), digits, out);
            assert_int_equal(made, len == 9 && digits == 4 ? 28 : 0);
        }
    command[4] = 0; /* the question for tries left, with an Le */
    assert_int_equal(pad_build_verify(bytes_of(command, 5), 0, out), 0);
    command[4] = 5;
    assert_int_equal(pad_build_verify(bytes_of(command, 9), 4, out), 0);
    command[4] = 4;
    command[1] = 0x24; /* CHANGE REFERENCE DATA */
    assert_int_equal(pad_build_verify(bytes_of(command, 9), 4, out), 0);
    command[1] = 0x20;
    for (unsigned digits = PAD_DIGITS_MAX + 1; digits <= 27; digits++) {
        command[4] = (uint8_t)digits;
        assert_int_equal(pad_build_verify(bytes_of(command, 5 + (size_t)digits), digits, out), 0);
    }
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
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_commands_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

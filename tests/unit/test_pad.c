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
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_commands_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

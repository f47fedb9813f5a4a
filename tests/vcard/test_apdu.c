/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every form of a command APDU, and that absurd bytes harm nothing.
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

static bool parse(const char *hex, struct apdu *apdu)
{
    static uint8_t bytes[64];
    size_t len;

    assert_true(text_hex(hex, bytes, sizeof bytes, &len));
    return apdu_parse(bytes, len, apdu);
}

static void cases_short(void **state)
{
    struct apdu apdu;

    (void)state;
    assert_true(parse("00200080", &apdu));
    assert_int_equal(apdu.ins, 0x20);
    assert_int_equal(apdu.p2, 0x80);
    assert_int_equal(apdu.lc, 0);
    assert_false(apdu.has_le);
    assert_true(parse("00B0010200", &apdu));
    assert_true(apdu.has_le);
    assert_int_equal(apdu.le, 256);
    assert_true(parse("00B0010205", &apdu));
    assert_int_equal(apdu.le, 5);
    assert_true(parse("00A4020C020018", &apdu));
    assert_int_equal(apdu.lc, 2);
    assert_int_equal(apdu.data[1], 0x18);
    assert_false(apdu.has_le);
    assert_true(parse("802A008003AABBCC00", &apdu));
    assert_int_equal(apdu.lc, 3);
    assert_int_equal(apdu.data[2], 0xCC);
    assert_int_equal(apdu.le, 256);
    assert_false(apdu.extended);
}

static void cases_extended(void **state)
{
    struct apdu apdu;

    (void)state;
    assert_true(parse("00B00000000000", &apdu));
    assert_true(apdu.extended);
    assert_int_equal(apdu.le, 65536);
    assert_true(parse("00B00000000102", &apdu));
    assert_int_equal(apdu.le, 258);
    assert_true(parse("00A4020C0000020018", &apdu));
    assert_true(apdu.extended);
    assert_int_equal(apdu.lc, 2);
    assert_int_equal(apdu.data[0], 0x00);
    assert_int_equal(apdu.data[1], 0x18);
    assert_true(parse("802A0080000002AABB0000", &apdu));
    assert_int_equal(apdu.lc, 2);
    assert_int_equal(apdu.le, 65536);
}

static void refuses(void **state)
{
    static const char *const bad[] = {"",
                                      "00",
                                      "0020",
                                      "002000",
                                      "00A4020C0200",
                                      "00A4020C0200180001",
                                      "00A4020C0000",
                                      "00A4020C00000000",
                                      "00A4020C000003AABB",
                                      "00A4020C000002AABB00",
                                      "00A4020C000001AA000000",
                                      "00A4020CFF00"};
    struct apdu apdu;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(parse(bad[i], &apdu));
        assert_null(apdu.data);
        assert_int_equal(apdu.lc, 0);
    }
}

/* All headers that matter, all body lengths up to 9 with odd length bytes, copied into blocks of
 * their exact size so that the address sanitizer sees a read beyond the end. */
static void absurd_short(void **state)
{
    static const uint8_t ins[] = {0x20, 0x22, 0x24, 0x2A, 0x70, 0x84, 0x88, 0xA2,
                                  0xA4, 0xB0, 0xB2, 0xC0, 0xCA, 0xFC, 0x00, 0xFF};
    static const uint8_t first[] = {0x00, 0x01, 0x02, 0x04, 0x0A, 0x10, 0x20, 0xFF};
    static const uint8_t p1[] = {0x00, 0x01, 0x02, 0x04, 0x05, 0x7F, 0x80, 0x8A, 0xFF};
    static const uint8_t p2[] = {0x00, 0x0C, 0x80, 0x97, 0x98, 0xFF};

    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, VERIFY_AUTH, 0x9000);
    for (size_t n = 0; n < sizeof ins * sizeof first * sizeof p1 * sizeof p2 * 10 * 2; n++) {
        size_t at = n, len = at % 10;
        uint8_t *block = malloc(4 + len);
        assert_non_null(block);
        at /= 10;
        block[0] = (uint8_t)(at % 2 ? 0x80 : 0x00);
        at /= 2;
        block[1] = ins[at % sizeof ins];
        at /= sizeof ins;
        block[2] = p1[at % sizeof p1];
        at /= sizeof p1;
        block[3] = p2[at % sizeof p2];
        at /= sizeof p2;
        memset(block + 4, first[at % sizeof first], len);
        size_t got = vcard_command(*state, block, 4 + len, common_data);
        assert_in_range(got, 2, VCARD_RESPONSE_MAX);
        free(block);
    }
}

static void absurd_lengths(void **state)
{
    for (size_t len = 0; len < 65536; len += len < 600 ? 1 : 997) {
        uint8_t *block = malloc(len ? len : 1);
        assert_non_null(block);
        for (int fill = 0; fill < 3; fill++) {
            memset(block, fill == 2 ? 0xFF : fill, len);
            if (len > 1)
                block[1] = 0xB0;
            assert_in_range(vcard_command(*state, block, len, common_data), 2, VCARD_RESPONSE_MAX);
        }
        free(block);
    }
}

/* A header alone, class by class. */
static void classes(void **state)
{
    assert_sw(*state, "", 0x6700);
    assert_sw(*state, "00A4", 0x6700);
    assert_sw(*state, "01A4040C", 0x6881);
    assert_sw(*state, "03A4040C0AD392F000260100000001", 0x6881);
    assert_sw(*state, "40B0000000", 0x6881);
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, "08A4020C020006", 0x69FC);
    assert_sw(*state, "0CB0000000", 0x69FC);
    assert_sw(*state, "FFB0000000", 0x6E00);
    assert_sw(*state, "0070000001", 0x6881);
    assert_sw(*state, "002A008003AABBCC00", 0x6D00);
    assert_sw(*state, "80FC0000", 0x6700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_short),
        cmocka_unit_test(cases_extended),
        cmocka_unit_test(refuses),
        cmocka_unit_test_setup_teardown(absurd_short, common_card, common_card_end),
        cmocka_unit_test_setup_teardown(absurd_lengths, common_card, common_card_end),
        cmocka_unit_test_setup_teardown(classes, common_card, common_card_end),
    };

    return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SELECT, GET DATA, GET CHALLENGE, and what stands selected when.
 */
#include "common.h"

#include <string.h>

static void applications(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_int_equal(common_len, 0);
    assert_sw(*state, "00A4040C0AD3921000310001010408", 0x9000);
    assert_sw(*state, SELECT_KENMEN, 0x9000);
    assert_sw(*state, "00A4040C0AD3921000310001010401", 0x9000);
    assert_sw(*state, "00A4040C0AD3921000310001010100", 0x9000);
    assert_sw(*state, SELECT_ISD, 0x9000);
    assert_sw(*state, "00A4040C0AD392F000260100000002", 0x6A82);
    assert_sw(*state, "00A4040C0BD392F00026010000000100", 0x6A82);
    assert_sw(*state, "00A4020C0AD392F000260100000001", 0x6A86);
    assert_sw(*state, "00A4030C0AD392F000260100000001", 0x6A86);
    assert_sw(*state, "00A404020AD392F000260100000001", 0x6A86);
}

static void partial_name(void **state)
{
    assert_sw(*state, "00A4040C03D392F0", 0x9000);
    assert_sw(*state, "00A4020C020006", 0x9000); /* so it was JPKI */
    assert_sw(*state, "00A4040C03D39210", 0x9000);
    assert_sw(*state, "00A4020C020006", 0x6A82);
}

static void template(void **state)
{
    /* 6F { 84 name }, ISO/IEC 7816-4, 5.3.3 */
    static const uint8_t fci[] = {0x6F, 0x0C, 0x84, 0x0A, 0xD3, 0x92, 0xF0,
                                  0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};

    assert_sw(*state, "00A404000AD392F00026010000000100", 0x9000);
    assert_int_equal(common_len, sizeof fci);
    assert_memory_equal(common_data, fci, sizeof fci);
    assert_sw(*state, "00A404000AD392F000260100000001", 0x9000);
    assert_int_equal(common_len, 0);
}

static void failed_select_keeps(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, "00A4020C020006", 0x9000);
    assert_sw(*state, "00A4040C05AABBCCDDEE", 0x6A82);
    assert_sw(*state, "00A4020C020003", 0x6A82);
    assert_sw(*state, "00B0000020", 0x9000);
    assert_memory_equal(common_data, "JPKIAPICCTOKEN2                 ", 32);
}

static void elementary_files(void **state)
{
    static const char *const there[] = {"0001", "0002", "0005", "0006", "0008", "0009",
                                        "000A", "000B", "0010", "0016", "0017", "0018",
                                        "0019", "001A", "001B", "001C", "001E"};
    static const char *const absent[] = {"0000", "0003", "0007", "000C",
                                         "001D", "001F", "0106", "FFFF"};
    char command[] = "00A4020C02xxxx";

    assert_sw(*state, "00A4020C020006", 0x6A86); /* nothing of the kind in the security domain */
    assert_sw(*state, SELECT_JPKI, 0x9000);
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
        memcpy(command + 10, there[i], 4);
        assert_sw(*state, command, 0x9000);
    }
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        memcpy(command + 10, absent[i], 4);
        assert_sw(*state, command, 0x6A82);
    }
    assert_sw(*state, "00A4020C0106", 0x6700);
    assert_sw(*state, "00A4020C", 0x6700);
}

static void master_file(void **state)
{
    assert_sw(*state, "00A40000", 0x6A86);
    assert_sw(*state, "00A40000023F00", 0x6A82);
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, "00A4020C020006", 0x9000);
    assert_sw(*state, "00A40000", 0x9000);
    assert_sw(*state, "00B0000020", 0x9000); /* without effect */
    assert_sw(*state, "00A40000023F00", 0x6A82);
}

static void without_security_domain(void **state)
{
    struct vcard *card = *state;

    card->settings.isd = false;
    assert_sw(card, SELECT_ISD, 0x6A82);
    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_sw(card, SELECT_ISD, 0x6A82);
    assert_sw(card, "00A4020C020006", 0x9000); /* still JPKI */
}

static void telephone(void **state)
{
    struct vcard *card = *state;

    settings_smartphone(&card->settings);
    assert_true(vcard_refresh(card));
    assert_sw(card, SELECT_KENMEN, 0x6A82);
    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_sw(card, "00B0860020", 0x9000);
    assert_memory_equal(common_data, "JPKIAPGPSETOKEN                 ", 32);
    assert_sw(card, "00B08A0004", 0x6982);
    assert_sw(card, VERIFY_AUTH, 0x9000);
    assert_sw(card, "00B08A0004", 0x9000);
}

static void first_command(void **state)
{
    struct vcard *card = *state;

    card->settings.first_6f00 = true;
    vcard_power_on(card);
    assert_sw(card, SELECT_JPKI, 0x6F00);
    assert_sw(card, SELECT_JPKI, 0x9000);
    vcard_power_off(card);
    assert_sw(card, SELECT_JPKI, 0x6F00);
    vcard_power_on(card);
    assert_sw(card, SELECT_JPKI, 0x6F00);
    assert_sw(card, SELECT_JPKI, 0x9000);
}

static void data_objects(void **state)
{
    struct vcard *card = *state;

    assert_sw(card, "00CA5F5100", 0x9000);
    assert_int_equal(common_len, card->settings.atr_len);
    assert_memory_equal(common_data, card->settings.atr, common_len);
    assert_sw(card, "00CA5F5200", 0x6A88);
    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_sw(card, "00CA5F5100", 0x6A88);
}

static void challenge(void **state)
{
    uint8_t before[16];

    assert_sw(*state, "0084000010", 0x9000);
    assert_int_equal(common_len, 16);
    memcpy(before, common_data, 16);
    assert_sw(*state, "0084000010", 0x9000);
    assert_memory_not_equal(before, common_data, 16);
    assert_sw(*state, "0084000000", 0x9000);
    assert_int_equal(common_len, 256);
    assert_sw(*state, "0084000001", 0x9000);
    assert_int_equal(common_len, 1);
    assert_sw(*state, "00840000", 0x6700);
    assert_sw(*state, "0084000100", 0x6A86);
    assert_sw(*state, "00840000000010", 0x6985);
}

#define WITH_CARD(test) cmocka_unit_test_setup_teardown(test, common_card, common_card_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CARD(applications),
        WITH_CARD(partial_name),
        WITH_CARD(template),
        WITH_CARD(failed_select_keeps),
        WITH_CARD(elementary_files),
        WITH_CARD(master_file),
        WITH_CARD(without_security_domain),
        WITH_CARD(telephone),
        WITH_CARD(first_command),
        WITH_CARD(data_objects),
        WITH_CARD(challenge),
    };

    return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

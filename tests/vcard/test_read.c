/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * READ BINARY and what the files hold.
 */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads the file that is current from the start until 6B00; returns its length. */
static size_t read_all(struct vcard *card, uint8_t *out, size_t size)
{
    size_t len = 0;

    for (;;) {
        char command[16];
        snprintf(command, sizeof command, "00B0%04zX00", len);
        unsigned sw = common_send(card, command);
        if (sw == 0x6B00)
            return len;
        assert_int_equal(sw, 0x9000);
        assert_in_range(common_len, 1, 256);
        assert_true(len + common_len <= size);
        memcpy(out + len, common_data, common_len);
        len += common_len;
    }
}

static void certificate_with_filler(void **state)
{
    static const struct {
        const char *select, *file;
    } files[] = {{"00A4020C02000A", "auth.der"},
                 {"00A4020C02000B", "auth-ca.der"},
                 {"00A4020C020001", "sign.der"},
                 {"00A4020C020002", "sign-ca.der"}};
    static uint8_t ef[VCARD_FILE_MAX];

    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, VERIFY_SIGN, 0x9000);
    for (size_t i = 0; i < 4; i++) {
        size_t len;
        uint8_t *der = common_file(files[i].file, &len);
        assert_sw(*state, files[i].select, 0x9000);
        size_t got = read_all(*state, ef, sizeof ef);
        assert_true(got > len);
        assert_memory_equal(ef, der, len);
        for (size_t at = len; at < got; at++)
            assert_int_equal(ef[at], 0xFF);
        free(der);
    }
}

static void token_information(void **state)
{
    static const uint8_t numbers[] = {0, 0, 4, 0x0D, 0, 0, 0, 1};
    static const uint8_t lengths[] = {0, 0, 0, 16, 0, 0, 0, 6};

    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, "00A4020C020006", 0x9000);
    assert_sw(*state, "00B0000000", 0x9000);
    assert_int_equal(common_len, 160);
    assert_memory_equal(common_data, "JPKIAPICCTOKEN2                 ", 32);
    assert_memory_equal(common_data + 32, "00000000000000000000000000000001", 32);
    assert_memory_equal(common_data + 64, "E16R01NJ        ", 16);
    assert_memory_equal(common_data + 80, "0000000099000001", 16);
    assert_memory_equal(common_data + 96, numbers, 8);
    assert_memory_equal(common_data + 116, lengths, 8);
    assert_memory_equal(common_data + 144, "9999999999999999", 16);
    assert_sw(*state, "00B0880000", 0x9000);
    assert_int_equal(common_len, 3);
    assert_memory_equal(common_data, "\x8F\x8F\x00", 3);
}

static void ends(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, "00B0000010", 0x6986); /* no current file */
    assert_sw(*state, "00A4020C020006", 0x9000);
    assert_sw(*state, "00B0009F10", 0x9000); /* the last byte; no warning */
    assert_int_equal(common_len, 1);
    assert_int_equal(common_data[0], '9');
    assert_sw(*state, "00B000A001", 0x6B00);
    assert_sw(*state, "00B07FFF01", 0x6B00);
    assert_sw(*state, "00B00000", 0x6700);
    assert_sw(*state, "00B0000001AA", 0x6700);
    assert_sw(*state, "00B0000001AA00", 0x6700);
    assert_sw(*state, "00B0000005", 0x9000);
    assert_int_equal(common_len, 5);
}

static void short_identifier(void **state)
{
    struct vcard *card = *state;

    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_sw(card, "00B0860002", 0x9000);
    assert_memory_equal(common_data, "JP", 2);
    assert_sw(card, "00B0000302", 0x9000); /* it is the current file now */
    assert_memory_equal(common_data, "IA", 2);
    assert_sw(card, "00B0869F00", 0x9000);
    assert_int_equal(common_len, 1);
    assert_sw(card, "00B086A000", 0x6B00);
    assert_sw(card, "00B0830000", 0x6A82);
    assert_sw(card, "00B0800000", 0x6A82);
    assert_sw(card, "00B0E60000", 0x6A86);
    card->settings.sfi = false;
    assert_sw(card, "00B0860002", 0x6A82);
    assert_sw(card, "00B0000302", 0x9000);
}

static void access_rules(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, "00B0810004", 0x6982);
    assert_sw(*state, VERIFY_AUTH, 0x9000);
    assert_sw(*state, "00B0810004", 0x6982); /* the other PIN is of no use */
    assert_sw(*state, VERIFY_SIGN, 0x9000);
    assert_sw(*state, "00B0810004", 0x9000);
    assert_sw(*state, "00B08A0004", 0x9000);
    assert_sw(*state, "00B0970004", 0x6981);
    assert_sw(*state, "00B09B0004", 0x6981);
    assert_sw(*state, "00B0890004", 0x6982);
}

static void no_signature_certificate(void **state)
{
    struct vcard *card = *state;

    card->settings.sign_cert = false;
    assert_true(vcard_refresh(card));
    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_sw(card, "00B0880000", 0x9000);
    assert_memory_equal(common_data, "\x00\x8F\x00", 3);
    assert_sw(card, "00B0810004", 0x6982);
    assert_sw(card, VERIFY_SIGN, 0x9000);
    assert_sw(card, "00B0810004", 0x9000);
    assert_memory_equal(common_data, "\xFF\xFF\xFF\xFF", 4);
    assert_sw(card, "802A009A01AA00", 0x6985);
    card->settings.sign_cert_ef = false;
    assert_sw(card, "00B0810004", 0x6A82);
    assert_sw(card, "00A4020C020001", 0x6A82);
}

static void extended(void **state)
{
    struct vcard *card = *state;
    size_t len;
    uint8_t *der = common_file("auth.der", &len);

    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_sw(card, "00B08A00000000", 0x6700);
    card->settings.extended = true;
    assert_sw(card, "00B08A00000000", 0x9000);
    assert_true(common_len > len);
    assert_memory_equal(common_data, der, len);
    assert_sw(card, "00B08A00000110", 0x9000);
    assert_int_equal(common_len, 0x110);
    assert_sw(card, "00A4020C0000020006", 0x6700);
    free(der);
}

static void times(void **state)
{
    struct vcard *card = *state;

    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_int_equal(card->busy_us, 0);
    assert_true(settings_slow(&card->settings, "contactless"));
    assert_sw(card, "00B0860010", 0x9000);
    assert_int_equal(card->busy_us, 15000 + (5 + 18) * 100); /* 15 ms, 0.1 ms a byte */
    assert_sw(card, VERIFY_AUTH, 0x9000);
    assert_sw(card, "802A009701AA00", 0x9000);
    assert_int_equal(card->busy_us, 15000 + (7 + 258) * 100 + 350000);
}

#define WITH_CARD(test) cmocka_unit_test_setup_teardown(test, common_card, common_card_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CARD(certificate_with_filler),
        WITH_CARD(token_information),
        WITH_CARD(ends),
        WITH_CARD(short_identifier),
        WITH_CARD(access_rules),
        WITH_CARD(no_signature_certificate),
        WITH_CARD(extended),
        WITH_CARD(times),
    };

    return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

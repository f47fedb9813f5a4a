/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading files, from plain cards with every habit that was seen or is feared.
 */
#include "common.h"

#include <string.h>

#include "card/card.h"

#define AUTH_CERT 0x000A
#define AUTH_CA 0x000B
#define PRESENCE 0x0008
#define READ 0xB0

static struct plain plain;
static struct card card;
static struct reader *reader;
static uint8_t certificate[PLAIN_FILE_MAX]; /* and what fills the file behind it */

/* What a card that knows no short identifier may say to one. */
static const uint16_t refusals[] = {0x6A82, 0x6A86, 0x6B00, 0x6700, 0x6D00,
                                    0x6985, 0x6986, 0x6A81, 0x6981, 0x6F00};

static int setup(void **state)
{
    common_twin(state);
    plain_init(&plain);
    memset(certificate, 0xFF, sizeof(certificate));
    twin_insert(READER, plain_card, &plain, bytes_of("\x3B\x00", 2));
    reader = reader_new(READER);
    return reader != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    if (twin_open_transactions() > 0) /* the test has failed in the middle of one */
        card_end(&card, false);
    reader_free(reader);
    return common_twin_end(state);
}

/* A file with a certificate of SIZE bytes, ROOM bytes long, filled with FF. */
static void put_certificate(size_t size, size_t room)
{
    memset(certificate, 0xFF, sizeof(certificate));
    plain_certificate(certificate, size);
    plain_add(&plain, AUTH_CERT, certificate, room);
}

/* A card just met, with the application selected and no file. */
static void meet(void)
{
    bool fresh;
    memset(&card, 0, sizeof(card));
    card.reader = reader;
    card.profile = profile_find(bytes_of_text("JPKIAPICCTOKEN2"));
    plain.current = 0;
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    plain.commands = 0;
}

static void leave(void)
{
    card_end(&card, false);
}

static const struct bytes nothing;

/* Reads the certificate as a card just met has it, and compares. */
static void check_read(size_t size)
{
    struct buffer der = {0};
    meet();
    assert_int_equal(card_read_certificate(&card, AUTH_CERT, nothing, &der), ERR_OK);
    leave();
    assert_int_equal(der.len, size);
    assert_memory_equal(der.data, certificate, size);
    buffer_clear(&der);
}

static void check_refused(enum err wanted)
{
    struct buffer der = {0};
    meet();
    assert_int_equal(card_read_certificate(&card, AUTH_CERT, nothing, &der), wanted);
    leave();
    assert_null(der.data);
    assert_int_equal(der.len, 0);
}

/* The file ends with the certificate, a byte later, and at the next two kilobytes. */
static void test_all_sizes(void **state)
{
    (void)state;
    for (size_t size = 260; size <= 4096; size++) {
        put_certificate(size, size);
        check_read(size);
        put_certificate(size, size + 1);
        check_read(size);
    }
}

static void test_filler(void **state)
{
    (void)state;
    for (size_t size = 260; size <= 4096; size += 37) {
        put_certificate(size, 8192);
        check_read(size);
    }
}

/* No byte behind the certificate is asked for, and none twice. */
static void test_commands(void **state)
{
    (void)state;
    put_certificate(1500, 2048);
    check_read(1500);
    plain_check(&plain, 0, "00B08A0000");
    plain_check(&plain, 1, "00B0010000");
    plain_check(&plain, 2, "00B0020000");
    plain_check(&plain, 5, "00B00500DC"); /* 1500 = 5 * 256 + 220 */
    assert_int_equal(plain.commands, 6);
}

static void test_block_boundaries(void **state)
{
    (void)state;
    for (size_t blocks = 2; blocks <= 16; blocks++) {
        put_certificate(blocks * 256, 8192);
        check_read(blocks * 256);
        assert_int_equal(plain.commands, blocks);
        if (blocks == 16)
            break; /* one byte more is more than 4096 */
        put_certificate(blocks * 256 + 1, 8192);
        check_read(blocks * 256 + 1);
        assert_int_equal(plain.commands, blocks + 1);
    }
}

static void test_too_large(void **state)
{
    (void)state;
    for (size_t size = 4097; size <= 8192; size += 13) {
        put_certificate(size, 8192);
        check_refused(ERR_ANSWER);
        assert_int_equal(plain.commands, 1);
    }
    put_certificate(1500, 2048);
    certificate[2] = 0xFF;
    certificate[3] = 0xFF;
    check_refused(ERR_ANSWER);
}

/* A certificate's file on a card without one: full of FF, empty, or not there. */
static void test_no_certificate(void **state)
{
    (void)state;
    plain_add(&plain, AUTH_CERT, certificate, 2048);
    check_refused(ERR_NOT_FOUND);
    for (size_t len = 0; len < 4; len++) {
        put_certificate(1500, len);
        check_refused(ERR_NOT_FOUND);
    }
    plain_init(&plain);
    check_refused(ERR_NOT_FOUND);
    memset(certificate, 0, sizeof(certificate));
    plain_add(&plain, AUTH_CERT, certificate, 2048);
    check_refused(ERR_NOT_FOUND);
}

/* The file ends in the middle of the certificate. */
static void test_cut_off(void **state)
{
    static const uint16_t ends[] = {0x6B00, 0x6282, 0x9000};
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        plain.end = ends[i];
        for (size_t room = 4; room < 1500; room++) {
            put_certificate(1500, room);
            check_refused(ERR_ANSWER);
            assert_in_range(plain.commands, 1, 16);
        }
    }
}

static void test_end_of_file_warning(void **state)
{
    (void)state;
    plain.warns = true;
    plain.end = 0x6282;
    for (size_t size = 260; size < 1100; size++) {
        put_certificate(size, size);
        check_read(size);
        put_certificate(size, size + 5);
        check_read(size);
    }
}

/* The token information and the presence file are shorter than a block: the warning comes with all
 * of their bytes. */
static void test_warning_with_data(void **state)
{
    uint8_t block[256];
    size_t len;
    (void)state;
    plain.warns = true;
    for (int way = CARD_UNKNOWN; way <= CARD_NO; way++)
        for (size_t room = 1; room < 256; room++) {
            put_certificate(1500, room);
            meet();
            card.short_ids_read = (enum card_known)way;
            assert_int_equal(card_read_first(&card, AUTH_CERT, block, &len), ERR_OK);
            leave();
            assert_int_equal(len, room);
            assert_memory_equal(block, certificate, room);
        }
}

/* Readers and cards that give fewer bytes than asked for. */
static void test_short_data(void **state)
{
    (void)state;
    for (plain.most = 4; plain.most < 256; plain.most++) {
        put_certificate(1501, 2048);
        check_read(1501);
        assert_in_range(plain.commands, 1, 1501 / plain.most + 2);
    }
}

/* Fewer bytes than a header has are no certificate, but no harm either. */
static void test_very_short_data(void **state)
{
    (void)state;
    for (plain.most = 1; plain.most < 4; plain.most++) {
        struct buffer der = {0};
        put_certificate(300, 2048);
        meet();
        enum err e = card_read_certificate(&card, AUTH_CERT, nothing, &der);
        leave();
        assert_true(e == ERR_NOT_FOUND || (e == ERR_OK && der.len == 300));
        buffer_clear(&der);
    }
}

/* With the first block known and short identifiers proven, the file need not be selected: one byte
 * is read again, because a short identifier reaches offset 255 only. */
static void test_first_block_known(void **state)
{
    (void)state;
    for (size_t size = 260; size <= 4096; size += 11) {
        struct buffer der = {0};
        put_certificate(size, 8192);
        meet();
        card.short_ids_read = CARD_YES;
        assert_int_equal(card_read_certificate(&card, AUTH_CERT, bytes_of(certificate, 256), &der),
                         ERR_OK);
        leave();
        assert_int_equal(der.len, size);
        assert_memory_equal(der.data, certificate, size);
        buffer_clear(&der);
        assert_int_equal(plain.log[0].bytes[2], 0x8A);
        assert_int_equal(plain.log[0].bytes[3], 0xFF);
        assert_int_equal(plain.commands, (size - 255 + 255) / 256);
    }
}

static void test_first_block_known_without_short_ids(void **state)
{
    struct buffer der = {0};
    (void)state;
    put_certificate(600, 2048);
    meet();
    card.short_ids_read = CARD_NO;
    assert_int_equal(card_read_certificate(&card, AUTH_CERT, bytes_of(certificate, 256), &der),
                     ERR_OK);
    leave();
    assert_int_equal(der.len, 600);
    assert_memory_equal(der.data, certificate, 600);
    buffer_clear(&der);
    plain_check(&plain, 0, "00A4020C02000A");
    plain_check(&plain, 1, "00B0010000");
    plain_check(&plain, 2, "00B0020058");
    assert_int_equal(plain.commands, 3);
}

/* A first block that is shorter than 256 bytes, as long as it has the header. */
static void test_first_block_short(void **state)
{
    (void)state;
    for (size_t known = 4; known <= 256; known++) {
        struct buffer der = {0};
        put_certificate(700, 700);
        meet();
        assert_int_equal(
            card_read_certificate(&card, AUTH_CERT, bytes_of(certificate, known), &der), ERR_OK);
        leave();
        assert_int_equal(der.len, 700);
        assert_memory_equal(der.data, certificate, 700);
        buffer_clear(&der);
    }
}

/* The card takes a short identifier with offset 0 only; it refuses others, or takes them for 0. */
static void test_no_offset_with_short_id(void **state)
{
    (void)state;
    for (size_t i = 0; i <= COUNT(refusals); i++) {
        plain.short_offset = i < COUNT(refusals) ? refusals[i] : 1;
        for (size_t size = 260; size <= 4096; size += 41) {
            struct buffer der = {0};
            put_certificate(size, 8192);
            if (certificate[255] == certificate[0])
                continue; /* that it was taken for 0 could not be seen */
            meet();
            card.short_ids_read = CARD_YES;
            assert_int_equal(
                card_read_certificate(&card, AUTH_CERT, bytes_of(certificate, 256), &der), ERR_OK);
            leave();
            assert_int_equal(der.len, size);
            assert_memory_equal(der.data, certificate, size);
            buffer_clear(&der);
        }
    }
}

/* So that what a later call does not set is no accidental zero. */
static void fill_stack(void)
{
    volatile uint8_t room[10000];
    for (size_t i = 0; i < sizeof(room); i++)
        room[i] = 0x7F;
}

/* The file's second block cannot be had: nothing is copied from an answer that never came. */
static void test_select_fails(void **state)
{
    static const enum err errors[] = {ERR_TRANSPORT, ERR_NO_CARD, ERR_NO_SERVICE, ERR_ANSWER};
    (void)state;
    put_certificate(1500, 2048);
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct buffer der = {0};
        meet();
        card.short_ids_read = CARD_NO;
        twin_calls_clear();
        twin_fail_call(0, errors[i], false);
        fill_stack();
        assert_int_equal(card_read_certificate(&card, AUTH_CERT, bytes_of(certificate, 256), &der),
                         errors[i]);
        assert_null(der.data);
        twin_fail_call(-1, ERR_OK, false);
        leave();
    }
}

/* However it says so: a card without short identifiers is read the long way, and not asked by them
 * again. */
static void test_no_short_ids(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        plain.short_read = refusals[i];
        for (size_t size = 260; size < 1100; size += 7) {
            put_certificate(size, 2048);
            check_read(size);
            assert_int_equal(card.short_ids_read, CARD_NO);
            plain_check(&plain, 0, "00B08A0000");
            plain_check(&plain, 1, "00A4020C02000A");
            for (unsigned k = 2; k < plain.commands; k++)
                assert_false(plain.log[k].bytes[1] == READ && plain.log[k].bytes[2] & 0x80);
        }
    }
}

/* A file that is not there proves nothing about short identifiers. */
static void test_missing_file_proves_nothing(void **state)
{
    (void)state;
    check_refused(ERR_NOT_FOUND);
    assert_int_equal(card.short_ids_read, CARD_UNKNOWN);
    put_certificate(1500, 2048);
    plain.short_read = 0x6A82;
    check_read(1500);
    assert_int_equal(card.short_ids_read, CARD_NO);
}

/* Only READ BINARY has them: the PIN and the key are still found. */
static void test_short_ids_for_reading_only(void **state)
{
    uint8_t signature[PROFILE_SIGNATURE_MAX];
    struct card_pin pin;
    int tries;
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        plain.short_verify = plain.short_sign = refusals[i];
        put_certificate(1500, 2048);
        struct buffer der = {0};
        meet();
        assert_int_equal(card_read_certificate(&card, AUTH_CERT, nothing, &der), ERR_OK);
        buffer_clear(&der);
        assert_int_equal(card.short_ids_read, CARD_YES);
        assert_int_equal(card_tries(&card, CARD_AUTH, &tries), ERR_OK);
        assert_int_equal(tries, 3);
        card_pin_set(&pin, bytes_of_text("1234"));
        assert_int_equal(card_verify(&card, CARD_AUTH, &pin, &tries), ERR_OK);
        assert_int_equal(card_sign(&card, CARD_AUTH, CARD_PKCS1, bytes_of("x", 1), signature),
                         ERR_OK);
        leave();
        assert_int_equal(card.short_ids_pin, CARD_NO);
        assert_int_equal(card.short_ids_key, CARD_NO);
        assert_int_equal(twin_verifies(), 1);
        twin_counters_clear();
    }
}

static void test_first(void **state)
{
    uint8_t block[256];
    size_t len;
    (void)state;
    for (size_t room = 1; room <= 300; room++) {
        put_certificate(1500, room);
        meet();
        memset(block, 0xEE, sizeof(block));
        assert_int_equal(card_read_first(&card, AUTH_CERT, block, &len), ERR_OK);
        leave();
        assert_int_equal(len, room < 256 ? room : 256);
        assert_memory_equal(block, certificate, len);
    }
    meet();
    len = 7;
    assert_int_equal(card_read_first(&card, 0x0002, block, &len), ERR_NOT_FOUND);
    assert_int_equal(len, 0);
    leave();
}

/* The error of the reader is told, not guessed over by the other way of reading. */
static void test_reader_errors(void **state)
{
    static const enum err errors[] = {ERR_TRANSPORT, ERR_NO_CARD, ERR_NO_READER, ERR_NO_SERVICE};
    (void)state;
    put_certificate(1500, 2048);
    for (size_t i = 0; i < COUNT(errors); i++) {
        for (long k = 0; k < 6; k++) {
            struct buffer der = {0};
            meet();
            twin_calls_clear();
            twin_fail_call(k, errors[i], false);
            assert_int_equal(card_read_certificate(&card, AUTH_CERT, nothing, &der), errors[i]);
            assert_null(der.data);
            assert_int_equal(twin_calls(), k + 1);
            leave();
            twin_fail_call(-1, ERR_OK, false);
        }
    }
}

/* Another program may have selected another file since the last transaction. */
static void test_selected_file_is_forgotten(void **state)
{
    uint8_t block[256];
    size_t len;
    bool fresh;
    (void)state;
    put_certificate(1500, 2048);
    meet();
    card.short_ids_read = CARD_NO;
    assert_int_equal(card_read_first(&card, AUTH_CERT, block, &len), ERR_OK);
    assert_int_equal(card_read_first(&card, AUTH_CERT, block, &len), ERR_OK);
    assert_int_equal(plain.commands, 3); /* selected once */
    leave();
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    plain.commands = 0;
    assert_int_equal(card_read_first(&card, AUTH_CERT, block, &len), ERR_OK);
    plain_check(&plain, 0, "00A4020C02000A");
    leave();
}

static void check_has(const uint8_t *presence, size_t len, enum card_known auth,
                      enum card_known sign)
{
    plain_add(&plain, PRESENCE, presence, len);
    meet();
    assert_int_equal(card_has_certificate(&card, CARD_AUTH), auth);
    assert_int_equal(card_has_certificate(&card, CARD_SIGN), sign);
    leave();
}

static void test_presence(void **state)
{
    const uint8_t both[] = {0x8F, 0x8F, 0x00}, auth[] = {0x00, 0x8F, 0x00};
    const uint8_t sign[] = {0x8F, 0x00, 0x00}, odd[] = {0xFF, 0x01, 0x00};
    const uint8_t none[] = {0x00, 0x00, 0x00};
    (void)state;
    meet();
    assert_int_equal(card_has_certificate(&card, CARD_SIGN), CARD_UNKNOWN);
    leave();
    check_has(both, 3, CARD_YES, CARD_YES);
    check_has(auth, 3, CARD_YES, CARD_NO);
    check_has(sign, 3, CARD_NO, CARD_YES);
    check_has(none, 3, CARD_NO, CARD_NO);
    check_has(odd, 3, CARD_UNKNOWN, CARD_UNKNOWN); /* nobody knows what that would mean */
    check_has(both, 1, CARD_UNKNOWN, CARD_YES);
    check_has(both, 0, CARD_UNKNOWN, CARD_UNKNOWN);
}

static void identity(uint8_t *block, size_t *len, bool *from_certificate, enum err wanted)
{
    meet();
    assert_int_equal(card_identity(&card, block, len, from_certificate), wanted);
    leave();
}

static void test_identity(void **state)
{
    static uint8_t ca[1304];
    uint8_t block[256];
    size_t len;
    bool from_certificate;
    (void)state;
    plain_certificate(ca, sizeof(ca));
    ca[100] ^= 1;
    plain_add(&plain, AUTH_CA, ca, sizeof(ca));
    put_certificate(1500, 2048);
    identity(block, &len, &from_certificate, ERR_OK);
    assert_true(from_certificate);
    assert_int_equal(len, 256);
    assert_memory_equal(block, certificate, 256);
    memset(certificate, 0xFF, sizeof(certificate)); /* none was issued */
    identity(block, &len, &from_certificate, ERR_OK);
    assert_false(from_certificate);
    assert_memory_equal(block, ca, 256);
    plain_init(&plain);
    identity(block, &len, &from_certificate, ERR_OK);
    assert_false(from_certificate);
    assert_int_equal(len, 0);
}

/* An exchange that broke off, or an answer without sense, says nothing of the card. */
static void test_identity_not_read(void **state)
{
    uint8_t block[256];
    size_t len;
    bool from_certificate;
    (void)state;
    put_certificate(1500, 2048);
    meet();
    card.short_ids_read = CARD_YES;
    plain.sick = 1;
    assert_int_equal(card_identity(&card, block, &len, &from_certificate), ERR_ANSWER);
    assert_int_equal(len, 0);
    leave();
}

#define on_card(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_card(test_all_sizes),
        on_card(test_filler),
        on_card(test_commands),
        on_card(test_block_boundaries),
        on_card(test_too_large),
        on_card(test_no_certificate),
        on_card(test_cut_off),
        on_card(test_end_of_file_warning),
        on_card(test_warning_with_data),
        on_card(test_short_data),
        on_card(test_very_short_data),
        on_card(test_first_block_known),
        on_card(test_first_block_known_without_short_ids),
        on_card(test_first_block_short),
        on_card(test_no_offset_with_short_id),
        on_card(test_select_fails),
        on_card(test_no_short_ids),
        on_card(test_missing_file_proves_nothing),
        on_card(test_short_ids_for_reading_only),
        on_card(test_first),
        on_card(test_reader_errors),
        on_card(test_selected_file_is_forgotten),
        on_card(test_presence),
        on_card(test_identity),
        on_card(test_identity_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

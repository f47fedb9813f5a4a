/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A PIN that the holder types on the reader's own keys: what is sent, how often, and what is made
 * of the card's words and of the reader's.
 */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card/card.h"
#include "support/log.h"

static struct plain plain;
static struct card card;
static struct reader *reader;

static void meet(void)
{
    bool fresh;
    memset(&card, 0, sizeof(card));
    card.reader = reader;
    card.profile = profile_find(bytes_of_text("JPKIAPICCTOKEN2"));
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    plain.commands = 0;
    plain.current = 0;
    twin_counters_clear();
    twin_calls_clear();
}

static int setup(void **state)
{
    common_twin(state);
    plain_init(&plain);
    twin_insert(READER, plain_card, &plain, bytes_of("\x3B\x00", 2));
    twin_pad(READER, true);
    reader = reader_new(READER);
    meet();
    return 0;
}

static int teardown(void **state)
{
    twin_fail_call(-1, ERR_OK, false);
    card_end(&card, false);
    reader_free(reader);
    return common_twin_end(state);
}

static void meet_again(void)
{
    twin_fail_call(-1, ERR_OK, false);
    card_end(&card, false);
    meet();
}

static enum err verify(const char *typed, uint16_t reader_sw, int *tries)
{
    *tries = 99;
    twin_pad_types(READER, typed, reader_sw);
    return card_verify_on_pad(&card, CARD_AUTH, tries);
}

/* ---- what is sent ---- */

static void test_right(void **state)
{
    int tries;
    (void)state;
    assert_true(reader_has_pad(reader));
    assert_int_equal(verify("1234", 0, &tries), ERR_OK);
    plain_check(&plain, 0, "00200098"); /* how the PIN is to be named costs a question, once */
    plain_check(&plain, 1, "002000980431323334");
    assert_true(card.maybe_verified);
    assert_int_equal(verify("0987", 0, &tries), ERR_OK);
    plain_check(&plain, 2, "002000980430393837");
    assert_int_equal(plain.commands, 3);
    assert_int_equal(twin_verifies(), 2);
    assert_int_equal(twin_pad_asked(), 2);
}

static void test_selected(void **state)
{
    int tries;
    (void)state;
    card.short_ids_pin = CARD_NO;
    assert_int_equal(verify("1234", 0, &tries), ERR_OK);
    plain_check(&plain, 0, "00A4020C020018");
    plain_check(&plain, 1, "002000800431323334");
    assert_int_equal(plain.commands, 2);
    assert_int_equal(card.current_file, 0x0018);
}

static void test_finds_the_way(void **state)
{
    static const uint16_t refusals[] = {0x6A82, 0x6A86, 0x6700, 0x6D00, 0x6984};
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        int tries;
        plain.short_verify = refusals[i];
        meet_again();
        assert_int_equal(verify("1234", 0, &tries), ERR_OK);
        assert_int_equal(card.short_ids_pin, CARD_NO);
        plain_check(&plain, plain.commands - 1, "002000800431323334");
        assert_int_equal(twin_pad_asked(), 1);
        assert_int_equal(twin_verifies(), 1);
    }
}

/* A short identifier may have selected the file or not: it is no longer relied upon. */
static void test_forgets_the_file(void **state)
{
    int tries;
    (void)state;
    card.short_ids_pin = CARD_YES;
    assert_int_equal(card_select_file(&card, 0x001B), ERR_OK);
    assert_int_equal(verify("", 0x6401, &tries), ERR_CANCELLED);
    assert_int_equal(card.current_file, 0);
}

/* ---- what is answered ---- */

static void test_card_answers(void **state)
{
    static const struct {
        uint16_t sw;
        enum err e;
        int tries;
    } answers[] = {
        {0x63C2, ERR_PIN_WRONG, 2},  {0x63C1, ERR_PIN_WRONG, 1},  {0x63C0, ERR_PIN_LOCKED, 0},
        {0x6300, ERR_PIN_WRONG, -1}, {0x6983, ERR_PIN_LOCKED, 0}, {0x6984, ERR_PIN_LOCKED, 0},
        {0x6982, ERR_DENIED, -1},    {0x6700, ERR_REFUSED, -1},   {0x6A86, ERR_REFUSED, -1},
        {0x6581, ERR_ANSWER, -1},    {0x6F00, ERR_ANSWER, -1},    {0x6100, ERR_ANSWER, -1},
        {0x6400, ERR_CANCELLED, -1}, /* 64xx: nothing was changed, so no try was spent */
    };
    (void)state;
    for (int way = CARD_YES; way <= CARD_NO; way++) {
        for (size_t i = 0; i < COUNT(answers); i++) {
            int tries;
            meet_again();
            card.short_ids_pin = (enum card_known)way;
            plain.pin_answer = answers[i].sw;
            assert_int_equal(verify("1234", 0, &tries), answers[i].e);
            assert_int_equal(tries, answers[i].tries);
            assert_int_equal(twin_verifies(), 1);
            assert_int_equal(twin_pad_asked(), 1);
            assert_true(card.maybe_verified);
        }
    }
}

static void test_reader_answers(void **state)
{
    static const struct {
        uint16_t sw;
        enum err e;
    } answers[] = {
        {0x6400, ERR_CANCELLED}, {0x6401, ERR_CANCELLED}, {0x6403, ERR_CANCELLED},
        {0x6402, ERR_ANSWER},    {0x6404, ERR_ANSWER},    {0x6B80, ERR_REFUSED},
    };
    (void)state;
    for (int way = CARD_YES; way <= CARD_NO; way++) {
        for (size_t i = 0; i < COUNT(answers); i++) {
            int tries;
            meet_again();
            card.short_ids_pin = (enum card_known)way;
            assert_int_equal(verify("1234", answers[i].sw, &tries), answers[i].e);
            assert_int_equal(tries, -1);
            assert_int_equal(twin_verifies(), 0);
            assert_int_equal(twin_pad_asked(), 1); /* nobody is asked again by himself */
            assert_true(card.maybe_verified);      /* a card could have said the same */
        }
    }
}

/* Nobody at the reader; too few digits, and too many. */
static void test_nothing_is_tried(void **state)
{
    static const char *const typed[] = {"", "1", "123", "12345", "123456789012345"};
    int tries;
    (void)state;
    for (size_t i = 0; i < COUNT(typed); i++)
        assert_int_equal(verify(typed[i], 0, &tries), ERR_CANCELLED);
    assert_int_equal(card_verify_on_pad(&card, CARD_AUTH, &tries), ERR_CANCELLED);
    assert_int_equal(twin_pad_asked(), COUNT(typed) + 1);
    assert_int_equal(twin_verifies(), 0);
}

static size_t answer_len;

static bool answers_badly(void *context, const uint8_t *command, size_t len, uint8_t *response,
                          size_t *received)
{
    (void)context;
    if (len <= 5 || command[1] != 0x20)
        return false;
    memset(response, 0, answer_len);
    if (answer_len > 1)
        response[answer_len - 2] = 0x90; /* at the end it would look well */
    *received = answer_len;
    return true;
}

static void test_answers_of_wrong_length(void **state)
{
    (void)state;
    twin_set_hook(answers_badly, NULL);
    for (answer_len = 0; answer_len <= READER_RESPONSE_MAX + 1; answer_len++) {
        int tries;
        if (answer_len == 2)
            continue;
        meet_again();
        assert_int_equal(verify("1234", 0, &tries), ERR_ANSWER);
        assert_int_equal(tries, -1); /* not what was left before */
        assert_int_equal(twin_pad_asked(), 1);
        assert_true(card.maybe_verified);
    }
}

/* Broken off before the card had the PIN, and after: nobody knows, so nothing is repeated. */
static void test_broken_off(void **state)
{
    static const enum err errors[] = {ERR_TRANSPORT, ERR_NO_CARD, ERR_NO_READER, ERR_NO_SERVICE,
                                      ERR_ANSWER,    ERR_BUSY,    ERR_MEMORY};
    static const uint16_t reader_says[] = {0, 0x6401};
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(errors); i++) {
        for (size_t k = 0; k < COUNT(reader_says); k++) {
            int tries;
            meet_again();
            card.short_ids_pin = CARD_YES;
            twin_fail_call(0, errors[i / 2], i % 2 == 1);
            assert_int_equal(verify("1234", reader_says[k], &tries), errors[i / 2]);
            assert_int_equal(tries, -1);
            assert_int_equal(twin_pad_asked(), 1);
            assert_int_equal(twin_calls(), 1);
            assert_int_equal(twin_verifies(), reader_says[k] == 0 ? 1 : 0);
            assert_true(card.maybe_verified);
        }
    }
}

/* The card is taken out while the holder is thinking. */
static bool pulls_card(void *context, const uint8_t *command, size_t len, uint8_t *response,
                       size_t *received)
{
    (void)context;
    (void)response;
    (void)received;
    if (len > 5 && command[1] == 0x20)
        twin_remove(READER);
    return false;
}

static void test_card_pulled(void **state)
{
    int tries;
    (void)state;
    twin_set_hook(pulls_card, NULL);
    assert_int_equal(verify("1234", 0, &tries), ERR_NO_CARD);
    assert_int_equal(card_verify_on_pad(&card, CARD_AUTH, &tries), ERR_NO_CARD);
    assert_int_equal(twin_pad_asked(), 1);
    assert_false(reader_has_pad(reader));
}

/* ---- what is not asked at all ---- */

static void test_without_keys(void **state)
{
    int tries;
    (void)state;
    twin_pad(READER, false);
    assert_false(reader_has_pad(reader));
    assert_int_equal(card_verify_on_pad(&card, CARD_AUTH, &tries), ERR_REFUSED);
    assert_int_equal(twin_verifies(), 0);
    assert_int_equal(twin_pad_asked(), 0);
}

/* Letters, and numbers of digits that only the holder knows. */
static void test_pins_that_keys_cannot_type(void **state)
{
    struct profile changed = *card.profile;
    int tries = 99;
    (void)state;
    twin_pad_types(READER, "1234", 0);
    assert_int_equal(card_verify_on_pad(&card, CARD_SIGN, &tries), ERR_ARGUMENT);
    assert_int_equal(tries, -1);
    card.profile = &changed;
    changed.keys[CARD_AUTH].pin.max = 8;
    assert_int_equal(card_verify_on_pad(&card, CARD_AUTH, &tries), ERR_ARGUMENT);
    changed.keys[CARD_AUTH].pin.max = 4;
    changed.keys[CARD_AUTH].pin.alphabet = PROFILE_UPPER_DIGITS;
    assert_int_equal(card_verify_on_pad(&card, CARD_AUTH, &tries), ERR_ARGUMENT);
    assert_int_equal(plain.commands, 0);
    assert_int_equal(twin_pad_asked(), 0);
    assert_false(card.maybe_verified);
    changed.keys[CARD_AUTH].pin.alphabet = PROFILE_DIGITS;
    assert_int_equal(card_verify_on_pad(&card, CARD_AUTH, &tries), ERR_OK);
}

/* Without knowing how the PIN is to be named, nobody is asked for it. */
static void test_without_answer_to_question(void **state)
{
    int tries;
    (void)state;
    plain.wants_le = 0x6D00;
    plain.refuses_le = true;
    assert_int_equal(verify("1234", 0, &tries), ERR_REFUSED);
    assert_int_equal(twin_pad_asked(), 0);
    assert_int_equal(twin_verifies(), 0);
    assert_false(card.maybe_verified);
}

/* ---- what is written down ---- */

static char *log_of(const char *typed, uint16_t reader_sw)
{
    char name[] = "/tmp/jpki-pad-XXXXXX";
    int fd = mkstemp(name), tries;
    char *text = calloc(1, 8192);
    assert_true(fd >= 0);
    assert_non_null(text);
    log_open(LOG_DEBUG, name);
    verify(typed, reader_sw, &tries);
    log_close();
    assert_true(read(fd, text, 8191) > 0);
    close(fd);
    unlink(name);
    return text;
}

static void test_log(void **state)
{
    static const struct {
        uint16_t sw;
        const char *says;
    } words[] = {{0x6400, "no PIN was typed in time (6400)"},
                 {0x6401, "the holder cancelled (6401)"},
                 {0x6403, "too few or too many digits (6403)"}};
    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        char *text = log_of("5179", words[i].sw);
        assert_non_null(strstr(text, words[i].says));
        free(text);
    }
    char *text = log_of("5179", 0);
    assert_non_null(strstr(text, "9000"));
    assert_null(strstr(text, "5179"));
    assert_null(strstr(text, "35313739")); /* the same in hexadecimal */
    assert_null(strstr(text, "35 31 37 39"));
    free(text);
}

/* ---- the virtual card: what a try costs ---- */

static int vcard_setup(void **state)
{
    common_twin(state);
    twin_insert_vcard(READER, common_folder("pad", ""));
    twin_pad(READER, true);
    reader = reader_new(READER);
    assert_int_equal(card_recognise(reader, &card), ERR_OK);
    twin_counters_clear();
    return 0;
}

static void is_left(int wanted)
{
    int tries;
    assert_int_equal(card_tries(&card, CARD_AUTH, &tries), ERR_OK);
    assert_int_equal(tries, wanted);
}

static void test_tries(void **state)
{
    int tries;
    (void)state;
    assert_int_equal(verify("9999", 0, &tries), ERR_PIN_WRONG);
    assert_int_equal(tries, 2);
    is_left(2);
    assert_int_equal(verify("", 0x6401, &tries), ERR_CANCELLED);
    assert_int_equal(verify("", 0x6400, &tries), ERR_CANCELLED);
    assert_int_equal(verify("99999", 0, &tries), ERR_CANCELLED);
    is_left(2);
    assert_int_equal(verify(PIN_AUTH_RIGHT, 0, &tries), ERR_OK);
    is_left(3);
    assert_int_equal(twin_verifies(), 2);
}

static void test_locked(void **state)
{
    int tries;
    (void)state;
    for (int left = 2; left > 0; left--) {
        assert_int_equal(verify("9999", 0, &tries), ERR_PIN_WRONG);
        assert_int_equal(tries, left);
    }
    assert_int_equal(verify("9999", 0, &tries), ERR_PIN_LOCKED);
    assert_int_equal(tries, 0);
    assert_int_equal(verify(PIN_AUTH_RIGHT, 0, &tries), ERR_PIN_LOCKED);
    is_left(0);
    assert_int_equal(twin_verifies(), 4);
}

/* The key works afterwards, until the card is made to forget. */
static void test_signs(void **state)
{
    uint8_t signature[PROFILE_SIGNATURE_MAX];
    int tries;
    (void)state;
    struct bytes in = bytes_of("\x01", 1);
    assert_int_equal(verify(PIN_AUTH_RIGHT, 0, &tries), ERR_OK);
    assert_int_equal(card_sign(&card, CARD_AUTH, CARD_PKCS1, in, signature), ERR_OK);
    assert_int_equal(card_drop(&card), ERR_OK);
    assert_int_equal(card_sign(&card, CARD_AUTH, CARD_PKCS1, in, signature), ERR_DENIED);
}

#define on_plain(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define on_vcard(test) cmocka_unit_test_setup_teardown(test, vcard_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_plain(test_right),
        on_plain(test_selected),
        on_plain(test_finds_the_way),
        on_plain(test_forgets_the_file),
        on_plain(test_card_answers),
        on_plain(test_reader_answers),
        on_plain(test_nothing_is_tried),
        on_plain(test_answers_of_wrong_length),
        on_plain(test_broken_off),
        on_plain(test_card_pulled),
        on_plain(test_without_keys),
        on_plain(test_pins_that_keys_cannot_type),
        on_plain(test_without_answer_to_question),
        on_plain(test_log),
        on_vcard(test_tries),
        on_vcard(test_locked),
        on_vcard(test_signs),
    };
    return cmocka_run_group_tests(tests, common_folders, common_folders_end);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * PIN and key: which bytes are sent, how often, and what is made of the answers.
 */
#include "common.h"

#include <string.h>

#include "card/card.h"

#define VERIFY 0x20

static struct plain plain;
static struct card card;
static struct reader *reader;
static struct card_pin pin;
static uint8_t signature[PROFILE_SIGNATURE_MAX];

static const uint16_t refusals[] = {0x6A82, 0x6A86, 0x6B00, 0x6700, 0x6D00,
                                    0x6985, 0x6986, 0x6A81, 0x6981, 0x6F00};

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
    reader = reader_new(READER);
    memset(&pin, 0, sizeof(pin));
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

/* ---- the question for tries left ---- */

static void check_tries(enum card_role role, enum err e, int wanted)
{
    int tries = 99;
    assert_int_equal(card_tries(&card, role, &tries), e);
    assert_int_equal(tries, wanted);
    assert_int_equal(twin_verifies(), 0); /* a question is no PIN */
}

static void test_question(void **state)
{
    (void)state;
    check_tries(CARD_AUTH, ERR_OK, 3);
    plain_check(&plain, 0, "00200098");
    check_tries(CARD_SIGN, ERR_OK, 3);
    plain_check(&plain, 1, "0020009B");
    assert_int_equal(plain.commands, 2);
    assert_int_equal(card.short_ids_pin, CARD_YES);
}

static void test_question_selected(void **state)
{
    (void)state;
    card.short_ids_pin = CARD_NO;
    check_tries(CARD_AUTH, ERR_OK, 3);
    plain_check(&plain, 0, "00A4020C020018");
    plain_check(&plain, 1, "00200080");
    check_tries(CARD_SIGN, ERR_OK, 3);
    plain_check(&plain, 2, "00A4020C02001B");
    plain_check(&plain, 3, "00200080");
    assert_int_equal(plain.commands, 4);
}

static void test_question_finds_the_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        plain.short_verify = refusals[i];
        meet_again();
        check_tries(CARD_AUTH, ERR_OK, 3);
        assert_int_equal(card.short_ids_pin, CARD_NO);
        plain.commands = 0;
        check_tries(CARD_AUTH, ERR_OK, 3);
        plain_check(&plain, plain.commands - 1, "00200080");
        assert_in_range(plain.commands, 1, 2); /* by short identifier no more */
    }
}

/* 6984 to a short identifier may mean the identifier (ISO/IEC 7816-4: reference data not usable):
 * only the selected file's own answer makes a PIN locked. */
static void test_question_locked_only_by_short_id(void **state)
{
    const uint16_t locked[] = {0x6983, 0x6984};
    (void)state;
    for (size_t i = 0; i < COUNT(locked); i++) {
        plain.short_verify = locked[i];
        meet_again();
        check_tries(CARD_AUTH, ERR_OK, 3);
        assert_int_equal(card.short_ids_pin, CARD_NO);
    }
}

static void test_every_answer(void **state)
{
    (void)state;
    for (unsigned x = 0; x <= 15; x++) {
        plain.pin_answer = (uint16_t)(0x63C0 | x);
        check_tries(CARD_AUTH, ERR_OK, (int)x);
    }
    plain.pin_answer = 0x6983;
    check_tries(CARD_AUTH, ERR_OK, 0);
    plain.pin_answer = 0x6984;
    check_tries(CARD_SIGN, ERR_OK, 0);
    plain.pin_answer = 0x6300; /* tells no number */
    check_tries(CARD_SIGN, ERR_OK, -1);
}

static void test_question_with_le(void **state)
{
    (void)state;
    plain.wants_le = 0x6700;
    check_tries(CARD_AUTH, ERR_OK, 3);
    plain_check(&plain, 0, "00200098");
    plain_check(&plain, 1, "0020009800");
    assert_true(card.query_with_le);
    check_tries(CARD_AUTH, ERR_OK, 3);
    plain_check(&plain, 2, "0020009800"); /* from now on at once */
    assert_int_equal(plain.commands, 3);
}

/* Some readers object to four bytes: an error of the reader, not of the card. */
static void test_question_that_readers_refuse(void **state)
{
    (void)state;
    twin_fail_call(0, ERR_TRANSPORT, false);
    check_tries(CARD_AUTH, ERR_OK, 3);
    plain_check(&plain, 0, "0020009800");
    assert_int_equal(twin_calls(), 2);
}

/* Five bytes are a wrong length to the real card: they are not tried again and again. */
static void test_question_neither_way(void **state)
{
    int tries;
    (void)state;
    plain.wants_le = 0x6700;
    plain.refuses_le = true;
    assert_true(card_tries(&card, CARD_AUTH, &tries) != ERR_OK);
    assert_int_equal(tries, -1);
    assert_false(card.query_with_le);
    assert_in_range(plain.commands, 2, 6);
}

static void test_question_errors(void **state)
{
    int tries;
    (void)state;
    for (long k = 0; k < 2; k++) {
        meet_again();
        card.short_ids_pin = CARD_NO;
        twin_fail_call(k, ERR_NO_CARD, false);
        assert_int_equal(card_tries(&card, CARD_AUTH, &tries), ERR_NO_CARD);
        assert_int_equal(tries, -1);
        assert_int_equal(twin_calls(), k + 1);
    }
}

/* ---- VERIFY ---- */

static enum err verify(enum card_role role, const char *text, int *tries)
{
    *tries = 99;
    card_pin_set(&pin, bytes_of_text(text));
    return card_verify(&card, role, &pin, tries);
}

static void test_verify(void **state)
{
    int tries;
    (void)state;
    assert_int_equal(verify(CARD_AUTH, "1234", &tries), ERR_OK);
    plain_check(&plain, 0, "00200098"); /* how the PIN is to be named costs a question, once */
    plain_check(&plain, 1, "002000980431323334");
    assert_true(card.maybe_verified);
    assert_int_equal(verify(CARD_SIGN, "ABCDEFGH12345678", &tries), ERR_OK);
    plain_check(&plain, 2, "0020009B1041424344454647483132333435363738");
    assert_int_equal(plain.commands, 3);
    assert_int_equal(twin_verifies(), 2);
}

static void test_verify_selected(void **state)
{
    int tries;
    (void)state;
    card.short_ids_pin = CARD_NO;
    assert_int_equal(verify(CARD_AUTH, "1234", &tries), ERR_OK);
    plain_check(&plain, 0, "00A4020C020018");
    plain_check(&plain, 1, "002000800431323334");
    assert_int_equal(verify(CARD_SIGN, "ABC123", &tries), ERR_OK);
    plain_check(&plain, 2, "00A4020C02001B");
    plain_check(&plain, 3, "00200080064142 43313233");
    assert_int_equal(plain.commands, 4);
}

static void test_verify_answers(void **state)
{
    static const struct {
        uint16_t sw;
        enum err e;
        int tries;
    } answers[] = {
        {0x63C4, ERR_PIN_WRONG, 4},  {0x63C1, ERR_PIN_WRONG, 1},  {0x63C0, ERR_PIN_LOCKED, 0},
        {0x6300, ERR_PIN_WRONG, -1}, {0x6983, ERR_PIN_LOCKED, 0}, {0x6984, ERR_PIN_LOCKED, 0},
        {0x6982, ERR_DENIED, -1},    {0x6700, ERR_REFUSED, -1},   {0x6A86, ERR_REFUSED, -1},
        {0x6985, ERR_REFUSED, -1},   {0x6581, ERR_ANSWER, -1},    {0x6F00, ERR_ANSWER, -1},
        {0x6100, ERR_ANSWER, -1},    {0x6C04, ERR_ANSWER, -1},    {0x6282, ERR_ANSWER, -1},
    };
    (void)state;
    for (int way = CARD_YES; way <= CARD_NO; way++) {
        for (size_t i = 0; i < COUNT(answers); i++) {
            int tries;
            meet_again();
            card.short_ids_pin = (enum card_known)way;
            plain.pin_answer = answers[i].sw;
            assert_int_equal(verify(CARD_SIGN, "ABC123", &tries), answers[i].e);
            assert_int_equal(tries, answers[i].tries);
            assert_int_equal(twin_verifies(), 1);
            assert_true(card.maybe_verified);
        }
    }
}

/* Broken off before the card had the PIN, and after: nobody knows, so nothing is repeated. */
static void test_verify_broken_off(void **state)
{
    static const enum err errors[] = {ERR_TRANSPORT, ERR_NO_CARD, ERR_NO_READER, ERR_NO_SERVICE,
                                      ERR_ANSWER,    ERR_BUSY,    ERR_MEMORY};
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(errors); i++) {
        int tries;
        meet_again();
        card.short_ids_pin = CARD_YES;
        twin_fail_call(0, errors[i / 2], i % 2 == 1);
        assert_int_equal(verify(CARD_AUTH, "1234", &tries), errors[i / 2]);
        assert_int_equal(tries, -1);
        assert_int_equal(twin_verifies(), 1);
        assert_int_equal(twin_commands(), 1);
        assert_true(card.maybe_verified);
    }
}

/* What was left before is not what is left after a VERIFY without an answer. */
static void test_verify_broken_off_after_question(void **state)
{
    int tries;
    (void)state;
    twin_fail_call(1, ERR_TRANSPORT, true);
    assert_int_equal(verify(CARD_AUTH, "1234", &tries), ERR_TRANSPORT);
    plain_check(&plain, 0, "00200098");
    assert_int_equal(twin_verifies(), 1);
    assert_int_equal(tries, -1);
}

/* The empty VERIFY would be the question, and pass for a presented PIN nowhere. */
static void test_verify_empty(void **state)
{
    int tries;
    (void)state;
    assert_int_equal(verify(CARD_AUTH, "", &tries), ERR_ARGUMENT);
    assert_int_equal(verify(CARD_SIGN, "12345678901234567", &tries), ERR_ARGUMENT);
    assert_int_equal(twin_commands(), 0);
    assert_false(card.maybe_verified);
}

/* Without knowing how the PIN is to be named, it is not sent. */
static void test_verify_without_answer_to_question(void **state)
{
    int tries;
    (void)state;
    plain.wants_le = 0x6D00;
    plain.refuses_le = true;
    assert_int_equal(verify(CARD_AUTH, "1234", &tries), ERR_REFUSED);
    assert_int_equal(twin_verifies(), 0);
    assert_false(card.maybe_verified);
}

static void test_pin_text(void **state)
{
    (void)state;
    for (size_t len = 1; len <= PROFILE_PIN_MAX; len++) {
        card_pin_set(&pin, bytes_of("ABCDEFGHIJKLMNOP", len));
        assert_true(bytes_equal(card_pin_text(&pin), bytes_of("ABCDEFGHIJKLMNOP", len)));
    }
}

/* ---- signatures ---- */

static enum err sign(enum card_role role, enum card_scheme scheme, size_t len)
{
    static const uint8_t data[256] = {0xD1, 0xD2};
    memset(signature, 0xEE, sizeof(signature));
    return card_sign(&card, role, scheme, bytes_of(data, len), signature);
}

static void test_sign(void **state)
{
    (void)state;
    plain.verified = true;
    assert_int_equal(sign(CARD_AUTH, CARD_PKCS1, 2), ERR_OK);
    plain_check(&plain, 0, "802A009702D1D200");
    assert_int_equal(signature[0], 0x5A);
    assert_int_equal(signature[255], 0x5A);
    assert_int_equal(sign(CARD_SIGN, CARD_PKCS1, 2), ERR_OK);
    plain_check(&plain, 1, "802A009A02D1D200");
    assert_int_equal(sign(CARD_SIGN, CARD_PSS, 2), ERR_OK);
    plain_check(&plain, 2, "802A049A02D1D200");
    assert_int_equal(plain.commands, 3);
    assert_int_equal(card.short_ids_key, CARD_YES);
}

static void test_sign_selected(void **state)
{
    (void)state;
    plain.verified = true;
    card.short_ids_key = CARD_NO;
    assert_int_equal(sign(CARD_AUTH, CARD_PSS, 2), ERR_OK);
    plain_check(&plain, 0, "00A4020C020017");
    plain_check(&plain, 1, "802A048002D1D200");
    assert_int_equal(sign(CARD_SIGN, CARD_PKCS1, 2), ERR_OK);
    plain_check(&plain, 2, "00A4020C02001A");
    plain_check(&plain, 3, "802A008002D1D200");
    assert_int_equal(plain.commands, 4);
}

static void test_sign_finds_the_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        plain.short_sign = refusals[i];
        meet_again();
        plain.verified = true;
        assert_int_equal(sign(CARD_AUTH, CARD_PKCS1, 2), ERR_OK);
        assert_int_equal(card.short_ids_key, CARD_NO);
        plain.commands = 0;
        assert_int_equal(sign(CARD_AUTH, CARD_PKCS1, 2), ERR_OK);
        plain_check(&plain, plain.commands - 1, "802A008002D1D200");
        assert_in_range(plain.commands, 1, 2);
    }
}

/* 6982 after a VERIFY, to an identifier that has never worked: the selected file decides. */
static void test_sign_denied_only_by_short_id(void **state)
{
    (void)state;
    plain.short_sign = 0x6982;
    meet_again();
    plain.verified = true;
    card.maybe_verified = true;
    assert_int_equal(sign(CARD_AUTH, CARD_PKCS1, 2), ERR_OK);
    assert_int_equal(card.short_ids_key, CARD_NO);
    card.maybe_verified = false;
}

static void test_signature_lengths(void **state)
{
    (void)state;
    plain.verified = true;
    for (int way = CARD_YES; way <= CARD_NO; way++) {
        for (size_t len = 0; len <= 300; len++) {
            meet_again();
            plain.verified = true;
            card.short_ids_key = (enum card_known)way;
            plain.signature_len = len;
            enum err e = sign(CARD_AUTH, CARD_PKCS1, 2);
            assert_int_equal(e, len == 256 ? ERR_OK : ERR_ANSWER);
            if (len != 256)
                assert_int_equal(signature[0], 0xEE); /* nothing is handed out */
        }
    }
}

static void test_sign_refused(void **state)
{
    static const struct {
        uint16_t sw;
        enum err e;
    } answers[] = {{0x6982, ERR_DENIED},  {0x6A86, ERR_REFUSED}, {0x6700, ERR_REFUSED},
                   {0x6985, ERR_REFUSED}, {0x6F00, ERR_ANSWER},  {0x6581, ERR_ANSWER}};
    (void)state;
    for (int way = CARD_UNKNOWN; way <= CARD_NO; way++) {
        for (size_t i = 0; i < COUNT(answers); i++) {
            meet_again();
            plain.verified = true;
            plain.sign_answer = answers[i].sw;
            card.short_ids_key = (enum card_known)way;
            assert_int_equal(sign(CARD_SIGN, CARD_PSS, 32), answers[i].e);
            assert_int_equal(signature[0], 0xEE);
            assert_int_equal(card.short_ids_key, way); /* a refusal proves nothing */
        }
    }
}

static void test_sign_not_verified(void **state)
{
    (void)state;
    assert_int_equal(sign(CARD_AUTH, CARD_PKCS1, 2), ERR_DENIED);
    assert_int_equal(plain.commands, 1); /* an answer is an answer */
}

static void test_sign_errors(void **state)
{
    (void)state;
    plain.verified = true;
    twin_fail_call(0, ERR_TRANSPORT, true);
    assert_int_equal(sign(CARD_AUTH, CARD_PKCS1, 2), ERR_TRANSPORT);
    assert_int_equal(plain.commands, 1); /* it may have signed: not twice */
    meet_again();
    assert_int_equal(sign(CARD_AUTH, CARD_PKCS1, 256), ERR_ARGUMENT);
    assert_int_equal(plain.commands, 0);
}

#define on_card(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_card(test_question),
        on_card(test_question_selected),
        on_card(test_question_finds_the_way),
        on_card(test_question_locked_only_by_short_id),
        on_card(test_every_answer),
        on_card(test_question_with_le),
        on_card(test_question_that_readers_refuse),
        on_card(test_question_neither_way),
        on_card(test_question_errors),
        on_card(test_verify),
        on_card(test_verify_selected),
        on_card(test_verify_answers),
        on_card(test_verify_broken_off),
        on_card(test_verify_broken_off_after_question),
        on_card(test_verify_empty),
        on_card(test_verify_without_answer_to_question),
        on_card(test_pin_text),
        on_card(test_sign),
        on_card(test_sign_selected),
        on_card(test_sign_finds_the_way),
        on_card(test_sign_denied_only_by_short_id),
        on_card(test_signature_lengths),
        on_card(test_sign_refused),
        on_card(test_sign_not_verified),
        on_card(test_sign_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

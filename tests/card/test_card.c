/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Recognising a card, and leaving it without a verified PIN. What the card has kept is asked from
 * it directly, as another program would.
 */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card/card.h"

#define SELECT 0xA4

static struct card card;
static struct reader *reader;

static int setup(void **state)
{
    common_twin(state);
    memset(&card, 0, sizeof(card));
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

/* ---- recognising ---- */

static void insert(const char *lines)
{
    twin_insert_vcard(READER, common_folder("card", lines));
}

static void recognise_and_end(enum err wanted)
{
    assert_int_equal(card_recognise(reader, &card), wanted);
    assert_int_equal(twin_open_transactions(), wanted == ERR_OK ? 1 : 0);
    if (wanted == ERR_OK)
        card_end(&card, true);
    assert_int_equal(twin_open_transactions(), 0);
}

static void test_recognise(void **state)
{
    (void)state;
    insert("model = E16R01NJ\nserial = 0000000020500003\n");
    recognise_and_end(ERR_OK);
    assert_string_equal(card.model, "E16R01NJ");
    assert_false(card.profile->keys[CARD_AUTH].certificate_private);
    assert_int_equal(twin_verifies(), 0);
    assert_int_equal(twin_power_offs(), 0); /* no PIN was verified: nothing to be dropped */
}

static void test_labels(void **state)
{
    static const struct {
        const char *label;
        enum err e;
    } labels[] = {{"JPKIAPICCTOKEN2", ERR_OK},      {"JPKIAPGPSETOKEN", ERR_OK},
                  {"JPKIAPIOSTOKEN", ERR_OK},       {"JPKIAPICCTOKEN", ERR_FOREIGN},
                  {"JPKIAPICCTOKEN3", ERR_FOREIGN}, {"", ERR_FOREIGN},
                  {"JPKIAPICCTOKEN2x", ERR_FOREIGN}};
    (void)state;
    for (size_t i = 0; i < COUNT(labels); i++) {
        char line[64];
        snprintf(line, sizeof(line), "label = %s\n", labels[i].label);
        insert(line);
        recognise_and_end(labels[i].e);
        twin_remove(READER);
    }
}

static struct plain plain;

static void insert_plain(void)
{
    plain_init(&plain);
    twin_insert(READER, plain_card, &plain, bytes_of("\x3B\x00", 2));
}

/* The whole identifier: a shorter one selects the first application that begins so. */
static void test_selects_by_whole_name(void **state)
{
    (void)state;
    insert_plain();
    recognise_and_end(ERR_OK);
    plain_check(&plain, 0, "00A4040C0AD392F000260100000001");
    plain_check(&plain, 1, "00B0860000");
}

/* The first command after power-up may be answered 6F00: once. */
static void test_first_command_fails(void **state)
{
    bool fresh;
    (void)state;
    insert("first-6f00 = yes\n");
    recognise_and_end(ERR_OK);
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    assert_false(fresh);
    card_end(&card, true);
    twin_remove(READER);
    insert_plain();
    plain.sick = 2;
    recognise_and_end(ERR_ANSWER);
    assert_int_equal(plain.commands, 2);
}

/* EF 0006 of every length. */
static void test_short_info(void **state)
{
    uint8_t info[128];
    (void)state;
    memset(info, ' ', sizeof(info));
    memcpy(info, "JPKIAPICCTOKEN2", 15);
    memcpy(info + 64, "MODEL 8901234567", 16);
    memcpy(info + 80, "SERIAL", 6);
    for (size_t len = 0; len <= sizeof(info); len++) {
        insert_plain();
        plain_add(&plain, 0x0006, info, len);
        recognise_and_end(len >= 32 ? ERR_OK : ERR_FOREIGN);
        if (len >= 32) {
            assert_string_equal(card.model, len >= 80 ? "MODEL 8901234567" : "");
        }
        twin_remove(READER);
    }
}

/* Model and serial go to the log and to programs: only plain text may. */
static void test_unprintable_info(void **state)
{
    uint8_t info[96];
    (void)state;
    for (unsigned c = 0; c <= 0xFF; c++) {
        memset(info, ' ', sizeof(info));
        memcpy(info, "JPKIAPICCTOKEN2", 15);
        memset(info + 64, 'M', 8);
        info[66] = (uint8_t)c;
        insert_plain();
        plain_add(&plain, 0x0006, info, sizeof(info));
        recognise_and_end(ERR_OK);
        bool plain_text = c >= 0x20 && c <= 0x7E;
        assert_int_equal(strlen(card.model), plain_text ? 8 : 0);
        twin_remove(READER);
    }
}

static uint16_t only_answer;

static size_t stubborn_card(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    (void)context;
    (void)command;
    (void)len;
    response[0] = (uint8_t)(only_answer >> 8);
    response[1] = (uint8_t)only_answer;
    return 2;
}

static void test_foreign_cards(void **state)
{
    static const uint16_t answers[] = {0x6A82, 0x6A81, 0x6D00, 0x6E00, 0x6999,
                                       0x6700, 0x6A86, 0x6982, 0x6985, 0x6983};
    (void)state;
    twin_insert(READER, stubborn_card, NULL, bytes_of("\x3B\x00", 2));
    for (size_t i = 0; i < COUNT(answers); i++) {
        only_answer = answers[i];
        recognise_and_end(ERR_FOREIGN);
    }
    only_answer = 0x6F00; /* a bad contact, perhaps: no verdict */
    recognise_and_end(ERR_ANSWER);
}

static void test_recognise_broken_off(void **state)
{
    static const enum err errors[] = {ERR_TRANSPORT, ERR_NO_CARD, ERR_NO_READER, ERR_NO_SERVICE};
    (void)state;
    insert("");
    for (size_t i = 0; i < COUNT(errors); i++) {
        for (long k = 0; k < 3; k++) { /* begin, SELECT, READ */
            twin_calls_clear();
            twin_fail_call(k, errors[i], false);
            recognise_and_end(errors[i]);
        }
    }
    twin_fail_call(-1, ERR_OK, false);
    twin_hold(READER, true);
    recognise_and_end(ERR_BUSY);
    twin_hold(READER, false);
    twin_remove(READER);
    recognise_and_end(ERR_NO_CARD);
    twin_reader(READER, false);
    recognise_and_end(ERR_NO_READER);
    twin_service(false);
    recognise_and_end(ERR_NO_SERVICE);
}

/* ---- isolation ---- */

static void meet(void)
{
    assert_int_equal(card_recognise(reader, &card), ERR_OK);
    card_end(&card, false);
    twin_counters_clear();
}

static const char *right_pin(enum card_role role)
{
    return role == CARD_AUTH ? PIN_AUTH_RIGHT : PIN_SIGN_RIGHT;
}

static void present(enum card_role role, const char *text, enum err wanted)
{
    struct card_pin pin = {0};
    int tries;
    card_pin_set(&pin, bytes_of_text(text));
    assert_int_equal(card_verify(&card, role, &pin, &tries), wanted);
}

/* A transaction with a VERIFY in it. */
static void begin_verified(enum card_role role)
{
    bool fresh;
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    present(role, right_pin(role), ERR_OK);
}

static void assert_no_pin_left(void)
{
    assert_int_equal(common_other_signs(false), 0x6982);
    assert_int_equal(common_other_signs(true), 0x6982);
    assert_int_equal(common_other_reads_private(), 0x6982);
}

/* Without dropping, the PIN stays: so the other tests would see one. */
static void test_kept(void **state)
{
    (void)state;
    insert("");
    meet();
    begin_verified(CARD_AUTH);
    card_end(&card, false);
    assert_int_equal(common_other_signs(false), 0x9000);
    assert_int_equal(common_other_signs(true), 0x6982);
    begin_verified(CARD_SIGN);
    card_end(&card, false);
    assert_int_equal(common_other_signs(true), 0x9000);
    assert_int_equal(common_other_reads_private(), 0x9000);
}

static void check_dropped(const char *lines, unsigned power_offs)
{
    for (int role = 0; role < CARD_ROLES; role++) {
        insert(lines);
        meet();
        begin_verified((enum card_role)role);
        card_end(&card, true);
        assert_int_equal(twin_power_offs(), power_offs);
        assert_no_pin_left();
        assert_false(card.maybe_verified);
        twin_remove(READER);
    }
}

static void test_dropped(void **state)
{
    (void)state;
    check_dropped("", 0);
    check_dropped("sfi = no\n", 0);
    check_dropped("warm-reset-clears = yes\n", 0);
}

/* The issuer security domain cannot be selected: the power is taken. */
static void test_dropped_without_issuer_domain(void **state)
{
    (void)state;
    check_dropped("isd = no\n", 1);
}

/* That is found out once; a proof after a power-off would prove nothing. */
static void test_no_issuer_domain_is_remembered(void **state)
{
    (void)state;
    for (int role = 0; role < CARD_ROLES; role++) {
        insert("isd = no\n");
        meet();
        begin_verified((enum card_role)role);
        card_end(&card, true);
        assert_int_equal(card.drop_works, CARD_NO);
        unsigned selects = twin_commands_of(SELECT);
        begin_verified((enum card_role)role);
        card_end(&card, true);
        assert_int_equal(twin_commands_of(SELECT), selects + 1); /* of JPKI */
        assert_int_equal(twin_power_offs(), 2);
        assert_no_pin_left();
        twin_remove(READER);
    }
}

/* A card that does not answer the command that makes it forget loses its power, at the end, without
 * being asked again. */
static void test_forget_unanswered(void **state)
{
    (void)state;
    insert("");
    meet();
    begin_verified(CARD_SIGN);
    twin_fail_call((long)twin_calls(), ERR_TRANSPORT, false);
    assert_false(card_forget(&card));
    twin_fail_call(-1, ERR_OK, false);
    unsigned commands = twin_commands();
    assert_true(card_end(&card, true));
    assert_int_equal(twin_commands(), commands);
    assert_int_equal(twin_power_offs(), 1);
    assert_no_pin_left();
}

static void test_both_dropped(void **state)
{
    (void)state;
    insert("");
    meet();
    begin_verified(CARD_AUTH);
    present(CARD_SIGN, PIN_SIGN_RIGHT, ERR_OK);
    card_end(&card, true);
    assert_no_pin_left();
}

/* The answer to VERIFY, or to the SELECT that drops the PIN, is lost. */
static void test_dropped_after_lost_answer(void **state)
{
    struct card_pin pin = {0};
    int tries;
    bool fresh;
    (void)state;
    insert("");
    meet();
    card_pin_set(&pin, bytes_of_text(PIN_AUTH_RIGHT));
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    assert_int_equal(card_tries(&card, CARD_AUTH, &tries), ERR_OK);
    twin_calls_clear();
    twin_fail_call(0, ERR_TRANSPORT, true);
    assert_int_equal(card_verify(&card, CARD_AUTH, &pin, &tries), ERR_TRANSPORT);
    card_end(&card, true);
    assert_no_pin_left();

    begin_verified(CARD_AUTH);
    twin_calls_clear();
    twin_fail_call(0, ERR_TRANSPORT, false);
    card_end(&card, true);
    assert_int_equal(twin_power_offs(), 1);
    assert_no_pin_left();
}

static void test_nothing_to_drop(void **state)
{
    bool fresh;
    (void)state;
    insert("isd = no\n");
    meet();
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    card_end(&card, true);
    assert_int_equal(twin_commands(), 1); /* SELECT of JPKI, and no other */
    assert_int_equal(twin_power_offs(), 0);
}

static void test_drop_inside(void **state)
{
    (void)state;
    insert("");
    meet();
    begin_verified(CARD_SIGN);
    assert_int_equal(card_drop(&card), ERR_OK);
    assert_int_equal(twin_open_transactions(), 1);
    for (int role = 0; role < CARD_ROLES; role++)
        assert_int_equal(card_prove_dropped(&card, (enum card_role)role), ERR_OK);
    assert_int_equal(card.drop_works, CARD_YES);
    card_end(&card, true);
    assert_int_equal(twin_power_offs(), 0);
    assert_no_pin_left();
}

/* A card that says 9000 and keeps the PIN is found out, by both keys, and loses its power from then
 * on. */
static void test_found_out(void **state)
{
    (void)state;
    for (int role = 0; role < CARD_ROLES; role++) {
        insert("ignore-isd = yes\n");
        meet();
        begin_verified((enum card_role)role);
        assert_int_equal(card_drop(&card), ERR_OK); /* as far as can be seen */
        assert_int_equal(card_prove_dropped(&card, (enum card_role)role), ERR_REFUSED);
        assert_int_equal(card.drop_works, CARD_NO);
        card_end(&card, true);
        assert_int_equal(twin_power_offs(), 1);
        assert_no_pin_left();
        for (unsigned again = 2; again < 4; again++) {
            begin_verified((enum card_role)role);
            card_end(&card, true);
            assert_int_equal(twin_power_offs(), again);
            assert_no_pin_left();
        }
        begin_verified((enum card_role)role);
        assert_int_equal(card_drop(&card), ERR_REFUSED);
        card_end(&card, true);
        assert_no_pin_left();
        twin_remove(READER);
    }
}

/* Found out in a later transaction, by a signature key's certificate or a try to sign. */
static void test_found_out_later(void **state)
{
    bool fresh;
    (void)state;
    for (int role = 0; role < CARD_ROLES; role++) {
        insert("ignore-isd = yes\n");
        meet();
        begin_verified((enum card_role)role);
        card_end(&card, true);
        assert_int_equal(card_begin(&card, &fresh), ERR_OK);
        assert_int_equal(card_prove_dropped(&card, (enum card_role)role), ERR_REFUSED);
        card_end(&card, true);
        assert_int_equal(twin_power_offs(), 1);
        assert_no_pin_left();
        twin_remove(READER);
    }
}

/* No answer to the question is no proof. */
static void test_no_proof(void **state)
{
    bool fresh;
    (void)state;
    insert("sign-cert = no\nsign-cert-ef = no\n");
    meet();
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    assert_int_equal(card_prove_dropped(&card, CARD_SIGN), ERR_OK);
    assert_int_equal(card.drop_works, CARD_UNKNOWN);
    twin_calls_clear();
    twin_fail_call(0, ERR_TRANSPORT, false);
    assert_int_equal(card_prove_dropped(&card, CARD_AUTH), ERR_TRANSPORT);
    assert_int_equal(card.drop_works, CARD_UNKNOWN);
    card_end(&card, false);
}

/* A wrong PIN, and a card that is taken out in the middle. */
static void test_end_after_trouble(void **state)
{
    bool fresh;
    (void)state;
    insert("");
    meet();
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    present(CARD_AUTH, "9999", ERR_PIN_WRONG);
    card_end(&card, true);
    assert_no_pin_left();
    begin_verified(CARD_AUTH);
    twin_remove(READER);
    card_end(&card, true);
    assert_int_equal(twin_open_transactions(), 0);
    assert_false(card.maybe_verified);
    assert_int_equal(card_begin(&card, &fresh), ERR_NO_CARD);
    insert("");
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    assert_true(fresh);
    card_end(&card, true);
}

static bool break_off(void *context, const uint8_t *command, size_t len, uint8_t *response,
                      size_t *received)
{
    (void)context;
    (void)command;
    (void)len;
    (void)response;
    *received = 0;
    return true;
}

static void test_begin(void **state)
{
    bool fresh;
    (void)state;
    insert("");
    meet();
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    assert_false(fresh);
    assert_int_equal(twin_commands(), 1);
    assert_int_equal(twin_commands_of(SELECT), 1);
    card_end(&card, false);
    twin_warm_reset(READER);
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    assert_true(fresh);
    card_end(&card, false);
    twin_calls_clear();
    twin_fail_call(1, ERR_MEMORY, false);
    assert_int_equal(card_begin(&card, &fresh), ERR_MEMORY);
    assert_int_equal(twin_open_transactions(), 0);
    /* One that broke off before anything but the SELECT was sent is begun again, once. */
    twin_calls_clear();
    twin_fail_call(1, ERR_TRANSPORT, false);
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    assert_true(fresh);
    card_end(&card, false);
    twin_set_hook(break_off, NULL);
    twin_counters_clear();
    assert_int_equal(card_begin(&card, &fresh), ERR_ANSWER);
    assert_int_equal(twin_commands(), 1);
    twin_set_hook(NULL, NULL);
    assert_int_equal(twin_open_transactions(), 0);
}

#define on_card(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_card(test_recognise),
        on_card(test_labels),
        on_card(test_selects_by_whole_name),
        on_card(test_first_command_fails),
        on_card(test_short_info),
        on_card(test_unprintable_info),
        on_card(test_foreign_cards),
        on_card(test_recognise_broken_off),
        on_card(test_kept),
        on_card(test_dropped),
        on_card(test_dropped_without_issuer_domain),
        on_card(test_no_issuer_domain_is_remembered),
        on_card(test_forget_unanswered),
        on_card(test_both_dropped),
        on_card(test_dropped_after_lost_answer),
        on_card(test_nothing_to_drop),
        on_card(test_drop_inside),
        on_card(test_found_out),
        on_card(test_found_out_later),
        on_card(test_no_proof),
        on_card(test_end_after_trouble),
        on_card(test_begin),
    };
    return cmocka_run_group_tests(tests, common_folders, common_folders_end);
}

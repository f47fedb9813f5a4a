/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The same card, or another one: no PIN may go to a card that is not the one it was typed for.
 */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/config.h"
#include "token/insertion.h"
#include "token/pin.h"

#define READ 0xB0

static struct insertion in;
static struct reader *reader;

static int setup(void **state)
{
    common_twin(state);
    memset(&in, 0, sizeof(in));
    reader = reader_new(READER);
    return reader != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    if (twin_open_transactions() > 0) /* the test has failed in the middle of one */
        insertion_end(&in, false);
    reader_free(reader);
    return common_twin_end(state);
}

static void insert(const char *lines)
{
    twin_insert_vcard(READER, common_folder("card", lines));
}

static void insert_other(const char *lines)
{
    twin_insert_vcard(READER, common_other_folder("other-card", lines));
}

static void meet(void)
{
    assert_int_equal(insertion_recognise(&in, reader, READER, 0), ERR_OK);
    assert_int_equal(twin_open_transactions(), 1);
    insertion_end(&in, false);
    twin_counters_clear();
}

/* One more transaction. */
static enum err again(void)
{
    enum err e = insertion_begin(&in);
    assert_int_equal(twin_open_transactions(), e == ERR_OK ? 1 : 0);
    if (e == ERR_OK)
        insertion_end(&in, true);
    return e;
}

/* The serial number is the beginning of the SHA-256 of the certificate's first 256 bytes. */
static void test_serial(void **state)
{
    uint8_t hash[DIGEST_MAX];
    char wanted[17];
    size_t len;
    (void)state;
    insert("");
    meet();
    uint8_t *der = common_file(common_folder("card", ""), "auth.der", &len);
    assert_int_equal(digest_once(DIGEST_SHA256, bytes_of(der, 256), hash), ERR_OK);
    for (size_t i = 0; i < 8; i++)
        snprintf(wanted + 2 * i, 3, "%02X", hash[i]);
    assert_string_equal(in.serial, wanted);
    assert_true(in.first_is_certificate);
    assert_int_equal(in.first_len, 256);
    assert_memory_equal(in.first, der, 256);
    free(der);
}

/* Nothing has happened: nothing is asked. */
static void test_same_transaction_after_another(void **state)
{
    (void)state;
    insert("");
    meet();
    for (unsigned i = 1; i < 5; i++) {
        assert_int_equal(again(), ERR_OK);
        assert_int_equal(twin_commands(), i); /* SELECT */
    }
}

static void test_reset_in_between(void **state)
{
    (void)state;
    insert("");
    meet();
    twin_warm_reset(READER);
    assert_int_equal(again(), ERR_OK);
    assert_int_equal(twin_commands_of(READ), 1);
    assert_int_equal(again(), ERR_OK);
    assert_int_equal(twin_commands_of(READ), 1); /* once */
    assert_false(in.lost);
}

static void test_same_card_again(void **state)
{
    (void)state;
    insert("");
    meet();
    twin_remove(READER);
    assert_int_equal(again(), ERR_NO_CARD);
    insert("");
    assert_int_equal(again(), ERR_OK);
    assert_false(in.lost);
}

static void check_exchange(void (*other)(const char *), const char *lines)
{
    twin_remove(READER);
    other(lines);
    twin_counters_clear();
    assert_int_equal(again(), ERR_NO_CARD);
    assert_true(in.lost);
    unsigned commands = twin_commands();
    assert_int_equal(again(), ERR_NO_CARD); /* for good: it is not even asked again */
    assert_int_equal(twin_commands(), commands);
    assert_int_equal(twin_verifies(), 0);
    twin_remove(READER);
}

static void test_other_card(void **state)
{
    (void)state;
    insert("");
    meet();
    check_exchange(insert_other, "");
    insert("sfi = no\n");
    meet();
    check_exchange(insert_other, "sfi = no\n");
    insert("");
    meet();
    check_exchange(insert_other, "auth-cert-pin = yes\n");
}

static size_t foreign_card(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    (void)context;
    (void)command;
    (void)len;
    memcpy(response, "\x6A\x82", 2);
    return 2;
}

static void insert_foreign(const char *lines)
{
    (void)lines;
    twin_insert(READER, foreign_card, NULL, bytes_of("\x3B\x00", 2));
}

static void test_foreign_card(void **state)
{
    (void)state;
    insert("");
    meet();
    check_exchange(insert_foreign, "");
}

/* A telephone hides its certificate: its CA's and the number in EF 0006 must do. */
static void test_telephone(void **state)
{
    const char *lines = "label = JPKIAPGPSETOKEN\nauth-cert-pin = yes\n";
    (void)state;
    insert(lines);
    meet();
    assert_false(in.first_is_certificate);
    twin_warm_reset(READER);
    assert_int_equal(again(), ERR_OK);
    check_exchange(insert_other, lines);
    insert(lines);
    meet();
    check_exchange(insert, "label = JPKIAPGPSETOKEN\nauth-cert-pin = yes\nserial = 7\n");
}

/* A card without an authentication certificate is told from others too. */
static void test_serials_differ(void **state)
{
    char first[17];
    (void)state;
    insert("");
    meet();
    memcpy(first, in.serial, sizeof(first));
    twin_remove(READER);
    insert_other("");
    meet();
    assert_string_not_equal(in.serial, first);
}

/* An error in the comparison is no verdict, and leaves no transaction. */
static void test_comparison_broken_off(void **state)
{
    static const enum err errors[] = {ERR_TRANSPORT, ERR_NO_READER, ERR_NO_SERVICE, ERR_MEMORY};
    (void)state;
    insert("");
    meet();
    for (size_t i = 0; i < COUNT(errors); i++) {
        for (long k = 0; k < 3; k++) {
            twin_warm_reset(READER);
            twin_calls_clear();
            twin_fail_call(k, errors[i], false);
            /* A transaction that breaks off before anything but the SELECT was sent is begun again.
             */
            bool repeated = errors[i] == ERR_TRANSPORT && k < 2;
            assert_int_equal(again(), repeated ? ERR_OK : errors[i]);
            assert_false(in.lost);
        }
    }
    twin_fail_call(-1, ERR_OK, false);
    assert_int_equal(again(), ERR_OK);
}

/*
 * After a comparison that broke off, the card is still not known to be the same one: the next
 * transaction is no longer fresh to the reader, and must compare all the same.
 */
static void test_exchange_behind_a_broken_comparison(void **state)
{
    (void)state;
    static const enum err errors[] = {ERR_MEMORY, ERR_TRANSPORT};
    for (long k = 1; k < 3; k++) { /* SELECT, READ; a SELECT alone would be repeated */
        insert("");
        meet();
        twin_remove(READER);
        insert_other("");
        twin_calls_clear();
        twin_fail_call(k, errors[k - 1], false);
        assert_int_equal(again(), errors[k - 1]);
        twin_fail_call(-1, ERR_OK, false);
        assert_int_equal(again(), ERR_NO_CARD);
        twin_remove(READER);
    }
}

static void test_not_readable(void **state)
{
    static struct plain plain;
    (void)state;
    plain_init(&plain); /* neither certificate is there: EF 0006 alone tells cards apart */
    twin_insert(READER, plain_card, &plain, bytes_of("\x3B\x00", 2));
    assert_int_equal(insertion_recognise(&in, reader, READER, 0), ERR_OK);
    insertion_end(&in, false);
    assert_int_equal(strlen(in.serial), 16);
    assert_int_equal(twin_open_transactions(), 0);
}

/* The PIN of one card is not sent to the next, though the program knows nothing of the exchange. */
static void test_no_pin_to_another_card(void **state)
{
    struct config config = {.isolation = true, .pin_cache_seconds = CONFIG_CACHE_AUTO};
    struct token token;
    (void)state;
    insert("");
    meet();
    assert_true(token_init(&token, CARD_AUTH, &config, &in, 1));
    assert_int_equal(pin_login(&token, bytes_of_text(PIN_AUTH_RIGHT)), CKR_OK);
    twin_remove(READER);
    insert_other("");
    twin_counters_clear();
    assert_int_equal(pin_login(&token, bytes_of_text(PIN_AUTH_RIGHT)), CKR_DEVICE_REMOVED);
    assert_int_equal(twin_verifies(), 0);
    token_clear(&token);
}

#define on_card(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_card(test_serial),
        on_card(test_same_transaction_after_another),
        on_card(test_reset_in_between),
        on_card(test_same_card_again),
        on_card(test_other_card),
        on_card(test_foreign_card),
        on_card(test_telephone),
        on_card(test_serials_differ),
        on_card(test_comparison_broken_off),
        on_card(test_exchange_behind_a_broken_comparison),
        on_card(test_not_readable),
        on_card(test_no_pin_to_another_card),
    };
    return cmocka_run_group_tests(tests, common_folders, common_folders_end);
}

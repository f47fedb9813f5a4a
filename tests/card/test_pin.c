/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The rules that keep a PIN from being locked, by counting the VERIFY commands on the wire; and
 * what is left of a PIN on the card.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/log.h"

static const enum card_role roles[] = {CARD_AUTH, CARD_SIGN};

/* Wrong ones of the right form, all different. */
static const char *wrong_pin(enum card_role role, unsigned i)
{
    static char text[16];
    snprintf(text, sizeof(text), role == CARD_AUTH ? "9%03u" : "WRONG%03u", i);
    return text;
}

/* ---- the form ---- */

static void check_unasked(struct bytes text)
{
    assert_int_equal(pin_login(&bench.token, text), CKR_PIN_LEN_RANGE);
    assert_int_equal(twin_commands(), 0);
    assert_false(bench.token.logged_in);
}

static void test_nothing(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++) {
        bench_start(roles[r], "");
        check_unasked(bytes_of(NULL, 0));
        check_unasked(bytes_of("", 0));
        check_unasked(bytes_of(NULL, bench.token.key->pin.min));
        check_unasked(bytes_of("1234", (size_t)1 << 31));
        check_unasked(bytes_of("1234", SIZE_MAX));
    }
}

/* 4 digits; 6 to 16 letters and digits. */
static void test_lengths(void **state)
{
    static const char text[] = "12345678901234567890";
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++) {
        size_t min = roles[r] == CARD_AUTH ? 4 : 6, max = roles[r] == CARD_AUTH ? 4 : 16;
        for (size_t len = 0; len <= 20; len++) {
            bench_start(roles[r], "");
            if (len < min || len > max) {
                check_unasked(bytes_of(text, len));
                continue;
            }
            CK_RV rv = pin_login(&bench.token, bytes_of(text, len));
            assert_int_equal(rv, roles[r] == CARD_AUTH ? CKR_OK : CKR_PIN_INCORRECT);
            assert_int_equal(bench.verify[4], len); /* its own length, not padded */
            assert_int_equal(bench.verify_len, 5 + len);
            assert_memory_equal(bench.verify + 5, text, len);
        }
    }
}

/* Every byte at every place. With four tries to be kept and three or four left, a PIN of good form
 * is counted but not sent. */
static void check_characters(enum card_role role, const char *good, size_t len)
{
    uint8_t text[16];
    bench.config.pin_reserve = 4;
    bench_start(role, "");
    if (role == CARD_SIGN)
        assert_int_equal(bench_other_verifies("WRONG999"), 0x63C4);
    for (size_t at = 0; at < len; at++)
        for (unsigned c = 0; c <= 0xFF; c++) {
            memcpy(text, good, len);
            text[at] = (uint8_t)c;
            bool digit = c >= '0' && c <= '9';
            bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
            bool allowed = digit || (role == CARD_SIGN && letter);
            twin_counters_clear();
            CK_RV rv = pin_login(&bench.token, bytes_of(text, len));
            assert_int_equal(rv, allowed ? CKR_PIN_LOCKED : CKR_PIN_LEN_RANGE);
            assert_int_equal(twin_verifies(), 0);
            if (!allowed)
                assert_int_equal(twin_commands(), 0);
        }
}

static void test_characters(void **state)
{
    (void)state;
    check_characters(CARD_AUTH, "1234", 4);
    check_characters(CARD_SIGN, "ABC123", 6);
    check_characters(CARD_SIGN, "ABCDEFGH12345678", 16);
}

static void test_small_letters(void **state)
{
    const uint8_t wanted[] = {0x00, 0x20, 0x00, 0x9B, 0x06, 'A', 'B', 'C', '1', '2', '3'};
    (void)state;
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login("aBc123"), CKR_OK);
    assert_int_equal(bench.verify_len, sizeof(wanted));
    assert_memory_equal(bench.verify, wanted, sizeof(wanted));
    assert_int_equal(twin_verifies(), 1);
}

/* ---- what a wrong PIN costs ---- */

static void test_right(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++) {
        bench_start(roles[r], "");
        assert_int_equal(bench_login(bench.right), CKR_OK);
        assert_int_equal(twin_verifies(), 1);
        assert_true(bench.token.logged_in);
        assert_true(pin_available(&bench.token));
        assert_int_equal(bench.token.tries, roles[r] == CARD_AUTH ? 3 : 5);
    }
}

/* Consumers repeat what was refused for as long as the answer is CKR_PIN_INCORRECT. */
static void test_wrong_a_hundred_times(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++) {
        bench_start(roles[r], "");
        int full = bench.token.tries;
        assert_int_equal(bench_login(wrong_pin(roles[r], 0)), CKR_PIN_INCORRECT);
        assert_int_equal(bench.token.tries, full - 1);
        unsigned commands = twin_commands();
        for (int i = 0; i < 100; i++)
            assert_int_equal(bench_login(wrong_pin(roles[r], 0)), CKR_PIN_INVALID);
        assert_int_equal(twin_verifies(), 1);
        assert_int_equal(twin_commands(), commands);
        assert_int_equal(bench_tries(), full - 1);
        assert_false(bench.token.logged_in);
        assert_int_equal(bench_login(bench.right), CKR_OK);
    }
}

static void test_two_wrong_in_turn(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++) {
        bench_start(roles[r], "");
        for (unsigned i = 0; i < 100; i++) {
            CK_RV rv = bench_login(wrong_pin(roles[r], i % 2));
            assert_int_equal(rv, i < 2 ? CKR_PIN_INCORRECT : CKR_PIN_INVALID);
        }
        assert_int_equal(twin_verifies(), 2);
    }
}

/* The same PIN in small letters is the same PIN. */
static void test_wrong_in_small_letters(void **state)
{
    (void)state;
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login("WRONG1"), CKR_PIN_INCORRECT);
    assert_int_equal(bench_login("wrong1"), CKR_PIN_INVALID);
    assert_int_equal(bench_login("wRoNg1"), CKR_PIN_INVALID);
    assert_int_equal(twin_verifies(), 1);
}

/* As often as there are tries, then never again. */
static void test_until_locked(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++) {
        bench_start(roles[r], "");
        unsigned full = roles[r] == CARD_AUTH ? 3 : 5;
        for (unsigned i = 0; i < full - 1; i++)
            assert_int_equal(bench_login(wrong_pin(roles[r], i)), CKR_PIN_INCORRECT);
        assert_int_equal(bench_login(wrong_pin(roles[r], full)), CKR_PIN_LOCKED);
        assert_int_equal(bench.token.tries, 0);
        for (unsigned i = 0; i < 10; i++)
            assert_int_equal(bench_login(wrong_pin(roles[r], full + 1 + i)), CKR_PIN_LOCKED);
        assert_int_equal(bench_login(bench.right), CKR_PIN_LOCKED);
        assert_int_equal(twin_verifies(), full);
    }
}

/* 6984 and 63C0. */
static void test_locked(void **state)
{
    static const char *const lines[] = {"", "old-lock = yes\n", "sfi = no\n"};
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        for (size_t r = 0; r < COUNT(roles); r++) {
            bench_start(roles[r], lines[i]);
            while (bench_tries() > 0)
                bench_other_verifies(wrong_pin(roles[r], 0));
            twin_counters_clear();
            assert_int_equal(bench_login(bench.right), CKR_PIN_LOCKED);
            assert_int_equal(twin_verifies(), 0);
            assert_int_equal(bench.token.tries, 0);
        }
}

/* pin.reserve: so many tries are left in the end, whatever was tried. */
static void test_reserve(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++)
        for (unsigned reserve = 0; reserve <= 4; reserve++) {
            unsigned full = roles[r] == CARD_AUTH ? 3 : 5;
            unsigned kept = reserve < full ? reserve : full;
            bench.config.pin_reserve = reserve;
            bench_start(roles[r], "");
            for (unsigned i = 0; i < 20; i++)
                assert_int_not_equal(bench_login(wrong_pin(roles[r], i)), CKR_OK);
            assert_int_equal(twin_verifies(), full - kept);
            assert_int_equal(bench_tries(), kept);
            assert_int_equal(bench_login(bench.right), CKR_PIN_LOCKED);
            assert_int_equal(twin_verifies(), full - kept);
        }
}

static void look_at_tries(void)
{
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    token_read_tries(&bench.token);
    insertion_end(&bench.in, false);
}

/* Somebody has moved the counter: the PIN may be another one now, so one more try is fair. */
static void test_moved_by_another_program(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++) {
        bench_start(roles[r], "");
        assert_int_equal(bench_login(wrong_pin(roles[r], 0)), CKR_PIN_INCORRECT);
        look_at_tries();
        assert_int_equal(bench_login(wrong_pin(roles[r], 0)), CKR_PIN_INVALID);
        bench_other_changes(bench.right, wrong_pin(roles[r], 0));
        look_at_tries();
        assert_int_equal(bench_login(wrong_pin(roles[r], 0)), CKR_OK);
        assert_int_equal(twin_verifies(), 2);
    }
}

/* With another PIN's login the counter is read too. */
static void test_moved_and_seen_at_login(void **state)
{
    (void)state;
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login("WRONG1"), CKR_PIN_INCORRECT);
    assert_int_equal(bench_other_verifies(PIN_SIGN_RIGHT), 0x9000);
    assert_int_equal(bench_login("WRONG2"), CKR_PIN_INCORRECT);
    assert_int_equal(bench_login("WRONG1"), CKR_PIN_INCORRECT);
    assert_int_equal(bench_login("WRONG1"), CKR_PIN_INVALID);
    assert_int_equal(bench_login("WRONG2"), CKR_PIN_INVALID);
    assert_int_equal(twin_verifies(), 3);
    assert_int_equal(bench_tries(), 3);
}

/* The PIN was right once and is not any more; another program has used up tries. The last ones are
 * kept all the same: C_Login does not know that it is a guess now, the counter does. */
static void test_reserve_after_change(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++) {
        bench.config.pin_reserve = 1;
        bench_start(roles[r], "");
        assert_int_equal(bench_login(bench.right), CKR_OK);
        assert_int_equal(pin_logout(&bench.token), CKR_OK);
        bench_other_changes(bench.right, roles[r] == CARD_AUTH ? "7777" : "OTHER7");
        while (bench_tries() > 1)
            bench_other_verifies(wrong_pin(roles[r], 1));
        twin_counters_clear();
        assert_int_equal(bench_login(bench.right), CKR_PIN_LOCKED);
        assert_int_equal(twin_verifies(), 0);
        assert_int_equal(bench_tries(), 1);
    }
}

/* The same for a context login, which may follow a login without a logout in between. */
static void test_reserve_at_context_login(void **state)
{
    const struct timespec pause = {.tv_sec = 1, .tv_nsec = 100000000};
    (void)state;
    bench.config.pin_reserve = 1;
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    bench_other_changes(bench.right, "OTHER7");
    while (bench_tries() > 1)
        bench_other_verifies(wrong_pin(CARD_SIGN, 1));
    nanosleep(&pause, NULL); /* what the card said just now would be believed for a second */
    twin_counters_clear();
    assert_int_equal(pin_consent(&bench.token, bytes_of_text(bench.right)), CKR_PIN_LOCKED);
    assert_int_equal(twin_verifies(), 0);
    assert_int_equal(bench_tries(), 1);
}

/* Another slot's refusals are its own. */
static void test_counters_are_separate(void **state)
{
    struct token other;
    (void)state;
    bench_start(CARD_AUTH, "");
    assert_true(token_init(&other, CARD_SIGN, &bench.config, &bench.in, 2));
    assert_int_equal(bench_login("9999"), CKR_PIN_INCORRECT);
    assert_int_equal(pin_login(&other, bytes_of_text(PIN_SIGN_RIGHT)), CKR_OK);
    assert_int_equal(bench.token.tries, 2);
    assert_int_equal(other.tries, 5);
    assert_false(bench.token.logged_in);
    token_clear(&other);
}

/* ---- broken off ---- */

/* Each call of a login fails once, before and after it was done: at most one VERIFY, never a login
 * that is none, and no PIN left on the card. */
static void check_broken_off(enum card_role role, enum err error, bool after)
{
    for (long k = 0;; k++) {
        bench_start(role, "");
        twin_fail_call(k, error, after);
        CK_RV rv = bench_login(bench.right);
        bool reached = (long)twin_calls() > k;
        twin_fail_call(-1, ERR_OK, false);
        assert_in_range(twin_verifies(), 0, 1);
        assert_true(bench.token.logged_in == (rv == CKR_OK));
        assert_int_equal(twin_open_transactions(), 0);
        if (!reached) {
            assert_int_equal(rv, CKR_OK);
            return;
        }
        assert_true(rv == CKR_OK || rv == CKR_DEVICE_ERROR || rv == CKR_DEVICE_REMOVED);
        if (error == ERR_TRANSPORT)
            bench_assert_closed();
        assert_int_equal(bench_tries(), role == CARD_AUTH ? 3 : 5);
        assert_int_equal(bench_login(bench.right), CKR_OK); /* and all is well again */
    }
}

static void test_broken_off(void **state)
{
    static const enum err errors[] = {ERR_TRANSPORT, ERR_NO_CARD, ERR_NO_READER, ERR_NO_SERVICE};
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++)
        for (size_t i = 0; i < COUNT(errors); i++) {
            check_broken_off(roles[r], errors[i], false);
            check_broken_off(roles[r], errors[i], true);
        }
}

/* The answer to a wrong PIN is lost: not repeated, not remembered as right. */
static void test_lost_refusal(void **state)
{
    (void)state;
    bench_start(CARD_AUTH, "");
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    insertion_end(&bench.in, false);
    for (long k = 0; k < 8; k++) {
        bench_start(CARD_AUTH, "");
        twin_fail_call(k, ERR_TRANSPORT, true);
        assert_int_not_equal(bench_login("9999"), CKR_OK);
        twin_fail_call(-1, ERR_OK, false);
        assert_in_range(twin_verifies(), 0, 1);
        assert_int_equal(bench_tries(), 3 - twin_verifies());
        assert_false(bench.token.logged_in);
    }
}

static bool no_pin_file(void *context, const uint8_t *command, size_t len, uint8_t *response,
                        size_t *received)
{
    (void)context;
    (void)len;
    if (command[1] != INS_VERIFY && (command[1] != 0xA4 || command[2] != 0x02))
        return false;
    memcpy(response, "\x6A\x82", 2);
    *received = 2;
    return true;
}

static void test_no_pin_on_card(void **state)
{
    (void)state;
    bench_start(CARD_SIGN, "");
    twin_set_hook(no_pin_file, NULL);
    bench.in.card.short_ids_pin = CARD_UNKNOWN;
    assert_int_equal(bench_login(bench.right), CKR_USER_PIN_NOT_INITIALIZED);
    assert_int_equal(twin_verifies(), 0);
}

static bool counts_nothing(void *context, const uint8_t *command, size_t len, uint8_t *response,
                           size_t *received)
{
    (void)context;
    if (command[1] != INS_VERIFY || len > 5)
        return false;
    memcpy(response, "\x90\x00", 2);
    *received = 2;
    return true;
}

/* A card that does not say how many tries are left might be at its last. */
static void test_reserve_of_unknown_tries(void **state)
{
    (void)state;
    bench.config.pin_reserve = 1;
    bench_start(CARD_AUTH, "");
    twin_set_hook(counts_nothing, NULL);
    twin_counters_clear();
    assert_int_equal(bench_login(bench.right), CKR_PIN_LOCKED);
    assert_int_equal(twin_verifies(), 0);
    bench.config.pin_reserve = 0;
    assert_int_equal(bench_login(bench.right), CKR_OK);
    assert_int_equal(twin_verifies(), 1);
}

/* ---- after the login ---- */

static enum err present(void)
{
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    enum err e = pin_present(&bench.token);
    insertion_end(&bench.in, true);
    return e;
}

static void test_present(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++) {
        bench_start(roles[r], "");
        assert_int_equal(present(), ERR_DENIED);
        assert_int_equal(twin_verifies(), 0);
        assert_int_equal(bench_login(bench.right), CKR_OK);
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(present(), ERR_OK);
        assert_int_equal(twin_verifies(), 6);
        bench_assert_closed();
    }
}

/* The PIN was changed elsewhere: one try, and the login is over. */
static void test_present_refused(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++) {
        bench_start(roles[r], "");
        assert_int_equal(bench_login(bench.right), CKR_OK);
        bench_other_changes(bench.right, roles[r] == CARD_AUTH ? "7777" : "OTHER7");
        twin_counters_clear();
        for (int i = 0; i < 10; i++)
            assert_int_equal(present(), ERR_DENIED);
        assert_int_equal(twin_verifies(), 1);
        assert_false(bench.token.logged_in);
        assert_false(pin_available(&bench.token));
        assert_int_equal(bench_login(bench.right), CKR_PIN_INVALID);
        assert_int_equal(twin_verifies(), 1);
        assert_int_equal(bench_login(roles[r] == CARD_AUTH ? "7777" : "other7"), CKR_OK);
    }
}

static void test_present_broken_off(void **state)
{
    (void)state;
    for (int after = 0; after < 2; after++) {
        bench_start(CARD_AUTH, "");
        assert_int_equal(bench_login(bench.right), CKR_OK);
        assert_int_equal(insertion_begin(&bench.in), ERR_OK);
        twin_counters_clear();
        twin_calls_clear();
        twin_fail_call(0, ERR_TRANSPORT, after == 1);
        assert_int_equal(pin_present(&bench.token), ERR_TRANSPORT);
        twin_fail_call(-1, ERR_OK, false);
        assert_int_equal(twin_verifies(), 1);
        insertion_end(&bench.in, true);
        bench_assert_closed();
    }
}

static void test_logout(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(roles); r++) {
        bench_start(roles[r], "");
        assert_int_equal(bench_login(bench.right), CKR_OK);
        assert_int_equal(pin_logout(&bench.token), CKR_OK);
        assert_false(bench.token.logged_in);
        assert_false(pin_available(&bench.token));
        assert_false(pin_consented(&bench.token));
        twin_counters_clear();
        assert_int_equal(present(), ERR_DENIED);
        assert_int_equal(twin_verifies(), 0);
        assert_int_equal(pin_logout(&bench.token), CKR_OK); /* twice does no harm */
    }
}

static void test_lost(void **state)
{
    (void)state;
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    pin_lost(&bench.token);
    assert_false(bench.token.logged_in);
    assert_false(pin_available(&bench.token));
    assert_false(pin_consented(&bench.token));
}

/* ---- what is left on the card ---- */

static void test_isolated(void **state)
{
    static const char *const lines[] = {"", "sfi = no\n", "isd = no\n", "first-6f00 = yes\n"};
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        for (size_t r = 0; r < COUNT(roles); r++) {
            bench_start(roles[r], lines[i]);
            assert_int_equal(bench_login(bench.right), CKR_OK);
            if (i != 3) /* there, the other program's first command fails too */
                bench_assert_closed();
            assert_int_equal(twin_power_offs() > 0, i == 2);
            assert_int_equal(present(), ERR_OK);
            if (i != 3)
                bench_assert_closed();
        }
}

/* A card that keeps the PIN in spite of all is found out with the signature key's first login. */
static void test_isolated_from_lying_card(void **state)
{
    (void)state;
    bench_start(CARD_SIGN, "ignore-isd = yes\n");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    bench_assert_closed();
    assert_int_equal(twin_power_offs(), 1);
    assert_int_equal(present(), ERR_OK);
    bench_assert_closed();
    assert_int_equal(twin_power_offs(), 2);
}

/* isolation = no: the card stays logged in, for everybody, until the logout. */
static void test_not_isolated(void **state)
{
    static const char *const lines[] = {"", "isd = no\n", "ignore-isd = yes\n"};
    (void)state;
    bench.config.isolation = false;
    for (size_t i = 0; i < COUNT(lines); i++)
        for (size_t r = 0; r < COUNT(roles); r++) {
            bench_start(roles[r], lines[i]);
            assert_int_equal(bench_login(bench.right), CKR_OK);
            assert_int_equal(common_other_signs(roles[r] == CARD_SIGN), 0x9000);
            assert_int_equal(present(), ERR_OK);
            assert_int_equal(twin_verifies(), 1);
            assert_int_equal(common_other_signs(roles[r] == CARD_SIGN), 0x9000);
            assert_int_equal(pin_logout(&bench.token), CKR_OK);
            bench_assert_closed();
            assert_false(bench.token.logged_in);
        }
}

/* A logout that the card could not be reached for is made up for by the next one. */
static void test_no_isolation_logout_again(void **state)
{
    (void)state;
    bench.config.isolation = false;
    bench_start(CARD_AUTH, "");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    twin_hold(READER, true);
    assert_int_equal(pin_logout(&bench.token), CKR_DEVICE_ERROR);
    assert_false(bench.token.logged_in);
    twin_hold(READER, false);
    assert_int_equal(common_other_signs(false), 0x9000);
    assert_int_equal(pin_logout(&bench.token), CKR_OK);
    bench_assert_closed();
}

static char log_name[] = "/tmp/jpki-pin-XXXXXX";

static void log_to_file(void)
{
    int fd = mkstemp(log_name);
    assert_true(fd >= 0);
    close(fd);
    log_open(LOG_WARNING, log_name);
}

/* Whether a line of the log holds TEXT; ends the log. */
static bool log_says(const char *text)
{
    static char all[4096];
    log_close();
    FILE *in = fopen(log_name, "r");
    if (in != NULL) {
        all[fread(all, 1, sizeof(all) - 1, in)] = '\0';
        fclose(in);
        unlink(log_name);
    }
    return strstr(all, text) != NULL;
}

/* So does whatever comes next, should the program not ask for it. */
static void test_no_isolation_logout_by_the_next(void **state)
{
    (void)state;
    bench.config.isolation = false;
    bench_start(CARD_AUTH, "");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    twin_hold(READER, true);
    assert_int_equal(pin_logout(&bench.token), CKR_DEVICE_ERROR);
    twin_hold(READER, false);
    log_to_file();
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    insertion_end(&bench.in, false);
    bench_assert_closed();
    assert_false(log_says("a program has ended")); /* it is our own doing */
    assert_true(log_says("could not be closed before"));
}

/* A logout after a power cut finds the card closed, which proves nothing of the next logout. */
static void test_no_isolation_no_proof(void **state)
{
    bool fresh;
    struct reader *other = reader_new(READER);
    (void)state;
    assert_non_null(other);
    bench.config.isolation = false;
    bench_start(CARD_AUTH, "ignore-isd = yes\n");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    assert_int_equal(reader_begin(other, &fresh), ERR_OK);
    reader_end(other, true);
    reader_free(other);
    assert_int_equal(pin_logout(&bench.token), CKR_OK);
    bench_assert_closed();
    assert_int_equal(bench_login(bench.right), CKR_OK);
    assert_int_equal(pin_logout(&bench.token), CKR_OK);
    bench_assert_closed();
}

/* With isolation a PIN that could not be dropped is no login, but the card is open: a logout, also
 * that of C_Finalize, tries again. */
static void test_logout_drops(void **state)
{
    (void)state;
    for (int refused = 0; refused <= 1; refused++) {
        bench_start(CARD_AUTH, "isd = no\n");
        assert_int_equal(bench_login(bench.right), CKR_OK);
        assert_int_equal(insertion_begin(&bench.in), ERR_OK);
        assert_int_equal(pin_present(&bench.token), ERR_OK);
        twin_fail_call((long)twin_calls(), ERR_TRANSPORT, false); /* the power */
        insertion_end(&bench.in, true);
        twin_fail_call(-1, ERR_OK, false);
        assert_int_equal(common_other_signs(false), 0x9000);
        twin_hold(READER, refused);
        assert_int_equal(pin_logout(&bench.token), refused ? CKR_DEVICE_ERROR : CKR_OK);
        twin_hold(READER, false);
        if (refused)
            assert_int_equal(pin_logout(&bench.token), CKR_OK);
        bench_assert_closed();
    }
}

/* One token's failed login does not end the other's, unless its PIN was sent and the answer lost:
 * then the card forgets both, and both logins are over. */
static void test_no_isolation_other_token(void **state)
{
    (void)state;
    bench.config.isolation = false;
    for (int lost = 0; lost <= 1; lost++) {
        struct token other;
        bench_start(CARD_AUTH, "");
        assert_true(token_init(&other, CARD_SIGN, &bench.config, &bench.in, 2));
        assert_int_equal(bench_login(bench.right), CKR_OK);
        assert_int_equal(pin_logout(&other), CKR_OK); /* was never logged in */
        assert_int_equal(common_other_signs(false), 0x9000);
        twin_calls_clear();
        twin_fail_call(lost ? 4 : 3, ERR_TRANSPORT, true); /* of the VERIFY, or the question */
        assert_int_not_equal(pin_login(&other, bytes_of_text(PIN_SIGN_RIGHT)), CKR_OK);
        twin_fail_call(-1, ERR_OK, false);
        assert_int_equal(twin_verifies(), lost ? 2 : 1);
        assert_int_equal(bench.in.ended[CARD_AUTH], lost);
        if (lost)
            bench_assert_closed();
        else
            assert_int_equal(common_other_signs(false), 0x9000);
        token_clear(&other);
    }
}

/* ---- consent and time ---- */

static void test_consent(void **state)
{
    (void)state;
    bench_start(CARD_SIGN, "");
    assert_true(pin_consent_needed(&bench.token));
    assert_false(pin_consented(&bench.token));
    assert_int_equal(bench_login("WRONG1"), CKR_PIN_INCORRECT);
    assert_false(pin_consented(&bench.token));
    assert_int_equal(bench_login(bench.right), CKR_OK);
    assert_true(pin_consented(&bench.token));
    pin_revoke(&bench.token);
    assert_false(pin_consented(&bench.token));
    assert_int_equal(pin_consent(&bench.token, bytes_of_text(bench.right)), CKR_OK);
    assert_true(pin_consented(&bench.token));
    /* A refusal takes the consent that was there before. */
    assert_int_equal(pin_consent(&bench.token, bytes_of_text("WRONG1")), CKR_PIN_INCORRECT);
    assert_false(pin_consented(&bench.token));
    assert_int_equal(pin_consent(&bench.token, bytes_of_text("WRONG1")), CKR_PIN_INVALID);
    assert_false(pin_consented(&bench.token));
}

/* Without a login there is nothing to consent to: no PIN is sent, and none kept. */
static void test_consent_without_login(void **state)
{
    (void)state;
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    pin_lost(&bench.token);
    twin_counters_clear();
    assert_int_equal(pin_consent(&bench.token, bytes_of_text(bench.right)), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_commands(), 0);
    assert_false(pin_consented(&bench.token));
    assert_false(pin_available(&bench.token));
}

static void test_consent_not_needed(void **state)
{
    (void)state;
    bench_start(CARD_AUTH, "");
    assert_false(pin_consent_needed(&bench.token));
    bench.config.consent = CONFIG_CONSENT_SESSION;
    bench_start(CARD_SIGN, "");
    assert_false(pin_consent_needed(&bench.token));
}

/* A consent used up, or taken back and the certificate known: nothing needs the PIN any longer. */
static void test_forgotten_after_use(void **state)
{
    (void)state;
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    pin_tidy(&bench.token);
    assert_true(pin_available(&bench.token));
    pin_revoke(&bench.token);
    pin_tidy(&bench.token);
    assert_true(pin_available(&bench.token)); /* the certificate is still to be read */
    assert_int_equal(token_load_holder(&bench.token), ERR_OK);
    pin_tidy(&bench.token);
    assert_false(pin_available(&bench.token));
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    pin_use(&bench.token);
    pin_tidy(&bench.token);
    assert_false(pin_available(&bench.token)); /* read or not: a signature was made */
    assert_true(bench.token.logged_in); /* a context login is enough for the next signature */
    twin_counters_clear();
    assert_int_equal(present(), ERR_DENIED);
    assert_int_equal(twin_verifies(), 0);
}

static void test_time(void **state)
{
    struct timespec pause = {.tv_sec = 1, .tv_nsec = 100000000};
    (void)state;
    bench.config.pin_cache_seconds = 1;
    bench_start(CARD_AUTH, "");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    pin_tidy(&bench.token);
    assert_true(pin_available(&bench.token));
    nanosleep(&pause, NULL);
    pin_tidy(&bench.token);
    assert_false(pin_available(&bench.token));
    assert_false(bench.token.logged_in);
}

#define on_bench(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_bench(test_nothing),
        on_bench(test_lengths),
        on_bench(test_characters),
        on_bench(test_small_letters),
        on_bench(test_right),
        on_bench(test_wrong_a_hundred_times),
        on_bench(test_two_wrong_in_turn),
        on_bench(test_wrong_in_small_letters),
        on_bench(test_until_locked),
        on_bench(test_locked),
        on_bench(test_reserve),
        on_bench(test_moved_by_another_program),
        on_bench(test_moved_and_seen_at_login),
        on_bench(test_reserve_after_change),
        on_bench(test_reserve_at_context_login),
        on_bench(test_counters_are_separate),
        on_bench(test_broken_off),
        on_bench(test_lost_refusal),
        on_bench(test_no_pin_on_card),
        on_bench(test_reserve_of_unknown_tries),
        on_bench(test_present),
        on_bench(test_present_refused),
        on_bench(test_present_broken_off),
        on_bench(test_logout),
        on_bench(test_lost),
        on_bench(test_isolated),
        on_bench(test_isolated_from_lying_card),
        on_bench(test_not_isolated),
        on_bench(test_no_isolation_logout_again),
        on_bench(test_no_isolation_logout_by_the_next),
        on_bench(test_no_isolation_no_proof),
        on_bench(test_logout_drops),
        on_bench(test_no_isolation_other_token),
        on_bench(test_consent),
        on_bench(test_consent_without_login),
        on_bench(test_consent_not_needed),
        on_bench(test_forgotten_after_use),
        on_bench(test_time),
    };
    return cmocka_run_group_tests(tests, common_folders, common_folders_end);
}

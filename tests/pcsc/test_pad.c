/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a program is told of a PIN typed on the reader's PIN pad, through real PC/SC: each status
 * word that may come back (PC/SC part 10, 2.6; ISO/IEC 7816-4), from the reader and from the card,
 * and each error. Whatever it is, the holder is asked once, and the card not at all by anything
 * else: no second VERIFY, and no PIN that the program gave before. With the argument "all": all
 * words.
 */
#include "pcsc/script.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/other.h"
#include "api/user.h"
#include "pcsc/fixture.h"

#define WATCHDOG_SECONDS 1200

static bool all_words;
static CK_SESSION_HANDLE session;

static void start(void **state, const char *settings)
{
    world_end(state);
    script_clear();
    world_begin(state);
    twin_pad(READER_1, true);
    world_initialize(settings);
    session = user_open(AUTH);
    user_login(session, AUTH); /* a PIN that the program gave: never to be used again */
    assert_rv(C_Logout(session), CKR_OK);
    twin_counters_clear();
}

static int begin(void **state)
{
    start(state, "isolation=no");
    return 0;
}

/* ---- status words ---- */

/* What the word says, in the standards' words; a card's 6984 is a blocked PIN, as it is blocked. */
static CK_RV meaning(unsigned word)
{
    if (word == 0x9000)
        return CKR_OK;
    if (word == 0x6400 || word == 0x6401 || word == 0x6403)
        return CKR_FUNCTION_CANCELED;
    if (word == 0x63C0 || word == 0x6983 || word == 0x6984)
        return CKR_PIN_LOCKED;
    if (word == 0x6300 || (word > 0x63C0 && word <= 0x63CF))
        return CKR_PIN_INCORRECT;
    return CKR_DEVICE_ERROR;
}

/* Usually all words of those first bytes that mean something, and some of each other. */
static unsigned next_word(unsigned word)
{
    unsigned first = word >> 8;
    bool close =
        first == 0x63 || first == 0x64 || (first >= 0x69 && first <= 0x6B) || first == 0x90;
    return word + (all_words || close ? 1 : 0x40);
}

static bool is_logged_in(void)
{
    return user_session_state(session) == CKS_RW_USER_FUNCTIONS;
}

/* WORD is the answer to the next question; the card has seen as many VERIFYs as are said. */
static void check_login(unsigned word, unsigned verifies)
{
    CK_RV rv = C_Login(session, CKU_USER, NULL, 0);
    if (rv != meaning(word))
        fail_msg("login, %04X: 0x%lX", word, rv);
    assert_int_equal(is_logged_in(), rv == CKR_OK);
    assert_int_equal(twin_pad_asked(), 1);
    assert_int_equal(twin_verifies(), verifies);
    assert_int_equal(twin_open_transactions(), 0);
    if (rv == CKR_OK)
        assert_rv(C_Logout(session), CKR_OK);
    if (rv == CKR_OK || rv == CKR_DEVICE_ERROR)
        assert_true(other_finds_closed());
    twin_counters_clear();
}

/* The reader says it, and has sent nothing. */
static void test_words_of_the_reader(void **state)
{
    (void)state;
    for (unsigned word = 1; word <= 0xFFFF; word = next_word(word)) {
        twin_pad_types(READER_1, "", (uint16_t)word);
        check_login(word, 0);
    }
}

/* The card has accepted the PIN, but that is not what comes back. */
static void test_words_of_the_card(void **state)
{
    uint8_t answer[2];
    (void)state;
    script.pad = answer;
    script.pad_len = sizeof(answer);
    for (unsigned word = 0; word <= 0xFFFF; word = next_word(word)) {
        answer[0] = (uint8_t)(word >> 8);
        answer[1] = (uint8_t)word;
        twin_pad_types(READER_1, AUTH_PIN, 0);
        check_login(word, 1);
    }
}

/* With isolation each signature asks. What no reader has accepted is not signed. */
static void test_words_at_a_signature(void **state)
{
    uint8_t signature[SIGNATURE];
    start(state, NULL);
    for (unsigned word = 1; word <= 0xFFFF; word = next_word(word)) {
        if (!is_logged_in())
            assert_rv(C_Login(session, CKU_USER, NULL, 0), CKR_OK);
        CK_OBJECT_HANDLE key = user_key(session);
        twin_counters_clear();
        twin_pad_types(READER_1, "", (uint16_t)word);
        memset(signature, 0xA5, sizeof(signature));
        CK_RV rv = user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature);
        /* Also where the reader lied, or the word is the card's: it wants a PIN that it lacks. */
        CK_RV wanted = word == 0x9000 || word == 0x6982 ? CKR_USER_NOT_LOGGED_IN : meaning(word);
        if (rv != wanted)
            fail_msg("signature, %04X: 0x%lX", word, rv);
        for (size_t i = 0; i < sizeof(signature); i++)
            assert_int_equal(signature[i], 0xA5);
        assert_int_equal(twin_pad_asked(), 1);
        assert_int_equal(twin_verifies(), 0);
        assert_int_equal(twin_open_transactions(), 0);
    }
}

/* The holder types what is wrong: the card's own words, down to the last try, which is kept; and
 * where it is not, the lock. */
static void test_tries(void **state)
{
    static const CK_RV kept[] = {CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_LOCKED};
    static const CK_RV spent[] = {CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_LOCKED,
                                  CKR_PIN_LOCKED};
    for (size_t i = 0; i < 3; i++) {
        twin_pad_types(READER_1, "9999", 0);
        assert_rv(C_Login(session, CKU_USER, NULL, 0), kept[i]);
        assert_int_equal(twin_verifies(), i < 2 ? i + 1 : 2);
        assert_int_equal(twin_pad_asked(), i < 2 ? i + 1 : 2);
    }
    start(state, "isolation=no pin.reserve=0");
    for (size_t i = 0; i < 4; i++) {
        twin_pad_types(READER_1, "9999", 0);
        assert_rv(C_Login(session, CKU_USER, NULL, 0), spent[i]);
        assert_int_equal(twin_verifies(), i < 3 ? i + 1 : 3);
        assert_int_equal(twin_pad_asked(), i < 3 ? i + 1 : 3);
    }
}

/* ---- a card that wants a PIN for what is free ---- */

static long refuse_at;

static bool refuse(void *context, const uint8_t *command, size_t len, uint8_t *response,
                   size_t *received)
{
    (void)context;
    (void)command;
    (void)len;
    if (refuse_at-- != 0)
        return false;
    memcpy(response, "\x69\x82", 2);
    *received = 2;
    return true;
}

/* Nobody who logs in is told that he must log in: the standard has no such answer for C_Login
 * (PKCS#11 3.2, section 5.6.8), and programs ask for the PIN again when they get it. */
static void test_denied(void **state)
{
    static const char *const settings[] = {"isolation=no", "isolation=yes"};
    for (int way = 0; way < 6; way++) {
        enum role role = way < 4 ? AUTH : SIGN;
        bool more = true;
        for (long k = 0; more; k++) {
            start(state, settings[way % 2]);
            session = user_open(role);
            if (way < 2)
                twin_pad_types(READER_1, AUTH_PIN, 0);
            refuse_at = k;
            twin_set_hook(refuse, NULL);
            CK_RV rv = way < 2 ? C_Login(session, CKU_USER, NULL, 0)
                               : user_try_login(session, CKU_USER, user_pin[role]);
            twin_set_hook(NULL, NULL);
            more = refuse_at < 0;
            if (rv != CKR_OK && rv != CKR_DEVICE_ERROR)
                fail_msg("way %d, command %ld: 0x%lX", way, k, rv);
            assert_true(more || rv == CKR_OK);
            assert_in_range(twin_verifies(), 0, 1);
            assert_in_range(k, 0, 20);
        }
    }
}

/* ---- errors ---- */

static LONG failure;
static bool lost; /* only the answer */

/* The holder's entry is the only SCardControl by now. */
static void fail_entry(unsigned long k, const char *name)
{
    if (strcmp(name, "SCardControl") == 0)
        script_fail((long)k, failure, lost);
}

static bool says_gone(LONG error)
{
    return error == SCARD_W_REMOVED_CARD || error == SCARD_E_NO_SMARTCARD ||
           error == SCARD_E_NO_SERVICE || error == SCARD_E_SERVICE_STOPPED ||
           error == SCARD_E_INVALID_HANDLE || error == SCARD_F_COMM_ERROR ||
           error == SCARD_F_INTERNAL_ERROR || error == SCARD_E_UNKNOWN_READER ||
           error == SCARD_E_READER_UNAVAILABLE || error == SCARD_E_NO_READERS_AVAILABLE ||
           error == SCARD_W_UNPOWERED_CARD || error == SCARD_W_UNRESPONSIVE_CARD;
}

static void check_error(void **state, LONG error)
{
    start(state, "isolation=no");
    twin_pad_types(READER_1, AUTH_PIN, 0);
    failure = error;
    script.before = fail_entry;
    CK_RV rv = C_Login(session, CKU_USER, NULL, 0);
    script.before = NULL;
    CK_RV wanted = error == SCARD_E_NO_MEMORY ? CKR_HOST_MEMORY
                   : says_gone(error)         ? CKR_DEVICE_REMOVED
                                              : CKR_DEVICE_ERROR;
    if (rv != wanted)
        fail_msg("0x%08lX%s: 0x%lX", (unsigned long)error, lost ? " after" : "", rv);
    assert_int_not_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
    assert_int_equal(twin_pad_asked(), lost ? 1 : 0);
    assert_int_equal(twin_verifies(), lost ? 1 : 0);
    assert_int_equal(twin_open_transactions(), 0);
    if (script_is_ready(READER_1))
        assert_true(other_finds_closed());
}

/* Every code that PC/SC has a name for, instead of the entry and after it. */
static void test_errors(void **state)
{
    for (int after = 0; after < 2; after++)
        for (DWORD error = 0x80100001; error <= 0x80100070; error++) {
            lost = after != 0;
            check_error(state, (LONG)error);
        }
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, fixture_end)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        row(test_words_of_the_reader),
        row(test_words_of_the_card),
        row(test_words_at_a_signature),
        row(test_tries),
        row(test_denied),
        row(test_errors),
    };
    all_words = argc > 1 && strcmp(argv[1], "all") == 0;
    alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("pad", tests, world_setup, world_teardown);
}

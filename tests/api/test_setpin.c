/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C_SetPIN (PKCS#11 3.2, section 5.5). What the card then holds is read from the virtual card's own
 * memory, never from what the module says.
 */
#include "other.h"
#include "user.h"

#include <string.h>

#define CHANGE 0x24

static const char *const new_pin[2] = {"8306", "NEW2PASSWORD"};
static const char *const wrong_pin[2] = {"9999", "WRONG123"};

static void sign_once(CK_SESSION_HANDLE session, enum role role)
{
    uint8_t signature[SIGNATURE];
    assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), "abc", 3, signature), CKR_OK);
    assert_true(user_verify(CARD_1, role, CKM_RSA_PKCS, "abc", 3, signature));
}

/* Begins a test anew, with one session of ROLE's token. */
static CK_SESSION_HANDLE start(void **state, const char *settings, enum role role)
{
    world_end(state);
    world_begin(state);
    world_initialize(settings);
    return user_open(role);
}

static void test_changes(void **state)
{
    for (int role = AUTH; role <= SIGN; role++) {
        CK_SESSION_HANDLE session = start(state, NULL, (enum role)role);
        twin_counters_clear();
        assert_rv(user_set_pin(session, user_pin[role], new_pin[role]), CKR_OK);
        assert_true(world_pin_is((enum role)role, new_pin[role]));
        assert_int_equal(twin_verifies(), 1);
        assert_int_equal(twin_commands_of(CHANGE), 1);
        assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
        assert_true(other_finds_closed());
        assert_rv(user_try_login(session, CKU_USER, user_pin[role]), CKR_PIN_INCORRECT);
        assert_rv(user_try_login(session, CKU_USER, new_pin[role]), CKR_OK);
        sign_once(session, (enum role)role);
        assert_true(other_finds_closed());
        /* The other token's PIN is another one. */
        enum role other = role == AUTH ? SIGN : AUTH;
        assert_true(world_pin_is(other, user_pin[other]));
    }
}

/* Small letters become capitals, as at login. */
static void test_small_letters(void **state)
{
    CK_SESSION_HANDLE session = start(state, NULL, SIGN);
    assert_rv(user_set_pin(session, "abc123", "new2password"), CKR_OK);
    assert_true(world_pin_is(SIGN, "NEW2PASSWORD"));
    assert_rv(user_try_login(session, CKU_USER, "new2password"), CKR_OK);
}

/* What cannot be the new PIN, or cannot be the old one, does not reach the card. */
static void test_rules(void **state)
{
    static const struct {
        enum role role;
        const char *old, *fresh;
        CK_RV rv;
    } rows[] = {
        {AUTH, "1234", "123", CKR_PIN_LEN_RANGE},
        {AUTH, "1234", "12345", CKR_PIN_LEN_RANGE},
        {AUTH, "1234", "", CKR_PIN_LEN_RANGE},
        {AUTH, "1234", "12a4", CKR_PIN_INVALID},
        {AUTH, "1234", "123 ", CKR_PIN_INVALID},
        {AUTH, "123", "5678", CKR_PIN_LEN_RANGE},
        {AUTH, "", "5678", CKR_PIN_LEN_RANGE},
        {AUTH, "12x4", "5678", CKR_PIN_LEN_RANGE},
        {SIGN, "ABC123", "ABC12", CKR_PIN_LEN_RANGE},
        {SIGN, "ABC123", "ABCDEFGH12345678X", CKR_PIN_LEN_RANGE},
        {SIGN, "ABC123", "ABCDEF", CKR_PIN_INVALID},
        {SIGN, "ABC123", "abcdef", CKR_PIN_INVALID},
        {SIGN, "ABC123", "123456", CKR_PIN_INVALID},
        {SIGN, "ABC123", "ABC-123", CKR_PIN_INVALID},
        {SIGN, "ABC123", "ABC 123", CKR_PIN_INVALID},
        {SIGN, "ABC123",
         "\xC3\x81"
         "BC123",
         CKR_PIN_INVALID},
        {SIGN, "ABC12", "XYZ789", CKR_PIN_LEN_RANGE},
        {SIGN, "ABC_123", "XYZ789", CKR_PIN_LEN_RANGE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CK_SESSION_HANDLE session = start(state, NULL, rows[i].role);
        twin_counters_clear();
        assert_rv(user_set_pin(session, rows[i].old, rows[i].fresh), rows[i].rv);
        assert_int_equal(twin_commands(), 0);
        assert_true(world_pin_is(rows[i].role, user_pin[rows[i].role]));
    }
}

/* The longest and the shortest that the rules allow. */
static void test_bounds(void **state)
{
    CK_SESSION_HANDLE session = start(state, NULL, SIGN);
    assert_rv(user_set_pin(session, "ABC123", "ABCDEFGH12345678"), CKR_OK);
    assert_true(world_pin_is(SIGN, "ABCDEFGH12345678"));
    assert_rv(user_set_pin(session, "ABCDEFGH12345678", "00000Z"), CKR_OK);
    assert_true(world_pin_is(SIGN, "00000Z"));
}

static void test_arguments(void **state)
{
    CK_UTF8CHAR pin[] = "1234";
    CK_SESSION_HANDLE session = start(state, NULL, AUTH), reading;
    twin_counters_clear();
    assert_rv(C_SetPIN(session, NULL, 4, pin, 4), CKR_ARGUMENTS_BAD);
    assert_rv(C_SetPIN(session, pin, 4, NULL, 4), CKR_ARGUMENTS_BAD);
    assert_rv(C_SetPIN(0, pin, 4, pin, 4), CKR_SESSION_HANDLE_INVALID);
    assert_rv(C_OpenSession(user_first(AUTH), CKF_SERIAL_SESSION, NULL, NULL, &reading), CKR_OK);
    twin_counters_clear();
    assert_rv(user_set_pin(reading, "1234", "8306"), CKR_SESSION_READ_ONLY);
    assert_int_equal(twin_verifies(), 0);
    assert_true(world_pin_is(AUTH, "1234"));
}

/* One try for a wrong old PIN, however often; the reserve is kept; a locked PIN is not asked for.
 */
static void test_wrong_old(void **state)
{
    for (int role = AUTH; role <= SIGN; role++) {
        CK_SESSION_HANDLE session = start(state, NULL, (enum role)role);
        unsigned full = world_tries((enum role)role);
        twin_counters_clear();
        for (int i = 0; i < 100; i++)
            assert_rv(user_set_pin(session, wrong_pin[role], new_pin[role]), CKR_PIN_INCORRECT);
        assert_int_equal(twin_verifies(), 1);
        assert_int_equal(twin_commands_of(CHANGE), 0);
        assert_int_equal(world_tries((enum role)role), full - 1);
        /* It is the same memory as the login's, and a login forgets it. */
        twin_counters_clear();
        assert_rv(user_set_pin(session, wrong_pin[role], new_pin[role]), CKR_PIN_INCORRECT);
        assert_rv(user_try_login(session, CKU_USER, wrong_pin[role]), CKR_PIN_INVALID);
        assert_int_equal(twin_commands(), 0);
        assert_rv(user_set_pin(session, user_pin[role], wrong_pin[role]), CKR_OK);
        assert_rv(user_try_login(session, CKU_USER, wrong_pin[role]), CKR_OK);
        assert_true(other_finds_closed());
    }
}

static void test_reserve_and_lock(void **state)
{
    CK_SESSION_HANDLE session = start(state, NULL, AUTH);
    world_spend_tries(READER_1, AUTH, 1);
    assert_rv(user_set_pin(session, "1234", "8306"), CKR_PIN_LOCKED);
    assert_int_equal(world_tries(AUTH), 1);
    session = start(state, "pin.reserve=0", AUTH);
    world_spend_tries(READER_1, AUTH, 1);
    assert_rv(user_set_pin(session, "1234", "8306"), CKR_OK);
    assert_int_equal(world_tries(AUTH), 3);
    session = start(state, "pin.reserve=0", AUTH);
    world_spend_tries(READER_1, AUTH, 0);
    twin_counters_clear();
    assert_rv(user_set_pin(session, "1234", "8306"), CKR_PIN_LOCKED);
    assert_int_equal(twin_verifies(), 0);
    assert_true(world_pin_is(AUTH, "1234"));
}

/* A login goes on, with the new PIN; a consent that was given is neither used nor made. */
static void test_while_logged_in(void **state)
{
    static const char *const settings[] = {NULL, "isolation=no"};
    for (size_t i = 0; i < 2; i++)
        for (int role = AUTH; role <= SIGN; role++) {
            CK_SESSION_HANDLE session = start(state, settings[i], (enum role)role);
            user_login(session, (enum role)role);
            assert_rv(user_set_pin(session, user_pin[role], new_pin[role]), CKR_OK);
            assert_int_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
            sign_once(session, (enum role)role);
            if (role == SIGN) {
                uint8_t signature[SIGNATURE];
                CK_OBJECT_HANDLE key = user_key(session);
                assert_rv(user_set_pin(session, new_pin[role], "ABC123"), CKR_OK);
                assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature),
                          CKR_USER_NOT_LOGGED_IN);
            }
            assert_rv(C_Logout(session), CKR_OK);
            assert_true(other_finds_closed());
        }
}

/* Without isolation the card keeps what is logged in, and nothing else. */
static void test_without_isolation(void **state)
{
    CK_SESSION_HANDLE session = start(state, "isolation=no", SIGN);
    assert_rv(user_set_pin(session, "ABC123", "XYZ789"), CKR_OK);
    assert_true(other_finds_closed());
    CK_SESSION_HANDLE auth = user_open(AUTH);
    user_login(auth, AUTH);
    assert_rv(user_set_pin(session, "XYZ789", "ABC123"), CKR_OK);
    /* The card cannot forget one PIN alone: the other login is over too, and says so. */
    assert_int_equal(user_session_state(auth), CKS_RW_PUBLIC_SESSION);
    assert_true(other_finds_closed());
}

/* A login that is over, since another program has ended it on the card, is kept by no change. */
static void test_after_a_lost_login(void **state)
{
    uint8_t signature[SIGNATURE];
    CK_SESSION_HANDLE session = start(state, "isolation=no", AUTH);
    user_login(session, AUTH);
    assert_int_equal(world_other_program(READER_1, "00A4040C07A0000001510000"), 0x9000);
    assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), "abc", 3, signature),
              CKR_USER_NOT_LOGGED_IN);
    assert_rv(user_set_pin(session, AUTH_PIN, new_pin[AUTH]), CKR_OK);
    assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
    assert_true(other_finds_closed());
}

/* Nor is one that never was, as the answer to its PIN was lost. */
static void test_after_a_lost_answer(void **state)
{
    for (long k = 0; k < 8; k++) {
        CK_SESSION_HANDLE session = start(state, "isolation=no", AUTH);
        twin_calls_clear();
        twin_fail_call(k, ERR_TRANSPORT, true);
        CK_RV rv = user_try_login(session, CKU_USER, AUTH_PIN);
        twin_fail_call(-1, ERR_OK, false);
        if (rv != CKR_DEVICE_ERROR)
            continue;
        assert_rv(user_set_pin(session, AUTH_PIN, new_pin[AUTH]), CKR_OK);
        assert_true(other_finds_closed());
    }
}

/* ---- broken off ---- */

static const enum err errors[] = {ERR_TRANSPORT, ERR_NO_CARD, ERR_NO_SERVICE, ERR_BUSY};

/* What the return value promises of the PIN. */
static void check_promise(enum role role, CK_RV rv, long k)
{
    bool old = world_pin_is(role, user_pin[role]), fresh = world_pin_is(role, new_pin[role]);
    assert_true(old != fresh);
    if (rv == CKR_OK && !fresh)
        fail_msg("call %ld: CKR_OK, but the old PIN holds", k);
    if (rv == CKR_FUNCTION_FAILED && !old)
        fail_msg("call %ld: CKR_FUNCTION_FAILED, but the new PIN holds", k);
    assert_true(rv == CKR_OK || rv == CKR_FUNCTION_FAILED || rv == CKR_DEVICE_ERROR ||
                rv == CKR_DEVICE_REMOVED || rv == CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(world_tries(role), role == AUTH ? 3 : 5);
}

/* Each call fails once, before it is done or after: no try is gone, and what is promised is so. An
 * answer that was lost while the card is still there is found out. */
static void break_off(void **state, enum role role, enum err error, bool after)
{
    for (long k = 0;; k++) {
        CK_SESSION_HANDLE session = start(state, NULL, role);
        twin_calls_clear();
        twin_counters_clear();
        twin_fail_call(k, error, after);
        CK_RV rv = user_set_pin(session, user_pin[role], new_pin[role]);
        bool struck = (long)twin_calls() > k;
        twin_fail_call(-1, ERR_OK, false);
        check_promise(role, rv, k);
        /* The change itself is never sent twice. */
        assert_in_range(twin_commands_of(CHANGE), 0, 1);
        assert_in_range(twin_verifies(), 0, 3);
        if (twin_commands_of(CHANGE) == 1 && error == ERR_TRANSPORT)
            assert_true(rv == CKR_OK || rv == CKR_FUNCTION_FAILED);
        if (error == ERR_TRANSPORT)
            assert_true(other_finds_closed());
        if (!struck) {
            assert_rv(rv, CKR_OK);
            assert_in_range(k, 6, 100);
            return;
        }
    }
}

static void test_broken_off(void **state)
{
    for (int role = AUTH; role <= SIGN; role++)
        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
            break_off(state, (enum role)role, errors[i], false);
            break_off(state, (enum role)role, errors[i], true);
        }
}

/* The card is taken out instead of answering command K, and does not come back. */
static unsigned commands_left;

static bool take_out(void *context, const uint8_t *command, size_t len, uint8_t *response,
                     size_t *received)
{
    (void)context;
    (void)command;
    (void)len;
    (void)response;
    if (commands_left-- != 0)
        return false;
    twin_remove(READER_1);
    *received = 0;
    return true;
}

static void test_taken_out(void **state)
{
    for (unsigned k = 0; k < 10; k++) {
        CK_SESSION_HANDLE session = start(state, NULL, AUTH);
        commands_left = k;
        twin_counters_clear();
        twin_set_hook(take_out, NULL);
        CK_RV rv = user_set_pin(session, AUTH_PIN, new_pin[AUTH]);
        twin_set_hook(NULL, NULL);
        check_promise(AUTH, rv, (long)k);
        if (k == 0)
            assert_rv(rv, CKR_DEVICE_REMOVED);
    }
}

/* Nobody knows which PIN holds: what we hold is not tried. */
static bool lose_everything(void *context, const uint8_t *command, size_t len, uint8_t *response,
                            size_t *received)
{
    static const uint8_t nonsense[2] = {0x6F, 0x00};
    static bool changed;
    (void)context;
    if (len > 5 && command[1] == 0x20 && !changed)
        return false;
    changed |= command[1] == CHANGE;
    if (!changed)
        return false;
    memcpy(response, nonsense, sizeof(nonsense));
    *received = sizeof(nonsense);
    return true;
}

static void test_not_known(void **state)
{
    CK_SESSION_HANDLE session = start(state, NULL, AUTH);
    user_login(session, AUTH);
    CK_OBJECT_HANDLE key = user_key(session);
    twin_set_hook(lose_everything, NULL);
    assert_rv(user_set_pin(session, AUTH_PIN, new_pin[AUTH]), CKR_DEVICE_ERROR);
    twin_set_hook(NULL, NULL);
    twin_counters_clear();
    uint8_t signature[SIGNATURE];
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_verifies(), 0);
    assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
}

/* The answer to the change is lost, and the counter is not full, as it must be after the old PIN:
 * somebody else is at it, and no PIN is tried. */
static unsigned changes;

static bool lose_and_spend(void *context, const uint8_t *command, size_t len, uint8_t *response,
                           size_t *received)
{
    static const uint8_t nonsense[2] = {0x6F, 0x00}, two_left[2] = {0x63, 0xC2};
    (void)context;
    changes += command[1] == CHANGE;
    if (changes == 0 || (command[1] != CHANGE && (command[1] != 0x20 || len > 5)))
        return false;
    memcpy(response, command[1] == CHANGE ? nonsense : two_left, 2);
    *received = 2;
    return true;
}

static bool nothing_after_change(void *context, const uint8_t *command, size_t len,
                                 uint8_t *response, size_t *received)
{
    static const uint8_t nonsense[2] = {0x6F, 0x00};
    (void)context;
    (void)len;
    changes += command[1] == CHANGE;
    if (changes == 0)
        return false;
    memcpy(response, nonsense, 2);
    *received = 2;
    return true;
}

static void test_lost_and_spent(void **state)
{
    CK_SESSION_HANDLE session = start(state, NULL, AUTH);
    changes = 0;
    twin_counters_clear();
    twin_set_hook(lose_and_spend, NULL);
    assert_rv(user_set_pin(session, AUTH_PIN, new_pin[AUTH]), CKR_DEVICE_ERROR);
    twin_set_hook(NULL, NULL);
    assert_int_equal(twin_verifies(), 1);
    assert_true(other_finds_closed());
}

/* The change does nothing and has no sense, and so is the answer to the new PIN, which the card has
 * refused: following what the log then says - the new one, once, then the old one - locks nobody
 * out. */
static bool lose_twice(void *context, const uint8_t *command, size_t len, uint8_t *response,
                       size_t *received)
{
    static const uint8_t nonsense[2] = {0x6F, 0x00};
    (void)context;
    changes += command[1] == CHANGE;
    /* After the question for the tries comes the new PIN: the card sees it, nobody its answer. */
    if (changes == 1 && command[1] == 0x20 && len <= 5) {
        changes++;
        twin_fail_call((long)twin_calls(), ERR_TRANSPORT, true);
    }
    if (command[1] != CHANGE)
        return false;
    memcpy(response, nonsense, sizeof(nonsense));
    *received = sizeof(nonsense);
    return true;
}

static void test_lost_twice(void **state)
{
    CK_SESSION_HANDLE session = start(state, NULL, AUTH);
    changes = 0;
    twin_set_hook(lose_twice, NULL);
    CK_RV rv = user_set_pin(session, AUTH_PIN, new_pin[AUTH]);
    twin_set_hook(NULL, NULL);
    twin_fail_call(-1, ERR_OK, false);
    assert_rv(rv, CKR_DEVICE_ERROR);
    assert_true(world_pin_is(AUTH, AUTH_PIN));
    twin_counters_clear();
    assert_rv(user_try_login(session, CKU_USER, new_pin[AUTH]), CKR_PIN_INVALID);
    assert_int_equal(twin_verifies(), 0);
    assert_rv(user_try_login(session, CKU_USER, AUTH_PIN), CKR_OK);
}

/* With isolation = no, what is not known is no login any more, on the card neither. */
static void test_not_known_without_isolation(void **state)
{
    CK_SESSION_HANDLE session = start(state, "isolation=no", AUTH);
    user_login(session, AUTH);
    changes = 0;
    twin_set_hook(lose_and_spend, NULL);
    assert_rv(user_set_pin(session, AUTH_PIN, new_pin[AUTH]), CKR_DEVICE_ERROR);
    twin_set_hook(NULL, NULL);
    assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
    assert_true(other_finds_closed());
}

/* Nor when the card could not be reached for it then: the next C_Logout sees to it, though there is
 * no login any more. */
static void test_not_known_and_out_of_reach(void **state)
{
    CK_SESSION_HANDLE session = start(state, "isolation=no", AUTH);
    user_login(session, AUTH);
    changes = 0;
    twin_set_hook(nothing_after_change, NULL);
    assert_rv(user_set_pin(session, AUTH_PIN, new_pin[AUTH]), CKR_DEVICE_ERROR);
    twin_set_hook(NULL, NULL);
    assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
    assert_rv(C_Logout(session), CKR_USER_NOT_LOGGED_IN);
    assert_true(other_finds_closed());
}

/* The answer to a wrong old PIN is lost: the next time the counter tells, and no try is spent. */
static void test_lost_refusal(void **state)
{
    for (long k = 0; k < 6; k++) {
        CK_SESSION_HANDLE session = start(state, NULL, AUTH);
        twin_calls_clear();
        twin_counters_clear();
        twin_fail_call(k, ERR_TRANSPORT, true);
        CK_RV rv = user_set_pin(session, wrong_pin[AUTH], new_pin[AUTH]);
        twin_fail_call(-1, ERR_OK, false);
        if (rv == CKR_SESSION_HANDLE_INVALID) /* the fault was in looking at the reader */
            continue;
        assert_true(rv == CKR_DEVICE_ERROR || rv == CKR_PIN_INCORRECT);
        assert_rv(user_set_pin(session, wrong_pin[AUTH], new_pin[AUTH]), CKR_PIN_INCORRECT);
        assert_int_equal(twin_verifies(), 1);
        assert_int_equal(world_tries(AUTH), 2);
    }
}

/* A card that answers the change with STATUS, having changed the PIN or not. */
static uint8_t status[2];

static bool answer_change(void *context, const uint8_t *command, size_t len, uint8_t *response,
                          size_t *received)
{
    (void)context;
    (void)len;
    if (command[1] != CHANGE)
        return false;
    memcpy(response, status, sizeof(status));
    *received = sizeof(status);
    return true;
}

/* A refusal leaves the old PIN, and no try is spent to learn that; an answer that has no sense is
 * looked into. */
static void test_refused_by_the_card(void **state)
{
    static const struct {
        uint8_t sw[2];
        unsigned verifies;
    } rows[] = {{{0x69, 0x82}, 1}, {{0x69, 0x85}, 1}, {{0x6A, 0x80}, 1}, {{0x6D, 0x00}, 1},
                {{0x67, 0x00}, 1}, {{0x65, 0x81}, 3}, {{0x6F, 0x00}, 3}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CK_SESSION_HANDLE session = start(state, NULL, AUTH);
        memcpy(status, rows[i].sw, sizeof(status));
        twin_counters_clear();
        twin_set_hook(answer_change, NULL);
        assert_rv(user_set_pin(session, AUTH_PIN, new_pin[AUTH]), CKR_FUNCTION_FAILED);
        twin_set_hook(NULL, NULL);
        assert_int_equal(twin_verifies(), rows[i].verifies);
        assert_int_equal(world_tries(AUTH), 3);
        assert_true(world_pin_is(AUTH, AUTH_PIN));
        assert_true(other_finds_closed());
        assert_rv(user_try_login(session, CKU_USER, AUTH_PIN), CKR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_changes),
        world_test(test_small_letters),
        world_test(test_rules),
        world_test(test_bounds),
        world_test(test_arguments),
        world_test(test_wrong_old),
        world_test(test_reserve_and_lock),
        world_test(test_while_logged_in),
        world_test(test_without_isolation),
        world_test(test_after_a_lost_login),
        world_test(test_after_a_lost_answer),
        world_test(test_broken_off),
        world_test(test_taken_out),
        world_test(test_refused_by_the_card),
        world_test(test_not_known),
        world_test(test_lost_and_spent),
        world_test(test_lost_twice),
        world_test(test_not_known_without_isolation),
        world_test(test_not_known_and_out_of_reach),
        world_test(test_lost_refusal),
    };
    return cmocka_run_group_tests_name("setpin", tests, world_setup, world_teardown);
}

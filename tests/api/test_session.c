/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sessions and login (PKCS#11 3.2, section 5.6), with the number of VERIFY commands that each case
 * may cost. A PIN that is spent in vain sends its holder to the municipal office.
 */
#include "other.h"
#include "user.h"

#include <stdio.h>
#include <string.h>

#define MANY 64

static void test_open(void **state)
{
    (void)state;
    CK_SLOT_ID slot = user_first(AUTH);
    CK_SESSION_HANDLE session = 0;
    int application;
    assert_rv(C_OpenSession(slot, 0, NULL, NULL, &session), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    assert_rv(C_OpenSession(slot, CKF_RW_SESSION, NULL, NULL, &session),
              CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    assert_rv(C_OpenSession(slot, CKF_SERIAL_SESSION, &application, NULL, &session), CKR_OK);
    CK_SESSION_INFO info;
    memset(&info, 0xA5, sizeof(info));
    assert_rv(C_GetSessionInfo(session, &info), CKR_OK);
    assert_int_equal(info.slotID, slot);
    assert_int_equal(info.state, CKS_RO_PUBLIC_SESSION);
    assert_int_equal(info.flags, CKF_SERIAL_SESSION);
    assert_rv(C_GetSessionInfo(user_open_slot(slot), &info), CKR_OK);
    assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION);
    assert_int_equal(info.flags, CKF_SERIAL_SESSION | CKF_RW_SESSION);
    assert_rv(C_CloseSession(session), CKR_OK);
    assert_rv(C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
}

static void test_many(void **state)
{
    (void)state;
    CK_SESSION_HANDLE sessions[MANY];
    CK_SLOT_ID auth = user_first(AUTH), sign = user_first(SIGN);
    for (int i = 0; i < MANY; i++) {
        sessions[i] = user_open_slot(i % 2 == 0 ? auth : sign);
        for (int k = 0; k < i; k++)
            assert_int_not_equal(sessions[i], sessions[k]);
    }
    user_login(sessions[0], AUTH); /* holds for all sessions of this token, and no other */
    for (int i = 0; i < MANY; i++)
        assert_int_equal(user_session_state(sessions[i]),
                         i % 2 == 0 ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION);
    assert_rv(C_CloseAllSessions(auth), CKR_OK);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(user_session_state(sessions[i]),
                         i % 2 == 0 ? CK_UNAVAILABLE_INFORMATION : CKS_RW_PUBLIC_SESSION);
    assert_int_equal(user_session_state(user_open_slot(auth)), CKS_RW_PUBLIC_SESSION);
}

/* The last session takes the login with it. */
static void test_login_ends_with_last_session(void **state)
{
    (void)state;
    CK_SESSION_HANDLE first = user_logged_in(AUTH), second = user_open(AUTH);
    assert_rv(C_CloseSession(first), CKR_OK);
    assert_int_equal(user_session_state(second), CKS_RW_USER_FUNCTIONS);
    assert_rv(C_CloseSession(second), CKR_OK);
    assert_int_equal(user_session_state(user_open(AUTH)), CKS_RW_PUBLIC_SESSION);
}

static void test_login_states(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH);
    assert_rv(C_Logout(session), CKR_USER_NOT_LOGGED_IN);
    user_login(session, AUTH);
    twin_counters_clear();
    assert_rv(user_try_login(session, CKU_USER, AUTH_PIN), CKR_USER_ALREADY_LOGGED_IN);
    assert_rv(user_try_login(session, CKU_USER, "0000"), CKR_USER_ALREADY_LOGGED_IN);
    assert_int_equal(twin_commands(), 0);
    assert_rv(C_Logout(session), CKR_OK);
    assert_rv(C_Logout(session), CKR_USER_NOT_LOGGED_IN);
    user_login(session, AUTH);
}

static void test_login_as_others(void **state)
{
    (void)state;
    static const CK_USER_TYPE types[] = {CKU_SO, 3, 99, ~0UL};
    for (int role = AUTH; role <= SIGN; role++) {
        CK_SESSION_HANDLE session = user_open((enum role)role);
        twin_counters_clear();
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
            assert_rv(user_try_login(session, types[i], user_pin[role]), CKR_USER_TYPE_INVALID);
        assert_rv(user_try_login(session, CKU_CONTEXT_SPECIFIC, user_pin[role]),
                  CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(twin_commands(), 0);
    }
}

/* PINs of impossible form never reach the card. */
static void test_impossible_pins(void **state)
{
    (void)state;
    static const char *const pins[2][16] = {
        {"", "1", "123", "12345", "123456", "12a4", "123 ", "12-4", "１２", "12\n4", "ABCD",
         "1234567890123456", "99999999999999999"},
        {"", "A", "ABC12", "1234", "ABCDE12345678901X", "ABC-123", "ABC 123", "ABC12\xE3", "ABC12!",
         "あいうえお", "ABC123\n"}};
    CK_UTF8CHAR zeros[] = {'1', '2', 0, '4'}, zeros_6[] = {'A', 'B', 0, '1', '2', '3'};
    for (int role = AUTH; role <= SIGN; role++) {
        CK_SESSION_HANDLE session = user_open((enum role)role);
        twin_counters_clear();
        for (int i = 0; i < 16 && pins[role][i] != NULL; i++)
            assert_rv(user_try_login(session, CKU_USER, pins[role][i]), CKR_PIN_LEN_RANGE);
        assert_rv(C_Login(session, CKU_USER, NULL, 0), CKR_PIN_LEN_RANGE);
        CK_RV rv = C_Login(session, CKU_USER, NULL, 4);
        assert_true(rv == CKR_PIN_LEN_RANGE || rv == CKR_ARGUMENTS_BAD);
        rv = C_Login(session, CKU_USER, zeros, 0);
        assert_rv(rv, CKR_PIN_LEN_RANGE);
        assert_rv(C_Login(session, CKU_USER, zeros, ~0UL), CKR_PIN_LEN_RANGE);
        assert_rv(C_Login(session, CKU_USER, zeros, 0x80000000UL), CKR_PIN_LEN_RANGE);
        rv = role == AUTH ? C_Login(session, CKU_USER, zeros, sizeof(zeros))
                          : C_Login(session, CKU_USER, zeros_6, sizeof(zeros_6));
        assert_rv(rv, CKR_PIN_LEN_RANGE);
        assert_int_equal(twin_commands(), 0);
        user_login(session, (enum role)role);
    }
}

/* As the official software does. */
static void test_small_letters(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(SIGN);
    assert_rv(user_try_login(session, CKU_USER, "abc123"), CKR_OK);
    assert_int_equal(twin_verifies(), 1);
}

/* A program that repeats one wrong PIN costs one try, also under C_LoginUser. */
static void test_wrong_pin_repeated(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH);
    CK_UTF8CHAR wrong[] = "9999";
    assert_rv(user_try_login(session, CKU_USER, "9999"), CKR_PIN_INCORRECT);
    for (int i = 0; i < 100; i++) {
        assert_rv(user_try_login(session, CKU_USER, "9999"), CKR_PIN_INVALID);
        assert_rv(C_LoginUser(session, CKU_USER, wrong, 4, NULL, 0), CKR_PIN_INVALID);
        world_clock_add(2000);
    }
    assert_int_equal(twin_verifies(), 1);
    user_login(session, AUTH);
    assert_rv(C_Logout(session), CKR_OK);
    /* After a success it may have become right: asked once more. */
    assert_rv(user_try_login(session, CKU_USER, "9999"), CKR_PIN_INCORRECT);
    assert_int_equal(twin_verifies(), 3);
}

/* Different wrong PINs: the last try (pin.reserve = 1) is never spent. */
static void test_reserve(void **state)
{
    (void)state;
    static const unsigned tries[2] = {3, 5};
    for (int role = AUTH; role <= SIGN; role++) {
        CK_SESSION_HANDLE session = user_open((enum role)role);
        twin_counters_clear();
        for (unsigned i = 0; i < 10; i++) {
            char pin[8];
            snprintf(pin, sizeof(pin), role == AUTH ? "%04u" : "WRONG%u", i);
            CK_RV rv = user_try_login(session, CKU_USER, pin);
            assert_rv(rv, i + 1 < tries[role] ? CKR_PIN_INCORRECT : CKR_PIN_LOCKED);
        }
        assert_int_equal(twin_verifies(), tries[role] - 1);
        assert_rv(user_try_login(session, CKU_USER, user_pin[role]), CKR_PIN_LOCKED);
        assert_int_equal(twin_verifies(), tries[role] - 1);
    }
}

static void test_last_try_without_reserve(void **state)
{
    (void)state;
    world_initialize("pin.reserve=0");
    CK_SESSION_HANDLE session = user_open(AUTH);
    assert_rv(user_try_login(session, CKU_USER, "0001"), CKR_PIN_INCORRECT);
    assert_rv(user_try_login(session, CKU_USER, "0002"), CKR_PIN_INCORRECT);
    assert_rv(user_try_login(session, CKU_USER, "0003"), CKR_PIN_LOCKED);
    assert_int_equal(twin_verifies(), 3);
    assert_rv(user_try_login(session, CKU_USER, AUTH_PIN), CKR_PIN_LOCKED);
    assert_int_equal(twin_verifies(), 3);
}

/* A PIN that the holder has changed elsewhere may be the refused one. */
static void test_counter_moved_elsewhere(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH);
    CK_TOKEN_INFO info;
    assert_rv(user_try_login(session, CKU_USER, "9999"), CKR_PIN_INCORRECT);
    other_changes(AUTH, AUTH_PIN, "9999");
    world_clock_add(5000);
    assert_rv(C_GetTokenInfo(user_first(AUTH), &info), CKR_OK);
    assert_rv(user_try_login(session, CKU_USER, "9999"), CKR_OK);
}

/* A card that was put in again is asked anew: the memory was the insertion's. */
static void test_refusal_ends_with_insertion(void **state)
{
    (void)state;
    assert_rv(user_try_login(user_open(AUTH), CKU_USER, "9999"), CKR_PIN_INCORRECT);
    world_put(READER_1, CARD_2);
    assert_rv(user_try_login(user_open(AUTH), CKU_USER, "9999"), CKR_PIN_INCORRECT);
}

/* The PIN was changed by somebody else while we hold the old one: one refusal, and the login is
 * over. */
static void test_pin_changed_elsewhere(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3};
    uint8_t signature[SIGNATURE];
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_OBJECT_HANDLE key = user_key(session);
    other_changes(AUTH, AUTH_PIN, "4321");
    twin_counters_clear();
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, data, 3, signature), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_verifies(), 1);
    assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, data, 3, signature), CKR_USER_NOT_LOGGED_IN);
    assert_rv(user_try_login(session, CKU_USER, AUTH_PIN), CKR_PIN_INVALID);
    assert_int_equal(twin_verifies(), 1);
    assert_rv(user_try_login(session, CKU_USER, "4321"), CKR_OK);
    assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), data, 3, signature), CKR_OK);
}

/* The time of a PIN in memory (pin.cache-seconds). */
static void test_cache_time(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3};
    uint8_t signature[SIGNATURE];
    world_initialize("pin.cache-seconds=60");
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_OBJECT_HANDLE key = user_key(session);
    world_clock_add(50000);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, data, 3, signature), CKR_OK);
    world_clock_add(61000);
    twin_counters_clear();
    assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, data, 3, signature), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_verifies(), 0);
}

static void test_login_user(void **state)
{
    (void)state;
    CK_UTF8CHAR pin[] = AUTH_PIN, name[] = "somebody";
    CK_SESSION_HANDLE session = user_open(AUTH);
    twin_counters_clear();
    assert_int_not_equal(C_LoginUser(session, CKU_USER, pin, 4, name, 8), CKR_OK);
    assert_int_equal(twin_verifies(), 0);
    assert_rv(C_LoginUser(session, CKU_USER, pin, 4, NULL, 0), CKR_OK);
    assert_int_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test_initialized(test_open),
        world_test_initialized(test_many),
        world_test_initialized(test_login_ends_with_last_session),
        world_test_initialized(test_login_states),
        world_test_initialized(test_login_as_others),
        world_test_initialized(test_impossible_pins),
        world_test_initialized(test_small_letters),
        world_test_initialized(test_wrong_pin_repeated),
        world_test_initialized(test_reserve),
        world_test(test_last_try_without_reserve),
        world_test_initialized(test_counter_moved_elsewhere),
        world_test_initialized(test_refusal_ends_with_insertion),
        world_test_initialized(test_pin_changed_elsewhere),
        world_test(test_cache_time),
        world_test_initialized(test_login_user),
    };
    return cmocka_run_group_tests_name("session", tests, world_setup, world_teardown);
}

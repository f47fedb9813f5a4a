/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A reader with keys of its own (PC/SC part 10): the authentication PIN is typed there and never
 * seen by a program; the password, which has letters, is not.
 */
#include "other.h"
#include "user.h"

#include <string.h>

static uint8_t signature[SIGNATURE];

static void type(const char *digits)
{
    twin_pad_types(READER_1, digits, 0);
}

static void start(void **state, const char *settings)
{
    world_end(state);
    world_begin(state);
    twin_pad(READER_1, true);
    world_initialize(settings);
    twin_counters_clear();
}

static int begin(void **state)
{
    start(state, NULL);
    return 0;
}

static CK_FLAGS token_flags(enum role role)
{
    CK_TOKEN_INFO info;
    assert_rv(C_GetTokenInfo(user_first(role), &info), CKR_OK);
    return info.flags;
}

static bool always_authenticate(CK_SESSION_HANDLE session)
{
    CK_BBOOL value = 2;
    CK_ATTRIBUTE attribute = {CKA_ALWAYS_AUTHENTICATE, &value, sizeof(value)};
    assert_rv(C_GetAttributeValue(session, user_key(session), &attribute, 1), CKR_OK);
    return value == CK_TRUE;
}

static CK_RV login(CK_SESSION_HANDLE session)
{
    return C_Login(session, CKU_USER, NULL, 0);
}

static CK_RV sign(CK_SESSION_HANDLE session)
{
    return user_sign(session, CKM_RSA_PKCS, user_key(session), "abc", 3, signature);
}

static void assert_signed(CK_SESSION_HANDLE session)
{
    assert_rv(sign(session), CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, CKM_RSA_PKCS, "abc", 3, signature));
}

/* The flag stands only where nobody is to be asked on the screen. */
static void test_flag(void **state)
{
    (void)state;
    assert_true((token_flags(AUTH) & CKF_PROTECTED_AUTHENTICATION_PATH) != 0);
    assert_true((token_flags(SIGN) & CKF_PROTECTED_AUTHENTICATION_PATH) == 0);
    start(state, "reader.pinpad=no");
    assert_true((token_flags(AUTH) & CKF_PROTECTED_AUTHENTICATION_PATH) == 0);
    assert_rv(login(user_open(AUTH)), CKR_PIN_LEN_RANGE);
    world_end(state);
    world_begin_initialized(state);
    assert_true((token_flags(AUTH) & CKF_PROTECTED_AUTHENTICATION_PATH) == 0);
    assert_rv(login(user_open(AUTH)), CKR_PIN_LEN_RANGE);
}

/* The password token has no use for the keys. */
static void test_password(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(SIGN);
    twin_counters_clear();
    assert_rv(login(session), CKR_PIN_LEN_RANGE);
    assert_int_equal(twin_commands(), 0);
    assert_rv(user_try_login(session, CKU_USER, SIGN_PIN), CKR_OK);
    assert_int_equal(twin_pad_asked(), 0);
}

/* With isolation the login asks nobody, and each signature asks once. */
static void test_isolated(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH);
    twin_counters_clear();
    assert_rv(login(session), CKR_OK);
    assert_int_equal(twin_pad_asked(), 0);
    assert_int_equal(twin_verifies(), 0);
    assert_true(always_authenticate(session));
    for (unsigned i = 1; i <= 3; i++) {
        type(AUTH_PIN);
        assert_signed(session);
        assert_int_equal(twin_pad_asked(), i);
        assert_int_equal(twin_verifies(), i);
        assert_true(other_finds_closed());
    }
    CK_OBJECT_HANDLE key = user_key(session);
    assert_rv(C_Logout(session), CKR_OK);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_pad_asked(), 3);
}

/* Programs that see CKA_ALWAYS_AUTHENTICATE log in for the operation; the signature asks. */
static void test_context_login(void **state)
{
    (void)state;
    CK_ULONG len = SIGNATURE;
    CK_BYTE data[] = {1, 2, 3};
    CK_SESSION_HANDLE session = user_open(AUTH);
    assert_rv(login(session), CKR_OK);
    assert_rv(C_Login(session, CKU_CONTEXT_SPECIFIC, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(user_sign_init(session, CKM_RSA_PKCS, user_key(session)), CKR_OK);
    assert_rv(C_Login(session, CKU_CONTEXT_SPECIFIC, NULL, 0), CKR_OK);
    assert_int_equal(twin_pad_asked(), 0);
    assert_rv(C_Sign(session, data, sizeof(data), NULL, &len), CKR_OK);
    assert_int_equal(twin_pad_asked(), 0);
    type(AUTH_PIN);
    assert_rv(C_Sign(session, data, sizeof(data), signature, &len), CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, CKM_RSA_PKCS, data, sizeof(data), signature));
    assert_int_equal(twin_pad_asked(), 1);
    /* One that was left behind can be replaced. */
    assert_rv(user_sign_init(session, CKM_RSA_PKCS, user_key(session)), CKR_OK);
    assert_rv(user_sign_init(session, CKM_RSA_PKCS, user_key(session)), CKR_OK);
}

/* A slip of the finger costs its try and no more: the login goes on, and the reserve is kept. */
static void test_wrong(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH);
    assert_rv(login(session), CKR_OK);
    type("9999");
    assert_rv(sign(session), CKR_PIN_INCORRECT);
    assert_int_equal(twin_verifies(), 1);
    assert_true(other_finds_closed());
    assert_true((token_flags(AUTH) & CKF_USER_PIN_COUNT_LOW) != 0);
    type(AUTH_PIN);
    assert_signed(session);
    assert_true((token_flags(AUTH) & CKF_USER_PIN_COUNT_LOW) == 0);
    type("9999");
    assert_rv(sign(session), CKR_PIN_INCORRECT);
    type("9998");
    assert_rv(sign(session), CKR_PIN_INCORRECT);
    unsigned asked = twin_pad_asked();
    type("9997");
    assert_rv(sign(session), CKR_PIN_LOCKED);
    assert_int_equal(twin_pad_asked(), asked);
    assert_int_equal(twin_verifies(), 4);
    assert_rv(C_Logout(session), CKR_OK);
    assert_rv(login(session), CKR_PIN_LOCKED);
    assert_int_equal(twin_pad_asked(), asked);
}

/* Nothing typed, nothing spent, nothing signed. */
static void test_cancelled(void **state)
{
    static const uint16_t words[] = {0x6400, 0x6401, 0x6403};
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH);
    assert_rv(login(session), CKR_OK);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        twin_pad_types(READER_1, "", words[i]);
        memset(signature, 0xA5, sizeof(signature));
        assert_rv(sign(session), CKR_FUNCTION_CANCELED);
        for (size_t j = 0; j < sizeof(signature); j++)
            assert_int_equal(signature[j], 0xA5);
        assert_true(other_finds_closed());
    }
    assert_int_equal(twin_pad_asked(), 3);
    assert_int_equal(twin_verifies(), 0);
    type(AUTH_PIN);
    assert_signed(session);
}

/* Without isolation the PIN is typed at login, and the card keeps it until logout. */
static void test_without_isolation(void **state)
{
    start(state, "isolation=no");
    CK_SESSION_HANDLE session = user_open(AUTH);
    type("9999");
    assert_rv(login(session), CKR_PIN_INCORRECT);
    assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
    twin_pad_types(READER_1, "", 0x6401);
    assert_rv(login(session), CKR_FUNCTION_CANCELED);
    assert_true(other_finds_closed());
    type(AUTH_PIN);
    assert_rv(login(session), CKR_OK);
    assert_false(always_authenticate(session));
    unsigned asked = twin_pad_asked();
    assert_signed(session);
    assert_signed(session);
    assert_int_equal(twin_pad_asked(), asked);
    assert_rv(C_Logout(session), CKR_OK);
    assert_true(other_finds_closed());
}

/* What is not typed ends nobody's login. */
static void test_cancelled_beside_other(void **state)
{
    start(state, "isolation=no");
    CK_SESSION_HANDLE auth = user_open(AUTH), other = user_logged_in(SIGN);
    twin_pad_types(READER_1, "", 0x6401);
    assert_rv(login(auth), CKR_FUNCTION_CANCELED);
    assert_int_equal(user_session_state(other), CKS_RW_USER_FUNCTIONS);
    assert_rv(user_sign(other, CKM_RSA_PKCS, user_key(other), "abc", 3, signature), CKR_OK);
    assert_rv(C_Logout(other), CKR_OK);
    assert_true(other_finds_closed());
}

/* A program that has the PIN after all may give it. */
static void test_given(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH);
    user_login(session, AUTH);
    assert_signed(session);
    assert_int_equal(twin_pad_asked(), 0);
    assert_rv(C_Logout(session), CKR_OK);
    assert_rv(login(session), CKR_OK);
    type(AUTH_PIN);
    assert_signed(session);
    assert_int_equal(twin_pad_asked(), 1);
}

/* Each call of a signature fails once: never a second question, at most one VERIFY. */
static void test_broken_off(void **state)
{
    static const enum err errors[] = {ERR_TRANSPORT, ERR_NO_CARD, ERR_NO_SERVICE};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        for (int after = 0; after < 2; after++) {
            bool struck = true;
            for (long k = 0; struck; k++) {
                start(state, NULL);
                CK_SESSION_HANDLE session = user_open(AUTH);
                assert_rv(login(session), CKR_OK);
                CK_OBJECT_HANDLE key = user_key(session);
                type(AUTH_PIN);
                twin_calls_clear();
                twin_fail_call(k, errors[i], after != 0);
                CK_RV rv = user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature);
                struck = twin_calls() > (unsigned long)k;
                twin_fail_call(-1, ERR_OK, false);
                assert_in_range(twin_pad_asked(), 0, 1);
                assert_in_range(twin_verifies(), 0, 1);
                if (rv == CKR_OK)
                    assert_true(user_verify(CARD_1, AUTH, CKM_RSA_PKCS, "abc", 3, signature));
                if (errors[i] == ERR_TRANSPORT)
                    assert_true(other_finds_closed());
                if (!struck) {
                    assert_rv(rv, CKR_OK);
                    assert_in_range(k, 6, 100);
                }
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_flag, begin, world_end),
        cmocka_unit_test_setup_teardown(test_password, begin, world_end),
        cmocka_unit_test_setup_teardown(test_isolated, begin, world_end),
        cmocka_unit_test_setup_teardown(test_context_login, begin, world_end),
        cmocka_unit_test_setup_teardown(test_wrong, begin, world_end),
        cmocka_unit_test_setup_teardown(test_cancelled, begin, world_end),
        cmocka_unit_test_setup_teardown(test_without_isolation, begin, world_end),
        cmocka_unit_test_setup_teardown(test_cancelled_beside_other, begin, world_end),
        cmocka_unit_test_setup_teardown(test_given, begin, world_end),
        cmocka_unit_test_setup_teardown(test_broken_off, begin, world_end),
    };
    return cmocka_run_group_tests_name("pinpad", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CKA_ALWAYS_AUTHENTICATE: each signature with the signature key wants the holder's consent, and
 * the login is the consent for the first one, since OpenSSH and Java never send a second login.
 */
#include "user.h"

#include <string.h>

static const uint8_t data[] = {1, 2, 3, 4, 5};
static uint8_t signature[SIGNATURE];
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE key;

static CK_RV init(void)
{
    return user_sign_init(session, CKM_RSA_PKCS, key);
}

static CK_RV consent(const char *pin)
{
    return user_try_login(session, CKU_CONTEXT_SPECIFIC, pin);
}

static CK_RV sign(void)
{
    return user_sign_data(session, data, sizeof(data), signature);
}

static void expect_signed(CK_RV rv)
{
    assert_rv(rv, CKR_OK);
    assert_true(user_verify(CARD_1, SIGN, CKM_RSA_PKCS, data, sizeof(data), signature));
}

/* Neither a signature nor a try: the card does not even hear of it. */
static void expect_refused(void)
{
    twin_counters_clear();
    memset(signature, 0xA5, sizeof(signature));
    assert_rv(init(), CKR_OK);
    assert_rv(sign(), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_commands_of(0x2A), 0);
    assert_int_equal(twin_verifies(), 0);
    for (size_t i = 0; i < sizeof(signature); i++)
        assert_int_equal(signature[i], 0xA5);
}

static int begin(void **state)
{
    world_begin_initialized(state);
    session = user_logged_in(SIGN);
    key = user_key(session);
    return 0;
}

/* The login's own consent is used up. */
static int begin_used(void **state)
{
    begin(state);
    assert_rv(init(), CKR_OK);
    assert_rv(sign(), CKR_OK);
    twin_counters_clear();
    return 0;
}

static void test_login_is_consent_once(void **state)
{
    (void)state;
    assert_rv(init(), CKR_OK);
    expect_signed(sign());
    for (int i = 0; i < 3; i++)
        expect_refused();
    assert_int_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
    assert_rv(C_Logout(session), CKR_OK);
    user_login(session, SIGN);
    assert_rv(init(), CKR_OK);
    expect_signed(sign());
    expect_refused();
}

/* NSS logs in with one session and signs in another. */
static void test_consent_is_the_tokens(void **state)
{
    (void)state;
    CK_SESSION_HANDLE first = session;
    session = user_open(SIGN);
    assert_rv(init(), CKR_OK);
    expect_signed(sign());
    expect_refused();
    session = first;
    expect_refused();
}

static void test_each_context_login_is_one(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_rv(init(), CKR_OK);
        assert_rv(consent(SIGN_PIN), CKR_OK);
        expect_signed(sign());
        expect_refused();
    }
}

/* Of a signature in several parts, and after data. */
static void test_multi_part(void **state)
{
    (void)state;
    CK_BYTE part[] = "parts";
    CK_ULONG len = SIGNATURE;
    assert_rv(user_sign_init(session, CKM_SHA256_RSA_PKCS, key), CKR_OK);
    assert_rv(C_SignUpdate(session, part, 5), CKR_OK);
    assert_rv(consent(SIGN_PIN), CKR_OK);
    assert_rv(C_SignFinal(session, signature, &len), CKR_OK);
    assert_true(user_verify(CARD_1, SIGN, CKM_SHA256_RSA_PKCS, part, 5, signature));
    assert_rv(user_sign_init(session, CKM_SHA256_RSA_PKCS, key), CKR_OK);
    assert_rv(C_SignUpdate(session, part, 5), CKR_OK);
    len = SIGNATURE;
    assert_rv(C_SignFinal(session, signature, &len), CKR_USER_NOT_LOGGED_IN);
}

/* pkcs11-tool does that; still one signature. */
static void test_twice_in_one_operation(void **state)
{
    (void)state;
    assert_rv(init(), CKR_OK);
    assert_rv(consent(SIGN_PIN), CKR_OK);
    assert_rv(consent(SIGN_PIN), CKR_OK);
    expect_signed(sign());
    expect_refused();
}

static void test_after_fresh_login(void **state)
{
    (void)state;
    twin_counters_clear();
    assert_rv(init(), CKR_OK);
    assert_rv(consent(SIGN_PIN), CKR_OK);
    assert_int_equal(twin_verifies(), 1); /* asked again, not taken for granted */
    expect_signed(sign());
    expect_refused();
}

static void test_without_operation(void **state)
{
    (void)state;
    assert_rv(consent(SIGN_PIN), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(consent("nonsense1"), CKR_OPERATION_NOT_INITIALIZED);
    CK_SESSION_HANDLE other = user_open(SIGN);
    assert_rv(init(), CKR_OK);
    assert_rv(user_try_login(other, CKU_CONTEXT_SPECIFIC, SIGN_PIN), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(twin_commands(), 0);
    assert_rv(sign(), CKR_USER_NOT_LOGGED_IN);
}

/* The authentication key never asks. */
static void test_auth_key(void **state)
{
    (void)state;
    CK_SESSION_HANDLE auth = user_logged_in(AUTH);
    CK_OBJECT_HANDLE auth_key = user_key(auth);
    assert_rv(user_sign_init(auth, CKM_RSA_PKCS, auth_key), CKR_OK);
    twin_counters_clear();
    assert_rv(user_try_login(auth, CKU_CONTEXT_SPECIFIC, AUTH_PIN), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(twin_commands(), 0);
    for (int i = 0; i < 5; i++) {
        assert_rv(user_sign_data(auth, data, sizeof(data), signature), CKR_OK);
        assert_true(user_verify(CARD_1, AUTH, CKM_RSA_PKCS, data, sizeof(data), signature));
        assert_rv(user_sign_init(auth, CKM_RSA_PKCS, auth_key), CKR_OK);
    }
    expect_refused(); /* and its login is no consent for the other key */
}

/* A wrong PIN gives no signature, costs one try, and does not block what comes after. */
static void test_refused_context_login(void **state)
{
    (void)state;
    assert_rv(init(), CKR_OK);
    assert_rv(consent("WRONG123"), CKR_PIN_INCORRECT);
    assert_rv(consent("WRONG123"), CKR_PIN_INVALID);
    assert_rv(consent("ABC"), CKR_PIN_LEN_RANGE);
    assert_rv(consent(""), CKR_PIN_LEN_RANGE);
    assert_int_equal(twin_verifies(), 1);
    assert_rv(sign(), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_commands_of(0x2A), 0);
    assert_rv(init(), CKR_OK);
    assert_rv(consent(SIGN_PIN), CKR_OK);
    expect_signed(sign());
}

/* A wrong one takes the consent back that the login has given. */
static void test_refused_after_fresh_login(void **state)
{
    (void)state;
    assert_rv(init(), CKR_OK);
    assert_rv(consent("WRONG123"), CKR_PIN_INCORRECT);
    assert_rv(sign(), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_commands_of(0x2A), 0);
}

/* And so does one that the card was never asked for. */
static void test_unasked_after_fresh_login(void **state)
{
    (void)state;
    assert_rv(init(), CKR_OK);
    assert_rv(consent("ABC"), CKR_PIN_LEN_RANGE);
    assert_rv(sign(), CKR_USER_NOT_LOGGED_IN);
    assert_rv(C_Logout(session), CKR_OK);
    user_login(session, SIGN);
    assert_rv(init(), CKR_OK);
    twin_hold(READER_1, true);
    assert_rv(consent(SIGN_PIN), CKR_DEVICE_ERROR);
    twin_hold(READER_1, false);
    assert_rv(sign(), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_commands_of(0x2A), 0);
}

/* What cancelled prompts leave behind is replaced; what has data or consent is not. */
static void test_abandoned_operations(void **state)
{
    (void)state;
    CK_BYTE part[] = "parts";
    for (int i = 0; i < 3; i++)
        assert_rv(init(), CKR_OK);
    assert_rv(user_sign_init(session, CKM_SHA256_RSA_PKCS, key), CKR_OK);
    assert_rv(C_SignUpdate(session, part, 5), CKR_OK);
    assert_rv(init(), CKR_OPERATION_ACTIVE);
    assert_rv(C_SignInit(session, NULL, 0), CKR_OK);
    assert_rv(init(), CKR_OK);
    assert_rv(consent(SIGN_PIN), CKR_OK);
    assert_rv(init(), CKR_OPERATION_ACTIVE);
    expect_signed(sign());
    expect_refused();
}

/* Consent that was given for one operation is not for another. */
static void test_consent_ends_with_operation(void **state)
{
    (void)state;
    assert_rv(init(), CKR_OK);
    assert_rv(consent(SIGN_PIN), CKR_OK);
    assert_rv(C_SignInit(session, NULL, 0), CKR_OK);
    expect_refused();
    assert_rv(init(), CKR_OK);
    assert_rv(consent(SIGN_PIN), CKR_OK);
    assert_rv(C_SessionCancel(session, CKF_SIGN), CKR_OK);
    expect_refused();
    CK_SESSION_HANDLE first = session;
    session = user_open(SIGN);
    assert_rv(init(), CKR_OK);
    assert_rv(consent(SIGN_PIN), CKR_OK);
    assert_rv(C_CloseSession(session), CKR_OK);
    session = first;
    expect_refused();
}

/* Nor does data that cannot be signed leave a consent behind. */
static void test_failed_signature_uses_it(void **state)
{
    (void)state;
    static CK_BYTE much[300];
    CK_ULONG len = SIGNATURE;
    assert_rv(init(), CKR_OK);
    assert_rv(consent(SIGN_PIN), CKR_OK);
    assert_rv(C_Sign(session, much, sizeof(much), signature, &len), CKR_DATA_LEN_RANGE);
    expect_refused();
}

/* Looking at things between consent and signature neither touches the card nor ends the consent. */
static void test_looking_between(void **state)
{
    (void)state;
    CK_SLOT_ID slot = user_first(SIGN);
    CK_TOKEN_INFO token;
    CK_SLOT_INFO slot_info;
    CK_BBOOL always = CK_FALSE;
    CK_ATTRIBUTE attribute = {CKA_ALWAYS_AUTHENTICATE, &always, sizeof(always)};
    CK_ULONG len = 0;
    for (int round = 0; round < 2; round++) {
        assert_rv(init(), CKR_OK);
        if (round > 0)
            assert_rv(consent(SIGN_PIN), CKR_OK);
        twin_counters_clear();
        world_clock_add(3000);
        assert_rv(C_GetTokenInfo(slot, &token), CKR_OK);
        assert_rv(C_GetSlotInfo(slot, &slot_info), CKR_OK);
        assert_int_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
        assert_rv(C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
        assert_int_equal(always, CK_TRUE);
        assert_rv(C_Sign(session, (CK_BYTE *)&always, 1, NULL, &len), CKR_OK);
        assert_int_equal(twin_commands(), 0);
        expect_signed(sign());
    }
}

/* After its one signature the PIN is gone, also for a certificate that was not read before: that
 * wants another one. What was read stays known. */
static void test_certificate_after_signature(void **state)
{
    (void)state;
    CK_BYTE value[4096];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
    CK_OBJECT_HANDLE certificate = user_object(session, CKO_CERTIFICATE, 2);
    assert_rv(C_GetAttributeValue(session, certificate, &attribute, 1), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_verifies(), 0);
    assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_rv(init(), CKR_OK);
    assert_rv(user_try_login(session, CKU_CONTEXT_SPECIFIC, SIGN_PIN), CKR_OK);
    attribute.ulValueLen = sizeof(value);
    assert_rv(C_GetAttributeValue(session, certificate, &attribute, 1), CKR_OK);
    assert_true(attribute.ulValueLen > 1000);
    expect_signed(sign());
    attribute.ulValueLen = sizeof(value);
    assert_rv(C_GetAttributeValue(session, certificate, &attribute, 1), CKR_OK);
    expect_refused();
}

static void test_consent_for_session(void **state)
{
    (void)state;
    world_initialize("sign.consent=session");
    session = user_logged_in(SIGN);
    key = user_key(session);
    for (int i = 0; i < 5; i++) {
        assert_rv(init(), CKR_OK);
        expect_signed(sign());
    }
    assert_rv(init(), CKR_OK);
    assert_rv(consent(SIGN_PIN), CKR_OPERATION_NOT_INITIALIZED);
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, world_end)
#define row_used(function) cmocka_unit_test_setup_teardown(function, begin_used, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_login_is_consent_once),
        row(test_consent_is_the_tokens),
        row_used(test_each_context_login_is_one),
        row_used(test_multi_part),
        row_used(test_twice_in_one_operation),
        row(test_after_fresh_login),
        row_used(test_without_operation),
        row_used(test_auth_key),
        row_used(test_refused_context_login),
        row(test_refused_after_fresh_login),
        row(test_unasked_after_fresh_login),
        row_used(test_abandoned_operations),
        row_used(test_consent_ends_with_operation),
        row_used(test_failed_signature_uses_it),
        row(test_looking_between),
        row_used(test_certificate_after_signature),
        world_test(test_consent_for_session),
    };
    return cmocka_run_group_tests_name("consent", tests, world_setup, world_teardown);
}

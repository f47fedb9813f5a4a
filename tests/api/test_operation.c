/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The states of a signing operation (PKCS#11 3.2, sections 5.2 and 5.13), and of a digest (5.12).
 */
#include "user.h"

#include <string.h>

#include "check.h"

static const uint8_t data[] = {1, 2, 3, 4, 5};
static uint8_t signature[SIGNATURE];
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE key;

static CK_BYTE *bytes(void)
{
    static CK_BYTE copy[sizeof(data)];
    memcpy(copy, data, sizeof(data));
    return copy;
}

static int begin(void **state)
{
    world_begin_initialized(state);
    session = user_logged_in(AUTH);
    key = user_key(session);
    twin_counters_clear();
    return 0;
}

static CK_RV init(void)
{
    return user_sign_init(session, CKM_SHA256_RSA_PKCS, key);
}

static CK_RV update(void)
{
    return C_SignUpdate(session, bytes(), sizeof(data));
}

static CK_RV final(void)
{
    CK_ULONG len = SIGNATURE;
    return C_SignFinal(session, signature, &len);
}

static CK_RV one_shot(void)
{
    return user_sign_data(session, data, sizeof(data), signature);
}

static void expect_no_operation(void)
{
    CK_ULONG len = 0;
    assert_rv(update(), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(final(), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(one_shot(), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(C_Sign(session, bytes(), 1, NULL, &len), CKR_OPERATION_NOT_INITIALIZED);
}

static void expect_works(void)
{
    assert_rv(init(), CKR_OK);
    assert_rv(one_shot(), CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, CKM_SHA256_RSA_PKCS, data, sizeof(data), signature));
    expect_no_operation();
}

static void test_nothing_begun(void **state)
{
    (void)state;
    expect_no_operation();
    assert_int_equal(twin_commands(), 0);
    expect_works();
}

static void test_init_twice(void **state)
{
    (void)state;
    assert_rv(init(), CKR_OK);
    assert_rv(init(), CKR_OPERATION_ACTIVE);
    assert_rv(user_sign_init(session, CKM_RSA_PKCS, key), CKR_OPERATION_ACTIVE);
    assert_rv(update(), CKR_OK);
    assert_rv(init(), CKR_OPERATION_ACTIVE);
    assert_rv(final(), CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, CKM_SHA256_RSA_PKCS, data, sizeof(data), signature));
    expect_works();
}

/* C_Sign "must be called after C_SignInit without intervening C_SignUpdate calls". */
static void test_update_then_one_shot(void **state)
{
    (void)state;
    assert_rv(init(), CKR_OK);
    assert_rv(update(), CKR_OK);
    assert_int_not_equal(one_shot(), CKR_OK);
    assert_int_equal(twin_commands_of(0x2A), 0);
    C_SessionCancel(session, CKF_SIGN);
    expect_works();
}

static void test_bad_arguments_keep_it(void **state)
{
    (void)state;
    CK_ULONG len = SIGNATURE;
    assert_rv(init(), CKR_OK);
    assert_rv(C_Sign(session, bytes(), sizeof(data), signature, NULL), CKR_ARGUMENTS_BAD);
    assert_rv(C_Sign(session, NULL, 1, signature, &len), CKR_ARGUMENTS_BAD);
    assert_rv(C_SignUpdate(session, NULL, 1), CKR_ARGUMENTS_BAD);
    assert_rv(C_SignFinal(session, signature, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(twin_commands_of(0x2A), 0);
    /* Whether an error ends the operation is for the module to say, but then cleanly. */
    CK_RV rv = one_shot();
    assert_true(rv == CKR_OK || rv == CKR_OPERATION_NOT_INITIALIZED);
    expect_works();
}

static void test_cancel_by_null(void **state)
{
    (void)state;
    assert_rv(init(), CKR_OK);
    assert_rv(C_SignInit(session, NULL, 0), CKR_OK);
    expect_no_operation();
    assert_rv(init(), CKR_OK);
    assert_rv(update(), CKR_OK);
    assert_rv(C_SignInit(session, NULL, key), CKR_OK);
    expect_no_operation();
    assert_int_equal(twin_commands_of(0x2A), 0);
    expect_works();
}

static void test_session_cancel(void **state)
{
    (void)state;
    assert_rv(C_SessionCancel(session, CKF_SIGN), CKR_OK);
    assert_rv(init(), CKR_OK);
    assert_rv(C_SessionCancel(session, CKF_DIGEST | CKF_FIND_OBJECTS | CKF_VERIFY), CKR_OK);
    assert_rv(one_shot(), CKR_OK);
    assert_rv(init(), CKR_OK);
    assert_rv(update(), CKR_OK);
    assert_rv(C_SessionCancel(session, CKF_SIGN), CKR_OK);
    expect_no_operation();
    assert_rv(init(), CKR_OK);
    assert_rv(C_SessionCancel(session, ~0UL), CKR_OK);
    expect_no_operation();
    expect_works();
}

static void test_logout_between(void **state)
{
    (void)state;
    assert_rv(init(), CKR_OK);
    assert_rv(update(), CKR_OK);
    assert_rv(C_Logout(session), CKR_OK);
    assert_int_not_equal(final(), CKR_OK);
    assert_int_equal(twin_commands_of(0x2A), 0);
    CK_RV rv = init();
    assert_true(rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_KEY_HANDLE_INVALID);
    user_login(session, AUTH);
    key = user_key(session);
    expect_no_operation(); /* it does not come back with the login */
    expect_works();
}

/* An operation does not live through a logout, also when nobody has touched it in between. */
static void test_logout_and_login_between(void **state)
{
    (void)state;
    CK_SESSION_HANDLE other = user_open(AUTH);
    assert_rv(init(), CKR_OK);
    assert_rv(update(), CKR_OK);
    assert_rv(C_Logout(other), CKR_OK);
    user_login(other, AUTH);
    assert_rv(final(), CKR_OPERATION_NOT_INITIALIZED);
    expect_works();
}

static void test_close_between(void **state)
{
    (void)state;
    CK_SESSION_HANDLE other = user_open(AUTH);
    assert_rv(init(), CKR_OK);
    assert_rv(update(), CKR_OK);
    assert_rv(C_CloseSession(session), CKR_OK);
    assert_rv(final(), CKR_SESSION_HANDLE_INVALID);
    session = other;
    expect_works();
}

static void test_card_gone_between(void **state)
{
    (void)state;
    assert_rv(init(), CKR_OK);
    assert_rv(update(), CKR_OK);
    twin_remove(READER_1);
    CK_RV rv = final();
    assert_true(rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_DEVICE_REMOVED);
    world_put(READER_1, CARD_1);
    rv = final();
    assert_true(rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_DEVICE_REMOVED);
    session = user_logged_in(AUTH);
    key = user_key(session);
    expect_works();
}

/* Two sessions of one token, step by step in turn; each gets its own signature. */
static void test_interleaved(void **state)
{
    (void)state;
    CK_BYTE first[] = "first", second[] = "second";
    uint8_t signatures[2][SIGNATURE];
    CK_ULONG len[2] = {SIGNATURE, SIGNATURE};
    CK_SESSION_HANDLE other = user_open(AUTH);
    assert_rv(user_sign_init(session, CKM_SHA256_RSA_PKCS, key), CKR_OK);
    assert_rv(user_sign_init(other, CKM_SHA512_RSA_PKCS, key), CKR_OK);
    assert_rv(C_SignUpdate(session, first, 3), CKR_OK);
    assert_rv(C_SignUpdate(other, second, 3), CKR_OK);
    assert_rv(C_SignUpdate(session, first + 3, 2), CKR_OK);
    assert_rv(C_SignUpdate(other, second + 3, 3), CKR_OK);
    assert_rv(C_SignFinal(other, signatures[1], &len[1]), CKR_OK);
    assert_rv(C_SignFinal(session, signatures[0], &len[0]), CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, CKM_SHA256_RSA_PKCS, first, 5, signatures[0]));
    assert_true(user_verify(CARD_1, AUTH, CKM_SHA512_RSA_PKCS, second, 6, signatures[1]));
}

/* An operation that can go on nowhere else is not to be saved. */
static void test_operation_state(void **state)
{
    (void)state;
    CK_BYTE room[64];
    CK_ULONG len = sizeof(room);
    assert_rv(C_GetOperationState(session, room, &len), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(init(), CKR_OK);
    assert_rv(C_GetOperationState(session, room, &len), CKR_STATE_UNSAVEABLE);
    assert_rv(one_shot(), CKR_OK);
}

/* After data that is too long, an error: the operation is over, the next one works. */
static void test_error_ends_it(void **state)
{
    (void)state;
    static CK_BYTE much[300];
    assert_rv(user_sign_init(session, CKM_RSA_PKCS, key), CKR_OK);
    assert_rv(C_SignUpdate(session, much, sizeof(much)), CKR_DATA_LEN_RANGE);
    expect_no_operation();
    assert_rv(user_sign_init(session, CKM_RSA_PKCS, key), CKR_OK);
    assert_rv(C_SignUpdate(session, much, 200), CKR_OK);
    assert_rv(C_SignUpdate(session, much, 46), CKR_DATA_LEN_RANGE);
    expect_no_operation();
    expect_works();
}

/* ---- digests ---- */

static void expect_digest(CK_RV rv, const uint8_t *hash, CK_ULONG len, const void *of,
                          size_t of_len)
{
    uint8_t expected[32];
    assert_rv(rv, CKR_OK);
    assert_int_equal(len, 32);
    check_sha256(of, of_len, expected);
    assert_memory_equal(hash, expected, 32);
}

static void test_digest(void **state)
{
    (void)state;
    static CK_BYTE much[5000];
    CK_BYTE hash[40];
    CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
    CK_ULONG len = 31;
    assert_rv(C_DigestInit(session, &sha256), CKR_OK);
    assert_rv(C_DigestInit(session, &sha256), CKR_OPERATION_ACTIVE);
    assert_rv(C_Digest(session, much, sizeof(much), NULL, &len), CKR_OK);
    assert_int_equal(len, 32);
    len = 31;
    assert_rv(C_Digest(session, much, sizeof(much), hash, &len), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(len, 32);
    len = sizeof(hash);
    CK_RV rv = C_Digest(session, much, sizeof(much), hash, &len);
    expect_digest(rv, hash, len, much, sizeof(much));
    assert_rv(C_Digest(session, much, 1, hash, &len), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(C_DigestInit(session, &sha256), CKR_OK);
    for (size_t done = 0; done < sizeof(much); done += 500)
        assert_rv(C_DigestUpdate(session, much + done, 500), CKR_OK);
    len = sizeof(hash);
    rv = C_DigestFinal(session, hash, &len);
    expect_digest(rv, hash, len, much, sizeof(much));
    assert_rv(C_DigestInit(session, &sha256), CKR_OK);
    len = sizeof(hash);
    rv = C_DigestFinal(session, hash, &len);
    expect_digest(rv, hash, len, "", 0);
    assert_int_equal(twin_commands(), 0);
}

/* C_Digest "must be called after C_DigestInit without intervening C_DigestUpdate calls". */
static void test_digest_states(void **state)
{
    (void)state;
    CK_BYTE hash[32];
    CK_ULONG len = sizeof(hash);
    CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0}, other = {CKM_SHA384, NULL, 0};
    CK_MECHANISM with_parameter = {CKM_SHA256, hash, 1};
    assert_rv(C_DigestInit(session, &other), CKR_MECHANISM_INVALID);
    assert_rv(C_DigestInit(session, &with_parameter), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(C_DigestInit(session, &sha256), CKR_OK);
    assert_rv(C_DigestUpdate(session, bytes(), 1), CKR_OK);
    assert_int_not_equal(C_Digest(session, bytes(), 1, hash, &len), CKR_OK);
    C_SessionCancel(session, CKF_DIGEST);
    assert_rv(C_DigestInit(session, &sha256), CKR_OK);
    assert_rv(C_DigestKey(session, key), CKR_KEY_INDIGESTIBLE);
    assert_rv(C_DigestKey(session, 0), CKR_KEY_HANDLE_INVALID);
    assert_rv(C_DigestInit(session, NULL), CKR_OK);
    assert_rv(C_DigestFinal(session, hash, &len), CKR_OPERATION_NOT_INITIALIZED);
}

/* Both at once in one session. */
static void test_digest_beside_signature(void **state)
{
    (void)state;
    CK_BYTE hash[32];
    CK_ULONG len = sizeof(hash);
    CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
    assert_rv(init(), CKR_OK);
    assert_rv(C_DigestInit(session, &sha256), CKR_OK);
    assert_rv(update(), CKR_OK);
    assert_rv(C_DigestUpdate(session, bytes(), sizeof(data)), CKR_OK);
    assert_rv(final(), CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, CKM_SHA256_RSA_PKCS, data, sizeof(data), signature));
    CK_RV rv = C_DigestFinal(session, hash, &len);
    expect_digest(rv, hash, len, data, sizeof(data));
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_nothing_begun),        row(test_init_twice),
        row(test_update_then_one_shot), row(test_bad_arguments_keep_it),
        row(test_cancel_by_null),       row(test_session_cancel),
        row(test_logout_between),       row(test_logout_and_login_between),
        row(test_close_between),        row(test_card_gone_between),
        row(test_interleaved),          row(test_operation_state),
        row(test_error_ends_it),        row(test_digest),
        row(test_digest_states),        row(test_digest_beside_signature),
    };
    return cmocka_run_group_tests_name("operation", tests, world_setup, world_teardown);
}

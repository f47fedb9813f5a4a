/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C_GetTokenInfo (PKCS#11 3.2, sections 3.2 and 5.5), mechanism lists, and the tries left.
 */
#include "user.h"

#include <string.h>

#define TRIES_FLAGS (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)
#define PLAIN_FLAGS (CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED)

static CK_TOKEN_INFO info_of(const char *reader, enum role role)
{
    CK_TOKEN_INFO info;
    memset(&info, 0xA5, sizeof(info));
    world_clock_add(5000); /* what was known of the tries is old */
    assert_rv(C_GetTokenInfo(user_slot(reader, role), &info), CKR_OK);
    return info;
}

static CK_FLAGS tries_of(enum role role)
{
    return info_of(READER_1, role).flags & TRIES_FLAGS;
}

static void test_info(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        CK_TOKEN_INFO info = info_of(READER_1, (enum role)role);
        assert_int_equal(info.flags, PLAIN_FLAGS); /* no CKF_RNG, no CKF_WRITE_PROTECTED */
        assert_int_equal(info.ulMinPinLen, role == AUTH ? 4 : 6);
        assert_int_equal(info.ulMaxPinLen, role == AUTH ? 4 : 16);
        assert_true(info.ulMaxSessionCount == CK_EFFECTIVELY_INFINITE ||
                    info.ulMaxSessionCount >= 64);
        assert_int_equal(info.ulSessionCount, 0);
        assert_int_equal(info.ulRwSessionCount, 0);
        assert_int_equal(info.ulTotalPublicMemory, CK_UNAVAILABLE_INFORMATION);
        assert_int_equal(info.ulFreePrivateMemory, CK_UNAVAILABLE_INFORMATION);
        const CK_UTF8CHAR *fields[] = {info.label, info.manufacturerID, info.model,
                                       info.serialNumber};
        const size_t sizes[] = {32, 32, 16, 16};
        for (size_t i = 0; i < 4; i++) {
            assert_int_not_equal(fields[i][0], ' ');
            for (size_t k = 0; k < sizes[i]; k++)
                assert_in_range(fields[i][k], 0x20, 0x7E); /* blank padded ASCII */
            assert_null(memchr(fields[i], ':', sizes[i]));
        }
        assert_memory_equal(info.model, "E16R01NJ        ", 16); /* of EF 0006 */
    }
}

static void test_japanese_labels(void **state)
{
    (void)state;
    CK_SLOT_ID slots[4];
    CK_ULONG count = 4;
    CK_TOKEN_INFO auth, sign;
    world_initialize("labels=japanese");
    assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    assert_int_equal(count, 2);
    assert_rv(C_GetTokenInfo(slots[0], &auth), CKR_OK);
    assert_rv(C_GetTokenInfo(slots[1], &sign), CKR_OK);
    assert_non_null(memmem(auth.label, 32, "利用者証明用", strlen("利用者証明用")));
    assert_non_null(memmem(sign.label, 32, "署名用", strlen("署名用")));
    assert_int_equal(auth.label[31], ' ');
    assert_int_equal(sign.label[31], ' ');
}

static void test_session_counts(void **state)
{
    (void)state;
    CK_SLOT_ID slot = user_first(AUTH);
    CK_SESSION_HANDLE ro;
    CK_SESSION_HANDLE rw = user_open_slot(slot);
    assert_rv(C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &ro), CKR_OK);
    CK_TOKEN_INFO info = info_of(READER_1, AUTH);
    assert_int_equal(info.ulSessionCount, 2);
    assert_int_equal(info.ulRwSessionCount, 1);
    assert_int_equal(info_of(READER_1, SIGN).ulSessionCount, 0);
    assert_rv(C_CloseSession(rw), CKR_OK);
    info = info_of(READER_1, AUTH);
    assert_int_equal(info.ulSessionCount, 1);
    assert_int_equal(info.ulRwSessionCount, 0);
    assert_rv(C_CloseAllSessions(slot), CKR_OK);
    assert_int_equal(info_of(READER_1, AUTH).ulSessionCount, 0);
    assert_int_equal(user_session_state(ro), CK_UNAVAILABLE_INFORMATION);
}

static void test_serial(void **state)
{
    (void)state;
    CK_TOKEN_INFO first = info_of(READER_1, AUTH);
    CK_TOKEN_INFO sign = info_of(READER_1, SIGN);
    assert_memory_equal(first.serialNumber, sign.serialNumber, 16);
    world_put(READER_1, CARD_2);
    CK_TOKEN_INFO other = info_of(READER_1, AUTH);
    assert_memory_not_equal(first.serialNumber, other.serialNumber, 16);
    assert_memory_equal(other.serialNumber, info_of(READER_1, SIGN).serialNumber, 16);
    world_put(READER_1, CARD_1);
    assert_memory_equal(first.serialNumber, info_of(READER_1, AUTH).serialNumber, 16);
    world_put(READER_2, CARD_1);
    assert_memory_equal(first.serialNumber, info_of(READER_2, AUTH).serialNumber, 16);
    assert_rv(C_Finalize(NULL), CKR_OK);
    world_initialize(NULL);
    assert_memory_equal(first.serialNumber, info_of(READER_1, AUTH).serialNumber, 16);
}

/* On a telephone the certificate is not free: its CA's file and EF 0006 must do. */
static void test_serial_of_smartphone(void **state)
{
    (void)state;
    world_card_set(CARD_1, "label", "JPKIAPGPSETOKEN");
    world_card_set(CARD_1, "auth-cert-pin", "yes");
    world_put(READER_1, CARD_1);
    CK_TOKEN_INFO first = info_of(READER_1, AUTH);
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    assert_memory_equal(first.serialNumber, info_of(READER_1, AUTH).serialNumber, 16);
    assert_int_not_equal(user_object(session, CKO_CERTIFICATE, 1), 0);
    assert_memory_equal(first.serialNumber, info_of(READER_1, AUTH).serialNumber, 16);
    world_card_set(CARD_1, "serial", "0000000099000002");
    world_put(READER_1, CARD_1);
    assert_memory_not_equal(first.serialNumber, info_of(READER_1, AUTH).serialNumber, 16);
}

/* ---- tries ---- */

struct tries_case {
    enum role role;
    unsigned left;
    CK_FLAGS flags;
};

static void test_tries_flags(void **state)
{
    (void)state;
    static const struct tries_case cases[] = {
        {AUTH, 2, CKF_USER_PIN_COUNT_LOW},
        {AUTH, 1, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY},
        {AUTH, 0, CKF_USER_PIN_LOCKED},
        {SIGN, 4, CKF_USER_PIN_COUNT_LOW},
        {SIGN, 2, CKF_USER_PIN_COUNT_LOW},
        {SIGN, 1, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY},
        {SIGN, 0, CKF_USER_PIN_LOCKED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum role other = cases[i].role == AUTH ? SIGN : AUTH;
        world_end(state);
        world_begin_initialized(state);
        user_first(AUTH);
        world_spend_tries(READER_1, cases[i].role, cases[i].left);
        twin_counters_clear();
        CK_FLAGS flags = tries_of(cases[i].role);
        /* Locked is the whole truth; whether LOW is also set then is not said. */
        if (cases[i].left == 0)
            flags &= CKF_USER_PIN_LOCKED;
        assert_int_equal(flags, cases[i].flags);
        assert_int_equal(tries_of(other), 0);
        assert_int_equal(twin_verifies(), 0);
    }
}

/* The other token, and all certificates, as if nothing had happened. */
static void test_locked_leaves_the_other(void **state)
{
    static const uint8_t data[] = {1, 2, 3};
    static const char *const old_lock[] = {"no", "yes"};
    uint8_t signature[SIGNATURE];
    for (int role = AUTH; role <= SIGN; role++)
        for (int old = 0; old < 2; old++) {
            enum role other = role == AUTH ? SIGN : AUTH;
            world_end(state);
            world_begin(state);
            world_card_set(CARD_1, "old-lock", old_lock[old]);
            world_put(READER_1, CARD_1);
            world_spend_tries(READER_1, (enum role)role, 0);
            world_initialize(NULL);
            twin_counters_clear();
            CK_SESSION_HANDLE locked = user_open((enum role)role);
            assert_rv(user_try_login(locked, CKU_USER, user_pin[role]), CKR_PIN_LOCKED);
            assert_int_equal(twin_verifies(), 0);
            assert_int_equal(tries_of((enum role)role) & CKF_USER_PIN_LOCKED, CKF_USER_PIN_LOCKED);
            if (role == AUTH)
                assert_int_not_equal(user_object(locked, CKO_CERTIFICATE, 1), 0);
            CK_SESSION_HANDLE session = user_logged_in(other);
            CK_OBJECT_HANDLE key = user_key(session);
            assert_rv(user_sign(session, CKM_RSA_PKCS, key, data, 3, signature), CKR_OK);
            assert_true(user_verify(CARD_1, other, CKM_RSA_PKCS, data, 3, signature));
            assert_int_equal(tries_of(other), 0);
        }
}

/* A wrong PIN, then the right one. */
static void test_tries_live(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH);
    assert_rv(user_try_login(session, CKU_USER, "9999"), CKR_PIN_INCORRECT);
    CK_TOKEN_INFO info; /* without waiting */
    assert_rv(C_GetTokenInfo(user_first(AUTH), &info), CKR_OK);
    assert_int_equal(info.flags & TRIES_FLAGS, CKF_USER_PIN_COUNT_LOW);
    user_login(session, AUTH);
    assert_rv(C_GetTokenInfo(user_first(AUTH), &info), CKR_OK);
    assert_int_equal(info.flags & TRIES_FLAGS, 0);
    assert_int_equal(twin_verifies(), 2);
}

/* ---- mechanisms ---- */

static bool lists(const CK_MECHANISM_TYPE *list, CK_ULONG count, CK_MECHANISM_TYPE type)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (list[i] == type)
            return true;
    return false;
}

/* Exactly these, CKM_RSA_PKCS first: the list itself and the descriptions agree. */
static void expect_mechanisms(enum role role, const CK_MECHANISM_TYPE *expected, CK_ULONG count)
{
    CK_MECHANISM_TYPE list[32];
    CK_MECHANISM_INFO info;
    CK_SLOT_ID slot = user_first(role);
    CK_ULONG got = 0;
    assert_rv(C_GetMechanismList(slot, NULL, &got), CKR_OK);
    assert_int_equal(got, count);
    got = count - 1;
    assert_rv(C_GetMechanismList(slot, list, &got), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(got, count);
    assert_rv(C_GetMechanismList(slot, list, &got), CKR_OK);
    assert_int_equal(got, count);
    assert_int_equal(list[0], CKM_RSA_PKCS);
    for (CK_ULONG i = 0; i < count; i++)
        assert_true(lists(list, got, expected[i]));
    for (CK_MECHANISM_TYPE type = 0; type < 0x2000; type++) {
        CK_RV rv = C_GetMechanismInfo(slot, type, &info);
        assert_rv(rv, lists(expected, count, type) ? CKR_OK : CKR_MECHANISM_INVALID);
        if (rv != CKR_OK)
            continue;
        if (type == CKM_SHA256) {
            assert_int_equal(info.flags, CKF_DIGEST);
            continue;
        }
        assert_int_equal(info.flags, CKF_HW | CKF_SIGN);
        assert_int_equal(info.ulMinKeySize, 2048);
        assert_int_equal(info.ulMaxKeySize, 2048);
    }
}

static const CK_MECHANISM_TYPE plain[] = {CKM_RSA_PKCS, CKM_SHA256};
static const CK_MECHANISM_TYPE everything[] = {
    CKM_RSA_PKCS,        CKM_SHA1_RSA_PKCS,   CKM_SHA224_RSA_PKCS,
    CKM_SHA256_RSA_PKCS, CKM_SHA384_RSA_PKCS, CKM_SHA512_RSA_PKCS,
    CKM_SHA256,          CKM_RSA_PKCS_PSS,    CKM_SHA256_RSA_PKCS_PSS};

static void test_mechanisms(void **state)
{
    (void)state;
    expect_mechanisms(AUTH, everything, 9);
    expect_mechanisms(SIGN, plain, 2);
}

static void test_mechanisms_without_pss(void **state)
{
    (void)state;
    world_initialize("pss=no");
    expect_mechanisms(AUTH, everything, 7);
    expect_mechanisms(SIGN, plain, 2);
}

/* Without consent for each signature there is no reason to hide the hashing ones. */
static void test_mechanisms_without_consent(void **state)
{
    (void)state;
    world_initialize("sign.consent=session");
    expect_mechanisms(SIGN, everything, 9);
}

/* Nobody has seen one sign PSS. */
static void test_mechanisms_of_smartphone(void **state)
{
    (void)state;
    world_card_set(CARD_1, "label", "JPKIAPGPSETOKEN");
    world_card_set(CARD_1, "auth-cert-pin", "yes");
    world_put(READER_1, CARD_1);
    world_initialize(NULL);
    expect_mechanisms(AUTH, everything, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test_initialized(test_info),
        world_test(test_japanese_labels),
        world_test_initialized(test_session_counts),
        world_test_initialized(test_serial),
        world_test_initialized(test_serial_of_smartphone),
        world_test_initialized(test_tries_flags),
        world_test_initialized(test_locked_leaves_the_other),
        world_test_initialized(test_tries_live),
        world_test_initialized(test_mechanisms),
        world_test(test_mechanisms_without_pss),
        world_test(test_mechanisms_without_consent),
        world_test(test_mechanisms_of_smartphone),
    };
    return cmocka_run_group_tests_name("token", tests, world_setup, world_teardown);
}

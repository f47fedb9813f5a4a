/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every step fails once: each scenario is run with its reader call number k failing, for all k, for
 * each error that a reader can give, instead of being done or after it. Whatever happens: an honest
 * code, no wrong signature, no PIN shown to the card twice, nothing left open; and once the fault
 * is gone the same scenario works.
 */
#include "user.h"

#include <stdio.h>
#include <string.h>

static const uint8_t data[] = {1, 2, 3, 4, 5};

struct scenario {
    const char *name;
    CK_RV (*run)(enum role role);
    const char *settings;
    unsigned verifies[2]; /* by role: as many as it takes without faults */
};

/* ---- steps that may fail ---- */

/* Programs ask for slots in their main loop, and one that fails breaks all modules of p11-kit: it
 * never fails for a reader's reasons, only without memory. */
static void expect_no_failure(CK_RV rv)
{
    if (rv != CKR_OK && rv != CKR_HOST_MEMORY)
        fail_msg("the slots: 0x%lX", rv);
}

static CK_RV find_slot(enum role role, CK_SLOT_ID *slot)
{
    CK_SLOT_ID slots[8];
    CK_SLOT_INFO info;
    CK_ULONG count = 0, room = 8;
    CK_RV rv = C_GetSlotList(CK_FALSE, NULL, &count);
    expect_no_failure(rv);
    if (rv == CKR_OK)
        rv = C_GetSlotList(CK_TRUE, slots, &room);
    expect_no_failure(rv);
    if (rv == CKR_OK && room < 2)
        return CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK)
        rv = C_GetSlotInfo(slots[role], &info);
    expect_no_failure(rv);
    *slot = rv == CKR_OK ? slots[role] : 0;
    return rv;
}

static CK_RV open_session(enum role role, CK_SESSION_HANDLE *session)
{
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    CK_RV rv = find_slot(role, &slot);
    if (rv == CKR_OK)
        rv = C_GetTokenInfo(slot, &info);
    if (rv == CKR_OK)
        rv = C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, session);
    return rv;
}

static CK_RV find_object(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, uint8_t id,
                         CK_OBJECT_HANDLE *object)
{
    CK_ULONG count = 0;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_ID, &id, sizeof(id)}};
    CK_RV rv = C_FindObjectsInit(session, wanted, 2);
    if (rv == CKR_OK)
        rv = C_FindObjects(session, object, 1, &count);
    if (rv == CKR_OK)
        rv = C_FindObjectsFinal(session);
    /* A certificate that could not be read is perhaps not seen. */
    return rv == CKR_OK && count == 0 ? CKR_OBJECT_HANDLE_INVALID : rv;
}

static CK_RV read_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BYTE value[4096];
    CK_ATTRIBUTE attribute = {type, value, sizeof(value)};
    return C_GetAttributeValue(session, object, &attribute, 1);
}

/* ---- scenarios ---- */

static CK_RV list(enum role role)
{
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    CK_MECHANISM_TYPE mechanisms[32];
    CK_ULONG count = 32;
    CK_RV rv = find_slot(role, &slot);
    if (rv == CKR_OK)
        rv = C_GetTokenInfo(slot, &info);
    if (rv == CKR_OK)
        rv = C_GetMechanismList(slot, mechanisms, &count);
    return rv;
}

static CK_RV login(enum role role)
{
    CK_SESSION_HANDLE session;
    CK_RV rv = open_session(role, &session);
    if (rv == CKR_OK)
        rv = user_try_login(session, CKU_USER, user_pin[role]);
    if (rv == CKR_OK)
        rv = C_Logout(session);
    return rv;
}

static CK_RV read_all(enum role role)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE certificate = 0;
    uint8_t id = role == AUTH ? 1 : 2;
    CK_RV rv = open_session(role, &session);
    if (rv == CKR_OK && role == SIGN)
        rv = user_try_login(session, CKU_USER, SIGN_PIN);
    if (rv == CKR_OK)
        rv = find_object(session, CKO_CERTIFICATE, id, &certificate);
    if (rv == CKR_OK)
        rv = read_value(session, certificate, CKA_VALUE);
    if (rv == CKR_OK)
        rv = find_object(session, CKO_CERTIFICATE, role == AUTH ? 3 : 4, &certificate);
    if (rv == CKR_OK)
        rv = read_value(session, certificate, CKA_SUBJECT);
    return rv;
}

static CK_RV sign_by(enum role role, CK_MECHANISM_TYPE type)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key = 0;
    uint8_t signature[SIGNATURE];
    CK_RV rv = open_session(role, &session);
    if (rv == CKR_OK)
        rv = user_try_login(session, CKU_USER, user_pin[role]);
    if (rv == CKR_OK)
        rv = find_object(session, CKO_PRIVATE_KEY, role == AUTH ? 1 : 2, &key);
    if (rv != CKR_OK)
        return rv;
    memset(signature, 0xA5, sizeof(signature));
    rv = user_sign(session, type, key, data, sizeof(data), signature);
    if (rv == CKR_OK)
        assert_true(user_verify(CARD_1, role, type, data, sizeof(data), signature));
    else
        for (size_t i = 0; i < sizeof(signature); i++)
            assert_int_equal(signature[i], 0xA5);
    return rv;
}

static CK_RV sign(enum role role)
{
    return sign_by(role, CKM_RSA_PKCS);
}

static CK_RV sign_pss(enum role role)
{
    return sign_by(role, CKM_SHA256_RSA_PKCS_PSS);
}

static const struct scenario scenarios[] = {
    {"list", list, NULL, {0, 0}},
    {"login", login, NULL, {1, 1}},
    {"read", read_all, NULL, {0, 2}},
    {"sign", sign, NULL, {2, 2}},
    {"sign PSS", sign_pss, NULL, {2, 2}},
    {"login, no isolation", login, "isolation=no", {1, 1}},
    {"sign, no isolation", sign, "isolation=no", {1, 1}},
};

/* ---- all faults ---- */

static const enum err errors[] = {ERR_NO_SERVICE, ERR_NO_READER, ERR_NO_CARD,
                                  ERR_BUSY,       ERR_TRANSPORT, ERR_MEMORY};

struct fault {
    const struct scenario *scenario;
    enum role role;
    long k;
    enum err error;
    bool after;
};

static void complain(const struct fault *fault, const char *what, CK_RV rv)
{
    fail_msg("%s, %s, call %ld, error %d%s: %s: 0x%lX", fault->scenario->name,
             user_label[fault->role], fault->k, (int)fault->error, fault->after ? " after" : "",
             what, rv);
}

static bool is_honest(CK_RV rv)
{
    switch (rv) {
    case CKR_OK: /* it was not needed, or was done again */
    case CKR_HOST_MEMORY:
    case CKR_FUNCTION_CANCELED:
    case CKR_FUNCTION_FAILED:
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_USER_NOT_LOGGED_IN:
        return true;
    default:
        return false;
    }
}

/* Another program finds nothing open, where the card is still powered. */
static bool is_closed(const struct fault *fault)
{
    bool gone = fault->error == ERR_NO_SERVICE || fault->error == ERR_NO_READER ||
                fault->error == ERR_NO_CARD;
    if (gone || fault->scenario->settings != NULL)
        return true;
    world_other_program(READER_1, "00A4040C0AD392F000260100000001");
    return world_other_program(READER_1, "00B0810000") == 0x6982 &&
           world_other_program(READER_1, "802A00970330313200") == 0x6982 &&
           world_other_program(READER_1, "802A009A0330313200") == 0x6982;
}

/* One run with one fault. False when the scenario has fewer calls than that. */
static bool strike(void **state, const struct fault *fault)
{
    const struct scenario *s = fault->scenario;
    world_end(state);
    world_begin(state);
    world_initialize(s->settings);
    twin_calls_clear();
    twin_fail_call(fault->k, fault->error, fault->after);
    CK_RV rv = s->run(fault->role);
    bool struck = twin_calls() > (unsigned long)fault->k;
    twin_fail_call(-1, ERR_OK, false);
    if (!is_honest(rv))
        complain(fault, "an odd code", rv);
    if (!struck && rv != CKR_OK)
        complain(fault, "no fault, but an error", rv);
    if (twin_verifies() > s->verifies[fault->role])
        complain(fault, "too many VERIFY", twin_verifies());
    if (twin_open_transactions() != 0)
        complain(fault, "a transaction was left open", rv);
    if (!is_closed(fault))
        complain(fault, "the card was left open", rv);
    world_clock_add(5000); /* a card that could not be asked is asked again after a while */
    C_CloseAllSessions(0);
    C_CloseAllSessions(1);
    rv = s->run(fault->role);
    if (rv != CKR_OK)
        complain(fault, "afterwards", rv);
    return struck;
}

static void strike_all(void **state, const struct scenario *scenario)
{
    unsigned runs = 0;
    for (int role = AUTH; role <= SIGN; role++)
        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
            for (int after = 0; after < 2; after++) {
                struct fault fault = {scenario, (enum role)role, 0, errors[i], after != 0};
                while (strike(state, &fault))
                    fault.k++;
                runs += (unsigned)fault.k;
                assert_in_range(fault.k, 5, 500);
            }
    print_message("%s: %u runs\n", scenario->name, runs);
}

static void test_list(void **state)
{
    strike_all(state, &scenarios[0]);
}

static void test_login(void **state)
{
    strike_all(state, &scenarios[1]);
}

static void test_read(void **state)
{
    strike_all(state, &scenarios[2]);
}

static void test_sign(void **state)
{
    strike_all(state, &scenarios[3]);
}

static void test_sign_pss(void **state)
{
    strike_all(state, &scenarios[4]);
}

static void test_login_without_isolation(void **state)
{
    strike_all(state, &scenarios[5]);
}

static void test_sign_without_isolation(void **state)
{
    strike_all(state, &scenarios[6]);
}

/* ---- a wrong PIN and a fault ---- */

/* Of three tries at most one is gone, whatever is lost on the way. */
static void test_wrong_pin(void **state)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        for (int after = 0; after < 2; after++) {
            bool struck = true;
            for (long k = 0; struck; k++) {
                CK_SESSION_HANDLE session = 0;
                world_end(state);
                world_begin(state);
                world_initialize(NULL);
                twin_calls_clear();
                twin_fail_call(k, errors[i], after != 0);
                CK_RV rv = open_session(AUTH, &session);
                if (rv == CKR_OK)
                    rv = user_try_login(session, CKU_USER, "9999");
                struck = twin_calls() > (unsigned long)k;
                twin_fail_call(-1, ERR_OK, false);
                assert_int_not_equal(rv, CKR_OK);
                assert_true(is_honest(rv) || rv == CKR_PIN_INCORRECT);
                assert_in_range(twin_verifies(), 0, 1);
                world_other_program(READER_1, "00A4040C0AD392F000260100000001");
                world_other_program(READER_1, "00A4020C020018");
                assert_in_range(world_other_program(READER_1, "00200080"), 0x63C2, 0x63C3);
            }
        }
}

/* C_Finalize under fire: whatever fails, it ends, and the next C_Initialize starts afresh. */
static void test_finalize(void **state)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        for (long k = 0; k < 12; k++) {
            world_end(state);
            world_begin(state);
            world_initialize("isolation=no");
            user_logged_in(AUTH);
            user_logged_in(SIGN);
            twin_calls_clear();
            twin_fail_call(k, errors[i], false);
            assert_rv(C_Finalize(NULL), CKR_OK);
            twin_fail_call(-1, ERR_OK, false);
            assert_int_equal(twin_open_transactions(), 0);
            world_initialize(NULL);
            assert_rv(sign(AUTH), CKR_OK);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_list),
        world_test(test_login),
        world_test(test_read),
        world_test(test_sign),
        world_test(test_sign_pss),
        world_test(test_login_without_isolation),
        world_test(test_sign_without_isolation),
        world_test(test_wrong_pin),
        world_test(test_finalize),
    };
    return cmocka_run_group_tests_name("faults", tests, world_setup, world_teardown);
}

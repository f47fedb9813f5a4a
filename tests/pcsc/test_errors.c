/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every call of PC/SC fails once: what a program does with the module is done with call number k
 * failing, for all k, with the errors that PC/SC knows; and with the answer to command k lost after
 * the card has done it. Whatever happens: a code that fits, no PIN shown to the card twice, no
 * transaction left open, nothing open on the card for other programs; and once all is well again,
 * so is the program. Usually each call gets one error, another one in each place; with the argument
 * "all" each call gets all of them.
 */
#include "pcsc/script.h"

#include <stdlib.h>
#include <string.h>

#include "api/other.h"
#include "api/user.h"

#define ROW(code, gone)                                                                            \
    {                                                                                              \
        code, #code, gone                                                                          \
    }

static const struct error {
    LONG code;
    const char *name;
    bool gone; /* says that the card, the reader or the service is gone */
} errors[] = {
    ROW(SCARD_W_REMOVED_CARD, true),        ROW(SCARD_W_RESET_CARD, false),
    ROW(SCARD_W_UNPOWERED_CARD, false),     ROW(SCARD_W_UNRESPONSIVE_CARD, false),
    ROW(SCARD_E_NO_SMARTCARD, true),        ROW(SCARD_E_READER_UNAVAILABLE, true),
    ROW(SCARD_E_UNKNOWN_READER, true),      ROW(SCARD_E_NO_READERS_AVAILABLE, true),
    ROW(SCARD_E_NO_SERVICE, true),          ROW(SCARD_E_SERVICE_STOPPED, true),
    ROW(SCARD_E_INVALID_HANDLE, true),      ROW(SCARD_F_COMM_ERROR, true),
    ROW(SCARD_F_INTERNAL_ERROR, true),      ROW(SCARD_E_SHARING_VIOLATION, false),
    ROW(SCARD_E_NOT_TRANSACTED, false),     ROW(SCARD_E_TIMEOUT, false),
    ROW(SCARD_E_CANCELLED, false),          ROW(SCARD_E_INSUFFICIENT_BUFFER, false),
    ROW(SCARD_E_PROTO_MISMATCH, false),     ROW(SCARD_E_NO_MEMORY, false),
    ROW(SCARD_W_SECURITY_VIOLATION, false), ROW(SCARD_E_INVALID_PARAMETER, false),
    ROW((LONG)0x80101234, false), /* that nobody knows */
};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static const char *const new_pin[2] = {"4321", "XYZ789"};
static bool all_errors;
static CK_RV login_rv; /* of the last C_Login; CKR_OK when there was none */

/* ---- what a program does ---- */

static CK_RV open_session(enum role role, CK_SESSION_HANDLE *session)
{
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    CK_TOKEN_INFO info;
    CK_RV rv = C_GetSlotList(CK_TRUE, slots, &count);
    if (rv == CKR_OK && count != 2)
        rv = CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK)
        rv = C_GetTokenInfo(slots[role], &info);
    if (rv == CKR_OK)
        rv = C_OpenSession(slots[role], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);
    return rv;
}

static CK_RV log_in(enum role role, CK_SESSION_HANDLE *session)
{
    CK_RV rv = open_session(role, session);
    if (rv == CKR_OK)
        rv = login_rv = user_try_login(*session, CKU_USER, user_pin[role]);
    return rv;
}

static CK_RV list(enum role role)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    CK_RV rv = open_session(role, &session);
    if (rv == CKR_OK)
        rv = user_try_object(session, CKO_PUBLIC_KEY, 0, &key);
    /* The signature key's stands in a certificate that is not read without login. */
    return role == SIGN && rv == CKR_OBJECT_HANDLE_INVALID ? CKR_OK : rv;
}

static CK_RV read_certificate(enum role role)
{
    CK_BYTE value[4096];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE certificate;
    CK_RV rv = role == SIGN ? log_in(role, &session) : open_session(role, &session);
    if (rv == CKR_OK)
        rv = user_try_object(session, CKO_CERTIFICATE, 0, &certificate);
    return rv == CKR_OK ? C_GetAttributeValue(session, certificate, &attribute, 1) : rv;
}

static CK_RV login(enum role role)
{
    CK_SESSION_HANDLE session;
    CK_RV rv = log_in(role, &session);
    return rv == CKR_OK ? C_Logout(session) : rv;
}

static CK_RV sign(enum role role)
{
    static const uint8_t data[] = {1, 2, 3, 4, 5};
    uint8_t signature[SIGNATURE];
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    CK_RV rv = log_in(role, &session);
    if (rv == CKR_OK)
        rv = user_try_object(session, CKO_PRIVATE_KEY, 0, &key);
    if (rv == CKR_OK)
        rv = user_sign(session, CKM_SHA256_RSA_PKCS, key, data, sizeof(data), signature);
    if (rv == CKR_OK)
        assert_true(user_verify(CARD_1, role, CKM_SHA256_RSA_PKCS, data, 5, signature));
    return rv;
}

static CK_RV change_pin(enum role role)
{
    CK_SESSION_HANDLE session;
    CK_RV rv = open_session(role, &session);
    return rv == CKR_OK ? user_set_pin(session, user_pin[role], new_pin[role]) : rv;
}

static const struct scenario {
    const char *name;
    CK_RV (*run)(enum role role);
    const char *settings;
    unsigned verifies[2]; /* by role: as many as it takes when nothing fails */
    bool extended;        /* card and reader take extended commands */
} scenarios[] = {
    {"list", list, NULL, {0, 0}, false},
    {"read", read_certificate, NULL, {0, 2}, false},
    {"login", login, NULL, {1, 1}, false},
    {"sign", sign, NULL, {2, 2}, false},
    {"sign, no isolation", sign, "isolation=no", {1, 1}, false},
    {"change PIN", change_pin, NULL, {1, 1}, false},
    {"read, extended", read_certificate, NULL, {0, 2}, true},
};

/* ---- one fault ---- */

struct strike {
    const struct scenario *scenario;
    enum role role;
    unsigned long k;
    const struct error *error;
    bool after;
};

static void complain(const struct strike *s, const char *what, CK_RV rv)
{
    fail_msg("%s, %s, call %lu (%s), %s%s: %s: 0x%lX", s->scenario->name, user_label[s->role], s->k,
             script_call_name(s->k), s->error->name, s->after ? " after" : "", what, rv);
}

static bool fits(const struct strike *s, CK_RV rv)
{
    const struct error *error = s->error;
    switch (rv) {
    case CKR_OK:                    /* it was not needed, or could be done again */
    case CKR_TOKEN_NOT_PRESENT:     /* the token is not in the list */
    case CKR_TOKEN_NOT_RECOGNIZED:  /* the card cannot be asked */
    case CKR_OBJECT_HANDLE_INVALID: /* this program's own code: nothing was found */
    case CKR_DEVICE_REMOVED:        /* a new connection may find anything */
    case CKR_SESSION_HANDLE_INVALID:
        return true;
    case CKR_DEVICE_ERROR:
        return !error->gone || error->code == SCARD_F_INTERNAL_ERROR;
    case CKR_USER_NOT_LOGGED_IN: /* a login that the card holds ends with its power */
        return s->scenario->settings != NULL;
    case CKR_HOST_MEMORY:
        return error->code == SCARD_E_NO_MEMORY;
    default:
        return false;
    }
}

static void put_back(void)
{
    script_fail(-1, SCARD_S_SUCCESS, false);
    twin_service(true);
    twin_reader(READER_1, true);
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_1));
}

/* Which PIN holds must be what the code said; or it said that it is not known. */
static void check_pins(const struct strike *s, CK_RV rv)
{
    bool is_new = world_pin_is(s->role, new_pin[s->role]);
    bool is_old = !is_new && world_pin_is(s->role, user_pin[s->role]);
    if (is_new == is_old)
        complain(s, "neither PIN holds", rv);
    if (rv == CKR_OK && !is_new)
        complain(s, "the new PIN does not hold", rv);
    if (rv == CKR_FUNCTION_FAILED && !is_old)
        complain(s, "the old PIN does not hold", rv);
}

static void check_strike(const struct strike *s, CK_RV rv)
{
    bool changes = s->scenario->run == change_pin;
    /* A lost answer to the change is cleared up by two more, of which the last is right. */
    unsigned most = s->scenario->verifies[s->role] + (changes ? 2 : 0);
    if (!fits(s, rv) && !(changes && rv == CKR_FUNCTION_FAILED))
        complain(s, "a code that does not fit", rv);
    if (twin_verifies() > most)
        complain(s, "too many VERIFY", twin_verifies());
    if (twin_open_transactions() != 0)
        complain(s, "a transaction was left open", rv);
}

/* Now all is well again, and so must be what the program does. */
static void expect_recovery(const struct strike *s, CK_RV before)
{
    const struct scenario *scenario = s->scenario;
    CK_SESSION_HANDLE session;
    put_back();
    world_clock_add(5000); /* a card that could not be asked is asked again after a while */
    C_CloseAllSessions(0);
    C_CloseAllSessions(1);
    if (scenario->run == change_pin)
        check_pins(s, before);
    CK_RV rv = scenario->run(s->role);
    if (scenario->run == change_pin && rv == CKR_PIN_INCORRECT) /* it was changed before */
        rv = open_session(s->role, &session) == CKR_OK
                 ? user_set_pin(session, new_pin[s->role], user_pin[s->role])
                 : CKR_GENERAL_ERROR;
    if (rv != CKR_OK)
        complain(s, "afterwards", rv);
    if (C_Finalize(NULL) != CKR_OK || script_contexts() + script_handles() != 0)
        complain(s, "contexts and handles are left", script_contexts() + script_handles());
}

static void start(void **state, const char *settings, bool extended)
{
    world_end(state);
    world_begin(state);
    if (extended)
        world_announce_extended(true);
    world_initialize(settings);
    twin_counters_clear();
    twin_calls_clear();
    login_rv = CKR_OK;
}

static void strike(void **state, const struct strike *s)
{
    start(state, s->scenario->settings, s->scenario->extended);
    script_fail((long)s->k, s->error->code, s->after);
    CK_RV rv = s->scenario->run(s->role);
    assert_true(twin_calls() > s->k);
    check_strike(s, rv);
    bool closed = s->scenario->settings == NULL || login_rv != CKR_OK;
    if (closed && script_is_ready(READER_1) && !other_finds_closed())
        complain(s, "the card was left open", rv);
    expect_recovery(s, rv);
}

/* Each of COUNT errors from the first on, or all of them. */
static unsigned strike_with(void **state, struct strike *s, size_t first)
{
    size_t count = all_errors ? ERRORS : 1;
    for (size_t i = 0; i < count; i++) {
        s->error = &errors[(first + i) % ERRORS];
        strike(state, s);
    }
    return (unsigned)count;
}

/* So many calls does it take when nothing fails. WHAT gets their names. */
static unsigned long count_calls(void **state, const struct scenario *scenario, enum role role,
                                 const char **what, size_t room)
{
    start(state, scenario->settings, scenario->extended);
    assert_rv(scenario->run(role), CKR_OK);
    assert_int_equal(twin_verifies(), scenario->verifies[role]);
    unsigned long calls = twin_calls();
    assert_in_range(calls, 5, room);
    for (unsigned long k = 0; k < calls; k++)
        what[k] = script_call_name(k);
    return calls;
}

static void strike_all(void **state, const struct scenario *scenario)
{
    const char *what[300];
    unsigned runs = 0;
    for (int role = AUTH; role <= SIGN; role++) {
        struct strike s = {.scenario = scenario, .role = (enum role)role};
        unsigned long calls = count_calls(state, scenario, s.role, what, 300);
        size_t first = (size_t)(scenario - scenarios) * 3 + (size_t)role * 11;
        for (s.k = 0; s.k < calls; s.k++) {
            s.after = false;
            runs += strike_with(state, &s, first + 5 * s.k);
            s.after = true;
            if (strcmp(what[s.k], "SCardTransmit") == 0)
                runs += strike_with(state, &s, first + 7 * s.k);
        }
    }
    print_message("%s: %u runs\n", scenario->name, runs);
}

static void test_list(void **state)
{
    strike_all(state, &scenarios[0]);
}

static void test_read(void **state)
{
    strike_all(state, &scenarios[1]);
}

static void test_login(void **state)
{
    strike_all(state, &scenarios[2]);
}

static void test_sign(void **state)
{
    strike_all(state, &scenarios[3]);
}

static void test_sign_without_isolation(void **state)
{
    strike_all(state, &scenarios[4]);
}

static void test_change_pin(void **state)
{
    strike_all(state, &scenarios[5]);
}

static void test_read_extended(void **state)
{
    strike_all(state, &scenarios[6]);
}

/* ---- others ---- */

/* Of three tries at most one is gone, whatever becomes of the answer. */
static void test_wrong_pin(void **state)
{
    for (size_t i = 0; i < ERRORS; i++)
        for (int after = 0; after < 2; after++)
            for (int more = 0; more < 2; more++) {
                CK_SESSION_HANDLE session;
                start(state, more != 0 ? "isolation=no" : NULL, false);
                assert_rv(open_session(AUTH, &session), CKR_OK);
                twin_calls_clear();
                /* connected: the attribute, the transaction, SELECT, the PIN's file, its tries */
                script_fail(5, errors[i].code, after != 0);
                CK_RV rv = user_try_login(session, CKU_USER, "9999");
                assert_string_equal(script_call_name(5), "SCardTransmit");
                assert_int_not_equal(rv, CKR_OK);
                assert_int_not_equal(rv, CKR_FUNCTION_CANCELED);
                assert_int_equal(twin_verifies(), after);
                put_back();
                assert_in_range(world_tries(AUTH), 2, 3);
            }
}

/* C_Finalize under fire: whatever fails, it ends, and leaves nothing open. */
static void test_finalize(void **state)
{
    for (size_t i = 0; i < ERRORS; i++)
        for (long k = 0, calls = 1; k < calls; k += all_errors ? 1 : 5) {
            CK_SESSION_HANDLE session;
            start(state, "isolation=no", false);
            assert_rv(log_in(AUTH, &session), CKR_OK);
            assert_rv(log_in(SIGN, &session), CKR_OK);
            twin_calls_clear();
            script_fail(k + (long)i % 5, errors[i].code, false);
            assert_rv(C_Finalize(NULL), CKR_OK);
            calls = (long)twin_calls();
            assert_in_range(calls, 5, 100);
            assert_int_equal(script_contexts() + script_handles(), 0);
            put_back();
            world_initialize(NULL);
            assert_rv(sign(AUTH), CKR_OK);
        }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        world_test(test_list),          world_test(test_read),
        world_test(test_login),         world_test(test_sign),
        world_test(test_change_pin),    world_test(test_sign_without_isolation),
        world_test(test_wrong_pin),     world_test(test_finalize),
        world_test(test_read_extended),
    };
    all_errors = argc > 1 && strcmp(argv[1], "all") == 0;
    return cmocka_run_group_tests_name("errors", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each function called in all wrong ways: the code that the standard names, nothing changed, and
 * above all no crash (PKCS#11 3.2, section 5.1).
 */
#include "child.h"
#include "contract.h"

#include <string.h>

#define ROOM 4096

struct row {
    const char *name;
    CK_RV (*call)(const struct arguments *a);
    enum target target;
    unsigned needs;
    enum answer answer;
    const char *arguments; /* as they stand in the table */
};

#define THUNK(name, by, must, says, list)                                                          \
    static CK_RV call_##name(const struct arguments *a)                                            \
    {                                                                                              \
        (void)a;                                                                                   \
        return name list;                                                                          \
    }
CONTRACT_2_40(THUNK)
CONTRACT_3_0(THUNK)
CONTRACT_3_2(THUNK)

/* The order, and that none is missing, comes from the lists themselves. */
#define NUMBER(name) NUMBER_##name,
enum number {
    PKCS11_FUNCTIONS_2_40(NUMBER) PKCS11_FUNCTIONS_3_0(NUMBER) PKCS11_FUNCTIONS_3_2(NUMBER) NUMBERS
};

#define ROW(name, by, must, says, list)                                                            \
    [NUMBER_##name] = {#name, call_##name, by, must, says, #list},
static const struct row rows[NUMBERS] = {CONTRACT_2_40(ROW) CONTRACT_3_0(ROW) CONTRACT_3_2(ROW)};

/* The lists are a version and nothing but the functions that are named here. */
struct version_and_function {
    CK_VERSION version;
    CK_RV (*function)(void);
};
#define FUNCTIONS_IN(list)                                                                         \
    ((sizeof(list) - sizeof(struct version_and_function)) / sizeof(CK_RV(*)(void)) + 1)
#define ONE(name) +1
_Static_assert(FUNCTIONS_IN(CK_FUNCTION_LIST) == PKCS11_FUNCTIONS_2_40(ONE), "2.40");
_Static_assert(FUNCTIONS_IN(CK_FUNCTION_LIST_3_0) == PKCS11_FUNCTIONS_2_40(ONE)
                                                         PKCS11_FUNCTIONS_3_0(ONE),
               "3.0");
_Static_assert(FUNCTIONS_IN(CK_FUNCTION_LIST_3_2) == NUMBERS, "3.2");

/* ---- arguments that are right ---- */

static struct {
    CK_MECHANISM mechanism;
    CK_OBJECT_CLASS class;
    CK_ATTRIBUTE attribute;
    CK_BYTE in[1], out[ROOM];
    CK_ULONG out_len;
    CK_OBJECT_HANDLE handle, handle_2;
    union {
        CK_BYTE bytes[ROOM];
        CK_ULONG number;
    } info;
} room;

static struct arguments right(CK_SLOT_ID slot, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    memset(&room, 0, sizeof(room));
    /* One that no token of ours has. */
    room.mechanism = (CK_MECHANISM){CKM_RSA_PKCS_OAEP, NULL, 0};
    room.attribute = (CK_ATTRIBUTE){CKA_CLASS, &room.class, sizeof(room.class)};
    room.class = CKO_CERTIFICATE;
    room.in[0] = 'x';
    room.out_len = 64;
    struct arguments a = {.slot = slot,
                          .session = session,
                          .object = object,
                          .mechanism = &room.mechanism,
                          .attributes = &room.attribute,
                          .count = 1,
                          .in = room.in,
                          .in_len = sizeof(room.in),
                          .out = room.out,
                          .out_len = &room.out_len,
                          .handle = &room.handle,
                          .handle_2 = &room.handle_2,
                          .info = &room.info};
    return a;
}

static bool is_right_answer(const struct row *row, CK_RV rv)
{
    switch (row->answer) {
    case ANSWER_OK:
        return rv == CKR_OK;
    case ANSWER_NO_OPERATION:
        return rv == CKR_OPERATION_NOT_INITIALIZED;
    case ANSWER_UNSUPPORTED:
        return rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_MECHANISM_INVALID;
    case ANSWER_UNSUPPORTED_NOW:
        return rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_OPERATION_NOT_INITIALIZED;
    case ANSWER_READ_ONLY_OBJECT:
        return rv == CKR_ACTION_PROHIBITED;
    case ANSWER_NO_RANDOM:
        return rv == CKR_RANDOM_NO_RNG;
    case ANSWER_NOT_PARALLEL:
        return rv == CKR_FUNCTION_NOT_PARALLEL;
    case ANSWER_NOT_LOGGED_IN:
        return rv == CKR_USER_NOT_LOGGED_IN;
    case ANSWER_READ_ONLY:
        return rv == CKR_SESSION_READ_ONLY;
    case ANSWER_BAD_STATE:
        return rv == CKR_SAVED_STATE_INVALID;
    case ANSWER_BAD_PIN:
        return rv == CKR_PIN_LEN_RANGE;
    case ANSWER_NO_EVENT:
        return rv == CKR_NO_EVENT;
    case ANSWER_ANY_REFUSAL:
        break;
    }
    return rv != CKR_OK;
}

static void expect(const struct row *row, const char *what, bool right_answer, CK_RV rv)
{
    if (!right_answer)
        fail_msg("%s, %s: 0x%08lX", row->name, what, rv);
}

/* Functions that work without C_Initialize, and the two that begin and end it. */
static bool is_always_possible(enum number i)
{
    return i == NUMBER_C_Initialize || i == NUMBER_C_GetFunctionList ||
           i == NUMBER_C_GetInterfaceList || i == NUMBER_C_GetInterface;
}

static bool begins_or_ends(enum number i)
{
    return i == NUMBER_C_Initialize || i == NUMBER_C_Finalize;
}

static CK_SESSION_HANDLE open_read_only(CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE session = 0;
    assert_rv(C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
    return session;
}

/* ---- tests ---- */

static void test_all_there(void **state)
{
    (void)state;
    for (int i = 0; i < NUMBERS; i++)
        if (rows[i].name == NULL)
            fail_msg("function number %d has no row", i);
    assert_int_equal(NUMBERS, 68 + 24 + 12); /* of 2.40, and what 3.0 and 3.2 have added */
}

static void test_not_initialized(void **state)
{
    (void)state;
    for (int i = 0; i < NUMBERS; i++) {
        if (is_always_possible((enum number)i))
            continue;
        struct arguments a = right(0, 1, 1), nothing = {0};
        if (i == NUMBER_C_Finalize)
            a.info = NULL;
        CK_RV rv = rows[i].call(&a);
        expect(&rows[i], "not initialised", rv == CKR_CRYPTOKI_NOT_INITIALIZED, rv);
        rv = rows[i].call(&nothing);
        expect(&rows[i], "not initialised, all NULL", rv == CKR_CRYPTOKI_NOT_INITIALIZED, rv);
    }
    assert_int_equal(twin_calls(), 0);
}

/* What the parent of a child has. */
static struct {
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
} parents;

/* A forked child is one for which nothing was initialised, whatever its parent has. */
static void each_in_a_child(void)
{
    unsigned long calls = twin_calls();
    for (int i = 0; i < NUMBERS; i++) {
        struct arguments a = right(parents.slot, parents.session, parents.object);
        if (i == NUMBER_C_Finalize)
            a.info = NULL;
        if (is_always_possible((enum number)i) || rows[i].call(&a) == CKR_CRYPTOKI_NOT_INITIALIZED)
            continue;
        print_error("%s in a child\n", rows[i].name);
        child_fails(__FILE__, __LINE__);
    }
    CHILD_MUST(twin_calls() == calls);
}

static void test_in_a_child(void **state)
{
    (void)state;
    parents.slot = user_first(AUTH);
    parents.session = user_logged_in(AUTH);
    parents.object = user_key(parents.session);
    assert_rv(user_sign_init(parents.session, CKM_RSA_PKCS, parents.object), CKR_OK);
    child_run(each_in_a_child);
}

static void test_finalized(void **state)
{
    user_open(AUTH);
    assert_rv(C_Finalize(NULL), CKR_OK);
    twin_calls_clear();
    test_not_initialized(state);
}

/* With everything right, what each function says to a session where nothing is under way. */
static void test_right_arguments(void **state)
{
    (void)state;
    CK_SLOT_ID slot = user_first(AUTH);
    for (int i = 0; i < NUMBERS; i++) {
        CK_SESSION_HANDLE session = open_read_only(slot);
        CK_OBJECT_HANDLE object = user_object(session, CKO_CERTIFICATE, 1);
        struct arguments a = right(slot, session, object);
        if (i == NUMBER_C_Finalize || i == NUMBER_C_Initialize)
            continue;
        CK_RV rv = rows[i].call(&a);
        expect(&rows[i], "right arguments", is_right_answer(&rows[i], rv), rv);
        C_CloseAllSessions(slot);
    }
    assert_int_equal(twin_verifies(), 0);
}

static void null_one(struct arguments *a, unsigned which)
{
    switch (which) {
    case NEEDS_MECHANISM:
        a->mechanism = NULL;
        break;
    case NEEDS_IN:
        a->in = NULL;
        break;
    case NEEDS_OUT_LEN:
        a->out_len = NULL;
        break;
    case NEEDS_HANDLE:
        a->handle = NULL;
        break;
    case NEEDS_HANDLE_2:
        a->handle_2 = NULL;
        break;
    case NEEDS_INFO:
        a->info = NULL;
        break;
    case NEEDS_ATTRIBUTES:
        a->attributes = NULL;
        break;
    default:
        break;
    }
}

/* CKR_ARGUMENTS_BAD for each pointer that has to be there, unless the state already forbids the
 * call. */
static void test_null_one_at_a_time(void **state)
{
    (void)state;
    CK_SLOT_ID slot = user_first(AUTH);
    for (int i = 0; i < NUMBERS; i++)
        for (unsigned which = 1; which <= NEEDS_ATTRIBUTES; which <<= 1) {
            CK_SESSION_HANDLE session = open_read_only(slot);
            struct arguments a = right(slot, session, user_object(session, CKO_CERTIFICATE, 1));
            null_one(&a, which);
            if (!begins_or_ends((enum number)i)) {
                CK_RV rv = rows[i].call(&a); /* also those that do not need it: no crash */
                bool state_first = rows[i].answer == ANSWER_NO_OPERATION ||
                                   rows[i].answer == ANSWER_UNSUPPORTED_NOW ||
                                   rows[i].answer == ANSWER_READ_ONLY;
                bool fine =
                    rv == CKR_ARGUMENTS_BAD || (state_first && is_right_answer(&rows[i], rv));
                if ((rows[i].needs & which) != 0)
                    expect(&rows[i], "NULL", fine, rv);
            }
            C_CloseAllSessions(slot);
        }
}

static void test_all_null(void **state)
{
    (void)state;
    CK_SLOT_ID slot = user_first(AUTH);
    for (int i = 0; i < NUMBERS; i++) {
        CK_SESSION_HANDLE session = open_read_only(slot);
        struct arguments a = {.slot = slot, .session = session, .count = 3, .in_len = 3};
        if (!begins_or_ends((enum number)i))
            rows[i].call(&a);
        C_CloseAllSessions(slot);
    }
}

static void expect_of_sessions(CK_SESSION_HANDLE session, const char *what, CK_RV other)
{
    for (int i = 0; i < NUMBERS; i++) {
        struct arguments a = right(0, session, 1);
        if (rows[i].target != BY_SESSION)
            continue;
        CK_RV rv = rows[i].call(&a);
        expect(&rows[i], what, rv == CKR_SESSION_HANDLE_INVALID || rv == other, rv);
    }
}

static void test_bad_sessions(void **state)
{
    (void)state;
    CK_SLOT_ID slot = user_first(AUTH);
    CK_SESSION_HANDLE closed = open_read_only(slot);
    assert_rv(C_CloseSession(closed), CKR_OK);
    CK_SESSION_HANDLE open = open_read_only(slot);
    const CK_SESSION_HANDLE bad[] = {0, closed, open + 1, ~0UL, ~0UL >> 1, 0x80000000UL};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_of_sessions(bad[i], "bad session", CKR_SESSION_HANDLE_INVALID);
}

/* Of a card that was taken out, also when the same card is back. */
static void test_stale_sessions(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    twin_remove(READER_1);
    expect_of_sessions(session, "card out", CKR_DEVICE_REMOVED);
    world_put(READER_1, CARD_1);
    expect_of_sessions(session, "card back", CKR_DEVICE_REMOVED);
    user_first(AUTH);
    expect_of_sessions(session, "card back and listed", CKR_DEVICE_REMOVED);
    assert_int_equal(user_session_state(user_open(AUTH)), CKS_RW_PUBLIC_SESSION);
}

static void expect_of_slots(CK_SLOT_ID slot, const char *what, CK_RV by_slot, CK_RV by_token)
{
    for (int i = 0; i < NUMBERS; i++) {
        struct arguments a = right(slot, 1, 1);
        if (rows[i].target != BY_SLOT && rows[i].target != BY_TOKEN)
            continue;
        CK_RV rv = rows[i].call(&a);
        CK_RV expected = rows[i].target == BY_SLOT ? by_slot : by_token;
        expect(&rows[i], what, rv == expected, rv);
    }
}

static void test_bad_slots(void **state)
{
    (void)state;
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    assert_rv(C_GetSlotList(CK_FALSE, slots, &count), CKR_OK);
    CK_SLOT_ID beyond = 0;
    for (CK_ULONG i = 0; i < count; i++)
        beyond = slots[i] >= beyond ? slots[i] + 1 : beyond;
    const CK_SLOT_ID bad[] = {beyond, ~0UL, ~0UL >> 1, 0x80000000UL};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_of_slots(bad[i], "bad slot", CKR_SLOT_ID_INVALID, CKR_SLOT_ID_INVALID);
}

/* Slots are known before anybody has asked for the list of them? No: then there are none. */
static void test_slots_before_list(void **state)
{
    (void)state;
    CK_SLOT_INFO info;
    CK_RV rv = C_GetSlotInfo(0, &info);
    assert_true(rv == CKR_OK || rv == CKR_SLOT_ID_INVALID);
}

static void test_empty_slots(void **state)
{
    (void)state;
    CK_SLOT_ID slot = user_first(AUTH);
    twin_remove(READER_1);
    expect_of_slots(slot, "card out", CKR_OK, CKR_TOKEN_NOT_PRESENT);
    twin_reader(READER_1, false);
    expect_of_slots(slot, "reader gone", CKR_OK, CKR_TOKEN_NOT_PRESENT);
    twin_service(false);
    expect_of_slots(slot, "service gone", CKR_OK, CKR_TOKEN_NOT_PRESENT);
}

/* ---- objects ---- */

/* Where an object is asked for first, its handle is what is wrong. What is refused for another
 * reason may be refused for that one. */
static bool refuses_object(const struct row *row, CK_RV rv)
{
    bool handle = rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_HANDLE_INVALID ||
                  rv == CKR_WRAPPING_KEY_HANDLE_INVALID || rv == CKR_UNWRAPPING_KEY_HANDLE_INVALID;
    bool first = row->answer == ANSWER_OK || row->answer == ANSWER_READ_ONLY_OBJECT;
    return first ? rv == CKR_OBJECT_HANDLE_INVALID : handle || is_right_answer(row, rv);
}

/* All functions that take an object, by the words of the table; their number. */
static unsigned expect_of_objects(CK_SLOT_ID slot, CK_OBJECT_HANDLE object, const char *what)
{
    unsigned count = 0;
    for (int i = 0; i < NUMBERS; i++) {
        if (strstr(rows[i].arguments, "A(object)") == NULL)
            continue;
        CK_SESSION_HANDLE session = user_open_slot(slot);
        struct arguments a = right(slot, session, object);
        CK_RV rv = rows[i].call(&a);
        expect(&rows[i], what, refuses_object(&rows[i], rv), rv);
        assert_rv(C_CloseSession(session), CKR_OK);
        count++;
    }
    return count;
}

static void test_bad_objects(void **state)
{
    (void)state;
    CK_SLOT_ID slot = user_first(AUTH);
    CK_SESSION_HANDLE session = user_logged_in(AUTH), sign = user_logged_in(SIGN);
    CK_OBJECT_HANDLE own = user_key(session);
    const CK_OBJECT_HANDLE bad[] = {0,    own + 0x100,  own ^ 0x8,     own | 0xF, own & ~0xFUL,
                                    ~0UL, 0x80000000UL, user_key(sign)};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_true(expect_of_objects(slot, bad[i], "bad object") > 20);
    assert_rv(user_sign_init(session, CKM_RSA_PKCS, user_key(sign)), CKR_KEY_HANDLE_INVALID);
    assert_rv(user_sign_init(session, CKM_RSA_PKCS, 0), CKR_KEY_HANDLE_INVALID);
}

/* What was seen while logged in; and what was on a card that is now another one, or the same put
 * in again. */
static void test_stale_objects(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_OBJECT_HANDLE key = user_key(session), public = user_object(session, CKO_CERTIFICATE, 1);
    assert_rv(C_Logout(session), CKR_OK);
    expect_of_objects(user_first(AUTH), key, "logged out");
    for (int card = CARD_1; card <= CARD_2; card++) {
        world_put(READER_1, card);
        session = user_logged_in(AUTH);
        expect_of_objects(user_first(AUTH), key, "a key from before");
        expect_of_objects(user_first(AUTH), public, "a certificate from before");
        assert_rv(user_sign_init(session, CKM_RSA_PKCS, key), CKR_KEY_HANDLE_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_all_there),
        world_test(test_not_initialized),
        world_test_initialized(test_finalized),
        world_test_initialized(test_in_a_child),
        world_test_initialized(test_right_arguments),
        world_test_initialized(test_null_one_at_a_time),
        world_test_initialized(test_all_null),
        world_test_initialized(test_bad_sessions),
        world_test_initialized(test_stale_sessions),
        world_test_initialized(test_bad_slots),
        world_test_initialized(test_slots_before_list),
        world_test_initialized(test_empty_slots),
        world_test_initialized(test_bad_objects),
        world_test_initialized(test_stale_objects),
    };
    return cmocka_run_group_tests_name("contract", tests, world_setup, world_teardown);
}

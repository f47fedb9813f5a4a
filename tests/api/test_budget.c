/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What each job may cost at most, in commands to the card: card time is the only time that is felt.
 * Each job is a fresh module with a card that was not asked yet. docs/performance.md says what
 * each command is for; the end-to-end tests count the same on a real pcscd.
 */
#include "user.h"

#include <string.h>

#include "check.h"

#define OBJECTS 32
#define FURTHER 5

struct budget {
    const char *short_ids; /* the card's setting */
    const char *settings;
    unsigned list, objects, sign[2], further[2];
};

static const struct budget usual = {"yes", NULL, 5, 25, {15, 16}, {4, 7}};
static const struct budget no_short_ids = {"no", NULL, 10, 33, {24, 26}, {6, 10}};
static const struct budget no_isolation = {"yes", "isolation=no", 5, 25, {10, 11}, {2, 4}};

static const char message[] = "A message, to be signed.";
static uint8_t data[CHECK_DIGEST_INFO_MAX];
static size_t data_len;

static void fresh(const struct budget *budget)
{
    C_Finalize(NULL);
    world_card_set(CARD_1, "sfi", budget->short_ids);
    world_put(READER_1, CARD_1);
    twin_counters_clear();
    world_initialize(budget->settings);
    assert_int_equal(twin_commands(), 0);
    data_len = check_digest_info(CKM_SHA256, message, strlen(message), data);
}

static void expect_at_most(const char *job, unsigned limit)
{
    unsigned spent = twin_commands();
    print_message("%-24s %3u of %3u\n", job, spent, limit);
    if (spent > limit)
        fail_msg("%s: %u commands, at most %u", job, spent, limit);
}

/* ---- jobs ---- */

static CK_ULONG list(CK_SLOT_ID slots[4])
{
    CK_ULONG count = 0;
    CK_TOKEN_INFO info;
    assert_rv(C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
    assert_int_equal(count, 2);
    assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; i++)
        assert_rv(C_GetTokenInfo(slots[i], &info), CKR_OK);
    return count;
}

/* Each value by the two-call convention, each attribute by itself. */
static size_t read_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    static const CK_ATTRIBUTE_TYPE types[] = {
        CKA_CLASS,    CKA_LABEL,         CKA_ID,      CKA_SUBJECT,      CKA_ISSUER,
        CKA_VALUE,    CKA_SERIAL_NUMBER, CKA_MODULUS, CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT,
        CKA_END_DATE, CKA_PROFILE_ID,    CKA_PRIVATE, CKA_CHECK_VALUE,  CKA_PUBLIC_KEY_INFO};
    CK_BYTE value[8192];
    size_t total = 0;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        CK_ATTRIBUTE attribute = {types[i], NULL, 0};
        CK_RV rv = C_GetAttributeValue(session, object, &attribute, 1);
        if (rv == CKR_ATTRIBUTE_TYPE_INVALID)
            continue;
        assert_rv(rv, CKR_OK);
        assert_in_range(attribute.ulValueLen, 0, sizeof(value));
        attribute.pValue = value;
        assert_rv(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
        if (types[i] == CKA_VALUE)
            total += attribute.ulValueLen;
    }
    return total;
}

static void read_all_objects(void)
{
    CK_SLOT_ID slots[4];
    CK_OBJECT_HANDLE objects[OBJECTS];
    CK_ULONG count = list(slots);
    size_t certificates = 0;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_SESSION_HANDLE session = user_open_slot(slots[i]);
        CK_ULONG found = user_find(session, NULL, 0, objects, OBJECTS);
        for (CK_ULONG k = 0; k < found; k++)
            certificates += read_object(session, objects[k]);
    }
    /* Three certificates of the size that real ones have; smaller ones would prove nothing. */
    assert_in_range(certificates, 2 * 1301 + 1300, 3 * 1800);
}

static CK_SESSION_HANDLE sign_first(enum role role, CK_OBJECT_HANDLE *key)
{
    uint8_t signature[SIGNATURE];
    CK_SLOT_ID slots[4];
    CK_ULONG count = 4;
    CK_TOKEN_INFO info;
    assert_rv(C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
    assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    CK_SLOT_ID slot = slots[role];
    assert_rv(C_GetTokenInfo(slot, &info), CKR_OK);
    assert_memory_equal(info.label, user_label[role], strlen(user_label[role]));
    CK_SESSION_HANDLE session = user_open_slot(slot);
    user_login(session, role);
    *key = user_object(session, CKO_PRIVATE_KEY, role == AUTH ? 1 : 2);
    assert_rv(user_sign(session, CKM_RSA_PKCS, *key, data, data_len, signature), CKR_OK);
    unsigned spent = twin_commands();
    assert_true(user_verify(CARD_1, role, CKM_RSA_PKCS, data, data_len, signature));
    assert_int_equal(twin_commands(), spent);
    return session;
}

static void sign_further(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, enum role role)
{
    uint8_t signature[SIGNATURE];
    for (int i = 0; i < FURTHER; i++) {
        assert_rv(user_sign_init(session, CKM_RSA_PKCS, key), CKR_OK);
        if (role == SIGN)
            assert_rv(user_try_login(session, CKU_CONTEXT_SPECIFIC, SIGN_PIN), CKR_OK);
        assert_rv(user_sign_data(session, data, data_len, signature), CKR_OK);
        assert_true(user_verify(CARD_1, role, CKM_RSA_PKCS, data, data_len, signature));
    }
}

static void keep_budget(const struct budget *budget)
{
    CK_SLOT_ID slots[4];
    fresh(budget);
    assert_rv(C_Finalize(NULL), CKR_OK);
    expect_at_most("initialise, finalise", 0);
    fresh(budget);
    list(slots);
    expect_at_most("list", budget->list);
    fresh(budget);
    read_all_objects();
    expect_at_most("objects", budget->objects);
}

static void keep_signing_budget(const struct budget *budget, enum role role)
{
    CK_OBJECT_HANDLE key;
    fresh(budget);
    CK_SESSION_HANDLE session = sign_first(role, &key);
    expect_at_most(role == AUTH ? "sign auth" : "sign sign", budget->sign[role]);
    twin_counters_clear();
    sign_further(session, key, role);
    expect_at_most("each further", budget->further[role] * FURTHER);
}

/* ---- tests ---- */

static void test_usual(void **state)
{
    (void)state;
    keep_budget(&usual);
}

static void test_usual_auth(void **state)
{
    (void)state;
    keep_signing_budget(&usual, AUTH);
}

static void test_usual_sign(void **state)
{
    (void)state;
    keep_signing_budget(&usual, SIGN);
}

static void test_no_short_ids(void **state)
{
    (void)state;
    keep_budget(&no_short_ids);
}

static void test_no_short_ids_auth(void **state)
{
    (void)state;
    keep_signing_budget(&no_short_ids, AUTH);
}

static void test_no_short_ids_sign(void **state)
{
    (void)state;
    keep_signing_budget(&no_short_ids, SIGN);
}

static void test_no_isolation_auth(void **state)
{
    (void)state;
    keep_signing_budget(&no_isolation, AUTH);
}

static void test_no_isolation_sign(void **state)
{
    (void)state;
    keep_signing_budget(&no_isolation, SIGN);
}

/* What further signatures cost, FURTHER of them. */
static unsigned cost_of_further(const struct budget *budget, enum role role)
{
    CK_OBJECT_HANDLE key;
    fresh(budget);
    CK_SESSION_HANDLE session = sign_first(role, &key);
    twin_counters_clear();
    sign_further(session, key, role);
    return twin_commands();
}

/* The authentication key: the PIN, and the end of it. The signature key has two transactions, the
 * consent's and the signature's: the end of the first, and the PIN and its end in the second. */
static void test_cost_of_isolation(void **state)
{
    static const unsigned most[] = {2, 3};
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        unsigned with = cost_of_further(&usual, (enum role)role);
        unsigned without = cost_of_further(&no_isolation, (enum role)role);
        print_message("%s: %u with isolation, %u without\n", user_label[role], with, without);
        assert_in_range(with, without + FURTHER, without + most[role] * FURTHER);
    }
}

/* NSS asks about once a second and slot for as long as a browser runs. */
static void test_presence_is_free(void **state)
{
    (void)state;
    CK_SLOT_ID slots[4];
    CK_SLOT_INFO info;
    fresh(&usual);
    list(slots);
    CK_SESSION_HANDLE session = user_open_slot(slots[AUTH]);
    twin_counters_clear();
    for (int i = 0; i < 50; i++) {
        CK_ULONG count = 4;
        CK_SESSION_INFO session_info;
        assert_rv(C_GetSlotList(i % 2 != 0, NULL, &count), CKR_OK);
        count = 4;
        assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
        assert_rv(C_GetSlotInfo(slots[0], &info), CKR_OK);
        assert_rv(C_GetSlotInfo(slots[1], &info), CKR_OK);
        assert_true((info.flags & CKF_TOKEN_PRESENT) != 0);
        assert_rv(C_GetSessionInfo(session, &session_info), CKR_OK);
        world_clock_add(1000);
    }
    expect_at_most("presence", 0);
}

/* The tries left at most once a second, and nothing else is read twice. */
static void test_token_info_is_cheap(void **state)
{
    (void)state;
    CK_SLOT_ID slots[4];
    CK_TOKEN_INFO info;
    fresh(&usual);
    list(slots);
    twin_counters_clear();
    for (int i = 0; i < 100; i++)
        assert_rv(C_GetTokenInfo(slots[0], &info), CKR_OK);
    expect_at_most("token information", 4); /* two of them if the machine is very slow */
    world_clock_add(5000);
    twin_counters_clear();
    assert_rv(C_GetTokenInfo(slots[0], &info), CKR_OK);
    expect_at_most("token information, later", 2);
    twin_counters_clear();
    read_all_objects();
    unsigned first = twin_commands();
    read_all_objects();
    assert_int_equal(twin_commands(), first);
}

/* Whoever has many readers asks for the first token when the last card was recognised: what was
 * read with its card is told once without asking again, if it is not too old. */
static void test_tries_are_told_once(void **state)
{
    static const struct {
        unsigned later, commands; /* ms; select, and the tries */
    } cases[] = {{9000, 0}, {11000, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CK_SLOT_ID slots[4];
        CK_TOKEN_INFO info;
        CK_ULONG count = 4;
        fresh(&usual);
        assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
        assert_rv(C_GetMechanismList(slots[AUTH], NULL, &count), CKR_OK); /* recognises the card */
        twin_counters_clear();
        world_clock_add(cases[i].later);
        assert_rv(C_GetTokenInfo(slots[AUTH], &info), CKR_OK);
        assert_int_equal(twin_commands(), cases[i].commands);
        twin_counters_clear();
        world_clock_add(2000);
        assert_rv(C_GetTokenInfo(slots[AUTH], &info), CKR_OK);
        assert_int_equal(twin_commands(), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_usual),
        world_test(test_usual_auth),
        world_test(test_usual_sign),
        world_test(test_no_short_ids),
        world_test(test_no_short_ids_auth),
        world_test(test_no_short_ids_sign),
        world_test(test_no_isolation_auth),
        world_test(test_no_isolation_sign),
        world_test(test_cost_of_isolation),
        world_test(test_presence_is_free),
        world_test(test_token_info_is_cheap),
        world_test(test_tries_are_told_once),
    };
    return cmocka_run_group_tests_name("budget", tests, world_setup, world_teardown);
}

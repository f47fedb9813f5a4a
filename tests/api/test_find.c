/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C_FindObjectsInit, C_FindObjects, C_FindObjectsFinal (PKCS#11 3.2, section 5.7): a search finds
 * exactly the objects that C_GetAttributeValue says it should.
 */
#include "user.h"

#include <string.h>

#define OBJECTS 32
#define VALUE_MAX 4096

struct found {
    CK_OBJECT_HANDLE handles[OBJECTS];
    CK_ULONG count;
};

static struct found search(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    struct found f;
    f.count = user_find(session, wanted, count, f.handles, OBJECTS);
    return f;
}

static bool holds(const struct found *f, CK_OBJECT_HANDLE handle)
{
    for (CK_ULONG i = 0; i < f->count; i++)
        if (f->handles[i] == handle)
            return true;
    return false;
}

static void expect_same(const struct found *a, const struct found *b)
{
    assert_int_equal(a->count, b->count);
    for (CK_ULONG i = 0; i < a->count; i++)
        assert_true(holds(b, a->handles[i]));
}

/* The value of an attribute, or false. */
static bool get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                uint8_t value[VALUE_MAX], CK_ULONG *len)
{
    CK_ATTRIBUTE attribute = {type, value, VALUE_MAX};
    CK_RV rv = C_GetAttributeValue(session, object, &attribute, 1);
    *len = rv == CKR_OK ? attribute.ulValueLen : 0;
    return rv == CKR_OK;
}

/* What a search for WANTED has to find, by looking at each object. */
static struct found by_looking(CK_SESSION_HANDLE session, const CK_ATTRIBUTE *wanted,
                               CK_ULONG count)
{
    static uint8_t value[VALUE_MAX];
    struct found all = search(session, NULL, 0), f = {.count = 0};
    for (CK_ULONG i = 0; i < all.count; i++) {
        bool match = true;
        for (CK_ULONG k = 0; match && k < count; k++) {
            CK_ULONG len;
            match = get(session, all.handles[i], wanted[k].type, value, &len) &&
                    len == wanted[k].ulValueLen &&
                    (len == 0 || memcmp(value, wanted[k].pValue, len) == 0);
        }
        if (match)
            f.handles[f.count++] = all.handles[i];
    }
    return f;
}

static const CK_ATTRIBUTE_TYPE types[] = {CKA_CLASS,
                                          CKA_TOKEN,
                                          CKA_PRIVATE,
                                          CKA_LABEL,
                                          CKA_ID,
                                          CKA_SUBJECT,
                                          CKA_ISSUER,
                                          CKA_SERIAL_NUMBER,
                                          CKA_VALUE,
                                          CKA_MODULUS,
                                          CKA_MODULUS_BITS,
                                          CKA_PUBLIC_EXPONENT,
                                          CKA_KEY_TYPE,
                                          CKA_SIGN,
                                          CKA_VERIFY,
                                          CKA_CERTIFICATE_TYPE,
                                          CKA_TRUSTED,
                                          CKA_CERTIFICATE_CATEGORY,
                                          CKA_URL,
                                          CKA_PROFILE_ID,
                                          CKA_UNIQUE_ID,
                                          CKA_ALWAYS_AUTHENTICATE,
                                          CKA_START_DATE,
                                          CKA_PUBLIC_KEY_INFO,
                                          CKA_PRIVATE_EXPONENT,
                                          CKA_EC_POINT};
#define TYPES (sizeof(types) / sizeof(types[0]))

/* ---- tests ---- */

static void test_empty_template(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH);
    struct found before = search(session, NULL, 0);
    assert_int_equal(before.count, 3 + 3); /* certificates and public key, profiles */
    user_login(session, AUTH);
    struct found after = search(session, NULL, 0);
    assert_int_equal(after.count, before.count + 1); /* the private key */
    CK_ATTRIBUTE unused = {CKA_CLASS, NULL, 0};
    struct found same = search(session, &unused, 0);
    expect_same(&after, &same);
    assert_rv(C_Logout(session), CKR_OK);
    same = search(session, NULL, 0);
    expect_same(&before, &same);
    for (CK_ULONG i = 0; i < after.count; i++)
        for (CK_ULONG k = 0; k < i; k++)
            assert_int_not_equal(after.handles[i], after.handles[k]);
}

/* Each attribute of each object, alone; and in pairs. */
static void expect_each(enum role role)
{
    static uint8_t value[2][VALUE_MAX];
    CK_SESSION_HANDLE session = user_logged_in(role);
    struct found all = search(session, NULL, 0);
    for (CK_ULONG i = 0; i < all.count; i++)
        for (size_t a = 0; a < TYPES; a++) {
            CK_ATTRIBUTE wanted[2] = {{types[a], value[0], 0}};
            if (!get(session, all.handles[i], types[a], value[0], &wanted[0].ulValueLen))
                continue;
            struct found f = search(session, wanted, 1), expected = by_looking(session, wanted, 1);
            assert_true(holds(&f, all.handles[i]));
            expect_same(&f, &expected);
            size_t b = (a * 7 + i) % TYPES;
            wanted[1] = (CK_ATTRIBUTE){types[b], value[1], 0};
            get(session, all.handles[(i + 1) % all.count], types[b], value[1],
                &wanted[1].ulValueLen);
            f = search(session, wanted, 2);
            expected = by_looking(session, wanted, 2);
            expect_same(&f, &expected);
        }
}

static void test_each_of_auth(void **state)
{
    (void)state;
    expect_each(AUTH);
}

static void test_each_of_sign(void **state)
{
    (void)state;
    expect_each(SIGN);
}

/* One byte more, one less, another one, nothing: no longer the value. */
static void test_nearly_right(void **state)
{
    (void)state;
    static uint8_t value[VALUE_MAX];
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    struct found all = search(session, NULL, 0);
    for (CK_ULONG i = 0; i < all.count; i++)
        for (size_t a = 0; a < TYPES; a++) {
            CK_ULONG len;
            if (!get(session, all.handles[i], types[a], value, &len) || len == 0)
                continue;
            CK_ATTRIBUTE wanted = {types[a], value, len - 1};
            struct found f = search(session, &wanted, 1);
            assert_false(holds(&f, all.handles[i]));
            value[len] = 0;
            wanted.ulValueLen = len + 1;
            f = search(session, &wanted, 1);
            assert_false(holds(&f, all.handles[i]));
            wanted.ulValueLen = len;
            value[len - 1] ^= 0x40;
            f = search(session, &wanted, 1);
            assert_false(holds(&f, all.handles[i]));
            wanted = (CK_ATTRIBUTE){types[a], NULL, 0};
            f = search(session, &wanted, 1);
            assert_false(holds(&f, all.handles[i]));
        }
}

/* Classes that NSS and p11-kit look for everywhere. */
static void test_none(void **state)
{
    (void)state;
    static const CK_OBJECT_CLASS classes[] = {CKO_DATA,
                                              CKO_SECRET_KEY,
                                              CKO_HW_FEATURE,
                                              CKO_DOMAIN_PARAMETERS,
                                              CKO_MECHANISM,
                                              CKO_OTP_KEY,
                                              0xB, /* CKO_TRUST of 3.2 */
                                              0xCE534353UL,
                                              0xCE534354UL, /* NSS: trust, builtin */
                                              ~0UL};
    for (int role = AUTH; role <= SIGN; role++) {
        CK_SESSION_HANDLE session = user_open((enum role)role);
        user_first(SIGN);
        twin_counters_clear();
        for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
            CK_OBJECT_CLASS class = classes[i];
            CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)},
                                     {CKA_VALUE, &class, sizeof(class)},
                                     {CKA_SUBJECT, &class, sizeof(class)}};
            assert_int_equal(search(session, wanted, 1).count, 0);
            assert_int_equal(search(session, wanted, 3).count, 0);
        }
        assert_int_equal(twin_commands(), 0); /* what costs nothing rules them out */
        CK_ULONG bogus = 0;
        CK_ATTRIBUTE vendor = {CKA_VENDOR_DEFINED | 1, &bogus, sizeof(bogus)};
        assert_int_equal(search(session, &vendor, 1).count, 0);
        CK_ATTRIBUTE secret = {CKA_PRIVATE_EXPONENT, NULL, 0};
        assert_int_equal(search(session, &secret, 1).count, 0);
    }
}

/* A token of ours has only token objects. */
static void test_session_objects(void **state)
{
    (void)state;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE wanted = {CKA_TOKEN, &no, sizeof(no)};
    assert_int_equal(search(user_logged_in(AUTH), &wanted, 1).count, 0);
}

static void test_in_portions(void **state)
{
    (void)state;
    static const CK_ULONG portions[] = {1, 2, 3, 1024};
    static CK_OBJECT_HANDLE room[1024];
    CK_SESSION_HANDLE session = user_logged_in(SIGN);
    struct found all = search(session, NULL, 0);
    for (size_t i = 0; i < 4; i++) {
        struct found f = {.count = 0};
        CK_ULONG got = 1;
        assert_rv(C_FindObjectsInit(session, NULL, 0), CKR_OK);
        while (got > 0) {
            assert_rv(C_FindObjects(session, room, portions[i], &got), CKR_OK);
            assert_true(got <= portions[i] && f.count + got <= OBJECTS);
            memcpy(f.handles + f.count, room, got * sizeof(room[0]));
            f.count += got;
        }
        assert_rv(C_FindObjectsFinal(session), CKR_OK);
        expect_same(&all, &f);
    }
    CK_ULONG got = 1;
    assert_rv(C_FindObjectsInit(session, NULL, 0), CKR_OK);
    assert_rv(C_FindObjects(session, room, 0, &got), CKR_OK);
    assert_int_equal(got, 0);
    assert_rv(C_FindObjectsFinal(session), CKR_OK);
}

static void test_states(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH), other = user_open(AUTH);
    CK_OBJECT_HANDLE found[OBJECTS];
    CK_ULONG got;
    assert_rv(C_FindObjects(session, found, 1, &got), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(C_FindObjectsInit(session, NULL, 0), CKR_OK);
    assert_rv(C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
    assert_rv(C_FindObjects(other, found, 1, &got), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(C_FindObjects(session, NULL, 1, &got), CKR_ARGUMENTS_BAD);
    assert_rv(C_FindObjects(session, found, 1, NULL), CKR_ARGUMENTS_BAD);
    assert_rv(C_FindObjects(session, found, 1, &got), CKR_OK);
    assert_int_equal(got, 1);
    assert_rv(C_FindObjectsFinal(session), CKR_OK);
    assert_rv(C_FindObjects(session, found, 1, &got), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(C_FindObjectsInit(session, NULL, 0), CKR_OK);
    assert_rv(C_SessionCancel(session, CKF_FIND_OBJECTS), CKR_OK);
    assert_rv(C_FindObjects(session, found, 1, &got), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_bad_templates(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH);
    CK_OBJECT_HANDLE found[1];
    CK_ULONG got;
    CK_ATTRIBUTE no_value = {CKA_ID, NULL, 1};
    assert_rv(C_FindObjectsInit(session, NULL, 1), CKR_ARGUMENTS_BAD);
    CK_RV rv = C_FindObjectsInit(session, &no_value, 1);
    assert_true(rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_ARGUMENTS_BAD);
    assert_rv(C_FindObjects(session, found, 1, &got), CKR_OPERATION_NOT_INITIALIZED);
    user_object(session, CKO_CERTIFICATE, 1);
}

/* A search and a signature in one session do not disturb each other. */
static void test_beside_a_signature(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3};
    uint8_t signature[SIGNATURE];
    CK_OBJECT_HANDLE found[OBJECTS];
    CK_ULONG got;
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_OBJECT_HANDLE key = user_key(session);
    assert_rv(C_FindObjectsInit(session, NULL, 0), CKR_OK);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, data, 3, signature), CKR_OK);
    assert_rv(C_FindObjects(session, found, OBJECTS, &got), CKR_OK);
    assert_int_equal(got, 7);
    assert_rv(C_FindObjectsFinal(session), CKR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test_initialized(test_empty_template),
        world_test_initialized(test_each_of_auth),
        world_test_initialized(test_each_of_sign),
        world_test_initialized(test_nearly_right),
        world_test_initialized(test_none),
        world_test_initialized(test_session_objects),
        world_test_initialized(test_in_portions),
        world_test_initialized(test_states),
        world_test_initialized(test_bad_templates),
        world_test_initialized(test_beside_a_signature),
    };
    return cmocka_run_group_tests_name("find", tests, world_setup, world_teardown);
}

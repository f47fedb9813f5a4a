/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The objects of both tokens and all their attributes (PKCS#11 3.2, sections 4 and 5.7).
 */
#include "wanted.h"

#include <stdlib.h>
#include <string.h>

#define OBJECTS 32
#define GUARD 0xA5

static const CK_MECHANISM_TYPE plain[] = {CKM_RSA_PKCS};
static const CK_MECHANISM_TYPE everything[] = {
    CKM_RSA_PKCS,        CKM_SHA1_RSA_PKCS,   CKM_SHA224_RSA_PKCS, CKM_SHA256_RSA_PKCS,
    CKM_SHA384_RSA_PKCS, CKM_SHA512_RSA_PKCS, CKM_RSA_PKCS_PSS,    CKM_SHA256_RSA_PKCS_PSS};

/* ---- one attribute ---- */

static void expect_absent(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE_TYPE type, CK_RV expected)
{
    uint8_t room[16];
    CK_ATTRIBUTE attribute = {type, NULL, 0};
    memset(room, GUARD, sizeof(room));
    CK_RV rv = C_GetAttributeValue(session, object, &attribute, 1);
    if (rv != expected)
        fail_msg("attribute 0x%lX: 0x%lX", type, rv);
    assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
    attribute = (CK_ATTRIBUTE){type, room, sizeof(room)};
    assert_rv(C_GetAttributeValue(session, object, &attribute, 1), expected);
    assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
    for (size_t i = 0; i < sizeof(room); i++)
        assert_int_equal(room[i], GUARD);
}

/* Length query, exact room, one byte less, one more. */
static void expect_filled(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          const struct wanted_attribute *wanted)
{
    uint8_t room[WANTED_BYTES + 1];
    CK_ATTRIBUTE attribute = {wanted->type, NULL, 0};
    CK_RV rv = C_GetAttributeValue(session, object, &attribute, 1);
    if (rv != CKR_OK)
        fail_msg("attribute 0x%lX: 0x%lX", wanted->type, rv);
    CK_ULONG len = attribute.ulValueLen;
    if (wanted->kind == WANTED_VALUE && len != wanted->len)
        fail_msg("attribute 0x%lX: %lu bytes, not %lu", wanted->type, len, wanted->len);
    assert_in_range(len, 0, WANTED_BYTES);
    for (CK_ULONG size = len == 0 ? 0 : len - 1; size <= len + 1; size++) {
        memset(room, GUARD, sizeof(room));
        attribute = (CK_ATTRIBUTE){wanted->type, room, size};
        rv = C_GetAttributeValue(session, object, &attribute, 1);
        assert_rv(rv, size < len ? CKR_BUFFER_TOO_SMALL : CKR_OK);
        assert_int_equal(attribute.ulValueLen, size < len ? CK_UNAVAILABLE_INFORMATION : len);
        assert_int_equal(room[size < len ? 0 : len], GUARD);
        if (size >= len && wanted->kind == WANTED_VALUE && memcmp(room, wanted->value, len) != 0)
            fail_msg("attribute 0x%lX has another value", wanted->type);
    }
    if (wanted->kind == WANTED_ANY_TEXT)
        assert_in_range(len, 1, 255);
}

static void expect_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                             const struct wanted *wanted, CK_ATTRIBUTE_TYPE type)
{
    const struct wanted_attribute *a = wanted_find(wanted, type);
    if (a == NULL)
        expect_absent(session, object, type, CKR_ATTRIBUTE_TYPE_INVALID);
    else if (a->kind == WANTED_SENSITIVE)
        expect_absent(session, object, type, CKR_ATTRIBUTE_SENSITIVE);
    else if (a->kind != WANTED_OPTIONAL)
        expect_filled(session, object, a);
}

/* All that p11-kit's header and ours know lie in these ranges; every number in them is tried. */
static void expect_all(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                       const struct wanted *wanted)
{
    for (CK_ATTRIBUTE_TYPE type = 0; type < 0x620; type++) {
        expect_attribute(session, object, wanted, type);
        expect_attribute(session, object, wanted, CKF_ARRAY_ATTRIBUTE | type);
    }
    expect_attribute(session, object, wanted, CKA_VENDOR_DEFINED | 0x100);
    expect_attribute(session, object, wanted, ~0UL);
}

/* All in one call, good and bad mixed: the good ones are filled in all the same. */
static void expect_together(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                            const struct wanted *wanted)
{
    static uint8_t room[WANTED_MAX][WANTED_BYTES];
    CK_ATTRIBUTE attributes[WANTED_MAX + 2];
    CK_ULONG count = 0;
    attributes[count++] = (CK_ATTRIBUTE){CKA_OTP_FORMAT, room[0], 1};
    for (size_t i = 0; i < wanted->count; i++)
        if (wanted->attributes[i].kind != WANTED_OPTIONAL)
            attributes[count++] = (CK_ATTRIBUTE){wanted->attributes[i].type, room[i], WANTED_BYTES};
    attributes[count++] = (CK_ATTRIBUTE){CKA_EC_POINT, NULL, 0};
    CK_RV rv = C_GetAttributeValue(session, object, attributes, count);
    assert_true(rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE);
    for (CK_ULONG i = 0; i < count; i++) {
        const struct wanted_attribute *a = wanted_find(wanted, attributes[i].type);
        if (a == NULL || a->kind == WANTED_SENSITIVE) {
            assert_int_equal(attributes[i].ulValueLen, CK_UNAVAILABLE_INFORMATION);
        } else if (a->kind == WANTED_VALUE) {
            assert_int_equal(attributes[i].ulValueLen, a->len);
            assert_memory_equal(attributes[i].pValue, a->value, a->len);
        }
    }
}

static void expect_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle,
                          const struct wanted_object *object)
{
    static struct wanted wanted;
    CK_ULONG size = 0;
    assert_int_not_equal(handle, 0);
    wanted_fill(&wanted, object, CARD_1);
    expect_all(session, handle, &wanted);
    expect_together(session, handle, &wanted);
    assert_rv(C_GetObjectSize(session, handle, &size), CKR_OK);
    assert_true(size > 0);
}

/* ---- all objects of a token ---- */

static CK_ULONG number_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG value = 0;
    CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};
    assert_rv(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
    return value;
}

static CK_OBJECT_HANDLE find_ca(CK_SESSION_HANDLE session)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_ULONG category = 2;
    CK_OBJECT_HANDLE found[2] = {0};
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)},
                             {CKA_CERTIFICATE_CATEGORY, &category, sizeof(category)}};
    assert_int_equal(user_find(session, wanted, 2, found, 2), 1);
    return found[0];
}

static void expect_count(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, CK_ULONG count)
{
    CK_OBJECT_HANDLE found[OBJECTS];
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof(class)};
    assert_int_equal(user_find(session, &wanted, 1, found, OBJECTS), count);
}

/* The profiles that a token meets: Public Certificates only where the certificate is public. */
static void expect_profiles(CK_SESSION_HANDLE session, bool public_certificates)
{
    CK_OBJECT_HANDLE found[OBJECTS];
    CK_OBJECT_CLASS class = CKO_PROFILE;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof(class)};
    CK_ULONG count = user_find(session, &wanted, 1, found, OBJECTS);
    bool seen[5] = {false};
    for (CK_ULONG i = 0; i < count; i++) {
        CK_ULONG profile = number_of(session, found[i], CKA_PROFILE_ID);
        struct wanted_object object = {.class = CKO_PROFILE, .profile = profile};
        assert_in_range(profile, 1, 4);
        assert_false(seen[profile]);
        seen[profile] = true;
        expect_object(session, found[i], &object);
    }
    assert_true(seen[CKP_BASELINE_PROVIDER]);
    assert_true(seen[CKP_AUTHENTICATION_TOKEN]);
    assert_int_equal(seen[CKP_PUBLIC_CERTIFICATES_TOKEN], public_certificates);
    assert_false(seen[CKP_EXTENDED_PROVIDER]);
}

static void expect_keys(CK_SESSION_HANDLE session, enum role role, bool is_private,
                        const CK_MECHANISM_TYPE *mechanisms, CK_ULONG mechanism_count)
{
    uint8_t id = role == AUTH ? 1 : 2;
    struct wanted_object object = {.class = CKO_PRIVATE_KEY,
                                   .role = role,
                                   .private = is_private,
                                   .consent = role == SIGN,
                                   .mechanisms = mechanisms,
                                   .mechanism_count = mechanism_count};
    expect_object(session, user_object(session, CKO_PRIVATE_KEY, id), &object);
    object.class = CKO_PUBLIC_KEY;
    expect_object(session, user_object(session, CKO_PUBLIC_KEY, id), &object);
    object.class = CKO_CERTIFICATE;
    expect_object(session, user_object(session, CKO_CERTIFICATE, id), &object);
}

static void expect_ca(CK_SESSION_HANDLE session, enum role role)
{
    struct wanted_object object = {.class = CKO_CERTIFICATE, .role = role, .ca = true};
    CK_OBJECT_HANDLE ca = find_ca(session);
    expect_object(session, ca, &object);
    uint8_t id[255];
    CK_ATTRIBUTE attribute = {CKA_ID, id, sizeof(id)};
    assert_rv(C_GetAttributeValue(session, ca, &attribute, 1), CKR_OK);
    assert_false(attribute.ulValueLen == 1 && id[0] <= 2);
}

/* ---- tests ---- */

static void test_auth_before_login(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(AUTH);
    expect_count(session, CKO_PRIVATE_KEY, 0);
    expect_count(session, CKO_PUBLIC_KEY, 1);
    expect_count(session, CKO_CERTIFICATE, 2);
    struct wanted_object object = {.class = CKO_PUBLIC_KEY, .role = AUTH};
    expect_object(session, user_object(session, CKO_PUBLIC_KEY, 1), &object);
    object.class = CKO_CERTIFICATE;
    expect_object(session, user_object(session, CKO_CERTIFICATE, 1), &object);
    expect_ca(session, AUTH);
    expect_profiles(session, true);
}

static void test_auth_after_login(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    expect_count(session, CKO_PRIVATE_KEY, 1);
    expect_keys(session, AUTH, false, everything, 8);
    expect_ca(session, AUTH);
    expect_profiles(session, true);
}

/* Name, address, birth date and sex are in its certificate. */
static void test_sign_before_login(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_open(SIGN);
    expect_count(session, CKO_PRIVATE_KEY, 0);
    expect_count(session, CKO_PUBLIC_KEY, 0);
    expect_count(session, CKO_CERTIFICATE, 1);
    expect_ca(session, SIGN);
    expect_profiles(session, false);
    assert_int_equal(user_object(session, CKO_CERTIFICATE, 2), 0);
}

static void test_sign_after_login(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_logged_in(SIGN);
    expect_keys(session, SIGN, true, plain, 1);
    expect_ca(session, SIGN);
    expect_profiles(session, false);
}

/* What was seen while logged in is out of sight again: also by the handles of before. */
static void test_sign_after_logout(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_logged_in(SIGN);
    CK_OBJECT_HANDLE certificate = user_object(session, CKO_CERTIFICATE, 2);
    uint8_t value[WANTED_BYTES];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
    assert_rv(C_GetAttributeValue(session, certificate, &attribute, 1), CKR_OK);
    assert_rv(C_Logout(session), CKR_OK);
    expect_count(session, CKO_PRIVATE_KEY, 0);
    expect_count(session, CKO_PUBLIC_KEY, 0);
    expect_count(session, CKO_CERTIFICATE, 1);
    attribute.ulValueLen = sizeof(value);
    assert_rv(C_GetAttributeValue(session, certificate, &attribute, 1), CKR_OBJECT_HANDLE_INVALID);
}

/* A session-wide consent shows the hashing mechanisms and no CKA_ALWAYS_AUTHENTICATE. */
static void test_sign_with_consent_for_session(void **state)
{
    (void)state;
    world_initialize("sign.consent=session");
    CK_SESSION_HANDLE session = user_logged_in(SIGN);
    struct wanted_object object = {.class = CKO_PRIVATE_KEY,
                                   .role = SIGN,
                                   .private = true,
                                   .mechanisms = everything,
                                   .mechanism_count = 8};
    expect_object(session, user_key(session), &object);
}

/* A telephone asks for the PIN before it shows its authentication certificate. */
static void test_smartphone(void **state)
{
    (void)state;
    world_card_set(CARD_1, "label", "JPKIAPGPSETOKEN");
    world_card_set(CARD_1, "auth-cert-pin", "yes");
    world_put(READER_1, CARD_1);
    world_initialize(NULL);
    CK_SESSION_HANDLE session = user_open(AUTH);
    expect_count(session, CKO_PRIVATE_KEY, 0);
    expect_count(session, CKO_PUBLIC_KEY, 0);
    expect_count(session, CKO_CERTIFICATE, 1);
    expect_ca(session, AUTH);
    expect_profiles(session, false);
    user_login(session, AUTH);
    expect_keys(session, AUTH, true, everything, 6);
}

static void test_without_sign_certificate(void **state)
{
    static const char *const ef[] = {"yes", "no"};
    for (int i = 0; i < 2; i++) {
        world_end(state);
        world_begin(state);
        world_card_set(CARD_1, "sign-cert", "no");
        world_card_set(CARD_1, "sign-cert-ef", ef[i]);
        world_put(READER_1, CARD_1);
        world_initialize(NULL);
        CK_SESSION_HANDLE session = user_open(SIGN);
        expect_count(session, CKO_CERTIFICATE, 1);
        expect_ca(session, SIGN);
        user_login(session, SIGN);
        expect_count(session, CKO_PRIVATE_KEY, 0);
        expect_count(session, CKO_PUBLIC_KEY, 0);
        expect_count(session, CKO_CERTIFICATE, 1);
        CK_SESSION_HANDLE auth = user_logged_in(AUTH);
        expect_keys(auth, AUTH, false, everything, 8);
    }
}

static void test_without_short_ids(void **state)
{
    (void)state;
    world_card_set(CARD_1, "sfi", "no");
    world_put(READER_1, CARD_1);
    world_initialize(NULL);
    expect_keys(user_logged_in(AUTH), AUTH, false, everything, 8);
    expect_keys(user_logged_in(SIGN), SIGN, true, plain, 1);
}

static void test_japanese_labels(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE found[OBJECTS];
    CK_SLOT_ID slots[4];
    CK_ULONG count = 4;
    world_initialize("labels=japanese");
    assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    CK_SESSION_HANDLE session = user_open_slot(slots[0]);
    user_login(session, AUTH);
    count = user_find(session, NULL, 0, found, OBJECTS);
    assert_int_equal(count, 7);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_UTF8CHAR label[255];
        CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof(label)};
        assert_rv(C_GetAttributeValue(session, found[i], &attribute, 1), CKR_OK);
        if (number_of(session, found[i], CKA_CLASS) != CKO_PROFILE)
            assert_true(label[0] >= 0xE3); /* the first byte of a Japanese character */
    }
}

/* CKA_UNIQUE_ID: of all objects of all tokens and cards. */
static void test_unique_ids(void **state)
{
    (void)state;
    static char ids[64][256];
    CK_ULONG total = 0;
    world_put(READER_2, CARD_2);
    for (int i = 0; i < 4; i++) {
        CK_OBJECT_HANDLE found[OBJECTS];
        enum role role = i % 2 == 0 ? AUTH : SIGN;
        CK_SESSION_HANDLE session = user_open_slot(user_slot(i < 2 ? READER_1 : READER_2, role));
        user_login(session, role);
        CK_ULONG count = user_find(session, NULL, 0, found, OBJECTS);
        for (CK_ULONG k = 0; k < count; k++) {
            assert_true(total < 64);
            CK_ATTRIBUTE attribute = {CKA_UNIQUE_ID, ids[total], 255};
            assert_rv(C_GetAttributeValue(session, found[k], &attribute, 1), CKR_OK);
            ids[total][attribute.ulValueLen] = '\0';
            for (CK_ULONG j = 0; j < total; j++)
                assert_string_not_equal(ids[j], ids[total]);
            total++;
        }
    }
    assert_int_equal(total, 2 * (7 + 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test_initialized(test_auth_before_login),
        world_test_initialized(test_auth_after_login),
        world_test_initialized(test_sign_before_login),
        world_test_initialized(test_sign_after_login),
        world_test_initialized(test_sign_after_logout),
        world_test(test_sign_with_consent_for_session),
        world_test(test_smartphone),
        world_test(test_without_sign_certificate),
        world_test(test_without_short_ids),
        world_test(test_japanese_labels),
        world_test_initialized(test_unique_ids),
    };
    return cmocka_run_group_tests_name("objects", tests, world_setup, world_teardown);
}

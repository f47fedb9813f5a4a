/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test_api_objects FOLDER: the objects of both tokens and all their attributes (PKCS#11 3.2,
 * sections 4 and 5.7) are what the golden files in FOLDER say.
 */
#include "golden.h"

#include <stdlib.h>
#include <string.h>

#define OBJECTS 32
#define GUARD 0xA5

static const char *folder;

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
    else
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

/* ---- all objects of a token ---- */

/* The object with the class, id and profile that WANTED says; 0 when there is none. */
static CK_OBJECT_HANDLE locate(CK_SESSION_HANDLE session, const struct wanted *wanted)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_CLASS, CKA_ID, CKA_PROFILE_ID};
    CK_ATTRIBUTE template[3];
    CK_OBJECT_HANDLE found[2] = {0};
    CK_ULONG count = 0;
    for (size_t i = 0; i < 3; i++) {
        const struct wanted_attribute *a = wanted_find(wanted, types[i]);
        if (a != NULL)
            template[count++] = (CK_ATTRIBUTE){a->type, (void *)(uintptr_t)a->value, a->len};
    }
    assert_int_equal(count, 2);
    count = user_find(session, template, count, found, 2);
    assert_in_range(count, 0, 1);
    return found[0];
}

static void expect_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle,
                          const struct wanted *wanted)
{
    CK_ULONG size = 0;
    expect_all(session, handle, wanted);
    expect_together(session, handle, wanted);
    assert_rv(C_GetObjectSize(session, handle, &size), CKR_OK);
    assert_true(size > 0);
}

/* Those that are there, and no others. */
static void expect_objects(CK_SESSION_HANDLE session, const struct golden_token *token, bool login)
{
    CK_OBJECT_HANDLE found[OBJECTS];
    CK_ULONG there = 0;
    for (size_t i = 0; i < token->count; i++) {
        const struct golden_object *object = &token->objects[i];
        bool expected = login ? object->after : object->before;
        CK_OBJECT_HANDLE handle = locate(session, &object->wanted);
        if ((handle != 0) != expected)
            fail_msg("the %s is%s there", object->name, expected ? " not" : "");
        if (expected)
            expect_object(session, handle, &object->wanted);
        there += expected;
    }
    assert_int_equal(user_find(session, NULL, 0, found, OBJECTS), there);
}

static void expect_card(const char *file, const char *settings)
{
    const struct golden_token *tokens = golden_read(folder, file, CARD_1);
    world_put(READER_1, CARD_1);
    world_initialize(settings);
    for (int role = AUTH; role <= SIGN; role++) {
        CK_SESSION_HANDLE session = user_open((enum role)role);
        print_message("%s, %s\n", file, user_label[role]);
        expect_objects(session, &tokens[role], false);
        user_login(session, (enum role)role);
        expect_objects(session, &tokens[role], true);
        assert_rv(C_Logout(session), CKR_OK);
        expect_objects(session, &tokens[role], false);
    }
}

/* ---- tests ---- */

static void test_card(void **state)
{
    (void)state;
    expect_card("card.txt", NULL);
}

static void test_without_short_ids(void **state)
{
    (void)state;
    world_card_set(CARD_1, "sfi", "no");
    expect_card("card.txt", NULL);
}

static void test_consent_for_session(void **state)
{
    (void)state;
    expect_card("consent_for_session.txt", "sign.consent=session");
}

static void test_smartphone(void **state)
{
    static const char *const labels[] = {"JPKIAPGPSETOKEN", "JPKIAPIOSTOKEN"};
    for (int i = 0; i < 2; i++) {
        world_end(state);
        world_begin(state);
        world_card_set(CARD_1, "label", labels[i]);
        world_card_set(CARD_1, "auth-cert-pin", "yes");
        expect_card("smartphone.txt", NULL);
    }
}

/* Its file is empty, or missing. */
static void test_without_signature(void **state)
{
    static const char *const ef[] = {"yes", "no"};
    for (int i = 0; i < 2; i++) {
        world_end(state);
        world_begin(state);
        world_card_set(CARD_1, "sign-cert", "no");
        world_card_set(CARD_1, "sign-cert-ef", ef[i]);
        expect_card("without_signature.txt", NULL);
    }
}

/* Handles of before are none any more. */
static void test_after_logout(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_logged_in(SIGN);
    CK_OBJECT_HANDLE certificate = user_object(session, CKO_CERTIFICATE, 2);
    uint8_t value[WANTED_BYTES];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
    assert_rv(C_GetAttributeValue(session, certificate, &attribute, 1), CKR_OK);
    assert_rv(C_Logout(session), CKR_OK);
    attribute.ulValueLen = sizeof(value);
    assert_rv(C_GetAttributeValue(session, certificate, &attribute, 1), CKR_OBJECT_HANDLE_INVALID);
}

static CK_ULONG number_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG value = 0;
    CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};
    assert_rv(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
    return value;
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        world_test(test_card),
        world_test(test_without_short_ids),
        world_test(test_consent_for_session),
        world_test(test_smartphone),
        world_test(test_without_signature),
        world_test_initialized(test_after_logout),
        world_test(test_japanese_labels),
        world_test_initialized(test_unique_ids),
    };
    if (argc != 2)
        return 2;
    folder = argv[1];
    return cmocka_run_group_tests_name("objects", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "user.h"

#include <pthread.h>
#include <string.h>

#include "check.h"

#define SLOTS 32

const char *const user_pin[2] = {AUTH_PIN, SIGN_PIN};
const char *const user_label[2] = {"JPKI User Authentication", "JPKI Digital Signature"};

static bool field_is(const CK_UTF8CHAR *field, size_t size, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = len; i < size; i++)
        if (field[i] != ' ')
            return false;
    return len <= size && memcmp(field, text, len) == 0;
}

CK_SLOT_ID user_slot(const char *reader, enum role role)
{
    CK_SLOT_ID slots[SLOTS];
    CK_ULONG count = SLOTS;
    assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_SLOT_INFO slot;
        CK_TOKEN_INFO token;
        assert_rv(C_GetSlotInfo(slots[i], &slot), CKR_OK);
        if (!field_is(slot.slotDescription, sizeof(slot.slotDescription), reader))
            continue;
        assert_rv(C_GetTokenInfo(slots[i], &token), CKR_OK);
        if (field_is(token.label, sizeof(token.label), user_label[role]))
            return slots[i];
    }
    fail_msg("no token '%s' in %s", user_label[role], reader);
    return 0;
}

CK_SLOT_ID user_first(enum role role)
{
    return user_slot(READER_1, role);
}

CK_SESSION_HANDLE user_open_slot(CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE session = 0;
    assert_rv(C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
              CKR_OK);
    assert_int_not_equal(session, 0);
    return session;
}

CK_SESSION_HANDLE user_open(enum role role)
{
    return user_open_slot(user_first(role));
}

CK_RV user_try_login(CK_SESSION_HANDLE session, CK_USER_TYPE type, const char *pin)
{
    CK_UTF8CHAR copy[64];
    size_t len = strlen(pin);
    assert_true(len <= sizeof(copy));
    memcpy(copy, pin, len);
    return C_Login(session, type, copy, len);
}

void user_login(CK_SESSION_HANDLE session, enum role role)
{
    assert_rv(user_try_login(session, CKU_USER, user_pin[role]), CKR_OK);
}

CK_SESSION_HANDLE user_logged_in(enum role role)
{
    CK_SESSION_HANDLE session = user_open(role);
    user_login(session, role);
    return session;
}

CK_RV user_set_pin(CK_SESSION_HANDLE session, const char *old, const char *fresh)
{
    CK_UTF8CHAR from[64], to[64];
    size_t from_len = strlen(old), to_len = strlen(fresh);
    assert_true(from_len <= sizeof(from) && to_len <= sizeof(to));
    memcpy(from, old, from_len);
    memcpy(to, fresh, to_len);
    return C_SetPIN(session, from, from_len, to, to_len);
}

CK_ULONG user_find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG count,
                   CK_OBJECT_HANDLE *found, CK_ULONG max)
{
    CK_ULONG got = 0;
    assert_rv(C_FindObjectsInit(session, wanted, count), CKR_OK);
    assert_rv(C_FindObjects(session, found, max, &got), CKR_OK);
    assert_rv(C_FindObjectsFinal(session), CKR_OK);
    assert_true(got <= max);
    return got;
}

CK_OBJECT_HANDLE user_object(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, uint8_t id)
{
    CK_OBJECT_HANDLE found[2] = {0};
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_ID, &id, sizeof(id)}};
    CK_ULONG count = user_find(session, wanted, id != 0 ? 2 : 1, found, 2);
    assert_true(count < 2);
    return count == 1 ? found[0] : 0;
}

CK_RV user_try_object(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, uint8_t id,
                      CK_OBJECT_HANDLE *object)
{
    CK_ULONG count = 0;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_ID, &id, sizeof(id)}};
    CK_RV rv = C_FindObjectsInit(session, wanted, id != 0 ? 2 : 1);
    if (rv == CKR_OK)
        rv = C_FindObjects(session, object, 1, &count);
    if (rv == CKR_OK)
        rv = C_FindObjectsFinal(session);
    return rv == CKR_OK && count == 0 ? CKR_OBJECT_HANDLE_INVALID : rv;
}

CK_OBJECT_HANDLE user_key(CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE key = user_object(session, CKO_PRIVATE_KEY, 0);
    assert_int_not_equal(key, 0);
    return key;
}

CK_RV user_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key)
{
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    CK_MECHANISM mechanism = {type, NULL, 0};
    if (type == CKM_RSA_PKCS_PSS || type == CKM_SHA256_RSA_PKCS_PSS) {
        mechanism.pParameter = &pss;
        mechanism.ulParameterLen = sizeof(pss);
    }
    return C_SignInit(session, &mechanism, key);
}

CK_RV user_sign_data(CK_SESSION_HANDLE session, const void *data, size_t len, uint8_t *signature)
{
    CK_ULONG got = SIGNATURE;
    /* PKCS#11 gives no const for what is only read. */
    CK_RV rv = C_Sign(session, (CK_BYTE *)(uintptr_t)data, len, signature, &got);
    if (rv == CKR_OK)
        assert_int_equal(got, SIGNATURE);
    return rv;
}

CK_RV user_sign(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key,
                const void *data, size_t len, uint8_t *signature)
{
    CK_RV rv = user_sign_init(session, type, key);
    return rv == CKR_OK ? user_sign_data(session, data, len, signature) : rv;
}

/* A card's certificates stay as they are, so each is decoded once. */
static X509 *certificate_of(int card, enum role role)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static X509 *certificates[2][2];
    X509 **place = &certificates[card][role];
    pthread_mutex_lock(&mutex);
    if (*place == NULL)
        *place = check_load(world_card(card), role == AUTH ? "auth.pem" : "sign.pem");
    pthread_mutex_unlock(&mutex);
    return *place;
}

bool user_verify(int card, enum role role, CK_MECHANISM_TYPE type, const void *data, size_t len,
                 const uint8_t *signature)
{
    X509 *certificate = certificate_of(card, role);
    return certificate != NULL &&
           check_mechanism(certificate, type, data, len, signature, SIGNATURE);
}

CK_ULONG user_session_state(CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info;
    CK_RV rv = C_GetSessionInfo(session, &info);
    if (rv == CKR_OK)
        return info.state;
    assert_true(rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_DEVICE_REMOVED);
    return CK_UNAVAILABLE_INFORMATION;
}

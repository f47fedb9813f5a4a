/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The calls of fuzz_p11. What a call wants to know is drawn from the input before it is made, so
 * that a card's answers stand behind it.
 */
#include "fuzz_p11.h"

#include <stdlib.h>
#include <string.h>

#include "twin/twin.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define EDGE 16 /* bytes behind each output, which stay as they are */
#define EDGE_BYTE 0xC5

/* ---- memory that is handed over ---- */

/* ROOM bytes for an output, or NULL for the question how long it is. */
static void *out_new(size_t room)
{
    uint8_t *out = fuzz_alloc(room + EDGE);
    memset(out, EDGE_BYTE, room + EDGE);
    return out;
}

static void out_free(void *out, size_t room)
{
    const uint8_t *edge = (uint8_t *)out + room;
    for (size_t i = 0; i < EDGE; i++)
        fuzz_must(edge[i] == EDGE_BYTE);
    free(out);
}

/* LEN says what was written, or would have to be: after CKR_OK no more than there is room for. */
static void must_fit(CK_RV rv, const void *out, CK_ULONG room, CK_ULONG len)
{
    if (rv == CKR_OK && out != NULL)
        fuzz_must(len <= room);
    if (rv == CKR_BUFFER_TOO_SMALL)
        fuzz_must(len > room);
}

static CK_SESSION_HANDLE *any_session(void)
{
    return &p11_world.sessions[fuzz_below(COUNT(p11_world.sessions))];
}

/* Now and then one that never was. */
static CK_OBJECT_HANDLE any_object(void)
{
    unsigned which = fuzz_u8();
    return which == 0xFF ? fuzz_u16() : p11_world.objects[which % COUNT(p11_world.objects)];
}

static CK_SLOT_ID any_slot(void)
{
    return fuzz_below(4);
}

/* A number of bytes that is odd more often than not; the biggest stands for "very many". */
static size_t any_length(void)
{
    unsigned n = fuzz_u8();
    return n < 0xF0 ? n : 64UL << (n & 0x0F) % 6;
}

static void *any_data(size_t len)
{
    uint8_t *data = fuzz_alloc(len);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 7 + 1);
    return data;
}

/* ---- slots and tokens ---- */

static void slots(void)
{
    CK_BBOOL present = (CK_BBOOL)fuzz_below(2);
    CK_ULONG room = fuzz_below(8), count = room;
    CK_SLOT_ID *list = room == 7 ? NULL : out_new(room * sizeof(*list));
    CK_RV rv = C_GetSlotList(present, list, &count);
    must_fit(rv, list, room, count);
    if (list != NULL)
        out_free(list, room * sizeof(*list));
}

static void slot_info(void)
{
    CK_SLOT_INFO *info = out_new(sizeof(*info));
    C_GetSlotInfo(any_slot(), info);
    out_free(info, sizeof(*info));
}

static void token_info(void)
{
    CK_TOKEN_INFO *info = out_new(sizeof(*info));
    C_GetTokenInfo(any_slot(), info);
    out_free(info, sizeof(*info));
}

static void mechanism_list(void)
{
    CK_SLOT_ID slot = any_slot();
    CK_ULONG room = fuzz_below(32), count = room;
    CK_MECHANISM_TYPE *list = room == 31 ? NULL : out_new(room * sizeof(*list));
    CK_RV rv = C_GetMechanismList(slot, list, &count);
    must_fit(rv, list, room, count);
    if (list != NULL)
        out_free(list, room * sizeof(*list));
}

static const CK_MECHANISM_TYPE mechanisms[] = {
    [P11_RSA_PKCS] = CKM_RSA_PKCS,
    [P11_SHA256_RSA_PKCS] = CKM_SHA256_RSA_PKCS,
    [P11_SHA256_RSA_PKCS_PSS] = CKM_SHA256_RSA_PKCS_PSS,
    [P11_RSA_PKCS_PSS] = CKM_RSA_PKCS_PSS,
    CKM_SHA1_RSA_PKCS,
    CKM_SHA384_RSA_PKCS,
    CKM_SHA512_RSA_PKCS,
    CKM_SHA_1,
    CKM_SHA256,
    CKM_SHA384,
    CKM_SHA512,
    CKM_RSA_X_509,
    CKM_ECDSA,
    CKM_MD5,
};

static CK_MECHANISM_TYPE any_mechanism(void)
{
    unsigned which = fuzz_u8();
    return which == 0xFF ? fuzz_u16() : mechanisms[which % COUNT(mechanisms)];
}

static void mechanism_info(void)
{
    CK_SLOT_ID slot = any_slot();
    CK_MECHANISM_INFO *info = out_new(sizeof(*info));
    C_GetMechanismInfo(slot, any_mechanism(), info);
    out_free(info, sizeof(*info));
}

static void wait_event(void)
{
    CK_SLOT_ID slot;
    C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL);
}

/* ---- sessions ---- */

static void open_session(void)
{
    CK_SESSION_HANDLE *session = any_session(), opened = 0;
    CK_SLOT_ID slot = any_slot();
    unsigned flags = fuzz_u8();
    CK_FLAGS with = (flags & 1 ? 0 : CKF_SERIAL_SESSION) | (flags & 2 ? 0 : CKF_RW_SESSION);
    if (C_OpenSession(slot, with, NULL, NULL, &opened) == CKR_OK) {
        fuzz_must(opened != 0);
        C_CloseSession(*session);
        *session = opened;
    }
}

static void close_session(void)
{
    C_CloseSession(*any_session());
}

static void close_all(void)
{
    C_CloseAllSessions(any_slot());
}

static void session_info(void)
{
    CK_SESSION_INFO *info = out_new(sizeof(*info));
    C_GetSessionInfo(*any_session(), info);
    out_free(info, sizeof(*info));
}

/* A PIN in memory of its own; LEN may lie where the text is NULL. */
static CK_UTF8CHAR *any_pin(CK_ULONG *len)
{
    static const char *const pins[] = {
        [P11_PIN_AUTH] = "1234",
        [P11_PIN_SIGN] = "ABC123",
        [P11_PIN_AUTH_WRONG] = "0000",
        [P11_PIN_SIGN_WRONG] = "WRONG1",
        "9999",
        "abc123",
        "",
        "123",
        "12345",
        "ABCDEFGHIJ1234567",
    };
    unsigned which = fuzz_u8();
    if (which == 0xFF) {
        *len = fuzz_u8();
        return NULL;
    }
    if (which >= 0x80) {
        *len = which & 0x1F;
        return fuzz_bytes(*len);
    }
    const char *text = pins[which % COUNT(pins)];
    *len = strlen(text);
    CK_UTF8CHAR *pin = fuzz_alloc(*len);
    memcpy(pin, text, *len);
    return pin;
}

static void login(void)
{
    static const CK_USER_TYPE types[] = {CKU_USER, CKU_CONTEXT_SPECIFIC, CKU_SO, 77};
    CK_SESSION_HANDLE session = *any_session();
    unsigned which = fuzz_u8();
    CK_ULONG len;
    CK_UTF8CHAR *pin = any_pin(&len);
    CK_USER_TYPE type = types[which % COUNT(types)];
    CK_RV rv = which & 0x80 ? C_LoginUser(session, type, pin, len, NULL, 0)
                            : C_Login(session, type, pin, len);
    if (rv == CKR_OK)
        p11_world.logged_in = true;
    free(pin);
}

static void logout(void)
{
    C_Logout(*any_session());
}

static void set_pin(void)
{
    CK_SESSION_HANDLE session = *any_session();
    CK_ULONG old_len, new_len;
    CK_UTF8CHAR *old = any_pin(&old_len), *new_pin = any_pin(&new_len);
    C_SetPIN(session, old, old_len, new_pin, new_len);
    fuzz_must(twin_commands_of(0x24) <= 1); /* CHANGE REFERENCE DATA */
    free(old);
    free(new_pin);
}

/* ---- objects ---- */

static const CK_ATTRIBUTE_TYPE attributes[] = {
    CKA_CLASS,
    CKA_TOKEN,
    CKA_PRIVATE,
    CKA_LABEL,
    CKA_ID,
    CKA_VALUE,
    CKA_SUBJECT,
    CKA_ISSUER,
    CKA_SERIAL_NUMBER,
    CKA_CERTIFICATE_TYPE,
    CKA_CERTIFICATE_CATEGORY,
    CKA_START_DATE,
    CKA_END_DATE,
    CKA_KEY_TYPE,
    CKA_SIGN,
    CKA_SIGN_RECOVER,
    CKA_DECRYPT,
    CKA_VERIFY,
    CKA_MODULUS,
    CKA_MODULUS_BITS,
    CKA_PUBLIC_EXPONENT,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1,
    CKA_SENSITIVE,
    CKA_EXTRACTABLE,
    CKA_ALWAYS_AUTHENTICATE,
    CKA_ALLOWED_MECHANISMS,
    CKA_PUBLIC_KEY_INFO,
    CKA_PROFILE_ID,
    CKA_UNIQUE_ID,
    CKA_TRUSTED,
    CKA_CHECK_VALUE,
};

static CK_ATTRIBUTE_TYPE any_attribute(void)
{
    unsigned which = fuzz_u8();
    return which == 0xFF ? fuzz_u16() : attributes[which % COUNT(attributes)];
}

/* What an attribute is compared with: right values of several kinds, any bytes, or nothing. */
static void any_value(CK_ATTRIBUTE *attribute)
{
    static const CK_ULONG numbers[] = {
        CKO_CERTIFICATE, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_PROFILE, CKK_RSA, CKC_X_509, 2048, 1};
    unsigned kind = fuzz_u8();
    attribute->type = any_attribute();
    if (kind < 0x40) {
        attribute->ulValueLen = sizeof(CK_ULONG);
        attribute->pValue = fuzz_alloc(sizeof(CK_ULONG));
        memcpy(attribute->pValue, &numbers[kind % COUNT(numbers)], sizeof(CK_ULONG));
    } else if (kind < 0xC0) {
        attribute->ulValueLen = kind & 0x1F;
        attribute->pValue = fuzz_bytes(attribute->ulValueLen);
    } else {
        attribute->ulValueLen = kind & 1 ? 0 : kind;
        attribute->pValue = NULL;
    }
}

static void find_init(void)
{
    CK_SESSION_HANDLE session = *any_session();
    CK_ULONG count = fuzz_below(4);
    CK_ATTRIBUTE *wanted = fuzz_alloc(count * sizeof(*wanted));
    for (CK_ULONG i = 0; i < count; i++)
        any_value(&wanted[i]);
    C_FindObjectsInit(session, wanted, count);
    for (CK_ULONG i = 0; i < count; i++)
        free(wanted[i].pValue);
    free(wanted);
}

static void find(void)
{
    CK_SESSION_HANDLE session = *any_session();
    CK_ULONG max = fuzz_below(COUNT(p11_world.objects) + 1), count = 0;
    CK_OBJECT_HANDLE *found = out_new(max * sizeof(*found));
    if (C_FindObjects(session, found, max, &count) == CKR_OK) {
        fuzz_must(count <= max);
        memcpy(p11_world.objects, found, count * sizeof(*found));
    }
    out_free(found, max * sizeof(*found));
}

static void find_final(void)
{
    C_FindObjectsFinal(*any_session());
}

static void get_attributes(void)
{
    CK_SESSION_HANDLE session = *any_session();
    CK_OBJECT_HANDLE object = any_object();
    CK_ULONG count = fuzz_below(5);
    CK_ATTRIBUTE template[4] = {{0}};
    size_t rooms[4];
    for (CK_ULONG i = 0; i < count; i++) {
        rooms[i] = any_length();
        template[i].type = any_attribute();
        template[i].ulValueLen = rooms[i];
        template[i].pValue = rooms[i] == 0xEF ? NULL : out_new(rooms[i]);
    }
    CK_RV rv = C_GetAttributeValue(session, object, template, count);
    for (CK_ULONG i = 0; i < count; i++) {
        if (template[i].pValue == NULL)
            continue;
        fuzz_must(template[i].ulValueLen == CK_UNAVAILABLE_INFORMATION ||
                  template[i].ulValueLen <= rooms[i] || rv != CKR_OK);
        out_free(template[i].pValue, rooms[i]);
    }
}

/* ---- signing and digests ---- */

/* Parameters: none, those of PSS, those of PSS with one byte changed, or any bytes. */
static void *any_parameters(CK_ULONG *len)
{
    const CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    unsigned kind = fuzz_u8();
    if (kind < 0x40) {
        *len = 0;
        return NULL;
    }
    if (kind >= 0xC0) {
        *len = kind & 0x3F;
        return fuzz_bytes(*len);
    }
    *len = sizeof(pss);
    uint8_t *copy = fuzz_alloc(sizeof(pss));
    memcpy(copy, &pss, sizeof(pss));
    if (kind >= 0x80)
        copy[kind % sizeof(pss)] ^= fuzz_u8();
    return copy;
}

static void sign_init(void)
{
    CK_SESSION_HANDLE session = *any_session();
    CK_MECHANISM mechanism = {any_mechanism(), NULL, 0};
    mechanism.pParameter = any_parameters(&mechanism.ulParameterLen);
    C_SignInit(session, &mechanism, any_object());
    free(mechanism.pParameter);
}

/* With DATA NULL: C_SignFinal. */
static void end_signing(CK_SESSION_HANDLE session, CK_BYTE *data, size_t len, size_t room)
{
    CK_BYTE *signature = room == 0xEF ? NULL : out_new(room);
    CK_ULONG made = room;
    CK_RV rv = data != NULL ? C_Sign(session, data, len, signature, &made)
                            : C_SignFinal(session, signature, &made);
    must_fit(rv, signature, room, made);
    if (rv == CKR_OK)
        fuzz_must(made == 256);
    for (size_t i = 0; rv != CKR_OK && signature != NULL && i < room; i++)
        fuzz_must(signature[i] == EDGE_BYTE); /* nothing is handed out with an error */
    if (signature != NULL)
        out_free(signature, room);
}

static void sign(void)
{
    CK_SESSION_HANDLE session = *any_session();
    size_t len = any_length(), room = any_length();
    void *data = any_data(len);
    end_signing(session, data, len, room);
    free(data);
}

static void sign_update(void)
{
    CK_SESSION_HANDLE session = *any_session();
    size_t len = any_length();
    void *data = any_data(len);
    C_SignUpdate(session, data, len);
    free(data);
}

static void sign_final(void)
{
    CK_SESSION_HANDLE session = *any_session();
    end_signing(session, NULL, 0, any_length());
}

static CK_RV digest_step(unsigned step, CK_SESSION_HANDLE session, CK_BYTE *data, size_t len,
                         CK_BYTE *out, CK_ULONG *made)
{
    CK_MECHANISM mechanism = {mechanisms[7 + len % 5], NULL, 0};
    switch (step) {
    case 0:
        return C_DigestInit(session, &mechanism);
    case 1:
        return C_Digest(session, data, len, out, made);
    case 2:
        return C_DigestUpdate(session, data, len);
    default:
        return C_DigestFinal(session, out, made);
    }
}

static void digest(void)
{
    CK_SESSION_HANDLE session = *any_session();
    unsigned step = fuzz_below(4);
    size_t len = any_length(), room = fuzz_below(80);
    CK_ULONG made = room;
    void *data = any_data(len);
    CK_BYTE *out = room == 79 ? NULL : out_new(room);
    CK_RV rv = digest_step(step, session, data, len, out, &made);
    if (step % 2 != 0)
        must_fit(rv, out, room, made);
    if (out != NULL)
        out_free(out, room);
    free(data);
}

static void cancel(void)
{
    CK_SESSION_HANDLE session = *any_session();
    unsigned what = fuzz_u8();
    if (what < 0x80)
        C_SessionCancel(session, (CK_FLAGS)(what & 1 ? CKF_SIGN : 0) | (what & 2 ? CKF_DIGEST : 0));
    else
        C_SignInit(session, NULL, 0);
}

/* An attribute may be one of a certificate that wants a PIN: where reading it has failed, the next
 * attribute tries again. */
const struct p11_row p11_rows[P11_CALLS] = {
    [P11_SLOTS] = {"slots", slots, 0, 0},
    [P11_SLOT_INFO] = {"slot_info", slot_info, 0, 0},
    [P11_TOKEN_INFO] = {"token_info", token_info, 0, 0},
    [P11_MECHANISMS] = {"mechanism_list", mechanism_list, 0, 0},
    [P11_MECHANISM_INFO] = {"mechanism_info", mechanism_info, 0, 0},
    [P11_OPEN] = {"open_session", open_session, 0, 0},
    [P11_CLOSE] = {"close_session", close_session, 0, 0},
    [P11_CLOSE_ALL] = {"close_all", close_all, 0, 0},
    [P11_SESSION_INFO] = {"session_info", session_info, 0, 0},
    [P11_LOGIN] = {"login", login, 1, 1},
    [P11_LOGOUT] = {"logout", logout, 0, 0},
    [P11_FIND_INIT] = {"find_init", find_init, 4, 0},
    [P11_FIND] = {"find", find, 0, 0},
    [P11_FIND_FINAL] = {"find_final", find_final, 0, 0},
    [P11_ATTRIBUTES] = {"get_attributes", get_attributes, 4, 0},
    [P11_SIGN_INIT] = {"sign_init", sign_init, 0, 0},
    [P11_SIGN] = {"sign", sign, 1, 0},
    [P11_SIGN_UPDATE] = {"sign_update", sign_update, 0, 0},
    [P11_SIGN_FINAL] = {"sign_final", sign_final, 1, 0},
    [P11_DIGEST] = {"digest", digest, 0, 0},
    [P11_SET_PIN] = {"set_pin", set_pin, 3,
                     3}, /* the old one, and what finds out which one holds */
    [P11_WAIT] = {"wait_event", wait_event, 0, 0},
    [P11_RESTART] = {"restart", p11_restart, 0, 0},
    [P11_CARD] = {"move", p11_move, 0, 0},
    [P11_CLOCK] = {"pass_time", p11_pass_time, 0, 0},
    [P11_CANCEL] = {"cancel", cancel, 0, 0},
    [P11_FAULT] = {"fail", p11_fail, 0, 0},
    [P11_OTHER] = {"other_program", p11_other_program, 0, 0},
};

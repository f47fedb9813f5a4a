/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Object management (PKCS#11 3.2, section 5.7). All objects are the card's, and stay as they are.
 */
#include <string.h>

#include "pkcs11/session.h"
#include "token/attrs.h"

static CK_RV copy_value(CK_ATTRIBUTE *attribute, struct bytes value)
{
    if (attribute->pValue == NULL) {
        attribute->ulValueLen = value.len;
        return CKR_OK;
    }
    if (attribute->ulValueLen < value.len) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    attribute->ulValueLen = value.len;
    if (value.len > 0)
        memcpy(attribute->pValue, value.data, value.len);
    return CKR_OK;
}

/* One that cannot be had does not keep the others from being filled in. */
static CK_RV get_values(struct token *token, enum object object, CK_ATTRIBUTE *attributes,
                        CK_ULONG count)
{
    CK_RV result = CKR_OK;
    for (CK_ULONG i = 0; i < count; i++) {
        struct attrs_room room;
        struct bytes value;
        CK_RV rv = attrs_value(token, object, attributes[i].type, &room, &value);
        if (rv == CKR_OK)
            rv = copy_value(&attributes[i], value);
        else
            attributes[i].ulValueLen = CK_UNAVAILABLE_INFORMATION;
        if (result == CKR_OK)
            result = rv;
    }
    return result;
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle,
                          CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (attributes == NULL && count > 0)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    enum object object = object_of(call.token, handle);
    if (object == OBJECT_NONE)
        return entry_end(&call, CKR_OBJECT_HANDLE_INVALID);
    return entry_end(&call, get_values(call.token, object, attributes, count));
}

/* As good a measure as any: of a certificate its own size, of a key its modulus, of a profile its
 * number. */
CK_RV C_GetObjectSize(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_ULONG *size)
{
    struct attrs_room room;
    struct bytes value;
    CK_ATTRIBUTE_TYPE measure = CKA_PROFILE_ID;
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (size == NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    enum object object = object_of(call.token, handle);
    if (object == OBJECT_NONE)
        return entry_end(&call, CKR_OBJECT_HANDLE_INVALID);
    if (object == OBJECT_CERTIFICATE || object == OBJECT_CA_CERTIFICATE)
        measure = CKA_VALUE;
    else if (object == OBJECT_PRIVATE_KEY || object == OBJECT_PUBLIC_KEY)
        measure = CKA_MODULUS;
    rv = attrs_value(call.token, object, measure, &room, &value);
    *size = value.len;
    return entry_end(&call, rv);
}

static CK_RV check_template(const CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    if (wanted == NULL && count > 0)
        return CKR_ARGUMENTS_BAD;
    for (CK_ULONG i = 0; i < count; i++)
        if (wanted[i].pValue == NULL && wanted[i].ulValueLen > 0)
            return CKR_ATTRIBUTE_VALUE_INVALID;
    return CKR_OK;
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    struct session *s = call.session;
    rv = check_template(wanted, count);
    if (rv == CKR_OK && s->finding)
        rv = CKR_OPERATION_ACTIVE;
    if (rv == CKR_OK)
        rv = object_find(call.token, wanted, count, s->found, &s->found_count);
    if (rv == CKR_OK) {
        s->found_next = 0;
        s->finding = true;
    }
    return entry_end(&call, rv);
}

CK_RV C_FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *handles, CK_ULONG max,
                    CK_ULONG *count)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    struct session *s = call.session;
    if (count == NULL || (handles == NULL && max > 0))
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    if (!s->finding)
        return entry_end(&call, CKR_OPERATION_NOT_INITIALIZED);
    *count = 0;
    while (*count < max && s->found_next < s->found_count)
        handles[(*count)++] = s->found[s->found_next++];
    return entry_end(&call, CKR_OK);
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE session)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    rv = call.session->finding ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
    call.session->finding = false;
    return entry_end(&call, rv);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Slot and token management (PKCS#11 3.2, section 5.5).
 */
#include <string.h>

#include "pkcs11/session.h"
#include "token/mech.h"
#include "token/pin.h"

CK_RV C_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count)
{
    struct call call;
    CK_RV rv = entry_begin(&call, __func__);
    if (rv != CKR_OK)
        return rv;
    if (count == NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    return entry_end(&call, slots_list(call.module->slots, token_present != CK_FALSE, list, count));
}

CK_RV C_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
    struct call call;
    CK_RV rv = entry_begin(&call, __func__);
    if (rv != CKR_OK)
        return rv;
    if (info == NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    return entry_end(&call, slots_info(call.module->slots, id, info));
}

CK_RV C_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
    struct call call;
    CK_RV rv = entry_slot(&call, __func__, id);
    if (rv != CKR_OK)
        return rv;
    return entry_end(&call, info == NULL ? CKR_ARGUMENTS_BAD : token_info(call.token, info));
}

CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *id, void *reserved)
{
    struct call call;
    CK_RV rv = entry_begin(&call, __func__);
    if (rv != CKR_OK)
        return rv;
    if (id == NULL || reserved != NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    return entry_end(&call, slots_wait(call.module->slots, (flags & CKF_DONT_BLOCK) == 0, id));
}

CK_RV C_GetMechanismList(CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    CK_MECHANISM_TYPE all[MECH_LIST_MAX];
    struct call call;
    CK_RV rv = entry_slot(&call, __func__, id);
    if (rv != CKR_OK)
        return rv;
    if (count == NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    CK_ULONG room = *count;
    *count = mech_list(call.token, all);
    if (list != NULL && room < *count)
        rv = CKR_BUFFER_TOO_SMALL;
    else if (list != NULL)
        memcpy(list, all, *count * sizeof(*list));
    return entry_end(&call, rv);
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    struct call call;
    CK_RV rv = entry_slot(&call, __func__, id);
    if (rv != CKR_OK)
        return rv;
    return entry_end(&call, info == NULL ? CKR_ARGUMENTS_BAD : mech_info(call.token, type, info));
}

/* The PIN is the token's: a session need not be logged in. */
CK_RV C_SetPIN(CK_SESSION_HANDLE session, CK_UTF8CHAR *old_pin, CK_ULONG old_len,
               CK_UTF8CHAR *new_pin, CK_ULONG new_len)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (old_pin == NULL || new_pin == NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    if ((call.session->flags & CKF_RW_SESSION) == 0)
        return entry_end(&call, CKR_SESSION_READ_ONLY);
    return entry_end(&call,
                     pin_set(call.token, bytes_of(old_pin, old_len), bytes_of(new_pin, new_len)));
}

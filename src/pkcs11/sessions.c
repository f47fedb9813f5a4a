/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Session management (PKCS#11 3.2, section 5.6).
 */
#include <string.h>

#include "pkcs11/session.h"
#include "token/pin.h"

CK_RV C_OpenSession(CK_SLOT_ID id, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                    CK_SESSION_HANDLE *session)
{
    struct call call;
    (void)application; /* we never call back */
    (void)notify;
    CK_RV rv = entry_slot(&call, __func__, id);
    if (rv != CKR_OK)
        return rv;
    if (session == NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    if ((flags & CKF_SERIAL_SESSION) == 0)
        return entry_end(&call, CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    return entry_end(&call, session_open(&call, flags, session));
}

CK_RV C_CloseSession(CK_SESSION_HANDLE session)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    session_close(&call, call.session);
    return entry_end(&call, CKR_OK);
}

CK_RV C_CloseAllSessions(CK_SLOT_ID id)
{
    struct call call;
    CK_RV rv = entry_slot(&call, __func__, id);
    if (rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_TOKEN_NOT_RECOGNIZED)
        return CKR_OK; /* its sessions went with it */
    if (rv != CKR_OK)
        return rv;
    session_close_all(&call);
    return entry_end(&call, CKR_OK);
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (info == NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    bool rw = (call.session->flags & CKF_RW_SESSION) != 0;
    memset(info, 0, sizeof(*info));
    info->slotID = slots_id(call.terminal, call.role);
    info->flags = call.session->flags & (CKF_RW_SESSION | CKF_SERIAL_SESSION);
    if (call.token->logged_in)
        info->state = rw ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
    else
        info->state = rw ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
    return entry_end(&call, CKR_OK);
}

static CK_RV login(struct call *call, CK_USER_TYPE type, CK_UTF8CHAR *pin, CK_ULONG len)
{
    struct bytes text = bytes_of(pin, len);
    if (type == CKU_USER) {
        if (call->token->logged_in)
            return CKR_USER_ALREADY_LOGGED_IN;
        return pin_login(call->token, text);
    }
    if (type != CKU_CONTEXT_SPECIFIC)
        return CKR_USER_TYPE_INVALID;
    struct sign_operation *op = &call->session->sign;
    if (op->mech == NULL || !pin_asked_each_time(call->token))
        return CKR_OPERATION_NOT_INITIALIZED;
    CK_RV rv = pin_consent(call->token, text);
    if (rv == CKR_OK)
        op->consented = true;
    return rv;
}

CK_RV C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE type, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    return entry_end(&call, login(&call, type, pin, pin_len));
}

/* The card knows no user names: with an empty one this is C_Login. */
CK_RV C_LoginUser(CK_SESSION_HANDLE session, CK_USER_TYPE type, CK_UTF8CHAR_PTR pin,
                  CK_ULONG pin_len, CK_UTF8CHAR_PTR name, CK_ULONG name_len)
{
    struct call call;
    (void)name;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (name_len != 0)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    return entry_end(&call, login(&call, type, pin, pin_len));
}

CK_RV C_Logout(CK_SESSION_HANDLE session)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (!call.token->logged_in) {
        pin_logout(call.token); /* a login that has ended here, but may not have on the card */
        return entry_end(&call, CKR_USER_NOT_LOGGED_IN);
    }
    for (struct session *s = session_next(&call, NULL); s != NULL; s = session_next(&call, s))
        sign_cancel(&s->sign, call.token);
    return entry_end(&call, pin_logout(call.token));
}

CK_RV C_SessionCancel(CK_SESSION_HANDLE session, CK_FLAGS flags)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if ((flags & CKF_FIND_OBJECTS) != 0)
        call.session->finding = false;
    if ((flags & CKF_SIGN) != 0)
        sign_cancel(&call.session->sign, call.token);
    if ((flags & CKF_DIGEST) != 0)
        session_cancel_digest(call.session);
    return entry_end(&call, CKR_OK);
}

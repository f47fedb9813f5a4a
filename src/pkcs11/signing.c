/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Signing (PKCS#11 3.2, section 5.13).
 */
#include "pkcs11/session.h"

CK_RV C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    struct sign_operation *op = &call.session->sign;
    if (mechanism == NULL) { /* since 3.0: gives up the operation */
        rv = op->mech != NULL ? CKR_OK : CKR_ARGUMENTS_BAD;
        sign_cancel(op, call.token);
    } else {
        rv = sign_init(op, call.token, mechanism, key);
    }
    return entry_end(&call, rv);
}

static CK_RV final(struct call *call, CK_BYTE *signature, CK_ULONG *len)
{
    size_t made;
    CK_RV rv = sign_final(&call->session->sign, call->token, signature, &made);
    if (rv == CKR_OK)
        *len = made;
    return rv;
}

CK_RV C_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
             CK_ULONG *signature_len)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    struct sign_operation *op = &call.session->sign;
    if (op->mech == NULL)
        return entry_end(&call, CKR_OPERATION_NOT_INITIALIZED);
    if (signature_len == NULL || (data == NULL && data_len > 0))
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    if (op->updated) { /* of several parts: only C_SignFinal ends it with a signature */
        sign_cancel(op, call.token);
        return entry_end(&call, CKR_OPERATION_NOT_INITIALIZED);
    }
    if (entry_only_size(signature, signature_len, sign_size(call.token), &rv))
        return entry_end(&call, rv);
    rv = sign_update(op, call.token, bytes_of(data, data_len));
    if (rv == CKR_OK)
        rv = final(&call, signature, signature_len);
    return entry_end(&call, rv);
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    struct sign_operation *op = &call.session->sign;
    if (op->mech == NULL)
        return entry_end(&call, CKR_OPERATION_NOT_INITIALIZED);
    if (part == NULL && part_len > 0)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    return entry_end(&call, sign_update(op, call.token, bytes_of(part, part_len)));
}

CK_RV C_SignFinal(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG *signature_len)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (call.session->sign.mech == NULL)
        return entry_end(&call, CKR_OPERATION_NOT_INITIALIZED);
    if (signature_len == NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    if (!entry_only_size(signature, signature_len, sign_size(call.token), &rv))
        rv = final(&call, signature, signature_len);
    return entry_end(&call, rv);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The functions of PKCS#11 3.0 and 3.2 that this card has no use for, each with the refusal that
 * the specification names.
 */
#include "pkcs11/session.h"

/* A function that refuses whatever it is given has no use for most of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* ---- Messages (3.0; sections 5.9, 5.11, 5.15, 5.17) ---- */

CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return entry_refuse(__func__, session, true, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_EncryptMessage(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len,
                       CK_BYTE *associated, CK_ULONG associated_len, CK_BYTE *in, CK_ULONG in_len,
                       CK_BYTE *out, CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                            CK_ULONG parameter_len, CK_BYTE *associated, CK_ULONG associated_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len,
                           CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len,
                           CK_FLAGS flags)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE session)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return entry_refuse(__func__, session, true, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_DecryptMessage(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len,
                       CK_BYTE *associated, CK_ULONG associated_len, CK_BYTE *in, CK_ULONG in_len,
                       CK_BYTE *out, CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                            CK_ULONG parameter_len, CK_BYTE *associated, CK_ULONG associated_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len,
                           CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len,
                           CK_FLAGS flags)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE session)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_MessageSignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return entry_refuse(__func__, session, true, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_SignMessage(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len,
                    CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_SignMessageBegin(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_SignMessageNext(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len,
                        CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_MessageSignFinal(CK_SESSION_HANDLE session)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_MessageVerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return entry_refuse(__func__, session, true, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_VerifyMessage(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len,
                      CK_BYTE *in, CK_ULONG in_len, CK_BYTE *signature, CK_ULONG signature_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_VerifyMessageBegin(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_VerifyMessageNext(CK_SESSION_HANDLE session, CK_VOID_PTR parameter, CK_ULONG parameter_len,
                          CK_BYTE *in, CK_ULONG in_len, CK_BYTE *signature, CK_ULONG signature_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_MessageVerifyFinal(CK_SESSION_HANDLE session)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

/* ---- Key encapsulation, signature given first (3.2; sections 5.14 and 5.18) ---- */

CK_RV C_EncapsulateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                       CK_OBJECT_HANDLE public_key, CK_ATTRIBUTE *attributes, CK_ULONG count,
                       CK_BYTE *out, CK_ULONG *out_len, CK_OBJECT_HANDLE *handle)
{
    return entry_refuse(__func__, session, mechanism != NULL && out_len != NULL && handle != NULL,
                        CKR_MECHANISM_INVALID);
}

CK_RV C_DecapsulateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                       CK_OBJECT_HANDLE private_key, CK_ATTRIBUTE *attributes, CK_ULONG count,
                       CK_BYTE *in, CK_ULONG in_len, CK_OBJECT_HANDLE *handle)
{
    return entry_refuse(__func__, session, mechanism != NULL && handle != NULL,
                        CKR_MECHANISM_INVALID);
}

CK_RV C_VerifySignatureInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                            CK_OBJECT_HANDLE key, CK_BYTE *signature, CK_ULONG signature_len)
{
    return entry_refuse(__func__, session, mechanism != NULL, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_VerifySignature(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_VerifySignatureUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_VerifySignatureFinal(CK_SESSION_HANDLE session)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_WrapKeyAuthenticated(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                             CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key,
                             CK_BYTE *associated, CK_ULONG associated_len, CK_BYTE *out,
                             CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, mechanism != NULL && out_len != NULL,
                        CKR_MECHANISM_INVALID);
}

CK_RV C_UnwrapKeyAuthenticated(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                               CK_OBJECT_HANDLE unwrapping_key, CK_BYTE *in, CK_ULONG in_len,
                               CK_ATTRIBUTE *attributes, CK_ULONG count, CK_BYTE *associated,
                               CK_ULONG associated_len, CK_OBJECT_HANDLE *handle)
{
    return entry_refuse(__func__, session, mechanism != NULL && handle != NULL,
                        CKR_MECHANISM_INVALID);
}

/* ---- Validation and asynchronous calls (3.2; sections 5.6 and 5.21) ---- */

/* No validation is claimed, so none was in force. */
CK_RV C_GetSessionValidationFlags(CK_SESSION_HANDLE session, CK_SESSION_VALIDATION_FLAGS_TYPE type,
                                  CK_FLAGS *flags)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (flags == NULL || type != CKS_LAST_VALIDATION_OK)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    *flags = 0;
    return entry_end(&call, CKR_OK);
}

CK_RV C_AsyncComplete(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function, CK_ASYNC_DATA_PTR result)
{
    return entry_refuse(__func__, session, true, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_AsyncGetID(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function, CK_ULONG_PTR id)
{
    return entry_refuse(__func__, session, true, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_AsyncJoin(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR function, CK_ULONG id,
                  CK_BYTE_PTR data, CK_ULONG data_len)
{
    return entry_refuse(__func__, session, true, CKR_FUNCTION_NOT_SUPPORTED);
}

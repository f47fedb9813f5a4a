/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The functions of PKCS#11 2.40 that this card has no use for, each with the refusal that the
 * specification (3.2) names.
 */
#include "pkcs11/session.h"

/* A function that refuses whatever it is given has no use for most of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* ---- PIN and operation state (sections 5.5 and 5.6) ---- */

CK_RV C_InitToken(CK_SLOT_ID id, CK_UTF8CHAR *pin, CK_ULONG pin_len, CK_UTF8CHAR *label)
{
    struct call call;
    CK_RV rv = entry_slot(&call, __func__, id);
    if (rv != CKR_OK)
        return rv;
    return entry_end(&call, label != NULL ? CKR_FUNCTION_NOT_SUPPORTED : CKR_ARGUMENTS_BAD);
}

/* Only a security officer may, and this card has none that could log in here. */
CK_RV C_InitPIN(CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
    return entry_refuse(__func__, session, pin != NULL || pin_len == 0, CKR_USER_NOT_LOGGED_IN);
}

CK_RV C_GetOperationState(CK_SESSION_HANDLE session, CK_BYTE *state, CK_ULONG *len)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (len == NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    bool active = call.session->sign.mech != NULL || call.session->digest != NULL;
    return entry_end(&call, active ? CKR_STATE_UNSAVEABLE : CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_SetOperationState(CK_SESSION_HANDLE session, CK_BYTE *state, CK_ULONG len,
                          CK_OBJECT_HANDLE encryption_key, CK_OBJECT_HANDLE authentication_key)
{
    return entry_refuse(__func__, session, state != NULL, CKR_SAVED_STATE_INVALID);
}

/* ---- Changing objects (section 5.7) ---- */

CK_RV C_CreateObject(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count,
                     CK_OBJECT_HANDLE *handle)
{
    bool arguments = handle != NULL && (attributes != NULL || count == 0);
    return entry_refuse(__func__, session, arguments, CKR_FUNCTION_NOT_SUPPORTED);
}

/* The card's objects are as they are: CKA_COPYABLE, CKA_DESTROYABLE, CKA_MODIFIABLE are false. */
static CK_RV refuse_object(const char *name, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle,
                           bool arguments)
{
    struct call call;
    CK_RV rv = entry_session(&call, name, session);
    if (rv != CKR_OK)
        return rv;
    if (!arguments)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    if (object_of(call.token, handle) == OBJECT_NONE)
        return entry_end(&call, CKR_OBJECT_HANDLE_INVALID);
    return entry_end(&call, CKR_ACTION_PROHIBITED);
}

CK_RV C_CopyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
                   CK_ULONG count, CK_OBJECT_HANDLE *handle)
{
    bool arguments = handle != NULL && (attributes != NULL || count == 0);
    return refuse_object(__func__, session, object, arguments);
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    return refuse_object(__func__, session, object, true);
}

CK_RV C_SetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    return refuse_object(__func__, session, object, attributes != NULL || count == 0);
}

/* ---- Encryption (section 5.8) ---- */

CK_RV C_EncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return entry_refuse(__func__, session, mechanism != NULL, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_Encrypt(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_EncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                      CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_EncryptFinal(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

/* ---- Decryption (section 5.10) ---- */

CK_RV C_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return entry_refuse(__func__, session, mechanism != NULL, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_Decrypt(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                      CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

/* ---- Signing with recovery, verification (sections 5.13 and 5.14) ---- */

CK_RV C_SignRecoverInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return entry_refuse(__func__, session, mechanism != NULL, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_SignRecover(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                    CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_VerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return entry_refuse(__func__, session, mechanism != NULL, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_Verify(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *signature,
               CK_ULONG signature_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG signature_len)
{
    return entry_refuse(__func__, session, true, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_VerifyRecoverInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return entry_refuse(__func__, session, mechanism != NULL, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_VerifyRecover(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG signature_len,
                      CK_BYTE *out, CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

/* ---- Two operations at once (section 5.16) ---- */

CK_RV C_DigestEncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                            CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_DecryptDigestUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                            CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_SignEncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                          CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_DecryptVerifyUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
                            CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, out_len != NULL, CKR_OPERATION_NOT_INITIALIZED);
}

/* ---- Key management (section 5.18): no mechanism of this card makes or moves keys ---- */

CK_RV C_GenerateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *attributes,
                    CK_ULONG count, CK_OBJECT_HANDLE *handle)
{
    return entry_refuse(__func__, session, mechanism != NULL && handle != NULL,
                        CKR_MECHANISM_INVALID);
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                        CK_ATTRIBUTE *public_attributes, CK_ULONG public_count,
                        CK_ATTRIBUTE *private_attributes, CK_ULONG private_count,
                        CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    return entry_refuse(__func__, session,
                        mechanism != NULL && public_key != NULL && private_key != NULL,
                        CKR_MECHANISM_INVALID);
}

CK_RV C_WrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping_key,
                CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *out_len)
{
    return entry_refuse(__func__, session, mechanism != NULL && out_len != NULL,
                        CKR_MECHANISM_INVALID);
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                  CK_OBJECT_HANDLE unwrapping_key, CK_BYTE *in, CK_ULONG in_len,
                  CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *handle)
{
    return entry_refuse(__func__, session, mechanism != NULL && handle != NULL,
                        CKR_MECHANISM_INVALID);
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                  CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *handle)
{
    return entry_refuse(__func__, session, mechanism != NULL && handle != NULL,
                        CKR_MECHANISM_INVALID);
}

/* ---- Random numbers (section 5.19): with CKF_RNG, NSS would ask the card at each start ---- */

CK_RV C_SeedRandom(CK_SESSION_HANDLE session, CK_BYTE *seed, CK_ULONG seed_len)
{
    return entry_refuse(__func__, session, seed != NULL || seed_len == 0, CKR_RANDOM_NO_RNG);
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE session, CK_BYTE *random, CK_ULONG random_len)
{
    return entry_refuse(__func__, session, random != NULL || random_len == 0, CKR_RANDOM_NO_RNG);
}

/* ---- Parallel functions, of which there are none since 2.0 (section 5.20) ---- */

CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE session)
{
    return entry_refuse(__func__, session, true, CKR_FUNCTION_NOT_PARALLEL);
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE session)
{
    return entry_refuse(__func__, session, true, CKR_FUNCTION_NOT_PARALLEL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every function of all three lists as a row: what it takes, and what it answers to arguments that
 * are right while nothing is under way. test_contract.c calls each row in all wrong ways.
 *
 * The answers are those of PKCS#11 3.2, section 5: for a card that makes, changes and encrypts
 * nothing, and has no random numbers to give. Where the specification leaves a choice, the choice
 * is in enum answer.
 */
#ifndef JPKI_TESTS_API_CONTRACT_H
#define JPKI_TESTS_API_CONTRACT_H

#include <pkcs11-3.h>

/* Arguments for all functions; each takes what it needs. */
struct arguments {
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    CK_MECHANISM *mechanism;
    CK_ATTRIBUTE *attributes;
    CK_ULONG count;
    CK_BYTE *in;
    CK_ULONG in_len;
    CK_BYTE *out;
    CK_ULONG *out_len;
    CK_OBJECT_HANDLE *handle, *handle_2;
    void *info; /* of the function's own kind, with room for any */
};

/* What comes first in a call. */
enum target {
    BY_NOTHING,
    BY_SLOT,  /* a slot, whose token need not be there */
    BY_TOKEN, /* a slot with a token in it */
    BY_SESSION
};

/* Arguments that may not be NULL. */
enum {
    NEEDS_NOTHING = 0,
    NEEDS_MECHANISM = 1,
    NEEDS_IN = 2, /* with a length that is not 0 */
    NEEDS_OUT_LEN = 4,
    NEEDS_HANDLE = 8,
    NEEDS_HANDLE_2 = 16,
    NEEDS_INFO = 32,
    NEEDS_ATTRIBUTES = 64, /* with a count that is not 0 */
};

enum answer {
    ANSWER_OK,
    ANSWER_NO_OPERATION,     /* CKR_OPERATION_NOT_INITIALIZED */
    ANSWER_UNSUPPORTED,      /* CKR_FUNCTION_NOT_SUPPORTED, or CKR_MECHANISM_INVALID */
    ANSWER_UNSUPPORTED_NOW,  /* CKR_FUNCTION_NOT_SUPPORTED, or CKR_OPERATION_NOT_INITIALIZED */
    ANSWER_READ_ONLY_OBJECT, /* CKR_ACTION_PROHIBITED: CKA_MODIFIABLE and the like are false */
    ANSWER_NO_RANDOM,        /* CKR_RANDOM_NO_RNG */
    ANSWER_NOT_PARALLEL,     /* CKR_FUNCTION_NOT_PARALLEL */
    ANSWER_NOT_LOGGED_IN,    /* CKR_USER_NOT_LOGGED_IN */
    ANSWER_READ_ONLY,        /* CKR_SESSION_READ_ONLY */
    ANSWER_BAD_STATE,        /* CKR_SAVED_STATE_INVALID */
    ANSWER_BAD_PIN,          /* CKR_PIN_LEN_RANGE */
    ANSWER_NO_EVENT,         /* CKR_NO_EVENT */
    ANSWER_ANY_REFUSAL
};

/* A(member) is the argument of that name. */
#define A(member) (a->member)
#define UTF8 (CK_UTF8CHAR *)a->in

/* clang-format off */
#define CONTRACT_2_40(X) \
    X(C_Initialize, BY_NOTHING, NEEDS_NOTHING, ANSWER_ANY_REFUSAL, (NULL)) \
    X(C_Finalize, BY_NOTHING, NEEDS_NOTHING, ANSWER_ANY_REFUSAL, (A(info))) \
    X(C_GetInfo, BY_NOTHING, NEEDS_INFO, ANSWER_OK, (A(info))) \
    X(C_GetFunctionList, BY_NOTHING, NEEDS_INFO, ANSWER_OK, (A(info))) \
    X(C_GetSlotList, BY_NOTHING, NEEDS_OUT_LEN, ANSWER_OK, (CK_TRUE, (void *)A(out), A(out_len))) \
    X(C_GetSlotInfo, BY_SLOT, NEEDS_INFO, ANSWER_OK, (A(slot), A(info))) \
    X(C_GetTokenInfo, BY_TOKEN, NEEDS_INFO, ANSWER_OK, (A(slot), A(info))) \
    X(C_GetMechanismList, BY_TOKEN, NEEDS_OUT_LEN, ANSWER_OK, (A(slot), (void *)A(out), A(out_len))) \
    X(C_GetMechanismInfo, BY_TOKEN, NEEDS_INFO, ANSWER_OK, (A(slot), CKM_RSA_PKCS, A(info))) \
    X(C_InitToken, BY_TOKEN, NEEDS_INFO, ANSWER_UNSUPPORTED, (A(slot), UTF8, A(in_len), A(info))) \
    X(C_InitPIN, BY_SESSION, NEEDS_IN, ANSWER_NOT_LOGGED_IN, (A(session), UTF8, A(in_len))) \
    X(C_SetPIN, BY_SESSION, NEEDS_IN, ANSWER_READ_ONLY, (A(session), UTF8, A(in_len), UTF8, A(in_len))) \
    X(C_OpenSession, BY_TOKEN, NEEDS_HANDLE, ANSWER_OK, (A(slot), CKF_SERIAL_SESSION, NULL, NULL, A(handle))) \
    X(C_CloseSession, BY_SESSION, NEEDS_NOTHING, ANSWER_OK, (A(session))) \
    X(C_CloseAllSessions, BY_SLOT, NEEDS_NOTHING, ANSWER_OK, (A(slot))) \
    X(C_GetSessionInfo, BY_SESSION, NEEDS_INFO, ANSWER_OK, (A(session), A(info))) \
    X(C_GetOperationState, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(out), A(out_len))) \
    X(C_SetOperationState, BY_SESSION, NEEDS_IN, ANSWER_BAD_STATE, (A(session), A(in), A(in_len), 0, 0)) \
    X(C_Login, BY_SESSION, NEEDS_NOTHING, ANSWER_BAD_PIN, (A(session), CKU_USER, UTF8, A(in_len))) \
    X(C_Logout, BY_SESSION, NEEDS_NOTHING, ANSWER_NOT_LOGGED_IN, (A(session))) \
    X(C_CreateObject, BY_SESSION, NEEDS_HANDLE | NEEDS_ATTRIBUTES, ANSWER_ANY_REFUSAL, (A(session), A(attributes), A(count), A(handle))) \
    X(C_CopyObject, BY_SESSION, NEEDS_HANDLE | NEEDS_ATTRIBUTES, ANSWER_READ_ONLY_OBJECT, (A(session), A(object), A(attributes), A(count), A(handle))) \
    X(C_DestroyObject, BY_SESSION, NEEDS_NOTHING, ANSWER_READ_ONLY_OBJECT, (A(session), A(object))) \
    X(C_GetObjectSize, BY_SESSION, NEEDS_OUT_LEN, ANSWER_OK, (A(session), A(object), A(out_len))) \
    X(C_GetAttributeValue, BY_SESSION, NEEDS_ATTRIBUTES, ANSWER_OK, (A(session), A(object), A(attributes), A(count))) \
    X(C_SetAttributeValue, BY_SESSION, NEEDS_ATTRIBUTES, ANSWER_READ_ONLY_OBJECT, (A(session), A(object), A(attributes), A(count))) \
    X(C_FindObjectsInit, BY_SESSION, NEEDS_ATTRIBUTES, ANSWER_OK, (A(session), A(attributes), A(count))) \
    X(C_FindObjects, BY_SESSION, NEEDS_HANDLE | NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(handle), 1, A(out_len))) \
    X(C_FindObjectsFinal, BY_SESSION, NEEDS_NOTHING, ANSWER_NO_OPERATION, (A(session))) \
    X(C_EncryptInit, BY_SESSION, NEEDS_MECHANISM, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object))) \
    X(C_Encrypt, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_EncryptUpdate, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_EncryptFinal, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(out), A(out_len))) \
    X(C_DecryptInit, BY_SESSION, NEEDS_MECHANISM, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object))) \
    X(C_Decrypt, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_DecryptUpdate, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_DecryptFinal, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(out), A(out_len))) \
    X(C_DigestInit, BY_SESSION, NEEDS_MECHANISM, ANSWER_UNSUPPORTED, (A(session), A(mechanism))) \
    X(C_Digest, BY_SESSION, NEEDS_IN | NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_DigestUpdate, BY_SESSION, NEEDS_IN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len))) \
    X(C_DigestKey, BY_SESSION, NEEDS_NOTHING, ANSWER_NO_OPERATION, (A(session), A(object))) \
    X(C_DigestFinal, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(out), A(out_len))) \
    X(C_SignInit, BY_SESSION, NEEDS_MECHANISM, ANSWER_ANY_REFUSAL, (A(session), A(mechanism), A(object))) \
    X(C_Sign, BY_SESSION, NEEDS_IN | NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_SignUpdate, BY_SESSION, NEEDS_IN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len))) \
    X(C_SignFinal, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(out), A(out_len))) \
    X(C_SignRecoverInit, BY_SESSION, NEEDS_MECHANISM, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object))) \
    X(C_SignRecover, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_VerifyInit, BY_SESSION, NEEDS_MECHANISM, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object))) \
    X(C_Verify, BY_SESSION, NEEDS_IN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), 1)) \
    X(C_VerifyUpdate, BY_SESSION, NEEDS_IN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len))) \
    X(C_VerifyFinal, BY_SESSION, NEEDS_IN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len))) \
    X(C_VerifyRecoverInit, BY_SESSION, NEEDS_MECHANISM, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object))) \
    X(C_VerifyRecover, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_DigestEncryptUpdate, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_DecryptDigestUpdate, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_SignEncryptUpdate, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_DecryptVerifyUpdate, BY_SESSION, NEEDS_OUT_LEN, ANSWER_NO_OPERATION, (A(session), A(in), A(in_len), A(out), A(out_len))) \
    X(C_GenerateKey, BY_SESSION, NEEDS_MECHANISM | NEEDS_HANDLE, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(attributes), A(count), A(handle))) \
    X(C_GenerateKeyPair, BY_SESSION, NEEDS_MECHANISM | NEEDS_HANDLE | NEEDS_HANDLE_2, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(attributes), A(count), A(attributes), A(count), A(handle), A(handle_2))) \
    X(C_WrapKey, BY_SESSION, NEEDS_MECHANISM | NEEDS_OUT_LEN, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object), A(object), A(out), A(out_len))) \
    X(C_UnwrapKey, BY_SESSION, NEEDS_MECHANISM | NEEDS_HANDLE, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object), A(in), A(in_len), A(attributes), A(count), A(handle))) \
    X(C_DeriveKey, BY_SESSION, NEEDS_MECHANISM | NEEDS_HANDLE, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object), A(attributes), A(count), A(handle))) \
    X(C_SeedRandom, BY_SESSION, NEEDS_IN, ANSWER_NO_RANDOM, (A(session), A(in), A(in_len))) \
    X(C_GenerateRandom, BY_SESSION, NEEDS_IN, ANSWER_NO_RANDOM, (A(session), A(in), A(in_len))) \
    X(C_GetFunctionStatus, BY_SESSION, NEEDS_NOTHING, ANSWER_NOT_PARALLEL, (A(session))) \
    X(C_CancelFunction, BY_SESSION, NEEDS_NOTHING, ANSWER_NOT_PARALLEL, (A(session))) \
    X(C_WaitForSlotEvent, BY_NOTHING, NEEDS_INFO, ANSWER_NO_EVENT, (CKF_DONT_BLOCK, A(info), NULL))

#define CONTRACT_3_0(X) \
    X(C_GetInterfaceList, BY_NOTHING, NEEDS_OUT_LEN, ANSWER_OK, ((void *)A(out), A(out_len))) \
    X(C_GetInterface, BY_NOTHING, NEEDS_INFO, ANSWER_OK, (NULL, NULL, A(info), 0)) \
    X(C_LoginUser, BY_SESSION, NEEDS_NOTHING, ANSWER_BAD_PIN, (A(session), CKU_USER, UTF8, A(in_len), NULL, 0)) \
    X(C_SessionCancel, BY_SESSION, NEEDS_NOTHING, ANSWER_OK, (A(session), CKF_SIGN)) \
    X(C_MessageEncryptInit, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object))) \
    X(C_EncryptMessage, BY_SESSION, NEEDS_OUT_LEN, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1, A(in), A(in_len), A(in), A(in_len), A(out), A(out_len))) \
    X(C_EncryptMessageBegin, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1, A(in), A(in_len))) \
    X(C_EncryptMessageNext, BY_SESSION, NEEDS_OUT_LEN, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1, A(in), A(in_len), A(out), A(out_len), 0)) \
    X(C_MessageEncryptFinal, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session))) \
    X(C_MessageDecryptInit, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object))) \
    X(C_DecryptMessage, BY_SESSION, NEEDS_OUT_LEN, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1, A(in), A(in_len), A(in), A(in_len), A(out), A(out_len))) \
    X(C_DecryptMessageBegin, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1, A(in), A(in_len))) \
    X(C_DecryptMessageNext, BY_SESSION, NEEDS_OUT_LEN, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1, A(in), A(in_len), A(out), A(out_len), 0)) \
    X(C_MessageDecryptFinal, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session))) \
    X(C_MessageSignInit, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object))) \
    X(C_SignMessage, BY_SESSION, NEEDS_OUT_LEN, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1, A(in), A(in_len), A(out), A(out_len))) \
    X(C_SignMessageBegin, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1)) \
    X(C_SignMessageNext, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1, A(in), A(in_len), A(out), A(out_len))) \
    X(C_MessageSignFinal, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session))) \
    X(C_MessageVerifyInit, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object))) \
    X(C_VerifyMessage, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1, A(in), A(in_len), A(out), 1)) \
    X(C_VerifyMessageBegin, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1)) \
    X(C_VerifyMessageNext, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session), A(info), 1, A(in), A(in_len), A(out), 1)) \
    X(C_MessageVerifyFinal, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session)))

#define CONTRACT_3_2(X) \
    X(C_EncapsulateKey, BY_SESSION, NEEDS_MECHANISM | NEEDS_OUT_LEN | NEEDS_HANDLE, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object), A(attributes), A(count), A(out), A(out_len), A(handle))) \
    X(C_DecapsulateKey, BY_SESSION, NEEDS_MECHANISM | NEEDS_HANDLE, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object), A(attributes), A(count), A(in), A(in_len), A(handle))) \
    X(C_VerifySignatureInit, BY_SESSION, NEEDS_MECHANISM, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object), A(in), A(in_len))) \
    X(C_VerifySignature, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session), A(in), A(in_len))) \
    X(C_VerifySignatureUpdate, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session), A(in), A(in_len))) \
    X(C_VerifySignatureFinal, BY_SESSION, NEEDS_NOTHING, ANSWER_UNSUPPORTED_NOW, (A(session))) \
    X(C_GetSessionValidationFlags, BY_SESSION, NEEDS_INFO, ANSWER_OK, (A(session), CKS_LAST_VALIDATION_OK, A(info))) \
    X(C_AsyncComplete, BY_SESSION, NEEDS_NOTHING, ANSWER_ANY_REFUSAL, (A(session), UTF8, A(info))) \
    X(C_AsyncGetID, BY_SESSION, NEEDS_NOTHING, ANSWER_ANY_REFUSAL, (A(session), UTF8, A(out_len))) \
    X(C_AsyncJoin, BY_SESSION, NEEDS_NOTHING, ANSWER_ANY_REFUSAL, (A(session), UTF8, 1, A(out), 1)) \
    X(C_WrapKeyAuthenticated, BY_SESSION, NEEDS_MECHANISM | NEEDS_OUT_LEN, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object), A(object), A(in), A(in_len), A(out), A(out_len))) \
    X(C_UnwrapKeyAuthenticated, BY_SESSION, NEEDS_MECHANISM | NEEDS_HANDLE, ANSWER_UNSUPPORTED, (A(session), A(mechanism), A(object), A(in), A(in_len), A(attributes), A(count), A(in), A(in_len), A(handle)))
/* clang-format on */

#endif

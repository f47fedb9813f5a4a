/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One signature: C_SignInit to C_Sign or C_SignFinal.
 */
#ifndef JPKI_TOKEN_SIGN_H
#define JPKI_TOKEN_SIGN_H

#include "token/mech.h"

/* {0} is no operation. The data of a plain signature is collected until the end. */
struct sign_operation {
    const struct mech *mech; /* NULL: no operation */
    struct digest *digest;
    bool updated;   /* has had data */
    bool consented; /* got its own consent by a context login */
    size_t len;
    uint8_t data[MECH_PKCS1_MAX];
};

/* Begins. KEY must be the token's private key: CKR_KEY_HANDLE_INVALID,
 * CKR_KEY_TYPE_INCONSISTENT for another object, CKR_USER_NOT_LOGGED_IN before login. Replaces an
 * operation that only waits for its context login; otherwise CKR_OPERATION_ACTIVE. */
CK_RV sign_init(struct sign_operation *op, struct token *token, const CK_MECHANISM *mechanism,
                CK_OBJECT_HANDLE key);

/* Gives up the operation, and the consent that was given for it. Accepts {0}. */
void sign_cancel(struct sign_operation *op, struct token *token);

/* Adds data. On an error the operation is over. */
CK_RV sign_update(struct sign_operation *op, struct token *token, struct bytes data);

/*
 * Makes the signature: PROFILE_SIGNATURE_MAX bytes at most into SIGNATURE, LEN of them. Whatever
 * comes back, the operation is over and its consent used. Each one that the card was asked for is
 * recorded; with history.required, one that could not be is not handed out (CKR_FUNCTION_FAILED).
 */
CK_RV sign_final(struct sign_operation *op, struct token *token, uint8_t *signature, size_t *len);

/* Bytes of a signature of this token's key. */
size_t sign_size(const struct token *token);

#endif

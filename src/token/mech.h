/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The mechanisms, as one table; every list that PKCS#11 asks for is derived from it.
 */
#ifndef JPKI_TOKEN_MECH_H
#define JPKI_TOKEN_MECH_H

#include "token/token.h"

enum mech_use {
    MECH_PKCS1,        /* the caller's bytes, padded by the card */
    MECH_PKCS1_HASHED, /* hashed here, DigestInfo made here */
    MECH_PSS,          /* the caller's SHA-256 hash */
    MECH_PSS_HASHED,
    MECH_DIGEST
};

struct mech {
    CK_MECHANISM_TYPE type;
    const char *name; /* as pkcs11-tool has it, for the usage history */
    enum mech_use use;
    enum digest_kind digest; /* computed here; of MECH_PKCS1 and MECH_PSS it means nothing */
};

bool mech_is_pss(const struct mech *mech);

#define MECH_PKCS1_MAX 245 /* bytes that fit into a signature of 256 */

/* The mechanism for C_SignInit, its parameters checked. CKR_MECHANISM_INVALID,
 * CKR_MECHANISM_PARAM_INVALID. */
CK_RV mech_for_signing(const struct token *token, const CK_MECHANISM *wanted,
                       const struct mech **mech);

/* The mechanism for C_DigestInit. */
CK_RV mech_for_digest(const CK_MECHANISM *wanted, const struct mech **mech);

/* The token's list: at most MECH_LIST_MAX types into LIST, CKM_RSA_PKCS first. */
#define MECH_LIST_MAX 16
CK_ULONG mech_list(const struct token *token, CK_MECHANISM_TYPE *list);

/* CKR_MECHANISM_INVALID for what is not listed. */
CK_RV mech_info(const struct token *token, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info);

/* The signing mechanisms of the list, at most MECH_LIST_MAX, for CKA_ALLOWED_MECHANISMS: what a
 * program finds there it should be able to choose without harm. */
CK_ULONG mech_allowed(const struct token *token, CK_MECHANISM_TYPE *list);

#endif

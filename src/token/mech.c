/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/mech.h"

#include <string.h>

#include "token/pin.h"

#define KEY_BITS 2048

/* pkcs11-tool takes the first listed one when it is told none: plain PKCS#1 it is. */
static const struct mech table[] = {
    {CKM_RSA_PKCS, "RSA-PKCS", MECH_PKCS1, DIGEST_SHA256},
    {CKM_SHA1_RSA_PKCS, "SHA1-RSA-PKCS", MECH_PKCS1_HASHED, DIGEST_SHA1},
    {CKM_SHA224_RSA_PKCS, "SHA224-RSA-PKCS", MECH_PKCS1_HASHED, DIGEST_SHA224},
    {CKM_SHA256_RSA_PKCS, "SHA256-RSA-PKCS", MECH_PKCS1_HASHED, DIGEST_SHA256},
    {CKM_SHA384_RSA_PKCS, "SHA384-RSA-PKCS", MECH_PKCS1_HASHED, DIGEST_SHA384},
    {CKM_SHA512_RSA_PKCS, "SHA512-RSA-PKCS", MECH_PKCS1_HASHED, DIGEST_SHA512},
    {CKM_RSA_PKCS_PSS, "RSA-PKCS-PSS", MECH_PSS, DIGEST_SHA256},
    {CKM_SHA256_RSA_PKCS_PSS, "SHA256-RSA-PKCS-PSS", MECH_PSS_HASHED, DIGEST_SHA256},
    {CKM_SHA256, "SHA256", MECH_DIGEST, DIGEST_SHA256},
};
#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))
_Static_assert(TABLE_SIZE <= MECH_LIST_MAX, "MECH_LIST_MAX");

static const struct mech *find(CK_MECHANISM_TYPE type)
{
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (table[i].type == type)
            return &table[i];
    return NULL;
}

bool mech_is_pss(const struct mech *mech)
{
    return mech->use == MECH_PSS || mech->use == MECH_PSS_HASHED;
}

/*
 * NSS (since 3.101) takes a combined mechanism whenever one is described, and then never asks for
 * the consent that each signature of the signature key needs. So there only plain CKM_RSA_PKCS is
 * shown; the others work for a program that names them.
 */
static bool listed(const struct token *token, const struct mech *mech)
{
    if (mech_is_pss(mech) && !token->pss)
        return false;
    return mech->use == MECH_PKCS1 || mech->use == MECH_DIGEST || !pin_consent_needed(token);
}

/* The one form of PSS that the card computes. */
static CK_RV check_pss(const CK_MECHANISM *wanted)
{
    CK_RSA_PKCS_PSS_PARAMS params;
    if (wanted->pParameter == NULL || wanted->ulParameterLen != sizeof(params))
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(&params, wanted->pParameter, sizeof(params));
    if (params.hashAlg != CKM_SHA256 || params.mgf != CKG_MGF1_SHA256 || params.sLen != 32)
        return CKR_MECHANISM_PARAM_INVALID;
    return CKR_OK;
}

CK_RV mech_for_signing(const struct token *token, const CK_MECHANISM *wanted,
                       const struct mech **mech)
{
    *mech = NULL;
    const struct mech *found = find(wanted->mechanism);
    if (found == NULL || found->use == MECH_DIGEST || (mech_is_pss(found) && !token->pss))
        return CKR_MECHANISM_INVALID;
    CK_RV rv = CKR_OK;
    if (mech_is_pss(found))
        rv = check_pss(wanted);
    else if (wanted->ulParameterLen != 0)
        rv = CKR_MECHANISM_PARAM_INVALID;
    if (rv == CKR_OK)
        *mech = found;
    return rv;
}

CK_RV mech_for_digest(const CK_MECHANISM *wanted, const struct mech **mech)
{
    *mech = NULL;
    const struct mech *found = find(wanted->mechanism);
    if (found == NULL || found->use != MECH_DIGEST)
        return CKR_MECHANISM_INVALID;
    if (wanted->ulParameterLen != 0)
        return CKR_MECHANISM_PARAM_INVALID;
    *mech = found;
    return CKR_OK;
}

CK_ULONG mech_list(const struct token *token, CK_MECHANISM_TYPE *list)
{
    CK_ULONG count = 0;
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (listed(token, &table[i]))
            list[count++] = table[i].type;
    return count;
}

CK_ULONG mech_allowed(const struct token *token, CK_MECHANISM_TYPE *list)
{
    CK_ULONG count = 0;
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (table[i].use != MECH_DIGEST && listed(token, &table[i]))
            list[count++] = table[i].type;
    return count;
}

CK_RV mech_info(const struct token *token, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    const struct mech *mech = find(type);
    memset(info, 0, sizeof(*info));
    if (mech == NULL || !listed(token, mech))
        return CKR_MECHANISM_INVALID;
    if (mech->use == MECH_DIGEST) {
        info->flags = CKF_DIGEST;
        return CKR_OK;
    }
    info->ulMinKeySize = info->ulMaxKeySize = KEY_BITS;
    info->flags = CKF_HW | CKF_SIGN;
    return CKR_OK;
}

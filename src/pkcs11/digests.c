/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Message digesting (PKCS#11 3.2, section 5.12), computed here: Java looks up the digest of its PSS
 * parameters at the token.
 */
#include <string.h>

#include "pkcs11/session.h"
#include "token/mech.h"
#include "token/rv.h"

#define SIZE 32 /* CKM_SHA256 is the only one */

CK_RV C_DigestInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    const struct mech *mech;
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (mechanism == NULL) { /* since 3.0: gives up the operation */
        rv = call.session->digest != NULL ? CKR_OK : CKR_ARGUMENTS_BAD;
        session_cancel_digest(call.session);
        return entry_end(&call, rv);
    }
    if (call.session->digest != NULL)
        return entry_end(&call, CKR_OPERATION_ACTIVE);
    rv = mech_for_digest(mechanism, &mech);
    if (rv == CKR_OK) {
        call.session->digest = digest_new(mech->digest);
        if (call.session->digest == NULL)
            rv = CKR_HOST_MEMORY;
    }
    return entry_end(&call, rv);
}

static CK_RV update(struct session *session, CK_BYTE *part, CK_ULONG len)
{
    if (part == NULL && len > 0)
        return CKR_ARGUMENTS_BAD;
    session->digest_updated = true;
    CK_RV rv = rv_of(digest_update(session->digest, bytes_of(part, len)));
    if (rv != CKR_OK)
        session_cancel_digest(session);
    return rv;
}

static CK_RV final(struct session *session, CK_BYTE *out)
{
    uint8_t hash[DIGEST_MAX];
    CK_RV rv = rv_of(digest_final(session->digest, hash));
    if (rv == CKR_OK)
        memcpy(out, hash, SIZE);
    session_cancel_digest(session);
    return rv;
}

CK_RV C_Digest(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *digest,
               CK_ULONG *digest_len)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (call.session->digest == NULL)
        return entry_end(&call, CKR_OPERATION_NOT_INITIALIZED);
    if (digest_len == NULL || (data == NULL && data_len > 0))
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    if (call.session->digest_updated) { /* of several parts: only C_DigestFinal ends it */
        session_cancel_digest(call.session);
        return entry_end(&call, CKR_OPERATION_NOT_INITIALIZED);
    }
    if (entry_only_size(digest, digest_len, SIZE, &rv))
        return entry_end(&call, rv);
    rv = update(call.session, data, data_len);
    if (rv == CKR_OK)
        rv = final(call.session, digest);
    return entry_end(&call, rv);
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (call.session->digest == NULL)
        return entry_end(&call, CKR_OPERATION_NOT_INITIALIZED);
    return entry_end(&call, update(call.session, part, part_len));
}

CK_RV C_DigestKey(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (call.session->digest == NULL)
        return entry_end(&call, CKR_OPERATION_NOT_INITIALIZED);
    return entry_end(&call, object_of(call.token, key) == OBJECT_NONE ? CKR_KEY_HANDLE_INVALID
                                                                      : CKR_KEY_INDIGESTIBLE);
}

CK_RV C_DigestFinal(CK_SESSION_HANDLE session, CK_BYTE *digest, CK_ULONG *digest_len)
{
    struct call call;
    CK_RV rv = entry_session(&call, __func__, session);
    if (rv != CKR_OK)
        return rv;
    if (call.session->digest == NULL)
        return entry_end(&call, CKR_OPERATION_NOT_INITIALIZED);
    if (digest_len == NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    if (!entry_only_size(digest, digest_len, SIZE, &rv))
        rv = final(call.session, digest);
    return entry_end(&call, rv);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The objects of a token: a fixed few, of which some are only seen after login.
 */
#ifndef JPKI_TOKEN_OBJECT_H
#define JPKI_TOKEN_OBJECT_H

#include "token/token.h"

enum object {
    OBJECT_NONE,
    OBJECT_PRIVATE_KEY,
    OBJECT_PUBLIC_KEY,
    OBJECT_CERTIFICATE,
    OBJECT_CA_CERTIFICATE,
    OBJECT_PROFILE_BASELINE,
    OBJECT_PROFILE_AUTHENTICATION,
    OBJECT_PROFILE_PUBLIC_CERTIFICATES,
    OBJECT_COUNT
};

/* An object's handle holds the token's number, so that it never means an object of another card,
 * or of the same card put in again. */
CK_OBJECT_HANDLE object_handle(const struct token *token, enum object object);

/* The object of a handle, or OBJECT_NONE when it is not one that can be seen now. */
enum object object_of(const struct token *token, CK_OBJECT_HANDLE handle);

/*
 * The handles of all objects that can be seen now and match all COUNT attributes of WANTED, into
 * FOUND (room for OBJECT_COUNT). Reads a certificate only if an attribute of it is asked for.
 * An error of the device is returned; an attribute that no object has is not an error.
 */
CK_RV object_find(struct token *token, const CK_ATTRIBUTE *wanted, CK_ULONG count,
                  CK_OBJECT_HANDLE *found, CK_ULONG *found_count);

#endif

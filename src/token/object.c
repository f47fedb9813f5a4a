/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/object.h"

#include "token/attrs.h"

#define OBJECT_BITS 4
_Static_assert(OBJECT_COUNT <= 1 << OBJECT_BITS, "OBJECT_BITS");

CK_OBJECT_HANDLE object_handle(const struct token *token, enum object object)
{
    return token->number << OBJECT_BITS | (CK_OBJECT_HANDLE)object;
}

static bool visible(const struct token *token, enum object object)
{
    bool issued = token->issued != CARD_NO;
    bool open = token->logged_in || !token->key->certificate_private;
    switch (object) {
    case OBJECT_PRIVATE_KEY:
        return issued && token->logged_in;
    case OBJECT_PUBLIC_KEY:
    case OBJECT_CERTIFICATE:
        return issued && open;
    case OBJECT_CA_CERTIFICATE:
        return token->ca.state != TOKEN_ABSENT;
    case OBJECT_PROFILE_BASELINE:
    case OBJECT_PROFILE_AUTHENTICATION:
        return true;
    case OBJECT_PROFILE_PUBLIC_CERTIFICATES:
        return !token->key->certificate_private;
    case OBJECT_NONE:
    case OBJECT_COUNT:
        break;
    }
    return false;
}

enum object object_of(const struct token *token, CK_OBJECT_HANDLE handle)
{
    enum object object = (enum object)(handle & ((1 << OBJECT_BITS) - 1));
    if (handle >> OBJECT_BITS != token->number || !visible(token, object))
        return OBJECT_NONE;
    return object;
}

static CK_RV matches(struct token *token, enum object object, const CK_ATTRIBUTE *wanted,
                     bool *match)
{
    struct attrs_room room;
    struct bytes value;
    *match = false;
    CK_RV rv = attrs_value(token, object, wanted->type, &room, &value);
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE)
        return CKR_OK;
    if (rv == CKR_OK)
        *match = bytes_equal(value, bytes_of(wanted->pValue, wanted->ulValueLen));
    return rv;
}

/* Looks at what costs nothing first: most objects are ruled out by their class or id. */
static CK_RV matches_all(struct token *token, enum object object, const CK_ATTRIBUTE *wanted,
                         CK_ULONG count, bool *match)
{
    *match = true;
    for (int costly = 0; costly <= 1; costly++)
        for (CK_ULONG i = 0; *match && i < count; i++) {
            if (attrs_cheap(token, object, wanted[i].type) == (costly != 0))
                continue;
            CK_RV rv = matches(token, object, &wanted[i], match);
            if (rv != CKR_OK)
                return rv;
        }
    return CKR_OK;
}

/* A card that cannot show one certificate still has its other objects. */
static bool ends_search(CK_RV rv)
{
    return rv == CKR_DEVICE_REMOVED || rv == CKR_HOST_MEMORY;
}

CK_RV object_find(struct token *token, const CK_ATTRIBUTE *wanted, CK_ULONG count,
                  CK_OBJECT_HANDLE *found, CK_ULONG *found_count)
{
    *found_count = 0;
    for (int i = OBJECT_PRIVATE_KEY; i < OBJECT_COUNT; i++) {
        enum object object = (enum object)i;
        bool match;
        if (!visible(token, object))
            continue;
        CK_RV rv = matches_all(token, object, wanted, count, &match);
        if (ends_search(rv))
            return rv;
        /* Reading its certificate may have shown that the object is not there. */
        if (rv == CKR_OK && match && visible(token, object))
            found[(*found_count)++] = object_handle(token, object);
    }
    return CKR_OK;
}

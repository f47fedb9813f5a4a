/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The attributes of all objects, as one table.
 */
#ifndef JPKI_TOKEN_ATTRS_H
#define JPKI_TOKEN_ATTRS_H

#include "token/mech.h"
#include "token/object.h"

/* Room for the values that are made when asked for. */
struct attrs_room {
    union {
        CK_BBOOL flag;
        CK_ULONG number;
        CK_MECHANISM_TYPE mechanisms[MECH_LIST_MAX];
        char text[64];
        uint8_t bytes[DIGEST_MAX];
    } u;
};

/*
 * The value of one attribute. VALUE points into ROOM, into the token, or at static data, and holds
 * until the token's next call. CKR_ATTRIBUTE_TYPE_INVALID when objects of this kind have no such
 * attribute, CKR_ATTRIBUTE_SENSITIVE when it never leaves the card; reading a certificate may give
 * CKR_USER_NOT_LOGGED_IN or an error of the device.
 */
CK_RV attrs_value(struct token *token, enum object object, CK_ATTRIBUTE_TYPE type,
                  struct attrs_room *room, struct bytes *value);

/* Whether the value can be had without reading a certificate from the card. */
bool attrs_cheap(const struct token *token, enum object object, CK_ATTRIBUTE_TYPE type);

#endif

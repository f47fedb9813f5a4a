/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the attributes of each object have to be: PKCS#11 3.2, sections 4.2 to 4.9 and 4.14, with
 * values that OpenSSL takes out of the card's certificates.
 */
#ifndef JPKI_TESTS_API_WANTED_H
#define JPKI_TESTS_API_WANTED_H

#include "user.h"

#define WANTED_MAX 64
#define WANTED_BYTES 4096

enum wanted_kind { WANTED_VALUE, WANTED_SENSITIVE, WANTED_ANY_TEXT, WANTED_OPTIONAL };

struct wanted_attribute {
    CK_ATTRIBUTE_TYPE type;
    enum wanted_kind kind;
    CK_ULONG len;
    uint8_t value[WANTED_BYTES];
};

struct wanted {
    size_t count;
    struct wanted_attribute attributes[WANTED_MAX];
};

/* What the object is. */
struct wanted_object {
    CK_OBJECT_CLASS class;
    enum role role;
    bool ca;      /* the CA's certificate */
    bool private; /* CKA_PRIVATE of the holder's certificate and public key */
    bool consent; /* CKA_ALWAYS_AUTHENTICATE */
    CK_ULONG profile;
    const CK_MECHANISM_TYPE *mechanisms; /* CKA_ALLOWED_MECHANISMS of the private key */
    CK_ULONG mechanism_count;
};

/* Fills WANTED; CARD is the card that the object is on. */
void wanted_fill(struct wanted *wanted, const struct wanted_object *object, int card);

/* The attribute of this type, or NULL when the object may not have it. */
const struct wanted_attribute *wanted_find(const struct wanted *wanted, CK_ATTRIBUTE_TYPE type);

#endif

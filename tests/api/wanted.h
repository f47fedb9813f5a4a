/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the attributes of one object have to be, from the cells of a golden file, with values that
 * OpenSSL takes out of the card's certificates.
 */
#ifndef JPKI_TESTS_API_WANTED_H
#define JPKI_TESTS_API_WANTED_H

#include "user.h"

#define WANTED_MAX 64
#define WANTED_BYTES 4096

enum wanted_kind { WANTED_VALUE, WANTED_SENSITIVE, WANTED_ANY_TEXT };

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

/* Adds the attribute that CELL describes, or nothing for "-". The test fails when the cell cannot
 * be understood. CARD is the one whose certificates are meant. */
void wanted_add(struct wanted *wanted, CK_ATTRIBUTE_TYPE type, const char *cell, int card);

/* The attribute of this type, or NULL when the object may not have it. */
const struct wanted_attribute *wanted_find(const struct wanted *wanted, CK_ATTRIBUTE_TYPE type);

#endif

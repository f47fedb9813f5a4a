/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The golden files: for each kind of card a table of all objects and all attributes that the
 * headers know. golden/card.txt says how they are written.
 */
#ifndef JPKI_TESTS_API_GOLDEN_H
#define JPKI_TESTS_API_GOLDEN_H

#include "wanted.h"

#define GOLDEN_OBJECTS 8

struct golden_object {
    char name[32];
    bool before, after; /* whether it is there before the login, and after it */
    struct wanted wanted;
};

struct golden_token {
    size_t count;
    struct golden_object objects[GOLDEN_OBJECTS];
};

/* Reads FOLDER/FILE; the values that it takes from certificates are those of CARD. By role. The
 * test fails when the file does not have a row for each attribute of the headers. */
const struct golden_token *golden_read(const char *folder, const char *file, int card);

/* The value of a constant (CKA_, CKC_, CKK_, CKM_, CKO_, CKP_) by its name; false when the headers
 * have none. */
bool golden_constant(const char *name, CK_ULONG *value);

#endif

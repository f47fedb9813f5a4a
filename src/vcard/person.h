/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The fictitious holder, as the signature certificate describes a holder.
 */
#ifndef JPKI_VCARD_PERSON_H
#define JPKI_VCARD_PERSON_H

#include <openssl/x509v3.h>

#include "vcard/date.h"
#include "vcard/text.h"

struct person {
    const char *name;         /* surname, U+3000, given name; UTF-8 */
    const char *address;      /* at most 200 characters */
    const char *sex;          /* "1" male, "2" female, "3" or "9" other */
    const char *municipality; /* in Latin letters */
    const char *prefecture;   /* in Latin letters */
    const char *code;         /* of the municipality, five digits */
    struct date birth;
};

/* Somebody who does not exist, of a town that does not exist. */
void person_init(struct person *person);

/* Takes "male", "female", "other" or the digit itself. */
bool person_set_sex(struct person *person, const char *value);

/* False and a reason when a text cannot stand in a certificate. */
bool person_check(const struct person *person, struct problem *why);

/* The six otherNames 1.2.392.200149.8.5.5.x in the order of a real certificate: 1, 4, 3, 5, 2, 6
 * (public observation). For the caller to GENERAL_NAMES_free(); NULL without memory. */
GENERAL_NAMES *person_names(const struct person *person);

#endif

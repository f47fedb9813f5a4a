/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The issuing office: makes the folder of a new card.
 */
#ifndef JPKI_VCARD_ISSUE_H
#define JPKI_VCARD_ISSUE_H

#include "vcard/person.h"
#include "vcard/settings.h"
#include "vcard/state.h"

enum issue_age {
    ISSUE_FRESH,    /* issued a month ago */
    ISSUE_EXPIRING, /* the certificates end in twenty days */
    ISSUE_EXPIRED   /* issued six years ago */
};

struct issue {
    struct settings settings;
    struct state state;
    struct person person;
    bool birth_given;
    enum issue_age age;
    struct date from, to; /* year 0: as AGE says, to the fifth birthday */
    bool force;           /* overwrite a card */
    const char *keys;     /* the folder of a card whose keys are taken; NULL: new ones */
};

void issue_init(struct issue *issue);

/* Writes a card into folder DIR, which is made if it is not there. Refuses a folder that holds
 * anything, unless FORCE is set. */
bool issue_card(struct issue *issue, const char *dir, struct problem *why);

#endif

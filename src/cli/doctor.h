/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What can be wrong around a card, looked for one by one.
 */
#ifndef JPKI_CLI_DOCTOR_H
#define JPKI_CLI_DOCTOR_H

#include <jansson.h>

#include "cli/cards.h"

struct doctor {
    struct cards cards;
    json_t *findings; /* NULL: they are printed as they come */
    unsigned problems;
};

/* What was found: that something is well, or what is wrong and what helps. The texts are
 * translated; NAME is for programs and keeps its meaning. */
void doctor_good(struct doctor *doctor, const char *name, const char *text);
void doctor_problem(struct doctor *doctor, const char *name, const char *text, const char *help);

/* The checks, in their order. */
void doctor_service(struct doctor *doctor);  /* doctor_service.c */
void doctor_readers(struct doctor *doctor);  /* the same */
void doctor_cards(struct doctor *doctor);    /* doctor_card.c */
void doctor_programs(struct doctor *doctor); /* doctor_system.c */
void doctor_settings(struct doctor *doctor); /* the same */
void doctor_state(struct doctor *doctor);    /* the same */

#endif

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
    bool json;        /* findings are collected; otherwise they are printed as they come */
    json_t *findings; /* NULL when one could not be made: then none is printed */
    unsigned problems;
};

/* What was found: that something is well, or what is wrong and what helps, which is at least one
 * act of the holder's or the administrator's. The texts are translated; a line of HELP that begins
 * with two blanks is a command or a path. NAME is for programs and keeps its meaning. */
void doctor_good(struct doctor *doctor, const char *name, const char *text);
void doctor_problem(struct doctor *doctor, const char *name, const char *text, const char *help);

/* Says that the service is not there: not installed, or not running. doctor_service.c */
void doctor_service_lost(struct doctor *doctor);

/* The checks, in their order. */
void doctor_service(struct doctor *doctor);  /* doctor_service.c */
void doctor_readers(struct doctor *doctor);  /* doctor_reader.c */
void doctor_cards(struct doctor *doctor);    /* doctor_card.c */
void doctor_modules(struct doctor *doctor);  /* doctor_module.c */
void doctor_browsers(struct doctor *doctor); /* doctor_browser.c */
void doctor_settings(struct doctor *doctor); /* doctor_system.c */
void doctor_state(struct doctor *doctor);    /* the same */

#endif

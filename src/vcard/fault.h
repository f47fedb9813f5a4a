/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Commands that go wrong on purpose: [ins=HH:]N[+]:KIND[:ARGUMENT].
 *
 *   N      the N-th command since the program started (with ins=HH: the N-th with that instruction
 *          byte); N+ that one and all later ones
 *   pull[:MS]   the card does what it was told and is taken out before the answer; put back after
 *               MS milliseconds, otherwise by SIGUSR2
 *   pull-early[:MS]  the same, before the card does anything
 *   sw:XXXX     the card does nothing and answers this status word
 *   lie:XXXX    the card does what it was told and answers this status word without data
 *   short:K     the answer is cut to K bytes
 *   long:K      K random bytes are put in before the status word
 *   noise[:K]   K random bytes instead of the answer (without K: as many as the answer has)
 *   delay:MS    the answer comes so much later
 */
#ifndef JPKI_VCARD_FAULT_H
#define JPKI_VCARD_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcard/text.h"

#define FAULT_LIST_MAX 32
#define FAULT_EXTRA_MAX 512 /* bytes for "long" and "noise" */

enum fault_kind {
    FAULT_NONE,
    FAULT_PULL,
    FAULT_PULL_EARLY,
    FAULT_SW,
    FAULT_LIE,
    FAULT_SHORT,
    FAULT_LONG,
    FAULT_NOISE,
    FAULT_DELAY
};

struct fault {
    enum fault_kind kind;
    bool has_argument;
    unsigned long argument; /* milliseconds, bytes or status word */
    int ins;                /* -1: any */
    unsigned long first;
    bool onwards;
    unsigned long seen; /* commands that matched so far */
};

struct fault_list {
    struct fault fault[FAULT_LIST_MAX];
    size_t count;
};

/* Adds what SPEC says. */
bool fault_add(struct fault_list *list, const char *spec, struct problem *why);

/* Counts a command and returns the first fault that strikes it; NULL when none does. To be called
 * once for each command. */
const struct fault *fault_strike(struct fault_list *list, const uint8_t *command, size_t len);

/* Changes an answer of LEN bytes (SIZE is the room) as the fault says; returns its new length. The
 * kinds that are no change of the answer leave it alone. */
size_t fault_spoil(const struct fault *fault, uint8_t *response, size_t len, size_t size);

/* The name of the kind, for the log. */
const char *fault_name(const struct fault *fault);

#endif

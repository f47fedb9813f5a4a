/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What one program has found out about a card that is still in the reader, for the next program:
 * what the card calls its token, and whether it forgets a PIN when another application is selected
 * (docs/card.md). In folder_runtime(), one file for each reader.
 *
 * It holds for this run of the PC/SC service, and until the service sees a card go or come in this
 * reader. Whoever uses it compares the card's identity besides, which is read from the card each
 * time. So it tells of another card only if that has the same certificate, and came into this
 * reader without the service's noticing.
 */
#ifndef JPKI_TOKEN_SEEN_H
#define JPKI_TOKEN_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "card/card.h"
#include "crypto/digest.h"

struct seen {
    uint8_t identity[DIGEST_SHA256_SIZE]; /* insertion.identity */
    const struct profile *profile;        /* of profile.h's table */
    char model[16 + 1];
    enum card_known drop_works; /* as in struct card */
};

/*
 * What is noted of the card in READER (its PC/SC name) since the service has counted EVENTS there
 * (struct reader_state; the lower 16 bits count). False, SEEN all zero, when nothing is: no note,
 * one of another run of the service or of another count, or a text that makes no sense. All
 * functions here keep errno.
 */
bool seen_find(const char *reader, unsigned long events, struct seen *seen);

/* Notes it, in place of what was noted before. What cannot be noted is found out again. */
void seen_note(const char *reader, unsigned long events, const struct seen *seen);

/* Takes the note away: it has proved wrong. */
void seen_forget(const char *reader);

#endif

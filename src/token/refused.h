/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * PINs that a card has refused, so that it need not be asked again: as salted hashes, since a
 * password that was mistyped is almost the password.
 *
 * A PIN whose answer was lost is in doubt until the counter is read again: a try fewer than before
 * means that the card has refused it. Where it was not known how many there were before, so does
 * any missing try: a right PIN is then of no use until the card is put in anew, which costs no
 * try.
 *
 * They are forgotten on success, when the card is seen to be taken out, and when somebody else has
 * moved the card's counter. They outlive C_Finalize, since many programs end and begin again by
 * themselves and then send the PIN that they have kept. A PIN that is in doubt stays so when the
 * card is taken out: leaving the reader's field is what loses answers.
 */
#ifndef JPKI_TOKEN_REFUSED_H
#define JPKI_TOKEN_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

#include "card/profile.h"
#include "support/bytes.h"

#define REFUSED_HASH 32 /* bytes, SHA-256 */
#define REFUSED_MAX 16  /* no counter of this card can count more refusals */

/* In memory of secret_new(). */
struct refused {
    uint8_t salt[16];
    unsigned count;
    uint8_t hashes[REFUSED_MAX][REFUSED_HASH];
    int tries; /* what was left after the last refusal, -1 when the card did not say */

    bool in_doubt;
    uint8_t doubted[REFUSED_HASH];
    int doubted_tries; /* what was left before it was presented */
};

/* False when there is no randomness for the salt. */
bool refused_init(struct refused *refused);

/* The salted hash of PIN, REFUSED_HASH bytes. False when it cannot be computed. */
bool refused_hash(const struct refused *refused, struct bytes pin, uint8_t *hash);

/* Whether the card has refused what HASH is of; in a time that does not depend on which. */
bool refused_has(const struct refused *refused, const uint8_t *hash);

/* The card has refused it, and TRIES are left. A locked card (0) compares nothing, so nothing is
 * known of this PIN then, and the counter alone keeps every PIN from it. */
void refused_add(struct refused *refused, const uint8_t *hash, int tries);

/* The answer to it was lost; TRIES were left before (-1: not known). */
void refused_doubt(struct refused *refused, const uint8_t *hash, int tries);

void refused_forget(struct refused *refused);

/* The card's counter says TRIES, of FULL: when somebody else has moved it, what was refused may be
 * right now, and is forgotten. */
void refused_tries_seen(struct refused *refused, int tries, int full);

/*
 * Over C_Finalize, a restart of the PC/SC service, and the renewal of a token: keeps what the card
 * with this IDENTITY (32 bytes) has refused as PIN of ROLE, and gives it back, once. Nothing is
 * kept when nothing was refused. One thread at a time.
 */
void refused_park(const uint8_t *identity, enum card_role role, const struct refused *refused);
void refused_adopt(const uint8_t *identity, enum card_role role, struct refused *refused);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One of our cards from the moment it is put in until it is taken out: what both of its tokens
 * share.
 */
#ifndef JPKI_TOKEN_INSERTION_H
#define JPKI_TOKEN_INSERTION_H

#include <stdbool.h>
#include <stdint.h>

#include "card/card.h"
#include "crypto/digest.h"

struct insertion {
    struct card card;
    uint8_t first[256]; /* first block of the authentication certificate, or of its CA's */
    size_t first_len;
    bool first_is_certificate;
    uint8_t identity[DIGEST_MAX]; /* SHA-256 of what tells this card from others */
    char serial[16 + 1];          /* the beginning of that in hexadecimal */
    bool refused_pss;             /* by this very card */
    bool unproven;                /* the card may have been exchanged since the last comparison */
    bool lost;                    /* it was: another card answered */
    bool fresh;                   /* of the transaction under way: see reader_begin() */

    /* With isolation = no: bits (1 << enum card_role) of the PINs that the card may keep for us;
     * and whether it was made to forget them, so that every login is over. */
    unsigned open;
    bool dropped;
};

/* Recognises the card in READER. On ERR_OK a transaction is open. ERR_FOREIGN: not one of ours. */
enum err insertion_recognise(struct insertion *in, struct reader *reader);

/*
 * Begins a transaction with the same card as before. Whenever the card may have been exchanged, its
 * identity is read and compared first: ERR_NO_CARD, and lost is set, when it is another one.
 */
enum err insertion_begin(struct insertion *in);

/* Ends the transaction; see card_end(). */
void insertion_end(struct insertion *in, bool drop);

#endif

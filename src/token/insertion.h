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
#include "token/mark.h"

struct insertion {
    struct card card;
    const char *reader;    /* its name; not owned */
    unsigned long events;  /* of the reader when the card was recognised (struct reader_state) */
    enum card_known noted; /* card.drop_works as the next program finds it (seen.h) */
    uint8_t first[256];    /* first block of the authentication certificate, or of its CA's */
    size_t first_len;
    bool first_is_certificate;
    uint8_t identity[DIGEST_MAX]; /* SHA-256 of what tells this card from others; the rest of its
                                   * room is digest_final()'s */
    char serial[16 + 1];          /* the beginning of that in hexadecimal */
    bool refused_pss;             /* by this very card */
    bool distrusts_kept;          /* a certificate that was kept (certcache.h) is not this card's */
    bool pad;                     /* the reader has a PIN pad */
    bool unproven;                /* the card may have been exchanged since the last comparison */
    bool lost;                    /* it was: another card answered */

    /* With isolation = no, by role: the card may keep the PIN for us; and it has been made to
     * forget it since, so that the login is over. */
    bool kept[CARD_ROLES];
    bool ended[CARD_ROLES];

    char mark[MARK_NAME_SIZE];
    bool marked;    /* we have made our mark and not yet taken it away */
    bool undropped; /* a PIN of ours could not be dropped; the next transaction does it */
};

/* Recognises the card in READER, whose NAME must outlive IN, which is {0} or that of the card
 * before. EVENTS is of its state, as it was before the card was asked anything. On ERR_OK a
 * transaction is open. ERR_FOREIGN: not one of ours. */
enum err insertion_recognise(struct insertion *in, struct reader *reader, const char *name,
                             unsigned long events);

/*
 * Begins a transaction with the same card as before. Whenever the card may have been exchanged, its
 * identity is read and compared first: ERR_NO_CARD, and lost is set, when it is another one.
 */
enum err insertion_begin(struct insertion *in);

/* Inside a transaction, before a PIN is sent: marks the card as open. */
void insertion_mark(struct insertion *in);

/* The card keeps the PIN of ROLE for us from now on. */
void insertion_keep(struct insertion *in, enum card_role role);

/* Whether it keeps any, so that taking its power would end a login. */
bool insertion_keeps(const struct insertion *in);

/* Every login that the card kept for us is over; after insertion_forgotten() it keeps none any
 * more. */
void insertion_ended(struct insertion *in);
void insertion_forgotten(struct insertion *in);

/* The card is given up, or could not be closed: a mark that still stands says from now on that it
 * is to be closed by whoever meets it next. Accepts {0}. */
void insertion_leave(struct insertion *in);

/* Ends the transaction; see card_end(). Takes the mark away, or says in it that the card keeps a
 * PIN for us, or leaves it where the card could not be closed. What was found out is noted for the
 * next program (seen.h), before the end, so that notes come in the order of transactions. */
void insertion_end(struct insertion *in, bool drop);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A terminal is our record of one reader: the connection (struct reader), the card in it, and the
 * two tokens of that card, one for each of its two slots.
 *
 * Two locks: the terminal's own, for card work, which may take seconds; and the table's, for a
 * moment, also inside the terminal. The table's is never held while a terminal is entered or a card
 * is spoken to.
 */
#ifndef JPKI_TOKEN_TERMINAL_H
#define JPKI_TOKEN_TERMINAL_H

#include "support/lock.h"
#include "token/slot.h"
#include "token/token.h"

enum verdict {
    VERDICT_UNASKED, /* the card has not been asked yet what it is */
    VERDICT_OURS,
    VERDICT_FOREIGN
};

struct terminal {
    struct slots *slots;
    char *name;
    size_t index;

    /* under the terminal's lock */
    struct lock *lock;
    struct reader *reader;
    struct insertion insertion;
    struct token tokens[CARD_ROLES];

    /* under the table's lock */
    struct reader_state state;
    enum verdict verdict;
    unsigned arrivals;                 /* counts cards; tells whether it is still the same one */
    bool taken_out;                    /* the last card was seen to be taken out of the reader */
    unsigned long numbers[CARD_ROLES]; /* of the tokens that are in, else 0 */
    unsigned failures;                 /* of recognising the card that is in */
    uint64_t retry_at;                 /* clock_ms() */
    unsigned users;                    /* threads that hold or want the terminal's lock */
    bool event[CARD_ROLES];            /* for C_WaitForSlotEvent */
};

/* NULL without memory. The name is copied. */
struct terminal *terminal_new(struct slots *slots, const char *name, size_t index);

/* For C_Finalize. With isolation = no, a card that is still logged in is logged out. */
void terminal_free(struct terminal *terminal);

/* Takes and gives the terminal's lock; tokens whose card has left are cleared on the way. */
void terminal_enter(struct terminal *terminal);
void terminal_leave(struct terminal *terminal);

/*
 * Inside: asks the card what it is, if that is due. TOKEN is set to the token of ROLE, or NULL with
 * CKR_TOKEN_NOT_PRESENT (no card) or CKR_TOKEN_NOT_RECOGNIZED (not ours, or not readable now).
 */
CK_RV terminal_token(struct terminal *terminal, enum card_role role, struct token **token);

/* Under the table's lock: takes over what was seen of the reader. */
void terminal_see(struct terminal *terminal, const struct reader_state *state);

/* Takes the terminal's lock, asks the card what it is if that is due, and gives the lock back. Also
 * clears tokens whose card has left. */
void terminal_recognise(struct terminal *terminal);

/* Under the table's lock: whether terminal_token() would have to ask the card. */
bool terminal_recognition_due(const struct terminal *terminal);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to pin.c and pinset.c: what is remembered of one token's PIN.
 */
#ifndef JPKI_TOKEN_PINMEMORY_H
#define JPKI_TOKEN_PINMEMORY_H

#include "token/pin.h"
#include "token/refused.h"

/* On pages of secret_new(). */
struct pin_memory {
    struct card_pin held;    /* len 0: none */
    struct card_pin offered; /* during a call: by the program */
    struct card_pin new_pin; /* during C_SetPIN: the new one */
    uint64_t login_at;       /* when the login, or the last consent, was given: pin.cache-seconds */
    bool consent;            /* one signature may be made */
    bool used;               /* a signature was made since then */
    bool by_pad;             /* the login was made with the PIN pad */
    bool has_accepted;
    uint8_t accepted[REFUSED_HASH]; /* what the card accepted last */
    struct refused refused;
};

/*
 * Inside a transaction: presents the offered PIN, HASH being its salted hash, once, under all
 * rules: the reserve, what was refused before. CKR_OK: the card has accepted it.
 */
CK_RV pin_verify_offered(struct token *token, const uint8_t *hash);

/*
 * Inside a transaction: marks the card as open, presents PIN, HASH being its salted hash, once, and
 * takes over what the card says of it. Errors of card_verify().
 */
enum err pin_ask_card(struct token *token, struct card_pin *pin, const uint8_t *hash);

/* The card holds HASH's PIN now: its counter is full, nothing is refused any more. */
void pin_note_accepted(struct token *token, const uint8_t *hash);

/* Ends a transaction in which a PIN was sent, RV being how that went. A PIN whose answer was lost
 * must not stay verified, isolation or not. */
void pin_end_transaction(struct token *token, CK_RV rv);

#endif

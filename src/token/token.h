/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One token: one key of one card, for as long as the card stays in. All functions here and in
 * pin.h, object.h, attrs.h, mech.h, sign.h want the terminal's lock held (terminal.h).
 */
#ifndef JPKI_TOKEN_TOKEN_H
#define JPKI_TOKEN_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include <pkcs11-3.h>

#include "crypto/x509.h"
#include "support/config.h"
#include "token/insertion.h"

struct pin_memory; /* pin.h */

/* A certificate that is read when it is first asked for. */
struct token_certificate {
    enum { TOKEN_UNREAD, TOKEN_READ, TOKEN_ABSENT, TOKEN_BROKEN } state;
    bool remembered;    /* by certcache.h: only its beginning was read from this card */
    bool unkept;        /* was read whole, and is still to be kept (certcache.h) */
    struct buffer kept; /* what certcache.h has, until it is compared with the card */
    struct x509 x509;
};

struct token {
    enum card_role role;
    const struct config *config;
    unsigned long number; /* of this insertion of this token; never used again; 0: no token. The
                           * terminal's number is what should be in; terminal_enter() makes them
                           * agree. */
    struct insertion *insertion;
    const struct profile_key *key;

    struct token_certificate holder, ca;
    enum card_known issued; /* whether there is a holder's certificate, and so a usable key */
    bool pss;               /* PSS is offered */
    bool outdated;          /* what was told of it is no longer true: its sessions must end */

    bool logged_in;
    struct pin_memory *pin;
    int tries; /* left, -1 when not known */
    uint64_t tries_at;
    bool tries_new; /* of the recognition, and C_GetTokenInfo has not told them yet */

    /* the last line of this token in the usage history: see record() */
    int recorded;
    CK_RV recorded_rv;

    unsigned long sessions, rw_sessions;
};

/* Makes TOKEN the token NUMBER of a card that was just recognised. token_clear() makes it no token
 * again and wipes its PIN; it accepts {0}. False without memory. */
bool token_init(struct token *token, enum card_role role, const struct config *config,
                struct insertion *insertion, unsigned long number);
void token_clear(struct token *token);

/* Outside of any transaction, after token_init(): PSS is not offered where a card of this model is
 * known to have refused it (pss_refused.h). */
void token_recall_pss(struct token *token);

/* Inside a transaction: reads the tries left. Unknown is not an error. */
void token_read_tries(struct token *token);

/* Takes over what the card has said of the tries left (-1: nothing). When somebody else has moved
 * the counter, PINs that were refused before may be right now and are forgotten. */
void token_set_tries(struct token *token, int tries);

/* Fills INFO. Reads the tries left anew when they are older than a second (the first time, ten
 * seconds), unless a signature has been consented to and is waiting: then nothing may come
 * between. */
CK_RV token_info(struct token *token, CK_TOKEN_INFO *info);

/*
 * Makes the holder's or the CA's certificate known, in a transaction of its own if it was not read
 * yet. ERR_DENIED when it wants a PIN
 * that we do not have; ERR_NOT_FOUND when the card has none; ERR_ANSWER when it makes no sense.
 */
enum err token_load_holder(struct token *token);
enum err token_load_ca(struct token *token);

/* Whether the holder's certificate was issued, as far as the card tells without a PIN (EF 0008), in
 * a transaction of its own if that was not asked before. */
enum card_known token_is_issued(struct token *token);

/* token_load_holder() inside a transaction, with the PIN presented if it is needed. */
enum err token_load_holder_inside(struct token *token);

/* Outside of any transaction, for a disk may take its time. The first: takes the holder's
 * certificate from what was kept, if it is this card's; true when it has. The second: keeps for the
 * next program what the last transactions have read, and forgets what has proved wrong. */
bool token_recall_holder(struct token *token);
void token_keep_certificates(struct token *token);

/*
 * Inside a transaction, with the PIN presented if it is needed: the holder's certificate does not
 * fit what the card has signed. Reads it once more, in short commands. True: it is the card's own,
 * byte for byte. False when it cannot be read; or when it is another one, because what was
 * remembered, or read before, was wrong: then the token is outdated, since programs have been told
 * so, and nothing that was kept is believed any more for as long as this card stays in.
 */
bool token_confirm_holder(struct token *token);

/* Copies TEXT into a field of SIZE bytes, padded with blanks, never cutting a UTF-8 character. */
void token_pad(CK_UTF8CHAR *field, size_t size, const char *text);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The PIN of one token: its form, its memory, and who may use it. A locked PIN sends its holder to
 * the municipal office, so every rule here exists to spend no try in vain:
 *
 *  - a PIN of impossible form is refused without asking the card;
 *  - a PIN that this card has refused is refused again without asking the card;
 *  - the last tries (pin.reserve) are never spent by C_Login, as far as the card says how many are
 *    left;
 *  - a VERIFY whose answer was lost is never repeated; at the next login or use the counter tells
 *    whether the card has refused that PIN. Where it tells nothing, what is held is not sent again.
 */
#ifndef JPKI_TOKEN_PIN_H
#define JPKI_TOKEN_PIN_H

#include "token/token.h"

struct pin_memory *pin_memory_new(void);
void pin_memory_free(struct pin_memory *pin); /* wipes; accepts NULL */

/* What the card has refused outlives a token of the same card: see refused.h. Under the table's
 * lock, unless no other thread can be in the module. */
void pin_park(struct token *token);
void pin_adopt(struct token *token);

/* The card was taken out by its holder: what it has refused is forgotten. */
void pin_taken_out(struct token *token);

/*
 * C_Login as user. TEXT is the caller's. CKR_OK, CKR_PIN_LEN_RANGE (form), CKR_PIN_INVALID (refused
 * before), CKR_PIN_INCORRECT, CKR_PIN_LOCKED (also: only the reserve is left), or an error of the
 * device. A successful login is the consent for one signature.
 *
 * No TEXT (data NULL), where pin_on_pad(): with isolation = yes only the tries left are looked at,
 * and each use of the key asks on the PIN pad, inside its transaction; with isolation = no
 * the PIN is typed now. CKR_FUNCTION_CANCELED: the holder typed none.
 */
CK_RV pin_login(struct token *token, struct bytes text);

/*
 * Where pin_on_pad(): has the holder type the PIN now, whatever isolation is, only to learn whether
 * it is right. Recorded as a login, and answered like one; nobody is logged in afterwards.
 */
CK_RV pin_check_on_pad(struct token *token);

/* C_Login for one operation that waits for it: the same rules, and consent for one signature; any
 * error takes back the consent that there was. CKR_USER_NOT_LOGGED_IN when the login has ended
 * meanwhile. */
CK_RV pin_consent(struct token *token, struct bytes text);

/*
 * C_SetPIN: OLD is presented under the rules of C_Login, then changed to NEW_PIN. Whether there is
 * a login, and for what, stays as it is.
 *
 * The answer says which PIN holds. The new one: CKR_OK. The old one: CKR_PIN_LEN_RANGE and
 * CKR_PIN_INVALID (NEW_PIN, or the length of OLD, cannot be right), CKR_PIN_INCORRECT (OLD was
 * refused now or before), CKR_PIN_LOCKED, CKR_FUNCTION_FAILED (the card would not change it). Not
 * known, when the exchange broke off in between and could not be taken up again, or when the card
 * contradicts itself: the other errors of a device.
 */
CK_RV pin_set(struct token *token, struct bytes old, struct bytes new_pin);

/* C_Logout, and the end of the last session. With isolation = no the card itself is logged out, of
 * both PINs; terminal_leave() then ends the other token's login too. */
CK_RV pin_logout(struct token *token);

/* Whether each signature with this token's key has to be consented to. */
bool pin_consent_needed(const struct token *token);

/* Whether this token's PIN is typed on the reader's PIN pad: it has one, the settings let it be
 * used, and the PIN is one that they can type. */
bool pin_on_pad(const struct token *token);

/* Whether the holder is asked for each signature, by the program or by the reader
 * (CKA_ALWAYS_AUTHENTICATE). */
bool pin_asked_each_time(const struct token *token);

/* Whether a consent is waiting to be used. */
bool pin_consented(const struct token *token);

/* Takes the consent back. */
void pin_revoke(struct token *token);

/* Uses the consent up: a signature is about to be made. */
void pin_use(struct token *token);

/* Whether pin_present() could succeed. */
bool pin_available(const struct token *token);

/*
 * Inside a transaction: makes the card accept the key's use, by presenting the remembered PIN
 * (isolation = yes) or by trusting the card's own state. A refusal ends the login; it is never
 * repeated, and reported as ERR_DENIED. ERR_PIN_LOCKED: the tries left, looked at when they were
 * not known to be all there within ten seconds, are kept. A success also fills the counter again. A
 * PIN that is typed on the reader is asked for anew each time: ERR_PIN_WRONG, ERR_PIN_LOCKED and
 * ERR_CANCELLED are the holder's, and end nothing.
 */
enum err pin_present(struct token *token);

/*
 * Inside a transaction in which a PIN was presented and has done its work: finds out, once per
 * insertion, whether the card forgets it when it is told to. In the same transaction, since in
 * another one it may be another program that has made it forget. Costs a signing command for a key
 * whose certificate is free. What breaks off here is asked again the next time.
 */
void pin_prove_isolation(struct token *token);

/* The card has turned out not to be logged in: the login is over. */
void pin_lost(struct token *token);

/* Forgets a PIN that is not needed any more: its time is over, or its signature made. To be called
 * at each entry and after each use. */
void pin_tidy(struct token *token);

/* The card's counter was read: when somebody else has moved it, refused PINs may be right now. */
void pin_tries_seen(struct token *token, int tries);

#endif

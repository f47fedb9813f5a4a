/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Asking for a PIN and presenting it, with what the holder must be told before and after.
 */
#ifndef JPKI_CLI_LOGIN_H
#define JPKI_CLI_LOGIN_H

#include "cli/cards.h"

/* What the PIN of ROLE is called; static. */
const char *login_pin_name(enum card_role role);

/* One line about the tries left, on standard error. */
void login_tell_tries(const struct token *token);

/* Inside a terminal, before a PIN is asked for: whether there is a try that may be spent. CLI_OK,
 * or a complaint was printed. */
int login_may_try(const struct token *token);

/*
 * The same for `jpki pin`, which may spend the tries that are kept (pin.reserve), down to the last,
 * after the holder has said so: then the reserve in CARDS is lowered, no further than he was told.
 * What the administrator enforces stands.
 */
int login_ask_consent(struct cards *cards, const struct token *token);

/*
 * Asks for the PIN and logs in. CLI_OK: login_end() is the caller's duty, and until then signals
 * wait, so that ^C does not leave an open card behind. Otherwise a complaint was printed. Where the
 * PIN is typed on the reader at each use of the key, nobody is asked yet.
 */
int login(struct token *token);

/* Logs out; ^C that has waited ends the command here. For a token that login() gave. */
void login_end(struct token *token);

/* Asks for the PIN and has the card say whether it is right; nobody is logged in afterwards.
 * CLI_OK, or a complaint was printed. */
int login_check(struct token *token);

/* Around a use of the key: where the reader asks for the PIN then, the holder is told, and what he
 * types on the keyboard by mistake goes nowhere. Nothing happens elsewhere. */
void login_key_begin(const struct token *token);
void login_key_end(void);

/* The complaint for what a login, or the old PIN of a change, was answered; and its exit code. */
int login_explain(const struct token *token, CK_RV rv);

#endif

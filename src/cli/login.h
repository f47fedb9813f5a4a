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

/*
 * Inside a terminal: before a PIN is asked for. CLI_PIN_LOCKED when there is no try to spend. With
 * LAST_TRY, the last one may be spent, but only after the holder has said so: CLI_PIN_REFUSED when
 * he does not.
 */
int login_may_try(const struct token *token, bool last_try);

/* Asks for the PIN and logs in. CLI_OK, or a complaint was printed. */
int login(struct token *token);

/* The complaint for what a login, or the old PIN of a change, was answered; and its exit code. */
int login_explain(const struct token *token, CK_RV rv);

#endif

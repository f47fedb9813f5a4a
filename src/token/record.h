/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is done with a token goes into the usage history (history/history.h), as the settings want
 * it. None of these may be called inside a transaction: other writers may have to be waited for.
 */
#ifndef JPKI_TOKEN_RECORD_H
#define JPKI_TOKEN_RECORD_H

#include "token/mech.h"
#include "token/token.h"

enum record { RECORD_NOTHING, RECORD_LOGIN, RECORD_CONSENT, RECORD_CHANGE_PIN, RECORD_SIGN };

/* Before the card is asked: CKR_FUNCTION_FAILED when the use must be recorded (history.required)
 * and cannot be. */
CK_RV record_ready(const struct token *token);

/*
 * Records that this was done and how it ended. Returns RV, or CKR_FUNCTION_FAILED when RV is CKR_OK
 * and the use must be recorded but could not be. An
 * answer that costs no try (wrong form, refused before, locked or kept in reserve) makes one line,
 * however often it follows itself.
 */
CK_RV record(struct token *token, enum record what, CK_RV rv);

/* The same for a signature, by MECH, over IN: what went to the card. */
CK_RV record_signature(struct token *token, const struct mech *mech, struct bytes in, CK_RV rv);

#endif

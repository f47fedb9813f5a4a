/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The form of PINs, looked at before the card is asked (docs/card.md).
 */
#ifndef JPKI_TOKEN_PINRULE_H
#define JPKI_TOKEN_PINRULE_H

#include <pkcs11-3.h>

#include "card/card.h"

/*
 * Takes TEXT, which is the caller's, into PIN (memory of secret_new()), in the capital letters that
 * the card wants, as the official software does. False, and PIN is wiped, when it cannot be a PIN
 * of this form.
 */
bool pinrule_take(const struct profile_pin *rule, struct bytes text, struct card_pin *pin);

/* The same for a PIN that is to be set, of which more is asked: a password has a letter and a digit
 * at least. CKR_PIN_LEN_RANGE for the wrong length, CKR_PIN_INVALID for wrong characters; PIN is
 * then wiped. */
CK_RV pinrule_take_new(const struct profile_pin *rule, struct bytes text, struct card_pin *pin);

#endif

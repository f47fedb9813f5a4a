/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The answer to reset (ISO/IEC 7816-3, 8.2), as far as it tells what a card can do.
 */
#ifndef JPKI_CARD_ATR_H
#define JPKI_CARD_ATR_H

#include <stdbool.h>

#include "support/bytes.h"

/*
 * Whether the card announces extended lengths: in the third byte of the card capabilities, in the
 * historical bytes (ISO/IEC 7816-4, 8.1.1.2.7). What a contactless reader makes up for a card of
 * type B, and anything malformed, announces nothing.
 */
bool atr_announces_extended(struct bytes atr);

#endif

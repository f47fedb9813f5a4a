/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What record_card.c wants to know of the target fuzz_card.
 */
#ifndef JPKI_TESTS_FUZZ_CARD_H
#define JPKI_TESTS_FUZZ_CARD_H

#include "fuzz.h"

/* The first byte of each call; those from DROP on belong into a transaction. */
enum {
    FUZZ_CARD_RECOGNISE,
    FUZZ_CARD_BEGIN,
    FUZZ_CARD_END,
    FUZZ_CARD_DROP,
    FUZZ_CARD_FORGET,
    FUZZ_CARD_PROVE,
    FUZZ_CARD_LOGOUT,
    FUZZ_CARD_READ_FIRST,
    FUZZ_CARD_READ,
    FUZZ_CARD_HAS,
    FUZZ_CARD_IDENTITY,
    FUZZ_CARD_SELECT,
    FUZZ_CARD_TRIES,
    FUZZ_CARD_VERIFY,
    FUZZ_CARD_PAD,
    FUZZ_CARD_CHANGE,
    FUZZ_CARD_SIGN,
    FUZZ_CARD_CALLS
};

/* The card that answers; the plain one unless it is set. */
extern fuzz_card *fuzz_card_honest;
extern void *fuzz_card_context;

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/err.h"

#include <stddef.h>

static const char *const texts[ERR_COUNT] = {
    [ERR_OK] = "no error",
    [ERR_MEMORY] = "no memory left",
    [ERR_ARGUMENT] = "an argument that may not be passed",
    [ERR_CRYPTO] = "libcrypto failed",
    [ERR_NO_SERVICE] = "the PC/SC service cannot be reached",
    [ERR_NO_READER] = "the reader is gone",
    [ERR_NO_CARD] = "there is no card in the reader",
    [ERR_FORBIDDEN] = "this user may not use the card",
    [ERR_BUSY] = "another program holds the card",
    [ERR_TRANSPORT] = "the exchange with the card broke off",
    [ERR_CANCELLED] = "the wait was cancelled",
    [ERR_ANSWER] = "the card's answer makes no sense",
    [ERR_NOT_FOUND] = "the card has no such application or file",
    [ERR_DENIED] = "the card wants a PIN first",
    [ERR_REFUSED] = "the card does not do this",
    [ERR_PIN_WRONG] = "the card refused the PIN",
    [ERR_PIN_LOCKED] = "the PIN is locked",
    [ERR_FOREIGN] = "not a My Number Card",
    [ERR_BAD_SIGNATURE] = "the signature does not fit its public key",
    [ERR_NOT_RECORDED] = "the use of the card cannot be recorded",
};

const char *err_text(enum err e)
{
    /* The cast also catches a negative value, whatever type the compiler gave the enum. */
    size_t i = (size_t)e;

    return i < ERR_COUNT && texts[i] != NULL ? texts[i] : "unknown error";
}

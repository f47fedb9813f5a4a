/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The one set of results used below the PKCS#11 layers. token/rv.c turns it into CK_RV, in one
 * table.
 */
#ifndef JPKI_SUPPORT_ERR_H
#define JPKI_SUPPORT_ERR_H

enum err {
    ERR_OK = 0,
    ERR_MEMORY,        /* no memory left */
    ERR_ARGUMENT,      /* the caller passed something it may not pass */
    ERR_CRYPTO,        /* libcrypto failed in a way that is nobody's input */
    ERR_NO_SERVICE,    /* the PC/SC service (pcscd) cannot be reached */
    ERR_NO_READER,     /* the reader is gone */
    ERR_NO_CARD,       /* no card in the reader, or it was taken out */
    ERR_FORBIDDEN,     /* the service lets this user not use the card (polkit) */
    ERR_BUSY,          /* another program holds the card, longer than we are ready to wait */
    ERR_TRANSPORT,     /* the exchange broke off; what the card did is not known */
    ERR_CANCELLED,     /* a wait was ended by reader_cancel(), or by the holder at the reader */
    ERR_ANSWER,        /* the card answered something that makes no sense */
    ERR_NOT_FOUND,     /* the card has no such application or file */
    ERR_DENIED,        /* the card wants a PIN first (6982) */
    ERR_REFUSED,       /* the card does not do this command or these parameters */
    ERR_PIN_WRONG,     /* the card compared the PIN and refused it */
    ERR_PIN_LOCKED,    /* no tries are left */
    ERR_FOREIGN,       /* not a My Number Card */
    ERR_BAD_SIGNATURE, /* a signature does not fit its public key */
    ERR_NOT_RECORDED,  /* the usage history cannot be written */
    ERR_COUNT
};

/* A short English phrase for the log ("the card wants a PIN first"). Never NULL; static. */
const char *err_text(enum err e);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef JPKI_TOKEN_RV_H
#define JPKI_TOKEN_RV_H

#include <pkcs11-3.h>

#include "support/err.h"

/* The PKCS#11 return value for an error of the layers below. */
CK_RV rv_of(enum err e);

/* The same for C_Login, C_Logout and C_SetPIN. A device that wants a PIN there makes no sense, and
 * nobody who logs in can be told to log in. */
CK_RV rv_of_login(enum err e);

/* The name of a return value that can come to the usage history ("CKR_OK"); static. NULL for any
 * other. */
const char *rv_name(CK_RV rv);

#endif

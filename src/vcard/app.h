/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The applications on the card and SELECT (ISO/IEC 7816-4, 7.1.1).
 */
#ifndef JPKI_VCARD_APP_H
#define JPKI_VCARD_APP_H

#include "vcard/vcard.h"

enum app_kind {
    APP_ISD,  /* the issuer security domain: GlobalPlatform */
    APP_JPKI, /* the one that this program is about */
    APP_STUB  /* can be selected, which costs the login, and holds nothing */
};

struct app {
    const char *name;
    enum app_kind kind;
    uint8_t aid[16];
    size_t aid_len;
};

/* What is selected after a reset without any SELECT: the issuer security domain. */
const struct app *app_default(void);

/* The SELECT command; returns the status word. */
uint16_t app_select(struct vcard *card, const struct apdu *apdu, struct reply *reply);

/* GET DATA (ISO/IEC 7816-4, 7.4.2); only the issuer security domain has any. */
uint16_t app_get_data(struct vcard *card, const struct apdu *apdu, struct reply *reply);

#endif

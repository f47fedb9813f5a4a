/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The elementary files of the JPKI application and READ BINARY (ISO/IEC 7816-4, 7.2.3).
 */
#ifndef JPKI_VCARD_FILES_H
#define JPKI_VCARD_FILES_H

#include "vcard/vcard.h"

enum ef_kind {
    EF_DATA,  /* can be read */
    EF_KEY,   /* a private key */
    EF_PIN,   /* a PIN */
    EF_HIDDEN /* seen on cards, purpose unknown; can be selected, nothing else */
};

struct ef {
    unsigned fid; /* its low five bits are the short identifier */
    enum ef_kind kind;
    enum pin pin;         /* of a key or PIN: which; of data that needs a PIN: that PIN */
    bool needs_pin;       /* of data */
    enum content content; /* of data */
};

/* The file with this identifier, or with this short identifier (1 to 30); NULL when this card has
 * none. */
const struct ef *files_find(const struct vcard *card, unsigned fid);
const struct ef *files_find_short(const struct vcard *card, unsigned sfi);

#define FILES_CURRENT 0x80 /* P2: the current file; with a short identifier in it: that file */

/* P2 of a command that uses a PIN or key: the current file, or its high bit and a short identifier.
 * 9000 and WHICH, when that is a file of this KIND; otherwise a status word. */
uint16_t files_reference(const struct vcard *card, uint8_t p2, enum ef_kind kind, enum pin *which);

/* The READ BINARY command; returns the status word. */
uint16_t files_read(struct vcard *card, const struct apdu *apdu, struct reply *reply);

/* Loads what the files hold. The certificates come from CARD's folder. */
bool files_load(struct vcard *card, struct problem *why);

/* Fills in EF 0006 and EF 0008 from the settings. False without memory. */
bool files_describe(struct vcard *card);

#endif

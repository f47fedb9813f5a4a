/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * PERFORM SECURITY OPERATION, here always a signature: 80 2A P1 P2. Not the operation of ISO/IEC
 * 7816-8: P1 chooses the scheme (public observation, each value tried on a card).
 */
#ifndef JPKI_VCARD_SIGN_H
#define JPKI_VCARD_SIGN_H

#include "vcard/vcard.h"

/* Returns the status word; the time of the signature is added to the card's. */
uint16_t sign_compute(struct vcard *card, const struct apdu *apdu, struct reply *reply);

/* INTERNAL AUTHENTICATE: the keys of this application refuse it, with 6982 or 6985 (measured). */
uint16_t sign_authenticate(const struct vcard *card);

#endif

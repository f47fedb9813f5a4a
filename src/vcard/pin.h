/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * VERIFY and CHANGE REFERENCE DATA (ISO/IEC 7816-4, 7.5.6 and 7.5.7). Both return the status word.
 */
#ifndef JPKI_VCARD_PIN_H
#define JPKI_VCARD_PIN_H

#include "vcard/vcard.h"

uint16_t pin_verify(struct vcard *card, const struct apdu *apdu);
uint16_t pin_change(struct vcard *card, const struct apdu *apdu);

#endif

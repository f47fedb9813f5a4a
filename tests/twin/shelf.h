/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Virtual cards that are in no reader at the moment. To open one takes milliseconds, most of them
 * to decode its keys, and a test may put in the same card thousands of times.
 *
 * Private to the twin, under its lock.
 */
#ifndef JPKI_TESTS_TWIN_SHELF_H
#define JPKI_TESTS_TWIN_SHELF_H

#include "vcard/vcard.h"

/* The card in folder DIR, as vcard_open() gives it: from the shelf when nothing in its files is
 * different from what it was made of, with PINs and tries as they are in the folder now. */
struct vcard *shelf_take(const char *dir, struct problem *why);

/* Puts CARD on the shelf, or frees it. */
void shelf_put(struct vcard *card);

#endif

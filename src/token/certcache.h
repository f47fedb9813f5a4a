/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The public certificates of a card, kept in $XDG_CACHE_HOME/jpki-pkcs11 so that the next program
 * need not read them again: half a second on a contactless reader. Only what the card shows without
 * a PIN: never the signature certificate, which has its holder's name, address and birth date.
 *
 * A file is found only by what was read from the card just now: the identity of the card, which is
 * made of the beginning of its authentication certificate, the number of the file, and the file's
 * own first block. So a certificate that was renewed, or another card's, is not taken for it,
 * unless it begins with the same 256 bytes; therefore what the card has signed is compared with it,
 * and one that does not fit is forgotten (token_read_holder_anew()). What was damaged shows itself
 * by a digest.
 */
#ifndef JPKI_TOKEN_CERTCACHE_H
#define JPKI_TOKEN_CERTCACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "support/bytes.h"

/* The certificate in FILE of the card with this IDENTITY (a SHA-256: struct insertion), which
 * begins with FIRST, into DER, to be freed by buffer_clear(). False when it is not known, or what
 * is kept makes no sense. */
bool certcache_find(const uint8_t *identity, uint16_t file, struct bytes first, struct buffer *der);

/* Keeps DER, a whole certificate, of which FIRST was read first. What cannot be kept is read again
 * next time. */
void certcache_keep(const uint8_t *identity, uint16_t file, struct bytes first, struct bytes der);

/* Forgets it: it has proved wrong. */
void certcache_forget(const uint8_t *identity, uint16_t file, struct bytes first);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The public certificates of a card, kept in $XDG_CACHE_HOME/jpki-pkcs11 so that the next program
 * need not read them again: half a second on a contactless reader. Only what the card shows without
 * a PIN: never the signature certificate, which has its holder's name, address and birth date.
 *
 * A file is found by the identity of the card, which is made of the beginning of its authentication
 * certificate and read from it each time, and by the number of the file on the card. It is used
 * only where it begins with that file's first block, as it was read from the card just now. So a
 * certificate that was renewed, or another card's, is not taken for it, unless it begins with the
 * same 256 bytes; therefore what the card has signed is compared with it (sign.c). Only what its CA
 * has signed is kept, so that a byte that was read wrongly stays the matter of one program; what
 * was damaged since shows itself by a digest.
 *
 * All functions keep errno, and take their time with the disk: they are for outside of
 * transactions.
 */
#ifndef JPKI_TOKEN_CERTCACHE_H
#define JPKI_TOKEN_CERTCACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/digest.h"
#include "support/bytes.h"

/* What was kept of FILE of the card with this IDENTITY (struct insertion), a whole certificate,
 * into DER, whose old content is freed; to be freed by buffer_clear(). False, DER unchanged, when
 * nothing was, or it makes no sense. */
bool certcache_find(const uint8_t identity[DIGEST_SHA256_SIZE], uint16_t file, struct buffer *der);

/* Keeps DER, a whole certificate of at most DER_CERTIFICATE_MAX bytes, in place of what was kept
 * before. What cannot be kept is read again next time. At most 96 stay, the newest. */
void certcache_keep(const uint8_t identity[DIGEST_SHA256_SIZE], uint16_t file, struct bytes der);

/* Forgets it: it has proved wrong. */
void certcache_forget(const uint8_t identity[DIGEST_SHA256_SIZE], uint16_t file);

#endif

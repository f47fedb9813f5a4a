/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * As much DER as reading a file needs: how long the certificate in it is. What is inside is
 * parsed by crypto/.
 */
#ifndef JPKI_CARD_DER_H
#define JPKI_CARD_DER_H

#include "support/bytes.h"
#include "support/err.h"

#define DER_HEAD 4 /* bytes that der_certificate_size() wants to see */
#define DER_CERTIFICATE_MAX 4096

/*
 * The size in bytes, header included, of the certificate that begins with HEAD. A certificate of
 * this card always begins with 30 82 hi lo (SEQUENCE, two bytes of length). ERR_NOT_FOUND when HEAD
 * is something else: a file that was never written is filled with FF. ERR_ANSWER when it claims
 * more than DER_CERTIFICATE_MAX or less than 256 bytes. SIZE is 0 on error.
 */
enum err der_certificate_size(struct bytes head, size_t *size);

#endif

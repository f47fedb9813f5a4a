/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to crypto/: the numbers of an RSA public key (RFC 8017, appendix A.1.1).
 */
#ifndef JPKI_CRYPTO_RSAKEY_H
#define JPKI_CRYPTO_RSAKEY_H

#include <stdbool.h>

#include "support/bytes.h"

/* Views of the SubjectPublicKeyInfo, big-endian, without leading zero bytes. */
struct rsakey {
    struct bytes modulus;
    struct bytes exponent;
};

/*
 * Reads a DER SubjectPublicKeyInfo with nothing after it. False, with KEY empty, unless it is an
 * RSA key whose numbers are odd, positive and of a size that can be calculated with.
 */
bool rsakey_read(struct bytes spki, struct rsakey *key);

#endif

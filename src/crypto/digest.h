/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Message digests, and the DigestInfo that PKCS#1 v1.5 signs (RFC 8017, section 9.2, note 1).
 */
#ifndef JPKI_CRYPTO_DIGEST_H
#define JPKI_CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "support/bytes.h"
#include "support/err.h"

#define DIGEST_SHA256_SIZE 32 /* bytes */

enum digest_kind { DIGEST_SHA1, DIGEST_SHA224, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };

#define DIGEST_MAX 64 /* bytes of the longest digest */
#define DIGEST_INFO_MAX (19 + DIGEST_MAX)

/* Bytes of a digest of this kind: 20, 28, 32, 48, 64. */
size_t digest_size(enum digest_kind kind);

/* A digest being computed; owned by the caller, one thread at a time. */
struct digest;

/* NULL without memory or when libcrypto has no such digest. digest_free() accepts NULL. */
struct digest *digest_new(enum digest_kind kind);
void digest_free(struct digest *d);

enum err digest_update(struct digest *d, struct bytes in);

/* Writes digest_size() bytes to OUT, which has room for DIGEST_MAX. Ends the computation; only
 * digest_free() may follow. */
enum err digest_final(struct digest *d, uint8_t *out);

/* The digest of one input. OUT as above. */
enum err digest_once(enum digest_kind kind, struct bytes in, uint8_t *out);

/* Writes the DER DigestInfo of a finished digest HASH of this kind. ERR_ARGUMENT when HASH has not
 * the size of the kind, or W has no room. */
enum err digest_info(enum digest_kind kind, struct bytes hash, struct writer *w);

#endif

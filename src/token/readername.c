/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/readername.h"

#include "crypto/digest.h"

#define HASH_BYTES ((READERNAME_HASH_SIZE - 1) / 2)

bool readername_hash(const char *name, char hash[READERNAME_HASH_SIZE])
{
    uint8_t whole[DIGEST_MAX];
    hash[0] = '\0';
    if (digest_once(DIGEST_SHA256, bytes_of_text(name), whole) != ERR_OK)
        return false;
    bytes_hex(bytes_of(whole, HASH_BYTES), hash);
    return true;
}

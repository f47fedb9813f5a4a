/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RSA keys in PEM files.
 */
#ifndef JPKI_VCARD_KEYS_H
#define JPKI_VCARD_KEYS_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "vcard/text.h"

/* A new RSA key of 2048 bits with public exponent 65537; NULL on failure. */
EVP_PKEY *keys_new(struct problem *why);

/* The RSA-2048 key in DIR/NAME; NULL when there is none. */
EVP_PKEY *keys_load(const char *dir, const char *name, struct problem *why);

/* Writes KEY to DIR/NAME, PKCS#8 in PEM without encryption, mode 0600. */
bool keys_save(EVP_PKEY *key, const char *dir, const char *name, struct problem *why);

#endif

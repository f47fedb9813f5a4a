/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Everything particular to a kind of card is one row here. A new kind is a new row.
 * docs/card.md says where each fact comes from.
 */
#ifndef JPKI_CARD_PROFILE_H
#define JPKI_CARD_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/bytes.h"

/* The two keys of a card: 利用者証明用 and 署名用. */
enum card_role { CARD_AUTH, CARD_SIGN, CARD_ROLES };

enum profile_alphabet {
    PROFILE_DIGITS,      /* 0-9 */
    PROFILE_UPPER_DIGITS /* A-Z and 0-9; small letters are wrong bytes to the card */
};

#define PROFILE_PIN_MAX 16        /* bytes; no PIN of any card is longer */
#define PROFILE_SIGNATURE_MAX 256 /* bytes */

struct profile_pin {
    uint16_t file;
    uint8_t min, max; /* characters */
    enum profile_alphabet alphabet;
    unsigned tries; /* after a success */
};

struct profile_key {
    uint16_t key;             /* file of the private key */
    uint16_t certificate;     /* file of the holder's certificate */
    uint16_t ca;              /* file of its CA's certificate, always free */
    bool certificate_private; /* the certificate's file wants this key's PIN */
    uint8_t presence_offset;  /* of this certificate's byte in the presence file */
    struct profile_pin pin;
};

struct profile {
    const char *label; /* the label in the token information file, padding removed */
    const char *kind;  /* for people */
    bool pss;          /* signs RSASSA-PSS (P1 = 04) as far as is known */
    size_t signature;  /* bytes */
    struct profile_key keys[CARD_ROLES];
};

/* The JPKI application's identifier, always to be sent whole: a shorter one selects the first
 * application that begins so. */
extern const struct bytes profile_aid;

#define PROFILE_FILE_TOKEN_INFO 0x0006
#define PROFILE_FILE_PRESENCE 0x0008
#define PROFILE_PRESENT 0x8F /* in the presence file: this certificate is there */
#define PROFILE_ABSENT 0x00  /* what nobody has seen yet, but what else could it be */

/* The row for a label without its padding, or NULL for a card we do not know. */
const struct profile *profile_find(struct bytes label);

/* Cards that are known to be something else by their answer to reset, and are then not even
 * asked. */
bool profile_known_foreign(struct bytes atr);

#endif

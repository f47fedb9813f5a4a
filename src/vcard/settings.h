/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How this card behaves: card.conf in the card's folder, "key = value" lines.
 */
#ifndef JPKI_VCARD_SETTINGS_H
#define JPKI_VCARD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vcard/text.h"

#define SETTINGS_ATR_MAX 33 /* bytes, ISO/IEC 7816-3, 8.2.1: TS and up to 32 more */

struct settings {
    char label[33]; /* EF 0006: 32, 16 and 16 bytes there, padded with spaces */
    char model[17];
    char serial[17];
    uint8_t atr[SETTINGS_ATR_MAX];
    size_t atr_len;
    bool auth_cert_pin;     /* the authentication certificate can be read after its PIN only */
    bool sign_cert;         /* there is a signature certificate and key */
    bool sign_cert_ef;      /* without one: EF 0001 exists, full of FF; otherwise 6A82 */
    bool other_apps;        /* the four applications beside JPKI can be selected */
    bool sfi;               /* short EF identifiers work */
    bool pss;               /* P1=04 and 05 work */
    bool pss_as_pkcs1;      /* they work, but give a PKCS#1 v1.5 signature: a lying card */
    bool isd;               /* the issuer security domain can be selected */
    bool ignore_isd;        /* selecting it answers 9000 but keeps the verified PINs */
    bool old_lock;          /* the retry query of a locked PIN answers 63C0, not 6984 */
    bool first_6f00;        /* the first command after power-up fails with 6F00 */
    bool warm_reset_clears; /* a warm reset forgets the verified PINs */
    bool extended;          /* READ BINARY takes an extended Le */
    bool check;             /* refuse a folder whose certificates are not whole */
    uint64_t delay_apdu_us; /* time per command, per byte either way, per signature */
    uint64_t delay_byte_us;
    uint64_t delay_sign_us;
};

/* A current card in a contact reader, without delays. */
void settings_init(struct settings *settings);

/* Sets one key. An unknown key or a value that it cannot have is a problem. */
bool settings_set(struct settings *settings, const char *key, const char *value,
                  struct problem *why);

/* Sets the label and what else differs on a telephone's secure element. */
void settings_smartphone(struct settings *settings);

/* Sets the three delays from "contactless", "contact" or "none"; false for any other name. */
bool settings_slow(struct settings *settings, const char *preset);

/* Reads TEXT, which is modified; PATH is for messages. Keys that are not there keep their value. */
bool settings_parse(struct settings *settings, char *text, const char *path, struct problem *why);

/* The text of card.conf, with a comment for each key; for the caller to free(). NULL without
 * memory. */
char *settings_print(const struct settings *settings);

/* The keys with their meaning, for --help. */
void settings_help(FILE *out);

#endif

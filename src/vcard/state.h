/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the card keeps without power: its PINs and the tries left, in the file "state".
 */
#ifndef JPKI_VCARD_STATE_H
#define JPKI_VCARD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcard/text.h"

#define STATE_PIN_MAX 16 /* bytes, the longest that the card takes */

/* The two PINs, and the keys and certificates that go with them. */
enum pin { PIN_AUTH, PIN_SIGN, PIN_COUNT };

struct pin_state {
    uint8_t pin[STATE_PIN_MAX];
    size_t len;
    unsigned tries;
};

struct state {
    struct pin_state pin[PIN_COUNT];
};

/* 3 for the authentication PIN, 5 for the signature PIN (published by the issuer). */
unsigned state_tries_max(enum pin which);

/* PINs 1234 and ABC123, all tries left. */
void state_init(struct state *state);

/* Sets a PIN as the issuing office does, with the rules of the issuer: 4 digits, or 6 to 16
 * of A-Z and 0-9 with at least one of each. Tries are full then. */
bool state_issue(struct state *state, enum pin which, const char *pin, struct problem *why);

/* Reads and writes DIR/state (mode 0600). A PIN stands there as text, or as "hex:" and bytes. */
bool state_load(struct state *state, const char *dir, struct problem *why);
bool state_save(const struct state *state, const char *dir, struct problem *why);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/pin.h"

#include <string.h>

#include <openssl/crypto.h>

#include "vcard/files.h"

/* Measured: never 9000, even when the PIN is verified; locked cards differ. */
static uint16_t tries_left(const struct vcard *card, enum pin which)
{
    unsigned tries = card->state.pin[which].tries;

    if (!tries && !card->settings.old_lock)
        return 0x6984;
    return (uint16_t)(0x63C0 | tries);
}

static bool is_right(const struct pin_state *pin, const struct apdu *apdu)
{
    return apdu->lc == pin->len && !CRYPTO_memcmp(pin->pin, apdu->data, pin->len);
}

static uint16_t compare(struct vcard *card, enum pin which, const struct apdu *apdu)
{
    struct pin_state *pin = &card->state.pin[which];
    unsigned before = pin->tries;
    bool right = is_right(pin, apdu);

    card->verified[which] = false;
    pin->tries = right ? state_tries_max(which) : before - 1;
    /* The counter is on disk before the answer is on the wire, or killing the program would give
     * tries back. */
    if (pin->tries != before && !state_save(&card->state, card->dir, NULL)) {
        pin->tries = right ? before : pin->tries;
        return 0x6581;
    }
    card->verified[which] = right;
    return right ? 0x9000 : (uint16_t)(0x63C0 | pin->tries);
}

uint16_t pin_verify(struct vcard *card, const struct apdu *apdu)
{
    enum pin which;

    if (apdu->p1)
        return 0x6A86;
    uint16_t sw = files_reference(card, apdu->p2, EF_PIN, &which);
    if (sw != 0x9000)
        return sw;
    /* Measured: the query with an Le byte is a wrong length. The same for a PIN with one (a
     * guess), and for a PIN longer than any can be: no try lost (a guess). */
    if (apdu->has_le || apdu->lc > STATE_PIN_MAX)
        return 0x6700;
    if (!apdu->lc)
        return tries_left(card, which);
    if (!card->state.pin[which].tries)
        return 0x6984;
    return compare(card, which, apdu);
}

/*
 * Only the form with the new PIN alone (P1=01) on the current file: public programs know no other.
 * The card does not look at the characters, it trusts the software: a guess, and the harsher one.
 * The PIN stays verified (a guess).
 */
uint16_t pin_change(struct vcard *card, const struct apdu *apdu)
{
    enum pin which;

    if (apdu->p1 != 0x01 || apdu->p2 != FILES_CURRENT)
        return 0x6A86;
    uint16_t sw = files_reference(card, apdu->p2, EF_PIN, &which);
    if (sw != 0x9000)
        return sw;
    if (!card->verified[which])
        return 0x6982;
    if (apdu->has_le || !apdu->lc || apdu->lc > STATE_PIN_MAX)
        return 0x6700;
    struct state changed = card->state;
    changed.pin[which] = (struct pin_state){.len = apdu->lc, .tries = state_tries_max(which)};
    memcpy(changed.pin[which].pin, apdu->data, apdu->lc);
    if (!state_save(&changed, card->dir, NULL))
        return 0x6581;
    card->state = changed;
    return 0x9000;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/pinrule.h"

#include "support/secret.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_capital(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static bool fits(const struct profile_pin *rule, struct bytes text)
{
    return text.data != NULL && text.len >= rule->min && text.len <= rule->max;
}

/* To capital letters, where the card has letters. False at a character that no PIN has. */
static bool normalise(const struct profile_pin *rule, uint8_t *c)
{
    if (is_digit(*c))
        return true;
    if (rule->alphabet != PROFILE_UPPER_DIGITS)
        return false;
    if (*c >= 'a' && *c <= 'z')
        *c = (uint8_t)(*c - 'a' + 'A');
    return is_capital(*c);
}

bool pinrule_take(const struct profile_pin *rule, struct bytes text, struct card_pin *pin)
{
    secret_wipe(pin, sizeof(*pin));
    if (!fits(rule, text))
        return false;
    card_pin_set(pin, text);
    bool ok = true;
    for (size_t i = 0; i < text.len; i++)
        ok &= normalise(rule, &pin->command[CARD_PIN_AT + i]);
    if (!ok)
        secret_wipe(pin, sizeof(*pin));
    return ok;
}

CK_RV pinrule_take_new(const struct profile_pin *rule, struct bytes text, struct card_pin *pin)
{
    bool letter = false, digit = false;
    if (!pinrule_take(rule, text, pin))
        return fits(rule, text) ? CKR_PIN_INVALID : CKR_PIN_LEN_RANGE;
    for (size_t i = 0; i < text.len; i++) {
        letter |= is_capital(pin->command[CARD_PIN_AT + i]);
        digit |= is_digit(pin->command[CARD_PIN_AT + i]);
    }
    if (rule->alphabet == PROFILE_UPPER_DIGITS && !(letter && digit)) {
        secret_wipe(pin, sizeof(*pin));
        return CKR_PIN_INVALID;
    }
    return CKR_OK;
}

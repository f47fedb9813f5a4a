/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card/profile.h"

static const uint8_t aid[] = {0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
const struct bytes profile_aid = {aid, sizeof(aid)};

#define PIN_AUTH                                                                                   \
    {                                                                                              \
        .file = 0x0018, .min = 4, .max = 4, .alphabet = PROFILE_DIGITS, .tries = 3                 \
    }
#define PIN_SIGN                                                                                   \
    {                                                                                              \
        .file = 0x001B, .min = 6, .max = 16, .alphabet = PROFILE_UPPER_DIGITS, .tries = 5          \
    }
#define KEY_AUTH(is_private)                                                                       \
    {                                                                                              \
        .key = 0x0017, .certificate = 0x000A, .ca = 0x000B, .certificate_private = (is_private),   \
        .presence_offset = 1, .pin = PIN_AUTH                                                      \
    }
#define KEY_SIGN                                                                                   \
    {                                                                                              \
        .key = 0x001A, .certificate = 0x0001, .ca = 0x0002, .certificate_private = true,           \
        .presence_offset = 0, .pin = PIN_SIGN                                                      \
    }

/*
 * The smartphone's JPKI speaks like the card, but wants the PIN before it shows the authentication
 * certificate; nobody has seen it sign PSS.
 */
static const struct profile profiles[] = {
    {"JPKIAPICCTOKEN2", "My Number Card", true, 256, {KEY_AUTH(false), KEY_SIGN}},
    {"JPKIAPGPSETOKEN", "JPKI on Android", false, 256, {KEY_AUTH(true), KEY_SIGN}},
    {"JPKIAPIOSTOKEN", "JPKI on iPhone", false, 256, {KEY_AUTH(true), KEY_SIGN}},
};

const struct profile *profile_find(struct bytes label)
{
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
        if (bytes_equal(label, bytes_of_text(profiles[i].label)))
            return &profiles[i];
    return NULL;
}

/*
 * Beginnings of answers to reset. The first is that of contactless memory cards (PC/SC part 3,
 * supplement: registered identifier A0 00 00 03 06), so of most transport tickets; they know no
 * SELECT. The others are security keys that people leave plugged in.
 */
static const struct {
    uint8_t len;
    uint8_t atr[16];
} foreign[] = {
    {12, {0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00, 0x03, 0x06}},
    {16,
     {0x3B, 0xFD, 0x13, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x15, 0x80, 0x73, 0xC0, 0x21, 0xC0, 0x57,
      0x59}},
    {12, {0x3B, 0xF8, 0x13, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x15, 0x59, 0x75, 0x62}},
    {12, {0x3B, 0xFC, 0x13, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x15, 0x59, 0x75, 0x62}},
};

bool profile_known_foreign(struct bytes atr)
{
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        if (bytes_equal(bytes_first(atr, foreign[i].len), bytes_of(foreign[i].atr, foreign[i].len)))
            return true;
    return false;
}

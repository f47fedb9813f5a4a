/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Scenarios of fuzz_card. usage: record_card FOLDER
 */
#include "fuzz_card.h"
#include "fuzz_vcard.h"
#include "record.h"

#define SCENARIO(name, ...) static const uint8_t name[] = {0, 0, FUZZ_CARD_RECOGNISE, __VA_ARGS__}

/* Roles: 0 authentication, 1 signature. Files: see any_file() of the target. */
SCENARIO(look, FUZZ_CARD_IDENTITY, FUZZ_CARD_TRIES, 0, FUZZ_CARD_TRIES, 1, FUZZ_CARD_HAS, 0,
         FUZZ_CARD_HAS, 1, FUZZ_CARD_END, 0);
SCENARIO(certificates, FUZZ_CARD_READ, 0, 2, FUZZ_CARD_READ, 0, 3, FUZZ_CARD_READ, 0, 5,
         FUZZ_CARD_READ, 0, 4, FUZZ_CARD_END, 0);
SCENARIO(blocks, FUZZ_CARD_READ_FIRST, 0, FUZZ_CARD_READ_FIRST, 1, FUZZ_CARD_SELECT, 2,
         FUZZ_CARD_READ_FIRST, 2, FUZZ_CARD_READ_FIRST, 7, FUZZ_CARD_SELECT, 7);
SCENARIO(sign_auth, FUZZ_CARD_VERIFY, 3, '1', '2', '3', '4', 0, FUZZ_CARD_SIGN, 0, 2, 'a', 'b', 'c',
         0, FUZZ_CARD_FORGET, FUZZ_CARD_END, 1);
SCENARIO(sign_sign, FUZZ_CARD_VERIFY, 5, 'A', 'B', 'C', '1', '2', '3', 1, FUZZ_CARD_READ, 0, 4,
         FUZZ_CARD_SIGN, 0, 0, 'x', 1, FUZZ_CARD_END, 1);
SCENARIO(sign_pss, FUZZ_CARD_VERIFY, 3, '1', '2', '3', '4', 0, FUZZ_CARD_SIGN, 1, 0, 1, 2, 3, 4, 5,
         6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
         30, 31, 0, FUZZ_CARD_DROP, FUZZ_CARD_PROVE, 0, FUZZ_CARD_END, 1);
SCENARIO(wrong, FUZZ_CARD_VERIFY, 3, '0', '0', '0', '0', 0, FUZZ_CARD_TRIES, 0, FUZZ_CARD_VERIFY, 3,
         '0', '0', '0', '1', 0, FUZZ_CARD_VERIFY, 3, '0', '0', '0', '2', 0, FUZZ_CARD_TRIES, 0,
         FUZZ_CARD_VERIFY, 3, '1', '2', '3', '4', 0);
SCENARIO(change, FUZZ_CARD_VERIFY, 3, '1', '2', '3', '4', 0, FUZZ_CARD_CHANGE, 3, '5', '6', '7',
         '8', 0, FUZZ_CARD_VERIFY, 3, '5', '6', '7', '8', 0, FUZZ_CARD_LOGOUT, 0, FUZZ_CARD_END, 1);
SCENARIO(pad, FUZZ_CARD_PAD, 0, 0, 0, 0, FUZZ_CARD_SIGN, 0, 0, 'x', 0, FUZZ_CARD_PAD, 0, 0x64, 0x01,
         0, FUZZ_CARD_PAD, 1, 0, 0, 0, FUZZ_CARD_END, 1);
SCENARIO(again, FUZZ_CARD_END, 0, FUZZ_CARD_BEGIN, FUZZ_CARD_TRIES, 1, FUZZ_CARD_END, 1,
         FUZZ_CARD_RECOGNISE);

#define ROW(name)                                                                                  \
    {                                                                                              \
#name, name, sizeof(name)                                                                  \
    }

static size_t honest(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    return vcard_command(context, command, len, response);
}

int main(int argc, char **argv)
{
    static const struct record_scenario scenarios[] = {
        ROW(look),     ROW(certificates), ROW(blocks), ROW(sign_auth), ROW(sign_sign),
        ROW(sign_pss), ROW(wrong),        ROW(change), ROW(pad),       ROW(again)};
    if (argc != 2)
        return 2;
    fuzz_card_honest = honest;
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        struct vcard *card = fuzz_vcard(); /* as it was made, for each */
        vcard_power_on(card);
        fuzz_card_context = card;
        record_all(argv[1], "card", &scenarios[i], 1);
        vcard_free(card);
    }
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The virtual card: any commands, one after the other, with the settings that the first two bytes
 * choose. It answers each with a status word at least, gives data only with a good one, and signs
 * and changes a PIN only when that PIN was presented.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz_vcard.h"

#define VERIFY 0x20
#define CHANGE 0x24
#define SIGN 0x2A
#define COMMANDS_MAX 64

static struct vcard *card;
static uint8_t response[VCARD_RESPONSE_MAX];
static bool presented; /* the card has accepted a PIN */

static void choose_settings(unsigned bits)
{
    struct settings *s = &card->settings;
    settings_init(s);
    bool *const flags[] = {
        &s->auth_cert_pin,     &s->sign_cert_ef, &s->other_apps, &s->sfi,      &s->pss,
        &s->pss_as_pkcs1,      &s->isd,          &s->ignore_isd, &s->old_lock, &s->first_6f00,
        &s->warm_reset_clears, &s->extended};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        *flags[i] ^= (bits >> i & 1) != 0;
    vcard_refresh(card);
}

static void command(void)
{
    size_t len = fuzz_u16() % 1024;
    uint8_t *bytes = fuzz_bytes(len);
    fuzz_trace("->", bytes, len);
    size_t n = vcard_command(card, bytes, len, response);
    fuzz_trace("<-", response, n);
    fuzz_must(n >= 2 && n <= sizeof(response));
    unsigned sw = (unsigned)response[n - 2] << 8 | response[n - 1];
    fuzz_must(sw >> 12 == 9 || sw >> 12 == 6);
    fuzz_must(n == 2 || sw == 0x9000 || sw == 0x6282);
    if (sw == 0x9000 && len > 5 && bytes[0] == 0x00 && bytes[1] == VERIFY)
        presented = true;
    if (sw == 0x9000 && len > 4 &&
        ((bytes[0] == 0x80 && bytes[1] == SIGN) || (bytes[0] == 0x00 && bytes[1] == CHANGE)))
        fuzz_must(presented);
    free(bytes);
}

static void power(unsigned what)
{
    if (what == 1) {
        vcard_reset(card);
        return;
    }
    vcard_power_off(card);
    presented = false;
    if (what == 2)
        vcard_power_on(card);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (card == NULL)
        card = fuzz_vcard();
    fuzz_begin(data, size);
    choose_settings(fuzz_u16());
    state_init(&card->state);
    vcard_power_on(card);
    presented = false;
    for (unsigned i = 0; i < COMMANDS_MAX && fuzz_more(); i++) {
        unsigned what = fuzz_u8();
        if (what >= 1 && what <= 3)
            power(what);
        else
            command();
        for (int pin = 0; pin < PIN_COUNT; pin++)
            fuzz_must(card->state.pin[pin].tries <= state_tries_max((enum pin)pin));
    }
    return 0;
}

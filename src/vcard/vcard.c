/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/vcard.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "vcard/app.h"
#include "vcard/files.h"
#include "vcard/keys.h"
#include "vcard/pin.h"
#include "vcard/sign.h"
#include "vcard/store.h"

bool vcard_reply_add(struct reply *reply, const void *data, size_t len)
{
    if (len > VCARD_FILE_MAX - reply->len)
        return false;
    memcpy(reply->data + reply->len, data, len);
    reply->len += len;
    return true;
}

static bool load_keys(struct vcard *card, struct problem *why)
{
    card->key[PIN_AUTH] = keys_load(card->dir, "auth-key.pem", why);
    if (!card->key[PIN_AUTH])
        return false;
    if (card->settings.sign_cert)
        card->key[PIN_SIGN] = keys_load(card->dir, "sign-key.pem", why);
    return card->key[PIN_SIGN] || !card->settings.sign_cert;
}

static bool load_settings(struct vcard *card, struct problem *why)
{
    char *text = store_read_text(card->dir, "card.conf", why);
    bool ok = text && settings_parse(&card->settings, text, "card.conf", why);

    free(text);
    return ok;
}

struct vcard *vcard_open(const char *dir,
                         bool (*override)(struct settings *, void *, struct problem *),
                         void *context, struct problem *why)
{
    struct vcard *card = calloc(1, sizeof *card);

    if (!card || !(card->dir = strdup(dir))) {
        text_problem(why, "out of memory");
        vcard_free(card);
        return NULL;
    }
    settings_init(&card->settings);
    if (load_settings(card, why) && (!override || override(&card->settings, context, why)) &&
        state_load(&card->state, dir, why) && load_keys(card, why) && files_load(card, why))
        return card;
    vcard_free(card);
    return NULL;
}

void vcard_free(struct vcard *card)
{
    if (!card)
        return;
    for (int i = 0; i < PIN_COUNT; i++)
        EVP_PKEY_free(card->key[i]);
    for (int i = 0; i < CONTENT_COUNT; i++)
        free(card->content[i].data);
    free(card->dir);
    free(card);
}

bool vcard_refresh(struct vcard *card)
{
    return files_describe(card);
}

void vcard_power_on(struct vcard *card)
{
    vcard_power_off(card);
    card->powered = true;
    card->app = app_default();
    card->first_pending = card->settings.first_6f00;
}

void vcard_power_off(struct vcard *card)
{
    card->powered = false;
    card->app = NULL;
    card->ef = NULL;
    memset(card->verified, 0, sizeof card->verified);
}

void vcard_reset(struct vcard *card)
{
    if (!card->powered) {
        vcard_power_on(card);
        return;
    }
    card->app = app_default();
    card->ef = NULL;
    if (card->settings.warm_reset_clears)
        memset(card->verified, 0, sizeof card->verified);
}

/* Measured: any number of bytes from 1 to 256, no PIN. */
static uint16_t get_challenge(const struct apdu *apdu, struct reply *reply)
{
    uint8_t random[256];

    if (apdu->p1 || apdu->p2)
        return 0x6A86;
    if (apdu->lc || !apdu->has_le)
        return 0x6700;
    if (RAND_bytes(random, (int)apdu->le) != 1)
        return 0x6F00;
    return vcard_reply_add(reply, random, apdu->le) ? 0x9000 : 0x6F00;
}

static uint16_t command_jpki(struct vcard *card, const struct apdu *apdu, struct reply *reply)
{
    switch (apdu->cla << 8 | apdu->ins) {
    case 0x0020:
        return pin_verify(card, apdu);
    case 0x0024:
        return pin_change(card, apdu);
    case 0x0088:
        return sign_authenticate(card);
    case 0x00B0:
        return files_read(card, apdu, reply);
    case 0x802A:
        return sign_compute(card, apdu, reply);
    case 0x0022: /* keys for secure messaging: refused, measured */
    case 0x80A2: /* terminal certificate: nobody here has the issuer's key */
        return 0x6982;
    case 0x80FC: /* for telephones; a card answers this, measured */
        return 0x6700;
    default:
        return 0x6D00;
    }
}

/* Stubs know the commands but hold no file; the issuer security domain does not know them. */
static uint16_t command_other(const struct vcard *card, const struct apdu *apdu)
{
    if (card->app->kind == APP_ISD)
        return 0x6D00;
    switch (apdu->cla << 8 | apdu->ins) {
    case 0x00B0:
    case 0x0020:
    case 0x0024:
    case 0x802A:
        return 0x6986;
    case 0x0088:
        return 0x6985;
    default:
        return 0x6D00;
    }
}

static uint16_t command_any(struct vcard *card, const struct apdu *apdu, struct reply *reply)
{
    switch (apdu->cla << 8 | apdu->ins) {
    case 0x0070: /* MANAGE CHANNEL */
        return 0x6881;
    case 0x00A4:
        return app_select(card, apdu, reply);
    case 0x0084:
        return get_challenge(apdu, reply);
    case 0x00CA:
        return app_get_data(card, apdu, reply);
    default:
        if (card->app->kind == APP_JPKI)
            return command_jpki(card, apdu, reply);
        return command_other(card, apdu);
    }
}

/* ISO/IEC 7816-4, 5.4.1; 6881 and 69FC measured, the rest as the standard has it. */
static uint16_t check_class(uint8_t cla)
{
    if (cla == 0x00 || cla == 0x80)
        return 0x9000;
    if ((cla & 0xC0) == 0x40 || (cla & 0x7C) == 0 || cla == 0x11 || cla == 0x12 || cla == 0x13)
        return 0x6881;
    if ((cla & 0x70) == 0 && (cla & 0x0C))
        return 0x69FC;
    return cla == 0x10 || cla == 0x90 ? 0x6884 : 0x6E00;
}

static uint16_t check_extended(const struct vcard *card, const struct apdu *apdu)
{
    if (!apdu->extended)
        return 0x9000;
    if (apdu->ins == 0x84)
        return 0x6985; /* measured */
    return card->settings.extended && apdu->ins == 0xB0 && !apdu->lc ? 0x9000 : 0x6700;
}

static uint16_t execute(struct vcard *card, const uint8_t *command, size_t len, struct reply *reply)
{
    struct apdu apdu;

    if (!card->powered)
        return 0x6F00;
    if (card->first_pending) {
        card->first_pending = false;
        return 0x6F00;
    }
    bool whole = apdu_parse(command, len, &apdu);
    if (len < 4)
        return 0x6700;
    uint16_t sw = check_class(apdu.cla);
    if (sw == 0x9000 && !whole)
        sw = 0x6700;
    if (sw == 0x9000)
        sw = check_extended(card, &apdu);
    return sw == 0x9000 ? command_any(card, &apdu, reply) : sw;
}

size_t vcard_command(struct vcard *card, const uint8_t *command, size_t len, uint8_t *response)
{
    struct reply reply = {.data = response};

    card->busy_us = card->settings.delay_apdu_us;
    uint16_t sw = execute(card, command, len, &reply);
    if (sw != 0x9000)
        reply.len = 0;
    response[reply.len++] = (uint8_t)(sw >> 8);
    response[reply.len++] = (uint8_t)(sw & 0xFF);
    card->busy_us += card->settings.delay_byte_us * (len + reply.len);
    return reply.len;
}

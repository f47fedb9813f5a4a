/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/app.h"

#include <string.h>

#include "vcard/files.h"

/* In the order in which a partial name is tried. Public observation, several programs each. */
static const struct app apps[] = {
    {"issuer security domain", APP_ISD, {0xA0, 0, 0, 1, 0x51, 0, 0}, 7},
    {"JPKI", APP_JPKI, {0xD3, 0x92, 0xF0, 0, 0x26, 1, 0, 0, 0, 1}, 10},
    {"kenmen input", APP_STUB, {0xD3, 0x92, 0x10, 0, 0x31, 0, 1, 1, 4, 8}, 10},
    {"kenmen check", APP_STUB, {0xD3, 0x92, 0x10, 0, 0x31, 0, 1, 1, 4, 2}, 10},
    {"juki", APP_STUB, {0xD3, 0x92, 0x10, 0, 0x31, 0, 1, 1, 4, 1}, 10},
    {"common", APP_STUB, {0xD3, 0x92, 0x10, 0, 0x31, 0, 1, 1, 1, 0}, 10},
};
#define APPS (sizeof apps / sizeof *apps)

const struct app *app_default(void)
{
    return &apps[0];
}

static bool is_there(const struct vcard *card, const struct app *app)
{
    switch (app->kind) {
    case APP_ISD:
        return card->settings.isd;
    case APP_STUB:
        return card->settings.other_apps;
    case APP_JPKI:
        break;
    }
    return true;
}

/* A name cut short selects the first application that starts so: measured on a card. */
static const struct app *find(const struct vcard *card, const uint8_t *name, size_t len)
{
    for (size_t i = 0; i < APPS; i++)
        if (len <= apps[i].aid_len && is_there(card, &apps[i]) &&
            (!len || !memcmp(name, apps[i].aid, len)))
            return &apps[i];
    return NULL;
}

/*
 * Another application takes the verified PINs away; the same one again does not (measured; it is
 * also what JICSAP 2.0 prescribes).
 */
static void enter(struct vcard *card, const struct app *app)
{
    bool keep = app->kind == APP_JPKI || (app->kind == APP_ISD && card->settings.ignore_isd);

    if (!keep)
        memset(card->verified, 0, sizeof card->verified);
    card->app = app;
    card->ef = NULL;
}

/* A minimal template: 6F with the name in 84 (ISO/IEC 7816-4, 7.4.3). */
static uint16_t add_fci(const struct app *app, const struct apdu *apdu, struct reply *reply)
{
    uint8_t fci[4 + sizeof app->aid] = {0x6F, (uint8_t)(app->aid_len + 2), 0x84,
                                        (uint8_t)app->aid_len};
    size_t len = app->aid_len + 4;

    memcpy(fci + 4, app->aid, app->aid_len);
    if (apdu->le < len)
        return (uint16_t)(0x6C00 | len);
    return vcard_reply_add(reply, fci, len) ? 0x9000 : 0x6F00;
}

static uint16_t select_app(struct vcard *card, const struct apdu *apdu, struct reply *reply)
{
    /* P2: first occurrence, with a template or without; "next" is not offered (a guess). */
    if (apdu->p2 != 0x00 && apdu->p2 != 0x0C)
        return 0x6A86;
    if (apdu->lc > sizeof apps[0].aid)
        return 0x6700;
    const struct app *app = find(card, apdu->data, apdu->lc);
    if (!app)
        return 0x6A82; /* the selection stays as it was */
    enter(card, app);
    return apdu->p2 == 0x00 && apdu->has_le ? add_fci(app, apdu, reply) : 0x9000;
}

static uint16_t select_ef(struct vcard *card, const struct apdu *apdu)
{
    if (card->app->kind == APP_ISD || apdu->p2 != 0x0C)
        return 0x6A86;
    if (apdu->lc != 2)
        return 0x6700;
    const struct ef *ef = NULL;
    if (card->app->kind == APP_JPKI)
        ef = files_find(card, (unsigned)apdu->data[0] << 8 | apdu->data[1]);
    if (!ef)
        return 0x6A82;
    card->ef = ef;
    return 0x9000;
}

/* Measured: refused after a cold reset, without effect in an application, 3F00 never there. */
static uint16_t select_mf(const struct vcard *card, const struct apdu *apdu)
{
    if (apdu->lc)
        return 0x6A82;
    return card->app->kind == APP_ISD ? 0x6A86 : 0x9000;
}

uint16_t app_select(struct vcard *card, const struct apdu *apdu, struct reply *reply)
{
    switch (apdu->p1) {
    case 0x00:
        return select_mf(card, apdu);
    case 0x02:
        return select_ef(card, apdu);
    case 0x04:
        return select_app(card, apdu, reply);
    default:
        return 0x6A86;
    }
}

uint16_t app_get_data(struct vcard *card, const struct apdu *apdu, struct reply *reply)
{
    static const uint8_t number[] = {0x45, 8, 0x99, 0x20, 0x10, 0, 0, 0, 0, 1};
    unsigned tag = (unsigned)apdu->p1 << 8 | apdu->p2;
    bool ok = false;

    if (apdu->lc || !apdu->has_le)
        return 0x6700;
    if (card->app->kind != APP_ISD)
        return 0x6A88;
    if (tag == 0x0045)
        ok = vcard_reply_add(reply, number, sizeof number);
    else if (tag == 0x5F51) /* the answer to reset of the contact interface */
        ok = vcard_reply_add(reply, card->settings.atr, card->settings.atr_len);
    else
        return 0x6A88;
    if (reply->len > apdu->le)
        return (uint16_t)(0x6C00 | reply->len);
    return ok ? 0x9000 : 0x6F00;
}

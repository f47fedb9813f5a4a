/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/files.h"

#include <stdlib.h>
#include <string.h>

#include "vcard/store.h"

#define INFO_SIZE 160   /* EF 0006 */
#define EMPTY_SIZE 2048 /* EF 0001 without a certificate */

/* Public observation; those without a known purpose were found by trying every identifier. */
static const struct ef files[] = {
    {.fid = 0x0001,
     .kind = EF_DATA,
     .pin = PIN_SIGN,
     .needs_pin = true,
     .content = CONTENT_SIGN_CERT},
    {.fid = 0x0002, .kind = EF_DATA, .content = CONTENT_SIGN_CA},
    {.fid = 0x0005, .kind = EF_HIDDEN},
    {.fid = 0x0006, .kind = EF_DATA, .content = CONTENT_INFO},
    {.fid = 0x0008, .kind = EF_DATA, .content = CONTENT_PRESENT},
    {.fid = 0x0009, .kind = EF_HIDDEN},
    {.fid = 0x000A, .kind = EF_DATA, .pin = PIN_AUTH, .content = CONTENT_AUTH_CERT},
    {.fid = 0x000B, .kind = EF_DATA, .content = CONTENT_AUTH_CA},
    {.fid = 0x0010, .kind = EF_HIDDEN},
    {.fid = 0x0016, .kind = EF_HIDDEN},
    {.fid = 0x0017, .kind = EF_KEY, .pin = PIN_AUTH},
    {.fid = 0x0018, .kind = EF_PIN, .pin = PIN_AUTH},
    {.fid = 0x0019, .kind = EF_HIDDEN},
    {.fid = 0x001A, .kind = EF_KEY, .pin = PIN_SIGN},
    {.fid = 0x001B, .kind = EF_PIN, .pin = PIN_SIGN},
    {.fid = 0x001C, .kind = EF_HIDDEN},
    {.fid = 0x001E, .kind = EF_HIDDEN},
};
#define FILES (sizeof files / sizeof *files)

static bool is_there(const struct vcard *card, const struct ef *ef)
{
    return ef->kind != EF_DATA || ef->content != CONTENT_SIGN_CERT || card->settings.sign_cert ||
           card->settings.sign_cert_ef;
}

const struct ef *files_find(const struct vcard *card, unsigned fid)
{
    for (size_t i = 0; i < FILES; i++)
        if (files[i].fid == fid && is_there(card, &files[i]))
            return &files[i];
    return NULL;
}

const struct ef *files_find_short(const struct vcard *card, unsigned sfi)
{
    /* 0 means "the current file" and 31 is reserved (ISO/IEC 7816-4, 7.1.1). */
    return sfi >= 1 && sfi <= 30 ? files_find(card, sfi) : NULL;
}

uint16_t files_reference(const struct vcard *card, uint8_t p2, enum ef_kind kind, enum pin *which)
{
    const struct ef *ef = card->ef;

    if (p2 != FILES_CURRENT) {
        /* Measured for 97, 98, 9A and 9B; what other values give is a guess. A reference by short
         * identifier leaves the current file alone (a guess). */
        if (!(p2 & 0x80) || (p2 & 0x60) || !card->settings.sfi)
            return 0x6A86;
        ef = files_find_short(card, p2 & 0x1FU);
        if (!ef || ef->kind != kind)
            return 0x6A86;
    }
    if (!ef)
        return 0x6986;
    if (ef->kind != kind)
        return 0x6981;
    *which = ef->pin;
    return 0x9000;
}

static bool may_read(const struct vcard *card, const struct ef *ef)
{
    if (ef->needs_pin)
        return card->verified[ef->pin];
    if (ef->content == CONTENT_AUTH_CERT && card->settings.auth_cert_pin)
        return card->verified[PIN_AUTH];
    return true;
}

static uint16_t read_at(const struct vcard *card, const struct ef *ef, size_t offset, size_t le,
                        struct reply *reply)
{
    const struct content_bytes *content = &card->content[ef->content];

    /* A guess: keys and PINs are no transparent files, the unknown ones need something unknown. */
    if (ef->kind == EF_HIDDEN)
        return 0x6982;
    if (ef->kind != EF_DATA)
        return 0x6981;
    if (!may_read(card, ef))
        return 0x6982;
    if (offset >= content->len)
        return 0x6B00;
    size_t left = content->len - offset;
    /* Measured: past the end there is less data, without the warning 6282. */
    return vcard_reply_add(reply, content->data + offset, le < left ? le : left) ? 0x9000 : 0x6F00;
}

uint16_t files_read(struct vcard *card, const struct apdu *apdu, struct reply *reply)
{
    if (apdu->lc || !apdu->has_le)
        return 0x6700;
    if (!(apdu->p1 & 0x80)) {
        if (!card->ef)
            return 0x6986;
        return read_at(card, card->ef, (size_t)apdu->p1 << 8 | apdu->p2, apdu->le, reply);
    }
    /* Without short identifiers the card finds no such file: a guess. */
    if (apdu->p1 & 0x60)
        return 0x6A86;
    const struct ef *ef = card->settings.sfi ? files_find_short(card, apdu->p1 & 0x1FU) : NULL;
    if (!ef)
        return 0x6A82;
    card->ef = ef;
    return read_at(card, ef, apdu->p2, apdu->le, reply);
}

static void put_be32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void put_padded(uint8_t *at, size_t size, const char *text)
{
    size_t len = strlen(text);

    memset(at, ' ', size);
    memcpy(at, text, len < size ? len : size);
}

/*
 * EF 0006 as one card had it: a CK_TOKEN_INFO of PKCS#11 with 32-bit big-endian numbers. Session
 * counts 100, PIN lengths 116, memory 124, versions 140, clock 144.
 */
static void describe_token(const struct settings *settings, uint8_t *info)
{
    put_padded(info, 32, settings->label);
    memset(info + 32, '0', 31);
    info[63] = '1';
    put_padded(info + 64, 16, settings->model);
    put_padded(info + 80, 16, settings->serial);
    put_be32(info + 96, 0x0000040D);
    put_be32(info + 100, 1);
    put_be32(info + 104, 0);
    put_be32(info + 108, 1);
    put_be32(info + 112, 0);
    put_be32(info + 116, 16);
    put_be32(info + 120, 6);
    memset(info + 124, 0xFF, 16);
    memcpy(info + 140, "1010", 4);
    memset(info + 144, '9', 16);
}

static bool allocate(struct content_bytes *content, size_t len)
{
    uint8_t *data = realloc(content->data, len);

    if (!data)
        return false;
    memset(data, 0xFF, len);
    *content = (struct content_bytes){data, len};
    return true;
}

bool files_describe(struct vcard *card)
{
    struct content_bytes *present = &card->content[CONTENT_PRESENT];

    if (!allocate(&card->content[CONTENT_INFO], INFO_SIZE) || !allocate(present, 3))
        return false;
    describe_token(&card->settings, card->content[CONTENT_INFO].data);
    if (!card->settings.sign_cert && !allocate(&card->content[CONTENT_SIGN_CERT], EMPTY_SIZE))
        return false;
    /* Measured with both certificates: 8F 8F 00. What stands for an absent one is a guess. */
    present->data[0] = card->settings.sign_cert ? 0x8F : 0x00;
    present->data[1] = 0x8F;
    present->data[2] = 0x00;
    return true;
}

/* Cards allocate more than the certificate needs and fill the rest with FF (measured); how much is
 * not known. Two kilobytes suit every usual certificate and still leave a tail. */
static size_t allocated(size_t len)
{
    return len + 64 <= 2048 ? 2048 : (len + 64 + 511) / 512 * 512;
}

/* A SEQUENCE with a length of two bytes that is exactly the file (X.690, 8.1.3). */
static bool is_whole(const uint8_t *der, size_t len)
{
    return len > 4 && der[0] == 0x30 && der[1] == 0x82 && ((size_t)der[2] << 8 | der[3]) + 4 == len;
}

static bool load_certificate(struct vcard *card, enum content which, const char *name,
                             struct problem *why)
{
    size_t len;
    uint8_t *der = store_read(card->dir, name, &len, why);
    bool ok = der != NULL;

    if (ok && (allocated(len) > VCARD_FILE_MAX || (card->settings.check && !is_whole(der, len))))
        ok = text_problem(why,
                          "%s/%s is no whole DER certificate; make the card anew with "
                          "\"jpki-vcard new --force %s\", or say \"check = no\" in card.conf "
                          "to put damaged ones on the card",
                          card->dir, name, card->dir);
    if (ok && !allocate(&card->content[which], allocated(len)))
        ok = text_problem(why, "out of memory");
    if (ok)
        memcpy(card->content[which].data, der, len);
    free(der);
    return ok;
}

bool files_load(struct vcard *card, struct problem *why)
{
    if (!load_certificate(card, CONTENT_AUTH_CERT, "auth.der", why) ||
        !load_certificate(card, CONTENT_AUTH_CA, "auth-ca.der", why) ||
        !load_certificate(card, CONTENT_SIGN_CA, "sign-ca.der", why))
        return false;
    if (card->settings.sign_cert && !load_certificate(card, CONTENT_SIGN_CERT, "sign.der", why))
        return false;
    return files_describe(card) || text_problem(why, "out of memory");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/apdu.h"

#define HEADER 4

static size_t be16(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

static void set_le(struct apdu *apdu, size_t le, size_t max)
{
    apdu->has_le = true;
    apdu->le = le ? le : max;
}

/* BODY is what follows the header; its first byte is there and the form is short. */
static bool parse_short(const uint8_t *body, size_t len, struct apdu *apdu)
{
    size_t lc = body[0];

    if (len == 1) {
        set_le(apdu, body[0], 256);
        return true;
    }
    if (!lc || (len != 1 + lc && len != 2 + lc))
        return false;
    apdu->data = body + 1;
    apdu->lc = lc;
    if (len == 2 + lc)
        set_le(apdu, body[1 + lc], 256);
    return true;
}

/* BODY starts with a zero byte and has at least three bytes. */
static bool parse_extended(const uint8_t *body, size_t len, struct apdu *apdu)
{
    size_t lc = be16(body + 1);

    if (len == 3) {
        apdu->extended = true;
        set_le(apdu, lc, 65536);
        return true;
    }
    if (!lc || (len != 3 + lc && len != 5 + lc))
        return false;
    apdu->extended = true;
    apdu->data = body + 3;
    apdu->lc = lc;
    if (len == 5 + lc)
        set_le(apdu, be16(body + 3 + lc), 65536);
    return true;
}

bool apdu_parse(const uint8_t *command, size_t len, struct apdu *apdu)
{
    *apdu = (struct apdu){0};
    if (len < HEADER)
        return false;
    apdu->cla = command[0];
    apdu->ins = command[1];
    apdu->p1 = command[2];
    apdu->p2 = command[3];
    if (len == HEADER)
        return true;
    if (len >= HEADER + 3 && !command[HEADER])
        return parse_extended(command + HEADER, len - HEADER, apdu);
    return parse_short(command + HEADER, len - HEADER, apdu);
}

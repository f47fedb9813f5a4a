/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card/atr.h"

#define COMPACT_TLV 0x80 /* category indicator: nothing but data objects follows */
#define CAPABILITIES 0x7 /* tag of a data object */
#define CAPABILITIES_THIRD 3
#define EXTENDED 0x40

/* The historical bytes: behind TS, T0 and the interface bytes, whose presence T0 and each TD tell.
 */
static bool take_historical(struct bytes atr, struct bytes *historical)
{
    uint8_t first, follows, count;
    if (!bytes_take_u8(&atr, &first) || !bytes_take_u8(&atr, &follows))
        return false;
    count = follows & 0x0F;
    while (follows >> 4 != 0) { /* ends: each round takes a byte at least */
        uint8_t byte = 0;
        for (unsigned bit = 0x10; bit <= 0x80; bit <<= 1)
            if ((follows & bit) != 0 && !bytes_take_u8(&atr, &byte))
                return false;
        follows = (follows & 0x80) != 0 ? byte : 0; /* TD is the last of a group */
    }
    return bytes_take(&atr, count, historical);
}

bool atr_announces_extended(struct bytes atr)
{
    struct bytes in, value;
    uint8_t category, head;
    if (!take_historical(atr, &in) || !bytes_take_u8(&in, &category) || category != COMPACT_TLV)
        return false;
    while (bytes_take_u8(&in, &head)) {
        if (!bytes_take(&in, head & 0x0F, &value))
            return false;
        if (head >> 4 == CAPABILITIES)
            return value.len >= CAPABILITIES_THIRD &&
                   (value.data[CAPABILITIES_THIRD - 1] & EXTENDED) != 0;
    }
    return false;
}

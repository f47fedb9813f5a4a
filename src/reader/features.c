/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The numbers of sections are those of PC/SC part 10.
 */
#include "reader/features.h"

#include <stdbool.h>

#define DATA_MAX_TAG 0x0A     /* dwMaxAPDUDataSize */
#define DATA_MAX_LENGTH 4     /* bytes of it */
#define SHORT_DATA_MAX 0x100  /* of it up to here: short APDUs alone */
#define DATA_MAX_MOST 0x10000 /* more there cannot be */

static bool take_feature(struct bytes *list, uint8_t *tag, uint32_t *code)
{
    uint8_t len;
    uint16_t high, low;
    /* 2.2: tag, length, and a control code of four bytes, the highest first on every machine. */
    if (!bytes_take_u8(list, tag) || !bytes_take_u8(list, &len) || len != 4 ||
        !bytes_take_be16(list, &high) || !bytes_take_be16(list, &low))
        return false;
    *code = (uint32_t)high << 16 | low;
    return *code != 0;
}

enum err features_find(struct bytes list, uint8_t tag, uint32_t *code)
{
    uint32_t found = 0;
    *code = 0;
    while (list.len > 0) {
        uint8_t this_tag;
        uint32_t value;
        if (!take_feature(&list, &this_tag, &value))
            return ERR_ANSWER;
        if (this_tag != tag)
            continue;
        if (found != 0)
            return ERR_ANSWER; /* twice: which of them is meant? */
        found = value;
    }
    *code = found;
    return ERR_OK;
}

/* Unlike codes, the numbers of properties have the lowest byte first, on every machine. */
static uint32_t little_endian(struct bytes in)
{
    uint32_t value = 0;
    for (size_t i = in.len; i > 0; i--)
        value = value << 8 | in.data[i - 1];
    return value;
}

enum err features_data_max(struct bytes list, uint32_t *bytes)
{
    uint32_t found = 0;
    bool told = false;
    *bytes = 0;
    while (list.len > 0) {
        uint8_t tag, len;
        struct bytes value;
        if (!bytes_take_u8(&list, &tag) || !bytes_take_u8(&list, &len) ||
            !bytes_take(&list, len, &value))
            return ERR_ANSWER;
        if (tag != DATA_MAX_TAG)
            continue;
        if (told || len != DATA_MAX_LENGTH)
            return ERR_ANSWER;
        told = true;
        found = little_endian(value);
    }
    if (found > DATA_MAX_MOST)
        return ERR_ANSWER;
    *bytes = found > SHORT_DATA_MAX ? found : 0;
    return ERR_OK;
}

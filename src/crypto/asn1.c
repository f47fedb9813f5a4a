/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/asn1.h"

#include <stddef.h>

#define LONG_FORM 0x80  /* the first byte of a length of several bytes, + their number */
#define LENGTH_MAX 4    /* bytes of a length; a certificate has two or three */
#define TAG_NUMBER 0x1f /* all bits set: the number follows in more bytes */

/* Takes a definite length in its shortest form. */
static bool take_length(struct bytes *in, size_t *out)
{
    uint8_t first, next;
    size_t count;

    *out = 0;
    if (!bytes_take_u8(in, &first))
        return false;
    if (first < LONG_FORM) {
        *out = first;
        return true;
    }
    count = first - (size_t)LONG_FORM;
    if (count == 0 || count > LENGTH_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!bytes_take_u8(in, &next) || (i == 0 && next == 0))
            return false;
        *out = (*out << 8) | next;
    }
    return *out >= LONG_FORM;
}

bool asn1_any(struct bytes *in, struct asn1 *out)
{
    struct bytes rest = *in;
    struct bytes content;
    uint8_t tag;
    size_t len;

    *out = (struct asn1){0};
    if (!bytes_take_u8(&rest, &tag) || (tag & TAG_NUMBER) == TAG_NUMBER ||
        !take_length(&rest, &len) || !bytes_take(&rest, len, &content))
        return false;
    out->tag = tag;
    out->content = content;
    out->whole = bytes_first(*in, in->len - rest.len);
    *in = rest;
    return true;
}

bool asn1_take(struct bytes *in, unsigned tag, struct asn1 *out)
{
    struct bytes before = *in;

    if (asn1_any(in, out) && out->tag == tag)
        return true;
    *in = before;
    *out = (struct asn1){0};
    return false;
}

bool asn1_integer(struct bytes *in, struct asn1 *out)
{
    struct bytes before = *in;

    if (asn1_take(in, ASN1_INTEGER_TAG, out)) {
        struct bytes content = out->content;
        uint8_t first, second;

        if (bytes_take_u8(&content, &first) &&
            (!bytes_take_u8(&content, &second) ||
             !((first == 0x00 && second < 0x80) || (first == 0xff && second >= 0x80))))
            return true;
    }
    *in = before;
    *out = (struct asn1){0};
    return false;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/bytes.h"

#include <stdlib.h>
#include <string.h>

struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){.data = data, .len = len};
}

struct bytes bytes_of_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    /* memcmp() must not see the null pointer of an empty view, not even with a length of 0. */
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool bytes_take(struct bytes *in, size_t n, struct bytes *out)
{
    *out = (struct bytes){0};
    if (n > in->len)
        return false;
    if (n == 0)
        return true;
    *out = bytes_of(in->data, n);
    in->data += n;
    in->len -= n;
    return true;
}

bool bytes_take_u8(struct bytes *in, uint8_t *out)
{
    struct bytes taken;

    *out = 0;
    if (!bytes_take(in, 1, &taken))
        return false;
    *out = taken.data[0];
    return true;
}

bool bytes_take_be16(struct bytes *in, uint16_t *out)
{
    struct bytes taken;

    *out = 0;
    if (!bytes_take(in, 2, &taken))
        return false;
    *out = (uint16_t)((taken.data[0] << 8) | taken.data[1]);
    return true;
}

struct bytes bytes_first(struct bytes in, size_t n)
{
    return bytes_of(in.data, n < in.len ? n : in.len);
}

void bytes_hex(struct bytes in, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.len; i++) {
        *out++ = digits[in.data[i] >> 4];
        *out++ = digits[in.data[i] & 0x0F];
    }
    *out = '\0';
}

struct bytes bytes_trim(struct bytes in)
{
    while (in.len > 0 && (in.data[in.len - 1] == ' ' || in.data[in.len - 1] == 0))
        in.len--;
    return in;
}

void writer_init(struct writer *w, void *buffer, size_t size)
{
    *w = (struct writer){.data = buffer, .size = size};
}

void writer_u8(struct writer *w, uint8_t value)
{
    writer_bytes(w, bytes_of(&value, 1));
}

void writer_be16(struct writer *w, uint16_t value)
{
    const uint8_t both[2] = {(uint8_t)(value >> 8), (uint8_t)(value & 0xff)};

    writer_bytes(w, bytes_of(both, sizeof(both)));
}

void writer_bytes(struct writer *w, struct bytes in)
{
    if (in.len > w->size - w->len)
        w->failed = true;
    if (w->failed || in.len == 0)
        return;
    memcpy(w->data + w->len, in.data, in.len);
    w->len += in.len;
}

struct bytes writer_result(const struct writer *w)
{
    return w->failed ? (struct bytes){0} : bytes_of(w->data, w->len);
}

bool buffer_set(struct buffer *out, struct bytes in)
{
    uint8_t *copy = NULL;

    if (in.len > 0) {
        copy = malloc(in.len);
        if (copy == NULL)
            return false;
        memcpy(copy, in.data, in.len);
    }
    buffer_clear(out); /* only now: IN may be a view of OUT */
    *out = (struct buffer){.data = copy, .len = in.len};
    return true;
}

void buffer_clear(struct buffer *b)
{
    if (b->data != NULL)
        explicit_bzero(b->data, b->len); /* a certificate may have its holder's name and address */
    free(b->data);
    *b = (struct buffer){0};
}

struct bytes buffer_view(const struct buffer *b)
{
    return bytes_of(b->data, b->len);
}

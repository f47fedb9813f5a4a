/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Bounded reading and writing of bytes. Lengths and offsets that come from a card or a reader are
 * only followed through here.
 */
#ifndef JPKI_SUPPORT_BYTES_H
#define JPKI_SUPPORT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view of bytes that somebody else owns. The empty view may have data == NULL. */
struct bytes {
    const uint8_t *data;
    size_t len;
};

/* A view of LEN bytes at DATA; bytes_of_text() of a string without its terminator. */
struct bytes bytes_of(const void *data, size_t len);
struct bytes bytes_of_text(const char *text);

bool bytes_equal(struct bytes a, struct bytes b);

/*
 * The reading functions take from the front of IN. They return false and change nothing when IN is
 * too short; outputs are then zero or empty.
 */
bool bytes_take(struct bytes *in, size_t n, struct bytes *out);
bool bytes_take_u8(struct bytes *in, uint8_t *out);
bool bytes_take_be16(struct bytes *in, uint16_t *out);

/* The first N bytes of IN, or all of it when it is shorter. */
struct bytes bytes_first(struct bytes in, size_t n);

/* IN in small hexadecimal digits, with a terminator: 2 * IN.len + 1 bytes into OUT. */
void bytes_hex(struct bytes in, char *out);

/* IN without the spaces and zero bytes at its end. */
struct bytes bytes_trim(struct bytes in);

/*
 * A writer into a fixed buffer. A write that does not fit changes nothing and makes the writer
 * fail for good; look once, at the end, with writer_result().
 */
struct writer {
    uint8_t *data;
    size_t size; /* of the buffer */
    size_t len;  /* written so far */
    bool failed;
};

void writer_init(struct writer *w, void *buffer, size_t size);
void writer_u8(struct writer *w, uint8_t value);
void writer_be16(struct writer *w, uint16_t value);
void writer_bytes(struct writer *w, struct bytes in);

/* What was written; empty when any write did not fit. */
struct bytes writer_result(const struct writer *w);

/* Bytes on the heap, owned by whoever holds the struct. {0} is a valid empty one. */
struct buffer {
    uint8_t *data;
    size_t len;
};

/* Replaces OUT by a copy of IN. False (OUT unchanged) without memory. */
bool buffer_set(struct buffer *out, struct bytes in);
void buffer_clear(struct buffer *b);
struct bytes buffer_view(const struct buffer *b);

#endif

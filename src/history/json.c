/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "history/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NOT_UTF8 0xFFFDU        /* the replacement character, written as an escape */
#define ESCAPE_LEN 6            /* of \u0000 */
#define CUT_MARK "\xE2\x80\xA6" /* "…" */

_Static_assert(sizeof(CUT_MARK) - 1 == JSON_TEXT_MIN, "the mark has room");

/* A character of the text: its code point, its bytes in the text, and whether they are UTF-8. */
struct character {
    uint32_t code;
    size_t len;
    bool valid;
};

/* What a first byte says (Unicode, table 3-7): bits that belong to the code point, bytes that
 * follow, and the smallest code point that may be written so. */
struct lead {
    uint8_t mask, value;
    size_t more;
    uint32_t least;
};

static const struct lead leads[] = {
    {0x80, 0x00, 0, 0x00},
    {0xE0, 0xC0, 1, 0x80},
    {0xF0, 0xE0, 2, 0x800},
    {0xF8, 0xF0, 3, 0x10000},
};

/* The character at the front of TEXT, which is not empty. A terminating zero byte continues no
 * sequence, so nothing behind it is read. */
static struct character first_character(const uint8_t *text)
{
    const struct character wrong = {.code = NOT_UTF8, .len = 1};

    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        const struct lead *lead = &leads[i];
        if ((text[0] & lead->mask) != lead->value)
            continue;
        uint32_t code = text[0] & (uint8_t)~lead->mask;
        for (size_t k = 1; k <= lead->more; k++) {
            if ((text[k] & 0xC0) != 0x80)
                return wrong;
            code = code << 6 | (text[k] & 0x3FU);
        }
        if (code < lead->least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
            return wrong;
        return (struct character){.code = code, .len = 1 + lead->more, .valid = true};
    }
    return wrong;
}

/* Marks that turn the direction of writing can make one path look like another. */
static bool turns_direction(uint32_t code)
{
    return code == 0x061C || code == 0x200E || code == 0x200F ||
           (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

static bool needs_escape(const struct character *c)
{
    bool control = c->code < 0x20 || (c->code >= 0x7F && c->code <= 0x9F);
    bool line_end = c->code == 0x2028 || c->code == 0x2029;
    return !c->valid || control || line_end || turns_direction(c->code);
}

static bool needs_backslash(const struct character *c)
{
    return c->code == '"' || c->code == '\\';
}

static size_t written_len(const struct character *c)
{
    if (needs_escape(c))
        return ESCAPE_LEN;
    return c->len + (needs_backslash(c) ? 1 : 0);
}

static void write_character(struct writer *w, const struct character *c, const uint8_t *text)
{
    if (needs_escape(c)) {
        char escape[16]; /* all that is escaped lies below 0x10000 */
        snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)c->code);
        json_raw(w, escape);
        return;
    }
    if (needs_backslash(c))
        writer_u8(w, '\\');
    writer_bytes(w, bytes_of(text, c->len));
}

/* The part of TEXT from the front that must go, so that the rest takes at most MAX bytes. */
static const uint8_t *cut(const uint8_t *text, size_t max)
{
    size_t total = 0;
    struct character c;

    for (const uint8_t *p = text; *p != 0; p += c.len) {
        c = first_character(p);
        total += written_len(&c);
    }
    if (total <= max)
        return text;
    for (; total > max - (sizeof(CUT_MARK) - 1); text += c.len) {
        c = first_character(text);
        total -= written_len(&c);
    }
    return text;
}

void json_raw(struct writer *w, const char *text)
{
    writer_bytes(w, bytes_of_text(text));
}

void json_text(struct writer *w, const char *text, size_t max)
{
    if (text == NULL) {
        json_raw(w, "null");
        return;
    }
    const uint8_t *all = (const uint8_t *)text;
    const uint8_t *kept = cut(all, max);
    struct character c;
    writer_u8(w, '"');
    if (kept != all)
        json_raw(w, CUT_MARK);
    for (; *kept != 0; kept += c.len) {
        c = first_character(kept);
        write_character(w, &c, kept);
    }
    writer_u8(w, '"');
}

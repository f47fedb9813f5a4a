/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HOUR_US 3600000000ULL

bool text_problem(struct problem *why, const char *format, ...)
{
    va_list args;

    if (!why)
        return false;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return false;
}

bool text_number(const char *text, unsigned long max, unsigned long *out)
{
    unsigned long value = 0;

    *out = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        unsigned long digit = (unsigned long)(*text - '0');
        if (digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool text_milliseconds(const char *text, uint64_t *microseconds)
{
    uint64_t value = 0;
    int decimals = -1; /* -1 before the point */
    size_t digits = 0;

    *microseconds = 0;
    for (; *text; text++) {
        if (*text == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*text < '0' || *text > '9' || decimals == 3 || value > HOUR_US)
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
        digits++;
        if (decimals >= 0)
            decimals++;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 3; i++)
        value *= 10;
    if (!digits || value > HOUR_US)
        return false;
    *microseconds = value;
    return true;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_hex(const char *text, uint8_t *out, size_t size, size_t *len)
{
    size_t n = 0;

    *len = 0;
    while (*text) {
        if (*text == ' ' || *text == ':') {
            text++;
            continue;
        }
        int high = nibble(text[0]);
        int low = high < 0 ? -1 : nibble(text[1]);
        if (low < 0 || n == size)
            return false;
        out[n++] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    *len = n;
    return true;
}

void text_to_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = 0;
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t' || *text == '\r')
        text++;
    size_t len = strlen(text);
    while (len && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
        text[--len] = 0;
    return text;
}

bool text_pair(char *line, char **key, char **value)
{
    char *equals = strchr(line, '=');

    *key = *value = NULL;
    if (!equals)
        return false;
    *equals = 0;
    *key = trim(line);
    *value = trim(equals + 1);
    return **key != 0;
}

char *text_line(char **rest)
{
    char *line = *rest;

    if (!line || !*line)
        return NULL;
    char *end = strchr(line, '\n');
    if (end)
        *end = 0;
    *rest = end ? end + 1 : NULL;
    return trim(line);
}

/* The bytes of the code point at TEXT, 0 when it is not well-formed (RFC 3629, 4). */
static size_t code_point(const unsigned char *text)
{
    unsigned char c = text[0];
    size_t len = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;

    for (size_t i = 1; i < len; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    if (c == 0xE0 && text[1] < 0xA0)
        return 0;
    if (c == 0xED && text[1] >= 0xA0)
        return 0;
    if (c == 0xF0 && text[1] < 0x90)
        return 0;
    if (c == 0xF4 && text[1] >= 0x90)
        return 0;
    return len;
}

bool text_utf8(const char *text, size_t *characters)
{
    const unsigned char *at = (const unsigned char *)text;

    *characters = 0;
    for (size_t n = 0;; n++) {
        if (!*at) {
            *characters = n;
            return true;
        }
        size_t len = code_point(at);
        if (!len || *at < 0x20 || *at == 0x7F)
            return false;
        at += len;
    }
}

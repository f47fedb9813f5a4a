/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Small helpers for text: messages to the user, numbers, hexadecimal, "key = value" lines.
 * The virtual card is an opponent of the module, so it has its own and shares none with it.
 */
#ifndef JPKI_VCARD_TEXT_H
#define JPKI_VCARD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What went wrong, in a sentence for the user that also says what to do about it. */
struct problem {
    char text[640];
};

/* Fills WHY (NULL is allowed) and returns false, so that a caller can return the call. */
bool text_problem(struct problem *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A decimal number without sign or blanks, at most MAX. OUT is 0 on failure. */
bool text_number(const char *text, unsigned long max, unsigned long *out);

/* Milliseconds with up to three decimals ("0.1", "350"), at most one hour, in microseconds. */
bool text_milliseconds(const char *text, uint64_t *microseconds);

/* An even number of hexadecimal digits, blanks and colons between bytes allowed. False when there
 * is anything else or more than SIZE bytes. LEN is 0 on failure. */
bool text_hex(const char *text, uint8_t *out, size_t size, size_t *len);

/* Writes 2 * LEN digits and a terminator; OUT has room for both. */
void text_to_hex(const uint8_t *bytes, size_t len, char *out);

/* Splits "key = value" in place; false when there is no key or no '='. Blanks around both go. */
bool text_pair(char *line, char **key, char **value);

/* Cuts the next line off *REST, without its blanks at both ends; NULL at the end. */
char *text_line(char **rest);

/* True for valid UTF-8 (shortest form, no surrogates) without control characters; CHARACTERS is the
 * number of code points. */
bool text_utf8(const char *text, size_t *characters);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to the usage history: texts in JSON (RFC 8259, section 7).
 */
#ifndef JPKI_HISTORY_JSON_H
#define JPKI_HISTORY_JSON_H

#include <stddef.h>

#include "support/bytes.h"

/* The least that json_text() can do with: room for the mark of a cut text. */
#define JSON_TEXT_MIN 3

/* Writes TEXT as it stands. For what needs no quoting. */
void json_raw(struct writer *w, const char *text);

/*
 * Writes TEXT in quotation marks, or null when it is NULL. Always valid UTF-8, in one line, and
 * nothing in it steers a terminal: control characters (C0, DEL, C1), line separators and what turns
 * the direction of writing are escaped, each byte that is not part of valid UTF-8 becomes \ufffd.
 * At most MAX bytes stand between the quotation marks; of a longer text the end is kept, after "…",
 * since that is where a path has its name.
 */
void json_text(struct writer *w, const char *text, size_t max);

#endif

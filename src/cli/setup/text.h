/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of other programs as texts: read whole, changed in memory, and replaced whole.
 */
#ifndef JPKI_CLI_SETUP_TEXT_H
#define JPKI_CLI_SETUP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TEXT_MAX ((size_t)4 << 20) /* bytes: no settings file is longer */

/* The content of a file. {0}: there is no such file. */
struct text {
    char *data; /* owned; a NUL follows it */
    size_t len; /* bytes */
};

/* How a block of lines stands in a file. Every block ends with a newline. */
enum text_kind {
    TEXT_FILE,      /* it is the whole file */
    TEXT_TOP,       /* before everything else */
    TEXT_LINE,      /* after everything else */
    TEXT_PARAGRAPH, /* after everything else, a blank line before it */
};

enum text_cut {
    CUT_DONE,    /* the block was taken out */
    CUT_NOTHING, /* nothing of it is there */
    CUT_CHANGED  /* something of it is there, but not as it was put in */
};

/* Sets TEXT to what is in the file at PATH, which may be missing. False after a complaint. */
bool text_read(const char *path, struct text *text);

/* Whether TEXT is still what is in the file at PATH, or still missing. False also after a complaint
 * that it cannot be read. */
bool text_still(const char *path, const struct text *text);

/* Replaces the file at PATH, at once and for good, or makes it, with MODE less the umask. An
 * existing one keeps its mode and owner. False after a complaint; then it is as it was. */
bool text_write(const char *path, const struct text *text, mode_t mode);

/* False, after a complaint, without memory. */
bool text_copy(const struct text *from, struct text *to);
bool text_set(struct text *text, const char *data, size_t len);
void text_free(struct text *text);
bool text_equal(const struct text *a, const struct text *b);

/* Sets AFTER to BEFORE with BLOCK put in. False, after a complaint, without memory. */
bool text_insert(const struct text *before, enum text_kind kind, const char *block,
                 struct text *after);

/* Whether LINE, with or without its newline, is one of TEXT's; or several, one after the other. */
bool text_has_line(const struct text *text, const char *line);

/*
 * Takes BLOCK out of TEXT again, where text_insert() may have put it. MARK is a line of BLOCK by
 * which it is known again: a TEXT_PARAGRAPH with that line goes whatever else it says, because the
 * program that owns the file writes it anew in words of its own; any other block goes only as it
 * was put in, for what differs is the holder's.
 */
enum text_cut text_cut(struct text *text, enum text_kind kind, const char *block, const char *mark);

#endif

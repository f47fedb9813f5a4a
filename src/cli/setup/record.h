/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What was changed for a program, so that it can be undone: in
 * $XDG_STATE_HOME/jpki-pkcs11/setup (support/folder.h) stand TARGET.json, a list of changes with
 * the oldest first, and copies of the files as they were before.
 */
#ifndef JPKI_CLI_SETUP_RECORD_H
#define JPKI_CLI_SETUP_RECORD_H

#include <jansson.h>

#include "cli/setup/plan.h"

struct record {
    int folder; /* -1: there is none yet, and nothing is recorded */
    const char *target;
    json_t *changes; /* an array */
};

/* One change of a record. The texts are the record's. */
struct record_change {
    const char *path;
    enum text_kind kind;
    const char *block;
    const char *mark; /* NULL: none */
    const char *copy; /* the name of the copy; NULL: the file was made */
    json_t *folders;  /* those that were made for it, the outermost first; NULL: none */
};

/*
 * Reads what was changed for TARGET, which must be a static text, and keeps every other jpki away
 * from it until record_close(). MAKE makes the folder. False after a complaint; record_close() is
 * the caller's duty either way.
 */
bool record_open(struct record *record, const char *target, bool make);
void record_close(struct record *record);

/* The change of this index. False after a complaint: somebody has written into the record. */
bool record_get(const struct record *record, size_t index, struct record_change *change);

/* Adds a change to the record and keeps a copy of the file; record_save() is still to be called.
 * False after a complaint. */
bool record_add(struct record *record, const struct plan_change *change);

/* Writes it. False after a complaint. */
bool record_save(const struct record *record);

/* Forgets a change, and takes its copy away; record_save() is still to be called. */
void record_drop(struct record *record, size_t index);

/* Sets TEXT to the copy that belongs to a change; to {0} when the file was made. False after a
 * complaint. */
bool record_copy(const struct record *record, const struct record_change *change,
                 struct text *text);

/* Where NAME, or the folder itself if it is "", is; to be freed. NULL, after a complaint, without
 * memory or /proc. */
char *record_path(const struct record *record, const char *name);

#endif

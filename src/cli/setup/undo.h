/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Taking back what a record says was changed. A file that is as it was left becomes, byte for byte,
 * what it was before. From one that has changed since, only what was put in is taken out. What the
 * holder himself has changed in there is left to him.
 */
#ifndef JPKI_CLI_SETUP_UNDO_H
#define JPKI_CLI_SETUP_UNDO_H

#include "cli/setup/record.h"

enum undo_end {
    END_RESTORED, /* as it was before */
    END_CUT,      /* without what was put in */
    END_NOTHING,  /* nothing is there any more */
    END_LEFT      /* changed by somebody since, and left to the holder */
};

struct undo_file;

struct undo {
    struct undo_file *files; /* each file once */
    size_t file_count;
    enum undo_end *ends; /* one for each change of the record, in its order */
    size_t from;         /* the first change that is undone; those before it stay */
};

/* Thinks out in memory how the changes from FROM on are undone, the last first. False after a
 * complaint; undo_free() is the caller's duty either way. */
bool undo_plan(struct undo *undo, const struct record *record, size_t from);
void undo_free(struct undo *undo);

/* On standard output: what will be done. */
void undo_show(const struct undo *undo, const struct record *record);

/* Does it, and takes what was undone out of the record. False, after a complaint, when something
 * could not be undone or was left to the holder. */
bool undo_run(const struct undo *undo, struct record *record);

/* Takes out of the record a change whose file was not changed, or is no longer, with its copy and
 * with the folders that were made for it; record_save() is still to be called. */
void undo_forget(struct record *record, size_t index);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The beginnings of a corpus: what the virtual card answers when a program does what programs do.
 * A scenario is an input without any answers. The target plays it with the virtual card, and what
 * was answered is put in.
 */
#ifndef JPKI_TESTS_FUZZ_RECORD_H
#define JPKI_TESTS_FUZZ_RECORD_H

#include <stddef.h>
#include <stdint.h>

struct record_scenario {
    const char *name;
    const uint8_t *bytes;
    size_t len;
};

/* Plays each scenario, and writes what was recorded to FOLDER/TARGET/NAME, and the commands that
 * were sent to FOLDER/vcard/TARGET-NAME. */
void record_all(const char *folder, const char *target, const struct record_scenario *scenarios,
                size_t count);

/* Writes FOLDER/TARGET/NAME: HEAD and BYTES. */
void record_write(const char *folder, const char *target, const char *name, const char *head,
                  size_t head_len, const void *bytes, size_t len);

#endif

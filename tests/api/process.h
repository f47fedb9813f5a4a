/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What this process holds: for tests that must not grow.
 */
#ifndef JPKI_TESTS_API_PROCESS_H
#define JPKI_TESTS_API_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct process {
    unsigned descriptors, threads, mappings;
    size_t heap;     /* bytes that malloc has given out; 0 where a sanitizer has its own malloc */
    size_t resident; /* bytes of memory in use */
};

/* False when /proc cannot be read. */
bool process_look(struct process *process);

/* Whether AFTER holds as many descriptors and threads as BEFORE, and at most so much more memory:
 * HEAP bytes of malloc's, that many MAPPINGS, RESIDENT bytes (not looked at where a sanitizer keeps
 * freed memory). Prints what has grown. */
bool process_is_flat(const struct process *before, const struct process *after, size_t heap,
                     unsigned mappings, size_t resident);

/* One line. */
void process_print(const char *when, const struct process *process);

#endif

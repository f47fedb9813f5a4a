/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Looks for a secret in all the memory of this process without ever having a copy of it: it is
 * kept, and compared, with every byte masked.
 */
#ifndef JPKI_TESTS_API_MEMORY_H
#define JPKI_TESTS_API_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_MASK 0xA5 /* each byte is XORed with it */
#define MEMORY_MAX 16    /* bytes of a secret */

struct memory_secret {
    uint8_t masked[MEMORY_MAX];
    size_t len;
};

/* Reads the masked secret to the end of FILE. False when it is not 1 to MEMORY_MAX bytes. */
bool memory_read(struct memory_secret *secret, const char *file);

/* Writes the secret itself to OUT (room for its length), byte by byte: wider registers would leave
 * copies where the dynamic linker saves them. */
void memory_unmask(const struct memory_secret *secret, uint8_t *out);

struct memory_found {
    unsigned long places;
    uintptr_t first;       /* its address */
    unsigned long mapping; /* mappings looked through */
    unsigned long left;    /* bytes in mappings too large to be looked through: shadow memory */
};

/* Looks through every readable mapping. False when they cannot be listed or read. */
bool memory_search(const struct memory_secret *secret, struct memory_found *found);

/* Whether the mapping with ADDRESS has this flag of /proc/self/smaps, as "lo". */
bool memory_has_flag(uintptr_t address, const char *flag);

#endif

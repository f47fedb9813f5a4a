/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Memory for PINs: pages of their own that are locked (not swapped), left out of core dumps and
 * zero in a forked child (mlock(2), madvise(2): MADV_DONTDUMP, MADV_WIPEONFORK).
 */
#ifndef JPKI_SUPPORT_SECRET_H
#define JPKI_SUPPORT_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * SIZE zeroed bytes on pages of their own, or NULL when the system gives none. A limit on locked
 * memory (RLIMIT_MEMLOCK) is logged, not an error: the other protections still hold.
 * Free with secret_free() and the same SIZE; it wipes first and accepts NULL.
 */
void *secret_new(size_t size);
void secret_free(void *p, size_t size);

/* Overwrites with zeros in a way that the compiler may not drop. Accepts NULL with 0. */
void secret_wipe(void *p, size_t size);

/* Equality in a time that depends only on SIZE. */
bool secret_equal(const void *a, const void *b, size_t size);

/* SIZE random bytes from the kernel (getrandom(2)). False when it gives none. */
bool secret_random(void *p, size_t size);

#endif

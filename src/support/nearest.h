/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef JPKI_SUPPORT_NEAREST_H
#define JPKI_SUPPORT_NEAREST_H

#include <stddef.h>

/* The one of COUNT words that WORD was probably meant to be, small and capital letters being the
 * same; NULL when none is near. */
const char *nearest(const char *word, const char *const *words, size_t count);

#endif

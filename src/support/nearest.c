/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define GUESS_MAX 32 /* longer words resemble nothing */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be put in, left out or exchanged to make B of A (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    size_t row[GUESS_MAX + 1];
    size_t width = strlen(b);

    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t corner = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            bool same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]);
            size_t change = corner + (same ? 0 : 1);

            corner = row[j + 1];
            row[j + 1] = least(change, least(row[j], corner) + 1);
        }
    }
    return row[width];
}

const char *nearest(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t shortest = 4; /* further away is no slip of the fingers */

    if (strlen(word) > GUESS_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(words[i]);
        size_t d = len <= GUESS_MAX ? distance(word, words[i]) : shortest;

        if (d < shortest && d < len / 2 + 1) {
            shortest = d;
            best = words[i];
        }
    }
    return best;
}

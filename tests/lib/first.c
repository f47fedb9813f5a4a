/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A library for LD_PRELOAD, behind the sanitizer's, whose constructor runs before all others. The
 * sanitizer begins with the first malloc of the program, and asks dlerror for a text then, which
 * takes and gives back the C library's lock of locales. p11-kit's constructor makes a locale: were
 * its malloc the first one, that lock would be held just then, be given back twice, and nobody
 * would get it again.
 */
#include <stdlib.h>

__attribute__((constructor)) static void begin(void)
{
    void *volatile block = malloc(1); /* volatile, or the compiler leaves both calls out */

    free(block);
}

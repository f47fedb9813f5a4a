/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Settings that a program hands over (the string in pReserved) and those of the environment: the
 * first byte says which. Nothing is ever less safe than what one of them may make it.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begin(data, size);
    unsigned which = fuzz_below(4), tokens = 1 + fuzz_below(CONFIG_TOKEN_BOTH);
    unsigned seed = fuzz_u8();
    char *text = fuzz_text();
    struct config_sources sources = {0};
    if (which == 1)
        sources.slots = text;
    else if (which == 2)
        sources.debug = text;
    else
        sources.reserved = text;
    fuzz_settings(&sources, tokens, seed);
    free(text);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcsc/fixture.h"

#include "api/world.h"
#include "pcsc/script.h"

int fixture_end(void **state)
{
    script_clear();
    int result = world_end(state);
    unsigned contexts = script_contexts(), handles = script_handles();
    if (contexts + handles != 0)
        print_error("%u contexts, %u handles left\n", contexts, handles);
    return contexts + handles == 0 ? result : -1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/setup/target.h"

#include <stdlib.h>

#include "cli/setup/place.h"

char *target_names(const struct target_request *request, const char *between,
                   bool (*is_good)(const char *name))
{
    char *all = place_text("%s", "");
    for (size_t i = 0; i < request->count && all != NULL; i++) {
        char *longer = is_good(request->names[i])
                           ? place_text("%s%s%s", all, i > 0 ? between : "", request->names[i])
                           : NULL;
        free(all);
        all = longer;
    }
    return all;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A lack of memory at one place, for a library's user that must not lose a part without a word: a
 * library for LD_PRELOAD, in front of jansson. A text that has $JSON_SHIM in it cannot be made.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

typedef json_t *string_function(const char *);

__attribute__((visibility("default"))) json_t *json_string(const char *text)
{
    const char *lost = getenv("JSON_SHIM");
    union {
        void *object;
        string_function *call;
    } next = {.object = dlsym(RTLD_NEXT, "json_string")};
    return lost != NULL && strstr(text, lost) != NULL ? NULL : next.call(text);
}

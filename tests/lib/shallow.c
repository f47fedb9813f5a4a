/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A library for LD_PRELOAD, before the sanitizer's: dlopen without RTLD_DEEPBIND. With that flag a
 * module would find the C library's own malloc instead of the sanitizer's, which therefore ends the
 * program. Not for anything but tests with a sanitizer.
 */
#include <dlfcn.h>
#include <string.h>

__attribute__((visibility("default"))) void *dlopen(const char *file, int mode)
{
    void *(*next)(const char *, int);
    void *symbol = dlsym(RTLD_NEXT, "dlopen");

    memcpy(&next, &symbol, sizeof(next)); /* ISO C knows no way from one to the other */
    return next(file, mode & ~RTLD_DEEPBIND);
}

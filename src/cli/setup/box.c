/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/setup/box.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/setup/place.h"

static void complain(const char *program, const char *folder)
{
    cli_complain(
        _("%s: this %s is from snap or flatpak, and reaches neither the module nor the card; "
          "use the package of your distribution instead"),
        folder, program);
}

bool box_found(const char *program, const char *const *folders)
{
    bool found = false;
    for (; *folders != NULL; folders++) {
        char *path = place_home(*folders);
        if (path != NULL && place_exists(path)) {
            complain(program, path);
            found = true;
        }
        free(path);
    }
    return found;
}

bool box_holds(const char *program, const char *folder)
{
    char *snap = place_home("snap/"), *flatpak = place_home(".var/app/");
    bool holds = snap != NULL && flatpak != NULL &&
                 (strncmp(folder, snap, strlen(snap)) == 0 ||
                  strncmp(folder, flatpak, strlen(flatpak)) == 0);
    free(snap);
    free(flatpak);
    if (holds)
        complain(program, folder);
    return holds;
}

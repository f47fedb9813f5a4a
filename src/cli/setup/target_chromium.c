/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Chromium and its relatives, with the authentication key: they share one database of NSS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/setup/box.h"
#include "cli/setup/nss.h"
#include "cli/setup/place.h"
#include "cli/setup/target.h"

static const struct nss_module module = {"auth", "My Number Card (authentication)", "Chromium"};
static const char *const boxes[] = {"snap/chromium", ".var/app/org.chromium.Chromium", NULL};

/* Whether somebody listens at the other end of the link at PATH. What a crash has left, or a
 * Chromium on another machine with the same home, does not answer. */
static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (readlink(path, address.sun_path, sizeof(address.sun_path) - 1) <= 0)
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool one = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0)
        close(fd);
    return one;
}

/* Chromium itself finds out in this way whether it runs already. */
bool target_chromium_idle(const char *file)
{
    static const char *const folders[] = {"chromium", "google-chrome", "microsoft-edge",
                                          "BraveSoftware/Brave-Browser", "vivaldi"};
    (void)file;
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        char *below = place_text("%s/SingletonSocket", folders[i]);
        char *path = below != NULL ? place_config(below) : NULL;
        bool runs = path != NULL && answers(path);
        if (runs)
            cli_complain(_("%s is running (%s); close it first"), module.program, path);
        free(below);
        free(path);
        if (runs)
            return false;
    }
    return true;
}

/* Chromium takes the newer place only where the older does not exist. Where neither does, the older
 * is made, which every version reads. */
static char *find_database(void)
{
    char *older = place_home(".pki/nssdb"), *newer = place_data("pki/nssdb");
    if (older != NULL && newer != NULL && !place_exists(older) && place_exists(newer)) {
        free(older);
        return newer;
    }
    free(newer);
    return older;
}

/* Whether one that is not in a box was ever used. */
static bool has_settings(void)
{
    char *path = place_config("chromium");
    bool has = path != NULL && place_exists(path);
    free(path);
    return has;
}

bool target_chromium_plan(const struct target_request *request, struct plan *plan)
{
    (void)request;
    char *folder = find_database();
    bool boxed = box_found(module.program, boxes);
    bool ok = folder != NULL && (!boxed || place_exists(folder) || has_settings()) &&
              nss_plan(plan, folder, &module);
    free(folder);
    return ok;
}

void target_chromium_advise(const struct target_request *request)
{
    (void)request;
    puts(_("Start Chromium. A site that wants a certificate makes it ask which one, and for\n"
           "the PIN of four digits. Every such site learns a number that is the same\n"
           "everywhere."));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Is a browser installed in a sandbox? There it has its own files, without the module, and mostly
 * no way to pcscd.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"

#define SNAP "/snap/bin/"
#define WRAPPER_MAX 4096 /* bytes of a script that are looked at */

static const struct browser {
    const char *name;
    const char *snap;    /* its name there, or NULL */
    const char *wrapper; /* what Ubuntu's package of it puts in its place, or NULL */
    const char *flatpak; /* its id */
} browsers[] = {
    {"Firefox", "firefox", "/usr/bin/firefox", "org.mozilla.firefox"},
    {"Thunderbird", "thunderbird", "/usr/bin/thunderbird", "org.mozilla.Thunderbird"},
    {"Chromium", "chromium", "/usr/bin/chromium-browser", "org.chromium.Chromium"},
    {"Google Chrome", NULL, NULL, "com.google.Chrome"},
    {"Brave", "brave", NULL, "com.brave.Browser"},
    {"Microsoft Edge", NULL, NULL, "com.microsoft.Edge"},
};

/* Whether the program at PATH is a script that only starts the snap. */
static bool starts_snap(const char *path)
{
    char text[WRAPPER_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, text, WRAPPER_MAX) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return strncmp(text, "#!", 2) == 0 && strstr(text, SNAP) != NULL;
}

static bool from_snap(const struct browser *browser)
{
    char path[256];
    if (browser->snap == NULL)
        return false;
    snprintf(path, sizeof(path), SNAP "%s", browser->snap);
    return access(path, F_OK) == 0 || (browser->wrapper != NULL && starts_snap(browser->wrapper));
}

/* The system's, or the holder's own. What a removed one has left of its data does not count. */
static bool from_flatpak(const struct browser *browser)
{
    const char *data = secure_getenv("XDG_DATA_HOME"), *home = secure_getenv("HOME");
    char path[512];
    snprintf(path, sizeof(path), "/var/lib/flatpak/app/%s", browser->flatpak);
    if (access(path, F_OK) == 0)
        return true;
    if (data != NULL && data[0] == '/')
        snprintf(path, sizeof(path), "%s/flatpak/app/%s", data, browser->flatpak);
    else
        snprintf(path, sizeof(path), "%s/.local/share/flatpak/app/%s", home != NULL ? home : "",
                 browser->flatpak);
    return access(path, F_OK) == 0;
}

static void sandboxed(struct doctor *doctor, const char *text)
{
    doctor_problem(doctor, "browser-sandboxed", text,
                   _("It lives in a box without this module, and mostly without pcscd. Install\n"
                     "it from your distribution's packages (on Debian: apt-get install\n"
                     "firefox-esr, chromium, thunderbird) or its maker's, and use that one."));
}

void doctor_browsers(struct doctor *doctor)
{
    char text[128];
    for (size_t i = 0; i < sizeof(browsers) / sizeof(browsers[0]); i++) {
        if (from_snap(&browsers[i])) {
            snprintf(text, sizeof(text), _("%s from snap cannot use the card"), browsers[i].name);
            sandboxed(doctor, text);
        }
        if (from_flatpak(&browsers[i])) {
            snprintf(text, sizeof(text), _("%s from Flatpak cannot use the card"),
                     browsers[i].name);
            sandboxed(doctor, text);
        }
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Is the module installed, do programs find it, is it the same one that they find, and what stands
 * beside it?
 */
#include "cli/doctor_found.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/setup/place.h"

#define INSTALLED JPKI_MODULEDIR "/jpki-pkcs11-auth.so"
#define REGISTRATION "jpki-pkcs11.module"

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool is_ours(const char *library)
{
    return strncmp(base_of(library), "jpki-pkcs11", strlen("jpki-pkcs11")) == 0;
}

bool found_shows_auth(const char *library)
{
    return is_ours(library) && strstr(base_of(library), "-sign.") == NULL;
}

static bool is_opensc(const char *library)
{
    return strstr(base_of(library), "opensc-pkcs11") != NULL;
}

/* ---- the module of a registration ---- */

static void gone(struct doctor *doctor, const struct found *found)
{
    char text[512], help[1024];
    snprintf(text, sizeof(text), _("a module is registered that is not there: %s"), found->library);
    snprintf(help, sizeof(help),
             _("Take the registration away, and register it anew by jpki setup:\n  %s"),
             found->remove);
    doctor_problem(doctor, "module-gone", text, help);
}

static void copy(struct doctor *doctor, const struct found *found)
{
    char text[512], help[1024];
    snprintf(text, sizeof(text), _("programs load another copy of the module: %s"), found->library);
    snprintf(help, sizeof(help),
             _("It may be old. Take its registration away, and register the one in\n"
               "  %s\n"
               "instead, by jpki setup:\n"
               "  %s"),
             JPKI_MODULEDIR, found->remove);
    doctor_problem(doctor, "module-copy", text, help);
}

/* Whether LIBRARY is the module that is installed, or a link to it. */
static bool is_installed(const char *library)
{
    char installed[512];
    struct stat a, b;
    snprintf(installed, sizeof(installed), "%s/%s", JPKI_MODULEDIR, base_of(library));
    return strcmp(library, installed) == 0 || (stat(library, &a) == 0 && stat(installed, &b) == 0 &&
                                               a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

static void opensc(struct doctor *doctor, const struct found *found)
{
    char help[1024];
    if (!found->database) {
        doctor_problem(
            doctor, "opensc", _("OpenSC's module is registered beside this one"),
            _("It shows the card a second time, and leaves it open to all programs after\n"
              "its logout. If you need it for no other card, hide it from yourself:\n"
              "  mkdir -p ~/.config/pkcs11/modules\n"
              "  echo module: >~/.config/pkcs11/modules/opensc-pkcs11.module"));
        return;
    }
    snprintf(help, sizeof(help),
             _("It leaves the card open to all programs after its logout. If you need it\n"
               "for no other card, close the browser and take it out:\n"
               "  %s"),
             found->remove);
    doctor_problem(doctor, "opensc-nss", _("a browser's database has OpenSC's module, too"), help);
}

void found_judge(struct doctor *doctor, const struct found *found)
{
    if (is_opensc(found->library)) {
        opensc(doctor, found);
        return;
    }
    /* That the installed one is missing has been said. */
    if (!is_ours(found->library) || is_installed(found->library))
        return;
    if (found->library[0] == '/' && access(found->library, F_OK) != 0)
        gone(doctor, found);
    else
        copy(doctor, found);
}

/* ---- the module itself ---- */

static void installed(struct doctor *doctor)
{
    char text[512];
    if (access(INSTALLED, R_OK) == 0) {
        doctor_good(doctor, "module", _("the module is installed"));
        return;
    }
    snprintf(text, sizeof(text), _("the module is not where it should be: %s"), INSTALLED);
    doctor_problem(doctor, "module-missing", text, _("Install it again: meson install -C build"));
}

static void not_registered(struct doctor *doctor, const char *hider)
{
    char help[1024];
    if (hider[0] != '\0') {
        char *word = place_word(hider);
        snprintf(help, sizeof(help),
                 _("A registration without a module hides it. If that was not meant:\n  rm %s"),
                 word != NULL ? word : "?");
        free(word);
        doctor_problem(doctor, "module-hidden",
                       _("the module is hidden from the programs that use p11-kit"), help);
        return;
    }
    snprintf(help, sizeof(help),
             _("Install it again: meson install -C build. That writes\n  %s/%s"),
             JPKI_P11KIT_CONFIGS, REGISTRATION);
    doctor_problem(doctor, "module-unregistered", _("the module is not registered with p11-kit"),
                   help);
}

void doctor_modules(struct doctor *doctor)
{
    char hider[512];
    installed(doctor);
    if (!found_in_p11kit(doctor, REGISTRATION, hider, sizeof(hider)))
        not_registered(doctor, hider);
    found_in_databases(doctor);
}

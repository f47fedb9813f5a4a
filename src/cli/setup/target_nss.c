/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Firefox, Thunderbird and Chromium keep the modules that they load in pkcs11.txt of NSS:
 * paragraphs of lines "name=value", with a blank line after each, the last one, too. They read it
 * when they start, and write it anew when a module is added or taken away by hand.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/setup/place.h"
#include "cli/setup/profiles.h"
#include "cli/setup/target.h"

static const char drafts[] = "user_pref(\"mail.identity.default.autoEncryptDrafts\"";

/* A module of one KEY ("auth" or "sign"), under NAME, in the database in FOLDER. */
static bool plan_module(struct plan *plan, const char *folder, const char *key, const char *name)
{
    char *module = NULL;
    if (!place_module(key, &module))
        return false;
    char *mark = place_text("library=%s", module);
    char *block = place_text("library=%s\nname=%s\nNSS=trustOrder=100\n\n", module, name);
    free(module);
    return plan_add(plan, place_text("%s/pkcs11.txt", folder), TEXT_PARAGRAPH, block, mark);
}

/* The program would write its files anew at its end, without what we have put in. */
static bool not_busy(const char *folder, const char *program)
{
    if (!profiles_busy(folder))
        return true;
    cli_complain(_("%s is running (%s); close it first"), program, folder);
    return false;
}

/* A profile that was never used has no database yet, and most often never will. */
static bool has_database(const char *folder)
{
    char *path = place_text("%s/pkcs11.txt", folder);
    bool has = path != NULL && place_exists(path);
    free(path);
    return has;
}

/* Those that there are, or the one that was asked for. */
static bool find_profiles(const struct target_request *request, char *const *roots,
                          struct profiles *profiles)
{
    if (request->profile != NULL) {
        profiles->paths[0] = realpath(request->profile, NULL);
        if (profiles->paths[0] == NULL) {
            cli_complain("%s: %s", request->profile, strerror(errno));
            return false;
        }
        profiles->count = 1;
        return true;
    }
    bool ok = true;
    for (; *roots != NULL; roots++)
        ok = profiles_add(profiles, *roots) && ok;
    return ok;
}

/* All profiles of a program, by EACH; there must be one that was used. */
static bool plan_profiles(const struct profiles *profiles, struct plan *plan, const char *program,
                          bool (*each)(struct plan *plan, const char *folder))
{
    size_t used = 0;
    for (size_t i = 0; i < profiles->count; i++) {
        if (!has_database(profiles->paths[i]))
            continue;
        used++;
        if (!not_busy(profiles->paths[i], program) || !each(plan, profiles->paths[i]))
            return false;
    }
    if (used > 0)
        return true;
    cli_complain(_("there is no profile yet; start %s once, close it, and try again"), program);
    return false;
}

static bool plan_firefox_profile(struct plan *plan, const char *folder)
{
    return plan_module(plan, folder, "auth", "My Number Card (authentication)");
}

bool target_firefox_plan(const struct target_request *request, struct plan *plan)
{
    struct profiles profiles = {0};
    char *const roots[] = {place_home(".mozilla/firefox"), place_config("mozilla/firefox"), NULL};
    bool ok = find_profiles(request, roots, &profiles) &&
              plan_profiles(&profiles, plan, "Firefox", plan_firefox_profile);
    profiles_free(&profiles);
    return ok;
}

void target_firefox_advise(const struct target_request *request)
{
    (void)request;
    puts(
        _("Start Firefox. A site that wants a certificate makes it ask which one, and for the PIN\n"
          "of four digits. Every such site learns a number that is the same everywhere."));
}

/* Thunderbird signs drafts, too, each time that it saves one, if it stores them encrypted, and a
 * signature binds like a seal. Who has chosen that himself has it in prefs.js already. */
static bool plan_drafts(struct plan *plan, const char *folder)
{
    struct text text = {0};
    char *path = place_text("%s/prefs.js", folder);
    bool ok = path != NULL && text_read(path, &text);
    bool chosen = ok && text.data != NULL && strstr(text.data, drafts) != NULL;
    text_free(&text);
    if (!ok || chosen) {
        free(path);
        return ok;
    }
    return plan_add(plan, path, TEXT_LINE, place_text("%s, false);\n", drafts),
                    place_text("%s, false);", drafts));
}

static bool plan_thunderbird_profile(struct plan *plan, const char *folder)
{
    return plan_module(plan, folder, "sign", "My Number Card (signature)") &&
           plan_drafts(plan, folder);
}

bool target_thunderbird_plan(const struct target_request *request, struct plan *plan)
{
    struct profiles profiles = {0};
    char *const roots[] = {place_home(".thunderbird"), place_config("mozilla/thunderbird"), NULL};
    bool ok = find_profiles(request, roots, &profiles) &&
              plan_profiles(&profiles, plan, "Thunderbird", plan_thunderbird_profile);
    profiles_free(&profiles);
    return ok;
}

void target_thunderbird_advise(const struct target_request *request)
{
    (void)request;
    puts(
        _("Every reader of a mail that you sign gets your name, address, date of birth and sex,\n"
          "and the signature binds you like a registered seal. Next, in Thunderbird: trust the\n"
          "card's authority for mail, and choose the certificate. docs/thunderbird.md shows how."));
}

/* Chromium's own lock, a link that names the process, is gone at its end. */
static bool chromium_runs(void)
{
    static const char *const folders[] = {"chromium", "google-chrome", "microsoft-edge",
                                          "BraveSoftware/Brave-Browser", "vivaldi"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        char *below = place_text("%s/SingletonLock", folders[i]);
        char *path = below != NULL ? place_config(below) : NULL;
        char owner[256] = "";
        bool there = path != NULL && readlink(path, owner, sizeof(owner) - 1) > 0;
        free(below);
        free(path);
        const char *dash = strrchr(owner, '-');
        if (there && dash != NULL && kill((pid_t)atoi(dash + 1), 0) == 0)
            return true;
    }
    return false;
}

/* The first that is there, else the first. */
static char *chromium_database(void)
{
    char *old = place_home(".pki/nssdb"), *new = place_home(".local/share/pki/nssdb");
    if (old != NULL && new != NULL && !place_exists(old) && place_exists(new)) {
        free(old);
        return new;
    }
    free(new);
    return old;
}

bool target_chromium_plan(const struct target_request *request, struct plan *plan)
{
    (void)request;
    char *folder = chromium_database();
    if (folder == NULL)
        return false;
    if (chromium_runs()) {
        cli_complain(_("%s is running (%s); close it first"), "Chromium", folder);
        free(folder);
        return false;
    }
    bool ok = plan_module(plan, folder, "auth", "My Number Card (authentication)");
    free(folder);
    return ok;
}

void target_chromium_advise(const struct target_request *request)
{
    (void)request;
    puts(_("Start Chromium. A site that wants a certificate makes it ask which one, and for the\n"
           "PIN of four digits. Every such site learns a number that is the same everywhere."));
}

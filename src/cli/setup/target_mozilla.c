/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Firefox, with the authentication key, and Thunderbird, with the signature key: in each profile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/setup/box.h"
#include "cli/setup/nss.h"
#include "cli/setup/place.h"
#include "cli/setup/profiles.h"
#include "cli/setup/target.h"

#define DRAFTS ".autoEncryptDrafts\", "

struct mozilla {
    struct nss_module module;
    bool writes_mail;
    const char *const *boxes; /* where it keeps its profiles when it is from snap or flatpak */
};

static const struct mozilla firefox = {
    {"auth", "My Number Card (authentication)", "Firefox"},
    false,
    (const char *const[]){"snap/firefox", ".var/app/org.mozilla.firefox", NULL}};

static const struct mozilla thunderbird = {
    {"sign", "My Number Card (signature)", "Thunderbird"},
    true,
    (const char *const[]){"snap/thunderbird", ".var/app/org.mozilla.Thunderbird",
                          ".var/app/org.mozilla.thunderbird", NULL}};

/* ROOTS are the folders with a profiles.ini; each is freed, and NULL for want of memory. */
static bool find_all(struct profiles *profiles, char *const *roots, size_t count)
{
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        ok = ok && roots[i] != NULL && profiles_add(profiles, roots[i]);
        free(roots[i]);
    }
    return ok;
}

static bool find_firefox(struct profiles *profiles)
{
    /* Versions with XDG folders go on using the first, where there is one. */
    char *const roots[] = {place_home(".mozilla/firefox"), place_config("mozilla/firefox")};
    return find_all(profiles, roots, sizeof(roots) / sizeof(*roots));
}

static bool find_thunderbird(struct profiles *profiles)
{
    char *const roots[] = {place_home(".thunderbird")};
    return find_all(profiles, roots, 1);
}

/* Whether a line of the file NAME in FOLDER sets autoEncryptDrafts of WHOM, an identity or its
 * beginning, to VALUE. */
static bool has_drafts(const char *folder, const char *name, const char *whom, const char *value)
{
    struct text text = {0};
    char *path = place_text("%s/%s", folder, name);
    bool found = false;
    if (path != NULL && text_read(path, &text)) {
        char *rest = text.data, *line;
        while (!found && (line = strsep(&rest, "\n")) != NULL) {
            const char *pref = strstr(line, DRAFTS);
            found = pref != NULL && strncmp(line, "user_pref(", strlen("user_pref(")) == 0 &&
                    strstr(line, whom) != NULL &&
                    strncmp(pref + strlen(DRAFTS), value, strlen(value)) == 0;
        }
    }
    text_free(&text);
    free(path);
    return found;
}

/* Thunderbird signs drafts, too, each time that it saves one, if it stores them encrypted, and a
 * signature binds like a seal. What an account has of its own goes before this; Thunderbird keeps
 * it as soon as somebody has looked at the account's settings. */
static bool plan_drafts(struct plan *plan, const char *folder)
{
    static const char line[] = "user_pref(\"mail.identity.default" DRAFTS "false);";
    static const char *const files[] = {"prefs.js", "user.js"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        if (has_drafts(folder, files[i], "\"mail.identity.", "true"))
            cli_complain(_("%s/%s makes Thunderbird store drafts encrypted, so that it signs them, "
                           "too; switch "
                           "that off in Account Settings, End-To-End Encryption"),
                         folder, files[i]);
    if (has_drafts(folder, files[0], "\"mail.identity.default.", ""))
        return true;
    return plan_add(plan, place_text("%s/prefs.js", folder), TEXT_LINE, place_text("%s\n", line),
                    place_text("%s", line));
}

static bool plan_all(struct plan *plan, const struct profiles *profiles,
                     const struct mozilla *mozilla)
{
    for (size_t i = 0; i < profiles->count; i++) {
        const char *folder = profiles->paths[i];
        if (!nss_plan(plan, folder, &mozilla->module) ||
            (mozilla->writes_mail && !plan_drafts(plan, folder)))
            return false;
    }
    return true;
}

/* The profile that was asked for, or all that there are. */
static bool find(const struct target_request *request, const struct mozilla *mozilla,
                 struct profiles *profiles, bool (*find_them)(struct profiles *profiles))
{
    const char *program = mozilla->module.program;
    if (request->profile != NULL)
        return profiles_add_one(profiles, request->profile) &&
               !box_holds(program, profiles->paths[0]);
    bool boxed = box_found(program, mozilla->boxes);
    if (!find_them(profiles))
        return false;
    if (profiles->count == 0 && !boxed)
        cli_complain(_("there is no profile yet; start %s once, close it, and try again"), program);
    return profiles->count > 0;
}

bool target_firefox_plan(const struct target_request *request, struct plan *plan)
{
    struct profiles profiles = {0};
    bool ok =
        find(request, &firefox, &profiles, find_firefox) && plan_all(plan, &profiles, &firefox);
    profiles_free(&profiles);
    return ok;
}

bool target_thunderbird_plan(const struct target_request *request, struct plan *plan)
{
    struct profiles profiles = {0};
    bool ok = find(request, &thunderbird, &profiles, find_thunderbird) &&
              plan_all(plan, &profiles, &thunderbird);
    profiles_free(&profiles);
    return ok;
}

/* It would write its files anew at its end, without what was put in, or with what was taken out. */
static bool is_idle(const char *path, const char *program)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? strndup(path, (size_t)(slash - path)) : NULL;
    bool busy = folder != NULL && profiles_busy(folder);
    if (busy)
        cli_complain(_("%s is running (%s); close it first"), program, folder);
    free(folder);
    return !busy;
}

bool target_firefox_idle(const char *path)
{
    return is_idle(path, firefox.module.program);
}

bool target_thunderbird_idle(const char *path)
{
    return is_idle(path, thunderbird.module.program);
}

void target_firefox_advise(const struct target_request *request)
{
    (void)request;
    puts(_("Start Firefox. A site that wants a certificate makes it ask which one, and for\n"
           "the PIN of four digits. Every such site learns a number that is the same\n"
           "everywhere."));
}

void target_thunderbird_advise(const struct target_request *request)
{
    (void)request;
    puts(_("Every reader of a mail that you sign gets your name, address, date of birth and\n"
           "sex, and the signature binds you like a registered seal. Next, in Thunderbird:\n"
           "trust the card's authority for mail, and choose the certificate.\n"
           "docs/thunderbird.md shows how."));
}

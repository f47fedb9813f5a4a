/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/doctor_found.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/setup/place.h"

#define PATH_SIZE 768
#define BLANKS " \t\r\n"

static const char *home(void)
{
    const char *value = secure_getenv("HOME");
    return value != NULL ? value : "";
}

/* Sets PATH, of PATH_SIZE bytes, to NAME in FOLDER. False when that is too long, as a part of it
 * would be another file's path; PATH is "" then. */
static bool join(char *path, const char *folder, const char *name)
{
    if (snprintf(path, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE)
        return true;
    path[0] = '\0';
    return false;
}

/* NAME in the folder that the variable XDG names, or in the one below the home folder. */
static void xdg_path(const char *variable, const char *fallback, const char *name, char *path)
{
    const char *folder = secure_getenv(variable);
    char below[PATH_SIZE];
    if (folder != NULL && folder[0] == '/')
        join(path, folder, name);
    else if (join(below, home(), fallback))
        join(path, below, name);
    else
        path[0] = '\0';
}

/* ---- p11-kit ---- */

/* Those that come first win, setting by setting (pkcs11.conf(5)). */
enum { P11KIT_FOLDERS = 3 };

struct p11kit {
    char folders[P11KIT_FOLDERS][PATH_SIZE];
};

static void p11kit_find(struct p11kit *p11kit)
{
    xdg_path("XDG_CONFIG_HOME", ".config", "pkcs11/modules", p11kit->folders[0]);
    snprintf(p11kit->folders[1], PATH_SIZE, "%s", JPKI_P11KIT_SYSTEM_CONFIGS);
    snprintf(p11kit->folders[2], PATH_SIZE, "%s", JPKI_P11KIT_CONFIGS);
}

/* The value of "module:" in a file; false when it has none. */
static bool read_module(const char *path, char *module, size_t size)
{
    char line[PATH_SIZE];
    bool has = false;
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *key = line + strspn(line, BLANKS);
        size_t len = strcspn(key, ":" BLANKS);
        const char *value = key + len + strspn(key + len, BLANKS);
        if (len != strlen("module") || strncmp(key, "module", len) != 0 || *value != ':')
            continue;
        value += 1 + strspn(value + 1, BLANKS);
        snprintf(module, size, "%.*s", (int)strcspn(value, "\r\n"), value);
        has = true;
    }
    if (file != NULL)
        fclose(file);
    return has;
}

/* The module of the registration NAME ("" for none) in the first COUNT folders, and the file that
 * names it. MODULE and PATH have PATH_SIZE bytes. */
static bool find(const struct p11kit *p11kit, size_t count, const char *name, char *module,
                 char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (join(path, p11kit->folders[i], name) && read_module(path, module, PATH_SIZE))
            return true;
    }
    return false;
}

/* Whether a folder that wins over the one of this index has a registration of that name. */
static bool seen_before(const struct p11kit *p11kit, size_t folder, const char *name)
{
    char path[PATH_SIZE], module[PATH_SIZE];
    return find(p11kit, folder, name, module, path);
}

static bool judge_registration(struct doctor *doctor, const struct p11kit *p11kit, const char *name)
{
    char module[PATH_SIZE], path[PATH_SIZE], library[2 * PATH_SIZE];
    if (!find(p11kit, P11KIT_FOLDERS, name, module, path) || module[0] == '\0')
        return false;
    snprintf(library, sizeof(library), "%s%s", module[0] == '/' ? "" : JPKI_P11KIT_MODULES "/",
             module);
    char *word = place_word(path), *remove = word != NULL ? place_text("rm %s", word) : NULL;
    free(word);
    const struct found found = {.library = library, .remove = remove != NULL ? remove : ""};
    found_judge(doctor, &found);
    free(remove);
    return found_shows_auth(library);
}

static int is_registration(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".module") == 0;
}

bool found_in_p11kit(struct doctor *doctor, const char *registration, char *hider, size_t size)
{
    struct p11kit p11kit;
    char module[PATH_SIZE], path[PATH_SIZE];
    bool ours = false;
    p11kit_find(&p11kit);
    for (size_t i = 0; i < P11KIT_FOLDERS; i++) {
        struct dirent **all = NULL;
        int count = scandir(p11kit.folders[i], &all, is_registration, alphasort);
        for (int k = 0; k < count; k++) {
            if (!seen_before(&p11kit, i, all[k]->d_name) &&
                judge_registration(doctor, &p11kit, all[k]->d_name))
                ours = true;
            free(all[k]);
        }
        free(all);
    }
    bool hidden = find(&p11kit, P11KIT_FOLDERS, registration, module, path) && module[0] == '\0';
    snprintf(hider, size, "%s", hidden ? path : "");
    return ours;
}

/* ---- NSS ---- */

/* The value of KEY in a line of pkcs11.txt, without its end; NULL for another line. */
static const char *value_of(char *line, const char *key)
{
    size_t len = strlen(key);
    line[strcspn(line, "\r\n")] = '\0';
    return strncmp(line, key, len) == 0 && line[len] == '=' ? line + len + 1 : NULL;
}

/* The command that takes the module NAME out of the database in FOLDER, for free(). The name is
 * whatever the database says, and the command is for copying. */
static char *removal(const char *folder, const char *name)
{
    char *database = place_text("sql:%s", folder);
    char *where = database != NULL ? place_word(database) : NULL, *what = place_word(name);
    char *command = where != NULL && what != NULL
                        ? place_text("modutil -dbdir %s -delete %s", where, what)
                        : NULL;
    free(database);
    free(where);
    free(what);
    return command;
}

/* A module is a line "library=", followed by "name=". */
static void judge_database(struct doctor *doctor, const char *folder)
{
    char path[PATH_SIZE], line[2048], library[PATH_SIZE] = "";
    const char *value;
    FILE *file = join(path, folder, "pkcs11.txt") ? fopen(path, "re") : NULL;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if ((value = value_of(line, "library")) != NULL)
            snprintf(library, sizeof(library), "%s", value);
        else if ((value = value_of(line, "name")) != NULL && library[0] != '\0') {
            char *remove = removal(folder, value);
            const struct found found = {
                .library = library, .remove = remove != NULL ? remove : "", .database = true};
            found_judge(doctor, &found);
            free(remove);
            library[0] = '\0';
        }
    }
    if (file != NULL)
        fclose(file);
}

/* Each folder below FOLDER may be a database: a browser's profile. */
static void judge_profiles(struct doctor *doctor, const char *folder)
{
    struct dirent **all = NULL;
    int count = scandir(folder, &all, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        if (all[i]->d_name[0] != '.' && join(path, folder, all[i]->d_name))
            judge_database(doctor, path);
        free(all[i]);
    }
    free(all);
}

void found_in_databases(struct doctor *doctor)
{
    static const char *const below_home[] = {".pki", ".mozilla/firefox", ".thunderbird"};
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof(below_home) / sizeof(below_home[0]); i++) {
        join(path, home(), below_home[i]);
        judge_profiles(doctor, path);
    }
    xdg_path("XDG_CONFIG_HOME", ".config", "mozilla/firefox", path);
    judge_profiles(doctor, path);
    xdg_path("XDG_DATA_HOME", ".local/share", "pki", path);
    judge_profiles(doctor, path);
    judge_profiles(doctor, "/etc/pki");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/setup/place.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

char *place_text(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len >= 0)
        return text;
    cli_complain(_("no memory is left"));
    return NULL;
}

/* A path that goes into a line of a file must not end the line. */
static bool is_line(const char *path)
{
    for (const char *c = path; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            cli_complain(
                _("no program can be told of a file whose path has a line break, or another "
                  "control character, in it: %s"),
                path);
            return false;
        }
    return true;
}

/* The folder that VARIABLE names, without the slashes at its end; NULL: none. */
static char *folder_of(const char *variable)
{
    const char *path = secure_getenv(variable);
    if (path == NULL || path[0] != '/')
        return NULL;
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    return place_text("%.*s", (int)len, path);
}

/* REST below FOLDER, which is freed. */
static char *below(char *folder, const char *rest)
{
    char *path = is_line(folder) ? place_text("%s/%s", folder, rest) : NULL;
    free(folder);
    return path;
}

char *place_home(const char *rest)
{
    char *home = folder_of("HOME");
    if (home != NULL)
        return below(home, rest);
    cli_complain(_("it is not known where your files are: the variable HOME is not set"));
    return NULL;
}

char *place_login_home(const char *rest)
{
    const struct passwd *holder = getpwuid(getuid());
    if (holder != NULL && holder->pw_dir[0] == '/')
        return place_text("%s/%s", holder->pw_dir, rest);
    cli_complain(_("it is not known where your files are: the system knows no home of yours"));
    return NULL;
}

/* REST below the folder that VARIABLE names, or else below FALLBACK in the holder's home. */
static char *place_xdg(const char *variable, const char *fallback, const char *rest)
{
    char *folder = folder_of(variable);
    if (folder != NULL)
        return below(folder, rest);
    char *hidden = place_text("%s/%s", fallback, rest);
    char *path = hidden != NULL ? place_home(hidden) : NULL;
    free(hidden);
    return path;
}

char *place_config(const char *rest)
{
    return place_xdg("XDG_CONFIG_HOME", ".config", rest);
}

char *place_data(const char *rest)
{
    return place_xdg("XDG_DATA_HOME", ".local/share", rest);
}

char *place_word(const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=:,./@%";
    if (path[strspn(path, plain)] == '\0')
        return place_text("%s", path);
    char *word = place_text("'");
    for (const char *part = path; word != NULL && part != NULL;) {
        size_t len = strcspn(part, "'");
        char *longer =
            place_text("%s%.*s'%s", word, (int)len, part, part[len] != '\0' ? "\\''" : "");
        free(word);
        word = longer;
        part = part[len] != '\0' ? part + len + 1 : NULL;
    }
    return word;
}

bool place_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool place_module(const char *key, char **path)
{
    char *module = place_text("%s/jpki-pkcs11-%s.so", JPKI_MODULEDIR, key);
    bool there = module != NULL && place_exists(module);
    if (module != NULL && !there)
        cli_complain(_("the module is not where it should be: %s"), module);
    if (path != NULL)
        *path = there ? module : NULL;
    if (path == NULL || !there)
        free(module);
    return there;
}

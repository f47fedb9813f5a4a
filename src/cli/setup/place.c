/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/setup/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

static const char *absolute(const char *variable)
{
    const char *path = secure_getenv(variable);
    return path != NULL && path[0] == '/' ? path : NULL;
}

char *place_home(const char *rest)
{
    const char *home = absolute("HOME");
    if (home != NULL)
        return place_text("%s/%s", home, rest);
    cli_complain(_("it is not known where your files are: the variable HOME is not set"));
    return NULL;
}

char *place_config(const char *rest)
{
    const char *config = absolute("XDG_CONFIG_HOME");
    if (config != NULL)
        return place_text("%s/%s", config, rest);
    char *below = place_text(".config/%s", rest);
    char *path = below != NULL ? place_home(below) : NULL;
    free(below);
    return path;
}

bool place_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool place_module(const char *key, char **path)
{
    *path = place_text("%s/jpki-pkcs11-%s.so", JPKI_MODULEDIR, key);
    if (*path == NULL || place_exists(*path))
        return *path != NULL;
    cli_complain(_("the module is not where it should be: %s"), *path);
    free(*path);
    *path = NULL;
    return false;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * p11-kit, and so GnuTLS, GNOME and others: a file in the folder of modules, pkcs11.conf(5). The
 * installation does this for the authentication key and every user, if it goes where p11-kit looks.
 * The signature key is for the programs that are named (docs/p11kit.md).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/setup/place.h"
#include "cli/setup/target.h"

/* p11-kit does not read root's own folder: root registers for everybody. */
static char *module_file(const char *name)
{
    if (geteuid() == 0)
        return place_text("%s/%s", JPKI_P11KIT_SYSTEM_CONFIGS, name);
    char *below = place_text("pkcs11/modules/%s", name);
    char *path = below != NULL ? place_config(below) : NULL;
    free(below);
    return path;
}

static bool is_program(const char *name)
{
    size_t plain = strcspn(name, " ,/\x7f");
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            plain = 0;
    if (strcmp(name, "p11-kit-proxy") == 0) {
        cli_complain(
            _("p11-kit-proxy stands for every program that comes through it; name the programs "
              "themselves"));
        return false;
    }
    if (name[0] != '\0' && name[plain] == '\0')
        return true;
    cli_complain(_("\"%.60s\" is no name of a program, as p11-kit knows it: without its folder"),
                 name);
    return false;
}

static bool plan_sign(const struct target_request *request, struct plan *plan)
{
    char *module = NULL, *names = target_names(request, ", ", is_program), *block = NULL;
    if (names == NULL || !place_module("sign", &module)) {
        free(names);
        return false;
    }
    block = place_text("# The signature key of a My Number Card (jpki setup p11-kit).\n"
                       "module: %s\ncritical: no\nenable-in: %s\n",
                       module, names);
    free(names);
    free(module);
    return plan_add(plan, module_file("jpki-pkcs11-sign.module"), TEXT_FILE, block, NULL);
}

static bool plan_auth(struct plan *plan)
{
    static const char installed[] = JPKI_P11KIT_CONFIGS "/jpki-pkcs11.module";
    char *module = NULL, *block = NULL;
    if (place_exists(installed)) {
        print_safe(installed);
        puts(_(": it is there already"));
        return true;
    }
    if (!place_module("auth", &module))
        return false;
    block = place_text("# The authentication key of a My Number Card (jpki setup p11-kit).\n"
                       "module: %s\ncritical: no\n",
                       module);
    free(module);
    return plan_add(plan, module_file("jpki-pkcs11.module"), TEXT_FILE, block, NULL);
}

bool target_p11kit_plan(const struct target_request *request, struct plan *plan)
{
    /* A registration that a user may not read would leave him without any module at all. */
    if (geteuid() == 0)
        umask(022);
    return request->count > 0 ? plan_sign(request, plan) : plan_auth(plan);
}

void target_p11kit_advise(const struct target_request *request)
{
    if (request->count > 0)
        puts(_("Each signature binds you like a registered seal, and its receiver gets your\n"
               "name, address, date of birth and sex. Try: p11tool --list-tokens"));
    else
        puts(_("Try: p11tool --list-tokens"));
}

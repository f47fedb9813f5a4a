/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OpenSSL: configurations of the holder's own, for one program at a time. The system's openssl.cnf
 * is for every program, servers too, and is never touched (docs/openssl.md).
 */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/setup/place.h"
#include "cli/setup/target.h"
#include "samples.h"

/* Whether OpenSSL has a plug-in for PKCS #11 in this folder of its own (OPENSSL_info(3)). */
static bool has_plugin(int folder)
{
    const char *name = OPENSSL_info(folder);
    char *path = name != NULL ? place_text("%s/pkcs11.so", name) : NULL;
    bool has = path != NULL && place_exists(path);
    free(path);
    return has;
}

static bool plan_file(struct plan *plan, const char *name, const char *sample)
{
    char *below = place_text("jpki-pkcs11/%s", name);
    char *path = below != NULL ? place_config(below) : NULL;
    free(below);
    if (path == NULL)
        return false;
    char *word = place_word(path);
    char *block =
        word == NULL
            ? NULL
            : place_text("# OpenSSL with a My Number Card (jpki setup openssl). For one program "
                         "at a time:\n# OPENSSL_CONF=%s openssl ...\n\n%s",
                         word, sample);
    free(word);
    return plan_add(plan, path, TEXT_FILE, block, NULL);
}

bool target_openssl_plan(const struct target_request *request, struct plan *plan)
{
    (void)request;
    bool provider = has_plugin(OPENSSL_INFO_MODULES_DIR);
    bool engine = has_plugin(OPENSSL_INFO_ENGINES_DIR);
    if (!provider && !engine) {
        cli_complain(_("OpenSSL itself knows no PKCS #11; install libengine-pkcs11-openssl or "
                       "pkcs11-provider, and try again"));
        return false;
    }
    return place_module("auth", NULL) &&
           (!provider || (plan_file(plan, "openssl-auth.cnf", sample_openssl_auth_cnf) &&
                          plan_file(plan, "openssl-sign.cnf", sample_openssl_sign_cnf))) &&
           (!engine || plan_file(plan, "openssl-engine.cnf", sample_openssl_engine_cnf));
}

static void print_command(const char *name, const char *command)
{
    char *below = place_text("jpki-pkcs11/%s", name);
    char *path = below != NULL ? place_config(below) : NULL;
    char *word = path != NULL ? place_word(path) : NULL;
    if (word != NULL) {
        fputs("    OPENSSL_CONF=", stdout);
        print_safe(word);
        printf(" %s\n", command);
    }
    free(word);
    free(path);
    free(below);
}

void target_openssl_advise(const struct target_request *request)
{
    (void)request;
    puts(_("Name one of them for one program, and never put it into the system's file:"));
    if (has_plugin(OPENSSL_INFO_MODULES_DIR))
        print_command("openssl-auth.cnf", "openssl storeutl -noout -text pkcs11:");
    if (has_plugin(OPENSSL_INFO_ENGINES_DIR))
        print_command("openssl-engine.cnf",
                      "curl --cert 'pkcs11:...' --key 'pkcs11:...' https://...");
    puts(_("\"jpki list\" prints the addresses (pkcs11:...) of your keys."));
}

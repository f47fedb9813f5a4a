/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Java: a configuration of SunPKCS11, and one of the security properties that names it, for one
 * program at a time. The number in the latter must follow those of the JDK (docs/java.md).
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/setup/place.h"
#include "cli/setup/target.h"
#include "samples.h"

#define CFG "jpki-pkcs11/java-auth.cfg"
#define CFG_SIGN "jpki-pkcs11/java-sign.cfg"
#define SECURITY "jpki-pkcs11/java.security"

/* The first java in PATH, its links followed; NULL: there is none. */
static char *find_java(void)
{
    const char *path = getenv("PATH");
    char *found = NULL;
    while (path != NULL && *path != '\0' && found == NULL) {
        size_t len = strcspn(path, ":");
        char *name = place_text("%.*s/java", (int)len, path);
        if (name != NULL && access(name, X_OK) == 0)
            found = realpath(name, NULL);
        free(name);
        path += len + (path[len] == ':');
    }
    return found;
}

/* The JDK's own java.security; to be freed. NULL after a complaint. */
static char *find_security(void)
{
    const char *home = secure_getenv("JAVA_HOME");
    char *java = home == NULL ? find_java() : NULL, *path = NULL;
    if (java != NULL) { /* JDK/bin/java */
        for (int up = 0; up < 2; up++)
            *strrchr(java, '/') = '\0';
        home = java;
    }
    if (home != NULL)
        path = place_text("%s/conf/security/java.security", home);
    else
        cli_complain(_("there is no Java: neither JAVA_HOME nor PATH leads to one"));
    free(java);
    return path;
}

/* The highest number of a provider in TEXT, which is a file of Java properties. */
static int last_provider(const struct text *text)
{
    int last = 0;
    for (const char *line = text->data; line != NULL; line = strchr(line, '\n')) {
        int number = 0;
        line += *line == '\n';
        if (sscanf(line, "security.provider.%d=", &number) == 1 && number > last)
            last = number;
    }
    return last;
}

/* The number that is free for ours; 0 after a complaint. */
static int next_provider(void)
{
    struct text text = {0};
    char *path = find_security();
    int last = path != NULL && text_read(path, &text) ? last_provider(&text) : -1;
    if (last == 0)
        cli_complain(_("%s names no providers; does this JDK keep them elsewhere?"), path);
    text_free(&text);
    free(path);
    return last > 0 ? last + 1 : 0;
}

static bool plan_cfg(struct plan *plan, const char *below, const char *sample)
{
    return plan_add(plan, place_config(below), TEXT_FILE,
                    place_text("# Java with a My Number Card (jpki setup java).\n\n%s", sample),
                    NULL);
}

bool target_java_plan(const struct target_request *request, struct plan *plan)
{
    (void)request;
    int number = next_provider();
    char *cfg = number > 0 ? place_config(CFG) : NULL;
    if (cfg == NULL)
        return false;
    char *security = place_text("# For one program (jpki setup java): java "
                                "-Djava.security.properties=THIS-FILE ...\n"
                                "security.provider.%d=SunPKCS11 %s\n",
                                number, cfg);
    free(cfg);
    return plan_add(plan, place_config(SECURITY), TEXT_FILE, security, NULL) &&
           plan_cfg(plan, CFG, sample_java_auth_cfg) &&
           plan_cfg(plan, CFG_SIGN, sample_java_sign_cfg);
}

/* A line of advice with the path of a file in it. */
static void print_command(const char *before, const char *below)
{
    char *path = place_config(below);
    printf("    %s", before);
    if (path != NULL)
        print_safe(path);
    putchar('\n');
    free(path);
}

void target_java_advise(const struct target_request *request)
{
    (void)request;
    puts(_("To give the card to one program, for logging in:"));
    print_command("java -Djava.security.properties=", SECURITY);
    puts(_("The signature key, for keytool and jarsigner:"));
    print_command("-keystore NONE -storetype PKCS11 -addprovider SunPKCS11 -providerArg ",
                  CFG_SIGN);
}

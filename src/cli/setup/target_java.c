/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Java: a configuration of SunPKCS11, and one of the security properties that names it, for one
 * program at a time. The number in the latter must follow those of the JDK (docs/java.md).
 */
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

/* The JDK whose java is the first in PATH, links followed, for free(); NULL: there is none. */
static char *find_java(void)
{
    static const char inside[] = "/bin/java";
    const char *path = secure_getenv("PATH");
    char *found = NULL;
    while (path != NULL && *path != '\0' && found == NULL) {
        size_t len = strcspn(path, ":");
        char *name = place_text("%.*s/java", (int)len, path);
        if (name != NULL && len > 0 && access(name, X_OK) == 0)
            found = realpath(name, NULL);
        free(name);
        path += len + (path[len] == ':');
    }
    size_t len = found != NULL ? strlen(found) : 0;
    if (len >= sizeof(inside) && strcmp(found + len - (sizeof(inside) - 1), inside) == 0)
        found[len - (sizeof(inside) - 1)] = '\0';
    return found;
}

/* The JDK's own java.security; to be freed. NULL after a complaint. */
static char *find_security(void)
{
    const char *home = secure_getenv("JAVA_HOME");
    char *jdk = home != NULL && *home != '\0' ? place_text("%s", home) : find_java();
    if (jdk == NULL) {
        cli_complain(_("there is no Java: neither JAVA_HOME nor PATH leads to one"));
        return NULL;
    }
    char *path = place_text("%s/conf/security/java.security", jdk);
    free(jdk);
    if (path == NULL || place_exists(path))
        return path;
    cli_complain(_("%s is not there; set JAVA_HOME to the folder that \"java "
                   "-XshowSettings:properties -version\" calls java.home (Java 9 or newer)"),
                 path);
    free(path);
    return NULL;
}

/* Whether LINE of a file of Java properties sets security.provider.NUMBER. */
static bool sets_provider(const char *line, unsigned long number)
{
    static const char key[] = "security.provider.";
    line += strspn(line, " \t\f");
    if (strncmp(line, key, sizeof(key) - 1) != 0)
        return false;
    line += sizeof(key) - 1;
    char *end;
    return *line >= '0' && *line <= '9' && strtoul(line, &end, 10) == number &&
           strchr(" \t\f=:", *end) != NULL && *end != '\0';
}

static bool has_provider(const struct text *text, unsigned long number)
{
    for (const char *line = text->data; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sets_provider(line, number))
            return true;
    }
    return false;
}

/* The number that is free for ours: the first, since Java looks no further. 0 after a complaint. */
static unsigned long next_provider(void)
{
    struct text text = {0};
    char *path = find_security();
    unsigned long next = 0;
    if (path != NULL && text_read(path, &text)) {
        for (next = 1; has_provider(&text, next);)
            next++;
        if (next == 1) {
            cli_complain(_("%s names no providers; does this JDK keep them elsewhere?"), path);
            next = 0;
        }
    }
    if (next > 0) {
        print_safe(path);
        printf(_(": Java has %lu providers of its own there\n"), next - 1);
    }
    text_free(&text);
    free(path);
    return next;
}

/* Java reads properties as Latin-1, with escapes, expands ${...} in them, and makes URLs of paths.
 */
static bool java_takes(const char *path)
{
    for (const char *c = path; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x7f || strchr("\\#%?$", *c) != NULL) {
            cli_complain(
                _("Java cannot be told of a file whose path has one of \\ # %% ? $ or a letter "
                  "beyond ASCII in it: %s; set XDG_CONFIG_HOME to another folder"),
                path);
            return false;
        }
    return true;
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
    char *cfg = place_config(CFG);
    unsigned long number = 0;
    if (cfg != NULL && java_takes(cfg) && place_module("auth", NULL) && place_module("sign", NULL))
        number = next_provider();
    if (number == 0) {
        free(cfg);
        return false;
    }
    char *security = place_text("# For one program (jpki setup java): java "
                                "-Djava.security.properties=THIS-FILE ...\n"
                                "# The number is the one after the last in the JDK's own "
                                "conf/security/java.security.\n"
                                "security.provider.%lu=SunPKCS11 %s\n",
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
    char *word = path != NULL ? place_word(path) : NULL;
    printf("    %s", before);
    if (word != NULL)
        print_safe(word);
    putchar('\n');
    free(word);
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

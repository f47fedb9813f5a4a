/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pkcs11.txt of NSS: paragraphs of lines "name=value", with a blank line after each, the last one,
 * too. Programs read it when they start, and write it anew when a module is added or taken away by
 * hand.
 */
#include "cli/setup/nss.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/setup/place.h"

#define BOTH "jpki-pkcs11.so"

/* Whether a line "library=" of LEN characters names a file NAME that is there. */
static bool names(const char *line, size_t len, const char *name)
{
    static const char key[] = "library=";
    if (len < strlen(key) || strncasecmp(line, key, strlen(key)) != 0)
        return false;
    const char *value = line + strlen(key), *end = line + len;
    value += *value == '"';
    end -= end > value && end[-1] == '"';
    char *path = strndup(value, (size_t)(end - value));
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    bool so = slash != NULL && strcmp(slash + 1, name) == 0 && place_exists(path);
    free(path);
    return so;
}

/* Whether a module NAME, wherever it is, is registered. */
static bool has_module(const struct text *text, const char *name)
{
    const char *line = text->data;
    while (line != NULL && *line != '\0') {
        size_t len = strcspn(line, "\r\n");
        if (names(line, len, name))
            return true;
        line += len + (line[len] != '\0');
    }
    return false;
}

/* Whether one that will do is there already: that is said. */
static bool is_there(const char *path, const struct text *text, const struct nss_module *module)
{
    char *own = place_text("jpki-pkcs11-%s.so", module->key);
    bool there = own != NULL && (has_module(text, own) ||
                                 (strcmp(module->key, "sign") == 0 && has_module(text, BOTH)));
    free(own);
    if (there) {
        print_safe(path);
        puts(_(": it is there already"));
    }
    return there;
}

/* A program that looks for a certificate to log in with opens every token that hides its own. */
static void warn(const char *path, const struct text *text, const struct nss_module *module)
{
    static const char *const others[] = {BOTH, "jpki-pkcs11-sign.so"};
    for (size_t i = 0; strcmp(module->key, "auth") == 0 && i < 2; i++)
        if (has_module(text, others[i]))
            cli_complain(_("%s: %s is registered, too, so that %s asks for the signature password "
                           "at every site that wants a certificate: take it out"),
                         path, others[i], module->program);
}

static bool plan_block(struct plan *plan, const char *path, const struct nss_module *module)
{
    char *library = NULL;
    if (!place_module(module->key, &library))
        return false;
    char *mark = place_text("library=%s", library);
    char *block = place_text("library=%s\nname=%s\nNSS=trustOrder=100\n\n", library, module->name);
    free(library);
    return plan_add(plan, place_text("%s", path), TEXT_PARAGRAPH, block, mark);
}

bool nss_plan(struct plan *plan, const char *folder, const struct nss_module *module)
{
    struct text text = {0};
    char *path = place_text("%s/pkcs11.txt", folder);
    bool ok = path != NULL && text_read(path, &text);
    if (ok) {
        warn(path, &text, module);
        ok = is_there(path, &text, module) || plan_block(plan, path, module);
    }
    text_free(&text);
    free(path);
    return ok;
}

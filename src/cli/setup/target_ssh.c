/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OpenSSH: a few lines in ~/.ssh/config, for the servers that are named and no others, since every
 * server that is offered the card sees the same key (docs/openssh.md).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/setup/place.h"
#include "cli/setup/target.h"

/* In ssh_config(5) these would mean something else than a part of a name, or every server. */
static bool is_server(const char *name)
{
    size_t plain = strcspn(name, " \t\r\n\"'#!,@");
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            plain = 0;
    if (name[0] == '\0' || name[plain] != '\0') {
        cli_complain(_("\"%.60s\" is no name of a server, as ssh is told it"), name);
        return false;
    }
    if (strspn(name, "*?.") < strlen(name))
        return true;
    cli_complain(_("\"%.60s\" would offer the card to every server, and all of them could find\n"
                   "out together who you are; name those that are to know it"),
                 name);
    return false;
}

/* The names with blanks between them, for free(); NULL after a complaint. */
static char *servers(const struct target_request *request)
{
    char *all = place_text("%s", "");
    for (size_t i = 0; i < request->count && all != NULL; i++) {
        char *longer = is_server(request->names[i])
                           ? place_text("%s%s%s", all, i > 0 ? " " : "", request->names[i])
                           : NULL;
        free(all);
        all = longer;
    }
    return all;
}

bool target_ssh_plan(const struct target_request *request, struct plan *plan)
{
    char *module = NULL, *names = NULL, *mark = NULL, *block = NULL;
    if (!place_module("auth", &module))
        return false;
    names = servers(request);
    if (names == NULL) {
        free(module);
        return false;
    }
    mark = place_text("# jpki setup ssh: %s", names);
    /* ssh takes the first value that it finds, so the lines stand before all others. What follows
     * them would be for the same servers only, were it not for the last one. */
    block = place_text("# jpki setup ssh: %s\n"
                       "Host %s\n"
                       "    PKCS11Provider %s\n"
                       "    IdentityAgent none\n"
                       "    ForwardAgent no\n"
                       "Match all\n"
                       "# The end of jpki setup ssh\n",
                       names, names, module);
    free(names);
    free(module);
    return plan_add(plan, place_home(".ssh/config"), TEXT_TOP, block, mark);
}

void target_ssh_advise(const struct target_request *request)
{
    (void)request;
    puts(_("Your public key, a line for ~/.ssh/authorized_keys on the server:\n"
           "    jpki cert auth --ssh\n"
           "Keep a second way in, for the day on which the card is locked or lost."));
}

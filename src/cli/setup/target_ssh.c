/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OpenSSH: a few lines in ~/.ssh/config, for the servers that are named and no others, since every
 * server that is offered the card sees the same key (docs/openssh.md).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/setup/place.h"
#include "cli/setup/target.h"

/* In ssh_config(5) these would mean something else than a part of a name, or every server. */
static bool is_server(const char *name)
{
    size_t plain = name[0] == '-' ? 0 : strcspn(name, " \t\r\n\"'#!,=@/\\");
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            plain = 0;
    if (name[0] == '\0' || name[plain] != '\0') {
        cli_complain(_("\"%.60s\" is no name of a server: give what stands behind the @ in \"ssh "
                       "me@server\""),
                     name);
        return false;
    }
    if (strspn(name, "*?.") < strlen(name))
        return true;
    cli_complain(_("\"%.60s\" would offer the card to every server, and all of them could find "
                   "out together who you are; name those that are to know it"),
                 name);
    return false;
}

/* ssh refuses such a file, and so its own work, altogether. */
static bool is_trusted(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 ||
        ((st.st_uid == 0 || st.st_uid == getuid()) && (st.st_mode & S_IWOTH) == 0))
        return true;
    cli_complain(_("%s is another user's, or everybody may write to it, so that ssh does not read "
                   "it: put that right first (chown, chmod go-w)"),
                 path);
    return false;
}

bool target_ssh_plan(const struct target_request *request, struct plan *plan)
{
    /* ssh does not go by $HOME. */
    char *path = place_login_home(".ssh/config"), *module = NULL, *names = NULL;
    if (path == NULL || !is_trusted(path) ||
        (names = target_names(request, " ", is_server)) == NULL || !place_module("auth", &module)) {
        free(names);
        free(path);
        return false;
    }
    char *mark = place_text("# jpki setup ssh: %s", names);
    /* ssh takes the first value that it finds, so the lines stand before all others. What follows
     * them would be for the same servers only, were it not for the last one. Whoever has
     * IdentitiesOnly for all of his servers means the keys of an agent, which is not asked here. */
    char *block = place_text("# jpki setup ssh: %s\n"
                             "Host %s\n"
                             "    PKCS11Provider %s\n"
                             "    IdentityAgent none\n"
                             "    IdentitiesOnly no\n"
                             "    ForwardAgent no\n"
                             "Match all\n"
                             "# The end of jpki setup ssh\n",
                             names, names, module);
    free(names);
    free(module);
    return plan_add(plan, path, TEXT_TOP, block, mark);
}

void target_ssh_advise(const struct target_request *request)
{
    (void)request;
    puts(_("Your public key, a line for ~/.ssh/authorized_keys on the server:\n"
           "    jpki cert auth --ssh\n"
           "Keep a second way in, for the day on which the card is locked or lost."));
}

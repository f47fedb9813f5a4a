/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/ask.h"

#include <bsd/readpassphrase.h>
#include <string.h>

#include "support/secret.h"

char *ask_new(void)
{
    char *secret = secret_new(ASK_SIZE);
    if (secret == NULL)
        cli_complain(_("no memory is left"));
    return secret;
}

void ask_free(char *secret)
{
    secret_free(secret, ASK_SIZE);
}

int ask_secret(const char *prompt, char *secret)
{
    if (readpassphrase(prompt, secret, ASK_SIZE, RPP_ECHO_OFF | RPP_REQUIRE_TTY) == NULL) {
        cli_complain(_("this needs a terminal, to ask you for the PIN"));
        return CLI_FAILED;
    }
    if (secret[0] == '\0') {
        cli_complain(_("nothing was typed, and nothing was done"));
        return CLI_PIN_REFUSED;
    }
    return CLI_OK;
}

bool ask_consent(const char *question)
{
    char answer[16];
    if (readpassphrase(question, answer, sizeof(answer), RPP_ECHO_ON | RPP_REQUIRE_TTY) == NULL) {
        cli_complain(_("this needs a terminal, to ask you whether you mean it"));
        return false;
    }
    bool yes = strcmp(answer, "yes") == 0 || strcmp(answer, _("yes")) == 0;
    explicit_bzero(answer, sizeof(answer)); /* it may have been meant for the question of a PIN */
    return yes;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/login.h"

#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "token/pin.h"
#include "token/rv.h"

const char *login_pin_name(enum card_role role)
{
    return role == CARD_AUTH ? _("authentication PIN (four digits)")
                             : _("signature password (6 to 16 letters and digits)");
}

void login_tell_tries(const struct token *token)
{
    if (token->tries >= 0)
        fprintf(stderr, _("%s: %d of %u tries left\n"), login_pin_name(token->role), token->tries,
                token->key->pin.tries);
}

static int locked(void)
{
    cli_complain(_("it is locked. Your municipal office sets a new one; a convenience store's "
                   "kiosk does, too, after booking with the official app"));
    return CLI_PIN_LOCKED;
}

int login_may_try(const struct token *token, bool last_try)
{
    if (token->tries == 0)
        return locked();
    if (token->tries != 1 || !last_try)
        return CLI_OK;
    if (ask_consent(
            _("This is the LAST try. If it is wrong, the card locks, and only the municipal "
              "office helps.\nType \"yes\" to go on: ")))
        return CLI_OK;
    cli_complain(_("nothing was done, and no try was spent"));
    return CLI_PIN_REFUSED;
}

int login_explain(const struct token *token, CK_RV rv)
{
    switch (rv) {
    case CKR_OK:
        return CLI_OK;
    case CKR_PIN_LEN_RANGE:
        cli_complain(_("that cannot be the %s. The card was not asked, and no try was spent"),
                     login_pin_name(token->role));
        return CLI_PIN_REFUSED;
    case CKR_PIN_INVALID:
        cli_complain(_("the card has refused this one before. No try was spent"));
        return CLI_PIN_REFUSED;
    case CKR_PIN_INCORRECT:
        cli_complain(_("wrong. Tries left: %d"), token->tries);
        return token->tries == 0 ? locked() : CLI_PIN_REFUSED;
    case CKR_PIN_LOCKED:
        if (token->tries == 0)
            return locked();
        cli_complain(
            _("tries left: %d. They are kept for you (pin.reserve); \"jpki pin verify %s\" "
              "can use them"),
            token->tries, cards_role_name(token->role));
        return CLI_PIN_LOCKED;
    default:
        break;
    }
    const char *name = rv_name(rv);
    cli_complain(_("the card did not answer as it should (%s); is it still in the reader?"),
                 name != NULL ? name : "?");
    return CLI_FAILED;
}

int login(struct token *token)
{
    char prompt[160];
    char *secret = ask_new();
    int code;
    if (secret == NULL)
        return CLI_FAILED;
    snprintf(prompt, sizeof(prompt), _("Your %s: "), login_pin_name(token->role));
    code = ask_secret(prompt, secret);
    if (code == CLI_OK)
        code = login_explain(token, pin_login(token, bytes_of_text(secret)));
    ask_free(secret);
    return code;
}

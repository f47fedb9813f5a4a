/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/login.h"

#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/hold.h"
#include "cli/hush.h"
#include "cli/settings.h"
#include "reader/pad.h"
#include "token/pin.h"
#include "token/record.h"
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

static int kept(const struct token *token)
{
    if (token->tries < 0)
        cli_complain(
            _("the card does not tell how many tries are left, and so none is spent; \"jpki pin "
              "verify %s\" can spend one"),
            cards_role_name(token->role));
    else
        cli_complain(
            _("tries left: %d. They are kept for you (pin.reserve); \"jpki pin verify %s\" "
              "can use them"),
            token->tries, cards_role_name(token->role));
    return CLI_PIN_LOCKED;
}

/* What must be recorded and cannot be would be refused after the PIN was typed. */
static int recordable(const struct token *token)
{
    if (record_ready(token) == CKR_OK)
        return CLI_OK;
    cli_complain(_("each use must be recorded (history.required), and the usage history cannot be "
                   "written; \"jpki doctor\" tells more"));
    return CLI_FAILED;
}

int login_may_try(const struct token *token)
{
    if (token->tries == 0)
        return locked();
    if (token->tries <= (int)token->config->pin_reserve)
        return kept(token);
    return recordable(token);
}

static bool consents(int tries)
{
    char question[400];
    if (tries == 1)
        snprintf(question, sizeof(question),
                 _("This is the LAST try. If it is wrong, the card locks, and only the municipal\n"
                   "office or a kiosk helps.\nType \"yes\" to go on: "));
    else if (tries < 0)
        snprintf(question, sizeof(question),
                 _("The card does not tell the tries left: this may be the LAST one. If it\n"
                   "is wrong, the card may lock.\nType \"yes\" to go on: "));
    else
        snprintf(
            question, sizeof(question),
            _("Only %d tries are left, which are kept for you (pin.reserve).\nType \"yes\" to use "
              "one: "),
            tries);
    return ask_consent(question);
}

int login_ask_consent(struct cards *cards, const struct token *token)
{
    int tries = token->tries, enforced = (int)settings_enforced_reserve();
    if (tries == 0 || tries > (int)cards->config.pin_reserve)
        return login_may_try(token);
    if (enforced > 0 && tries <= enforced) {
        cli_complain(_("the administrator's settings keep these tries (pin.reserve in %s)"),
                     CONFIG_SYSTEM_FILE);
        return CLI_PIN_LOCKED;
    }
    if (!consents(tries)) {
        cli_complain(_("nothing was done, and no try was spent"));
        return CLI_PIN_REFUSED;
    }
    cards->config.pin_reserve = tries > 0 ? (unsigned)tries - 1 : 0;
    return recordable(token);
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
        return token->tries == 0 ? locked() : kept(token);
    case CKR_USER_PIN_NOT_INITIALIZED:
        cli_complain(_("this card has no such key"));
        return CLI_FAILED;
    case CKR_FUNCTION_CANCELED:
        cli_complain(
            _("no PIN was confirmed at the reader: cancelled there, not of four digits, or "
              "too late. No try was spent"));
        return CLI_PIN_REFUSED;
    default:
        break;
    }
    const char *name = rv_name(rv);
    cli_complain(_("the card did not answer as it should (%s); is it still in the reader?"),
                 name != NULL ? name : "?");
    if (rv != CKR_DEVICE_REMOVED && pin_on_pad(token))
        cli_complain(_("should it be the reader's PIN pad that does not work: with "
                       "\"reader.pinpad = no\" in the settings the keyboard is used"));
    return CLI_FAILED;
}

void login_end(struct token *token)
{
    pin_logout(token);
    hold_end();
}

/* ---- at the reader ----
 *
 * Signals wait here, too: a reader goes on waiting for the PIN when the command has ended, and the
 * card would then be open with nobody to close it. */

static void begin_on_pad(const struct token *token)
{
    fprintf(stderr,
            _("Type your %s at the reader, not here, and confirm it there.\n"
              "You have %d seconds. The reader's cancel key gives up, and spends no try.\n"),
            login_pin_name(token->role), PAD_SECONDS);
    hush_begin();
}

void login_key_begin(const struct token *token)
{
    if (pin_on_pad(token) && pin_asked_each_time(token))
        begin_on_pad(token);
}

void login_key_end(void)
{
    hush_end();
}

static int login_on_pad(struct token *token)
{
    hold_begin();
    if (!pin_asked_each_time(token))
        begin_on_pad(token);
    CK_RV rv = pin_login(token, (struct bytes){0});
    hush_end();
    int code = login_explain(token, rv);
    if (code != CLI_OK)
        login_end(token);
    return code;
}

static int check_on_pad(struct token *token)
{
    hold_begin();
    begin_on_pad(token);
    CK_RV rv = pin_check_on_pad(token);
    hush_end();
    int code = login_explain(token, rv);
    hold_end();
    return code;
}

/* ---- on the keyboard ---- */

static int login_here(struct token *token)
{
    char prompt[160];
    char *secret = ask_new();
    int code;
    if (secret == NULL)
        return CLI_FAILED;
    snprintf(prompt, sizeof(prompt), _("Your %s: "), login_pin_name(token->role));
    code = ask_secret(prompt, secret);
    hold_begin();
    if (code == CLI_OK)
        code = login_explain(token, pin_login(token, bytes_of_text(secret)));
    ask_free(secret);
    if (code != CLI_OK)
        login_end(token);
    return code;
}

int login(struct token *token)
{
    return pin_on_pad(token) ? login_on_pad(token) : login_here(token);
}

int login_check(struct token *token)
{
    if (pin_on_pad(token))
        return check_on_pad(token);
    int code = login_here(token);
    if (code == CLI_OK)
        login_end(token);
    return code;
}

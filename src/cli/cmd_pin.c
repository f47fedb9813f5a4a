/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki pin: the tries left, a PIN that is checked, a PIN that is changed. Here, and only here, the
 * last try can be spent: knowingly.
 */
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/hold.h"
#include "cli/login.h"
#include "support/secret.h"
#include "support/nearest.h"
#include "token/pin.h"
#include "token/pinrule.h"

/* Whether NEW_PIN can be one, by the rules of its kind; a complaint otherwise. */
static bool fits(const struct token *token, const char *new_pin)
{
    struct card_pin *pin = secret_new(sizeof(*pin));
    if (pin == NULL) {
        cli_complain(_("no memory is left"));
        return false;
    }
    CK_RV rv = pinrule_take_new(&token->key->pin, bytes_of_text(new_pin), pin);
    secret_free(pin, sizeof(*pin));
    if (rv == CKR_OK)
        return true;
    if (token->role == CARD_AUTH)
        cli_complain(_("it must be four digits; nothing was changed"));
    else
        cli_complain(_("it must be 6 to 16 letters and digits, at least one of each; nothing was "
                       "changed"));
    return false;
}

static int ask_new_pin(const struct token *token, char *new_pin, char *again)
{
    int code = ask_secret(_("The new one: "), new_pin);
    if (code == CLI_OK && !fits(token, new_pin))
        code = CLI_PIN_REFUSED;
    if (code == CLI_OK)
        code = ask_secret(_("The new one again: "), again);
    if (code == CLI_OK && strcmp(new_pin, again) != 0) {
        cli_complain(_("these two are not the same; nothing was changed"));
        code = CLI_PIN_REFUSED;
    }
    return code;
}

/* What C_SetPIN's table in token/pin.h says, in words. */
static int explain_change(const struct token *token, CK_RV rv)
{
    switch (rv) {
    case CKR_OK:
        fputs(_("It is changed.\n"), stderr);
        return CLI_OK;
    case CKR_PIN_INVALID:
    case CKR_FUNCTION_FAILED:
        cli_complain(_("the card would not take the new one; the old one still holds"));
        return CLI_FAILED;
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_INCORRECT:
    case CKR_PIN_LOCKED:
    case CKR_USER_PIN_NOT_INITIALIZED:
        return login_explain(token, rv);
    default:
        cli_complain(_("the exchange with the card broke off, and which one holds now is not "
                       "known: try the new one first (\"jpki pin verify %s\")"),
                     cards_role_name(token->role));
        return CLI_FAILED;
    }
}

/* ^C waits: in between the card is open, and would have one PIN or the other without a word. */
static int exchange(struct token *token, const char *old, const char *new_pin)
{
    hold_begin();
    int code = explain_change(token, pin_set(token, bytes_of_text(old), bytes_of_text(new_pin)));
    hold_end();
    return code;
}

static int change(struct token *token)
{
    char *old = ask_new(), *new_pin = ask_new(), *again = ask_new();
    int code = CLI_FAILED;
    if (pin_on_pad(token))
        fputs(_("(Type on the keyboard: a PIN cannot be changed at the reader.)\n"), stderr);
    if (old != NULL && new_pin != NULL && again != NULL)
        code = ask_secret(_("The present one: "), old);
    if (code == CLI_OK)
        code = ask_new_pin(token, new_pin, again);
    if (code == CLI_OK)
        code = exchange(token, old, new_pin);
    ask_free(old);
    ask_free(new_pin);
    ask_free(again);
    return code;
}

static int verify(struct token *token)
{
    int code = login_check(token);
    if (code == CLI_OK)
        fputs(_("It is right.\n"), stderr);
    return code;
}

/* One of the two that want a PIN. */
static int with_pin(struct cards *cards, const char *reader, enum card_role role,
                    int (*job)(struct token *token))
{
    struct terminal *terminal;
    struct token *token;
    int code = cards_enter(cards, reader, role, &terminal, &token);
    if (code != CLI_OK)
        return code;
    login_tell_tries(token);
    code = login_ask_consent(cards, token);
    if (code == CLI_OK) {
        code = job(token);
        login_tell_tries(token);
    }
    terminal_leave(terminal);
    return code;
}

static int status(const struct cards *cards, const char *reader, enum card_role role)
{
    struct terminal *terminal;
    struct token *token;
    int code = cards_enter(cards, reader, role, &terminal, &token);
    if (code != CLI_OK)
        return code;
    if (token->tries < 0)
        printf(_("%s: the card does not tell the tries left\n"), login_pin_name(role));
    else
        printf(_("%s: %d of %u tries left\n"), login_pin_name(role), token->tries,
               token->key->pin.tries);
    int tries = token->tries; /* the token ends with the card */
    terminal_leave(terminal);
    return tries == 0 ? CLI_PIN_LOCKED : CLI_OK;
}

static int status_of_both(const struct cards *cards, const char *reader)
{
    int code = status(cards, reader, CARD_AUTH);
    int other = code == CLI_NO_CARD || code == CLI_USAGE ? code : status(cards, reader, CARD_SIGN);
    return code == CLI_OK ? other : code;
}

static int run(const char *what, const char *reader, const char *key)
{
    struct cards cards;
    enum card_role role = CARD_AUTH;
    int code;
    if (key != NULL && !cards_role(key, &role))
        return CLI_USAGE;
    if (!cards_open(&cards, "slots=both"))
        return CLI_FAILED;
    if (strcmp(what, "status") != 0)
        code = with_pin(&cards, reader, role, strcmp(what, "change") == 0 ? change : verify);
    else
        code = key != NULL ? status(&cards, reader, role) : status_of_both(&cards, reader);
    cards_close(&cards);
    return code;
}

int cmd_pin(const struct cli_command *self, int argc, char **argv)
{
    static const char *const words[] = {"status", "verify", "change"};
    const char *reader = NULL;
    const struct cli_option options[] = {
        {"reader", N_("NAME"), N_("the reader whose name contains NAME"), NULL, &reader},
    };
    int first, code;
    if (!cli_options(self, options, CLI_COUNT(options), argc, argv, 1, 2, &first, &code))
        return code;
    const char *what = argv[first], *key = argc - first > 1 ? argv[first + 1] : NULL;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(what, words[i]) == 0) {
            if (key != NULL || i == 0)
                return run(what, reader, key);
            cli_complain(_("jpki pin %s wants to know which: auth or sign"), what);
            return CLI_USAGE;
        }
    const char *near = nearest(what, words, sizeof(words) / sizeof(*words));
    cli_complain(_("jpki pin cannot \"%.60s\"; did you mean \"%s\"?"), what,
                 near != NULL ? near : "status");
    return CLI_USAGE;
}

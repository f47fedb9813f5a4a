/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cards.h"

#include <stdlib.h>
#include <string.h>

#include "cli/service.h"
#include "cli/settings.h"
#include "support/log.h"
#include "token/table.h"

bool cards_service_answers(void)
{
    struct reader_view *view = reader_view_new();
    char **names = NULL;
    enum err e = view != NULL ? reader_list(view, &names) : ERR_MEMORY;
    if (e == ERR_OK)
        free(names);
    reader_view_free(view);
    return e == ERR_OK;
}

static bool give_up(struct cards *cards, const char *why)
{
    cli_complain("%s", why);
    cards_close(cards);
    return false;
}

bool cards_look(struct cards *cards, const char *reserved)
{
    CK_ULONG count = 0;
    memset(cards, 0, sizeof(*cards));
    bool ok = settings_load(&cards->config, reserved);
    /* No command of ours spends the last try but after a "yes": login_ask_consent(). */
    if (cards->config.pin_reserve == 0)
        cards->config.pin_reserve = 1;
    cards->slots = ok ? slots_new(&cards->config, NULL) : NULL;
    if (cards->slots == NULL)
        return give_up(cards, _("no memory is left"));
    if (slots_list(cards->slots, false, NULL, &count) != CKR_OK)
        return give_up(cards, _("no memory is left, here or in the smart card service (pcscd)"));
    cards->readers = cards->slots->count;
    cards->service = cards->readers > 0 || cards_service_answers();
    return true;
}

/* They may hold what the holder relies on. */
static void warn_of_settings(void)
{
    if (settings_have_faults())
        cli_complain(_("not all settings count, as there are mistakes in them; \"jpki config\" "
                       "names them"));
}

bool cards_open(struct cards *cards, const char *reserved)
{
    bool ok = cards_look(cards, reserved);
    if (ok)
        warn_of_settings();
    return ok;
}

void cards_close(struct cards *cards)
{
    slots_free(cards->slots);
    config_clear(&cards->config);
    log_close();
    memset(cards, 0, sizeof(*cards));
}

struct terminal *cards_reader(const struct cards *cards, size_t index)
{
    return cards->slots->terminals[index];
}

bool cards_shows(const struct cards *cards, enum card_role role)
{
    return table_shows(cards->slots, role);
}

void cards_explain(const struct cards *cards)
{
    if (!cards->service)
        cli_complain(_("%s; \"jpki doctor\" says what helps"), service_fault_text(service_fault()));
    else if (cards->readers == 0)
        cli_complain(_("there is no card reader: is it plugged in?"));
    else
        cli_complain(_("there is no My Number Card in any reader; \"jpki status\" shows what is"));
}

int cards_enter(const struct cards *cards, const char *reader, enum card_role role,
                struct terminal **terminal, struct token **token)
{
    *terminal = NULL;
    for (size_t i = 0; i < cards->readers; i++) {
        struct terminal *t = cards_reader(cards, i);
        if (t->verdict != VERDICT_OURS || (reader != NULL && strstr(t->name, reader) == NULL))
            continue;
        if (*terminal != NULL) {
            cli_complain(_("there is more than one card; choose one by --reader NAME"));
            return CLI_USAGE;
        }
        *terminal = t;
    }
    if (*terminal == NULL) {
        cards_explain(cards);
        return CLI_NO_CARD;
    }
    if (!cards_shows(cards, role)) {
        cli_complain(_("the administrator's settings hide this key (%s)"), CONFIG_SYSTEM_FILE);
        return CLI_NO_CARD;
    }
    terminal_enter(*terminal);
    if (terminal_token(*terminal, role, token) == CKR_OK)
        return CLI_OK;
    terminal_leave(*terminal);
    cards_explain(cards);
    return CLI_NO_CARD;
}

static const char *const role_names[CARD_ROLES] = {"auth", "sign"};

const char *cards_role_name(enum card_role role)
{
    return role_names[role];
}

bool cards_role(const char *name, enum card_role *role)
{
    for (int i = 0; i < CARD_ROLES; i++)
        if (strcmp(name, role_names[i]) == 0) {
            *role = (enum card_role)i;
            return true;
        }
    cli_complain(_("\"%.60s\" is no key of the card: auth or sign"), name);
    return false;
}

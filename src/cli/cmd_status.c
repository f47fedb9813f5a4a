/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki status: how the card stands, at one glance.
 */
#include <stdio.h>
#include <string.h>

#include "cli/print.h"
#include "cli/report_json.h"

#define INDENT 17 /* columns before a value */

static void label(const char *text)
{
    fputs("  ", stdout);
    print_padded(text, INDENT - 2);
}

static void line(const char *name, enum print_style style, const char *text)
{
    label(name);
    print_styled(style, text);
    putchar('\n');
}

/* A second line below a value. */
static void more(const char *text)
{
    printf("%*s%s\n", INDENT, "", text);
}

static void print_certificate(const struct report_token *token)
{
    const char *name = _("Certificate");
    char text[160];
    switch (token->certificate) {
    case REPORT_VALID:
        snprintf(text, sizeof(text), _("valid until %s"), token->until);
        line(name, PRINT_GOOD, text);
        break;
    case REPORT_ENDING:
        snprintf(text, sizeof(text), _("ends on %s"), token->until);
        line(name, PRINT_WARNING, text);
        more(_("Your municipal office renews it from now on."));
        break;
    case REPORT_EXPIRED:
        snprintf(text, sizeof(text), _("has ended on %s and cannot be used"), token->until);
        line(name, PRINT_BAD, text);
        more(_("Your municipal office issues a new one."));
        break;
    case REPORT_EARLY:
        line(name, PRINT_WARNING, _("not valid yet: is this computer's clock right?"));
        break;
    case REPORT_PRIVATE:
        line(name, PRINT_PLAIN, _("can only be read with the password"));
        break;
    case REPORT_NONE:
        line(name, PRINT_WARNING, _("none was issued"));
        break;
    case REPORT_FAILED:
        line(name, PRINT_BAD, _("could not be read"));
        break;
    }
}

static void print_tries(enum card_role role, const struct report_token *token)
{
    const char *name = role == CARD_AUTH ? _("PIN") : _("Password");
    char text[160];
    if (token->tries < 0) {
        line(name, PRINT_PLAIN, _("the card does not tell how many tries are left"));
        return;
    }
    if (token->tries == 0) {
        line(name, PRINT_BAD, _("LOCKED"));
        more(_("Your municipal office sets a new one; a convenience store's"));
        more(_("kiosk does, too, after booking with the official app."));
        return;
    }
    snprintf(text, sizeof(text), _("%d of %d tries left"), token->tries, token->tries_full);
    line(name,
         token->tries == token->tries_full ? PRINT_GOOD
         : token->tries == 1               ? PRINT_BAD
                                           : PRINT_WARNING,
         text);
}

static void print_last_use(const struct report_token *token)
{
    char when[PRINT_TIME];
    if (!token->used) {
        line(_("Last use"), PRINT_PLAIN, _("none is known"));
        return;
    }
    print_time(token->last.time, when);
    label(_("Last use"));
    printf("%s, ", when);
    print_safe(token->last.program[0] != '\0' ? token->last.program : _("program not known"));
    putchar('\n');
}

static void print_token(enum card_role role, const struct report_token *token)
{
    print_styled(PRINT_BOLD, role == CARD_AUTH ? _("Key for logging in (user authentication)")
                                               : _("Key for signing (digital signature)"));
    putchar('\n');
    print_certificate(token);
    if (token->certificate != REPORT_NONE || token->tries >= 0)
        print_tries(role, token);
    print_last_use(token);
}

/* The kinds of card/profile.c, for translators. */
static const char *kind_text(const char *kind)
{
    static const char *const kinds[] = {N_("My Number Card"), N_("JPKI on Android"),
                                        N_("JPKI on iPhone")};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kind, kinds[i]) == 0)
            return _(kinds[i]);
    return kind;
}

static void print_report(const struct report *report)
{
    char text[160];
    fputs(_("Reader "), stdout);
    print_safe(report->reader);
    putchar('\n');
    switch (report->card) {
    case REPORT_EMPTY:
        puts(_("No card."));
        return;
    case REPORT_MUTE:
        puts(_("A card that does not answer: does it lie the right way?"));
        return;
    case REPORT_UNREADABLE:
        puts(_("A card that cannot be read now: is another program at work with it?"));
        return;
    case REPORT_FOREIGN:
        puts(_("Another kind of card."));
        return;
    case REPORT_OURS:
        break;
    }
    snprintf(text, sizeof(text), _("%s, serial number %s"), kind_text(report->kind),
             report->serial);
    puts(text);
    for (int role = 0; role < CARD_ROLES; role++)
        if (report->tokens[role].shown) {
            putchar('\n');
            print_token((enum card_role)role, &report->tokens[role]);
        }
}

static int print_json(const struct cards *cards)
{
    json_t *all = json_array();
    for (size_t i = 0; i < cards->readers; i++) {
        struct report report;
        report_make(cards, i, &report);
        report_json_add(&all, report_json(&report));
    }
    return report_json_print(all);
}

static void print_text(const struct cards *cards)
{
    for (size_t i = 0; i < cards->readers; i++) {
        struct report report;
        report_make(cards, i, &report);
        if (i > 0)
            putchar('\n');
        print_report(&report);
    }
}

static bool any_of_ours(const struct cards *cards)
{
    for (size_t i = 0; i < cards->readers; i++)
        if (cards_reader(cards, i)->verdict == VERDICT_OURS)
            return true;
    return false;
}

int cmd_status(const struct cli_command *self, int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {
        {"json", NULL, N_("print JSON, for programs"), &json, NULL},
    };
    struct cards cards;
    int first, code;
    if (!cli_options(self, options, CLI_COUNT(options), argc, argv, 0, 0, &first, &code))
        return code;
    if (!cards_open(&cards, "slots=both"))
        return CLI_FAILED;
    code = CLI_OK;
    if (json)
        code = print_json(&cards);
    else
        print_text(&cards);
    if (code == CLI_OK && !any_of_ours(&cards)) {
        if (cards.readers == 0)
            cards_explain(&cards);
        code = CLI_NO_CARD;
    }
    cards_close(&cards);
    return code;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki verify: whether a signature is of a file, and by whom.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cards.h"
#include "cli/cms.h"
#include "cli/print.h"

/* The CA certificates of all cards that are in, or of those in readers whose name contains READER;
 * no card is no error. */
static size_t trust_cards(const struct cards *cards, const char *reader, struct cms_trust *trust)
{
    size_t count = 0;
    for (size_t i = 0; i < cards->readers; i++) {
        struct terminal *t = cards_reader(cards, i);
        if (reader != NULL && strstr(t->name, reader) == NULL)
            continue;
        terminal_enter(t);
        for (int role = 0; role < CARD_ROLES; role++) {
            struct token *token;
            if (t->verdict != VERDICT_OURS || !cards_shows(cards, (enum card_role)role) ||
                terminal_token(t, (enum card_role)role, &token) != CKR_OK ||
                token_load_ca(token) != ERR_OK)
                continue;
            count += cms_trust_add(trust, buffer_view(&token->ca.x509.der)) ? 1 : 0;
        }
        terminal_leave(t);
    }
    return count;
}

static bool trust_the_card(const char *reader, struct cms_trust *trust)
{
    struct cards cards;
    if (!cards_open(&cards, "slots=both"))
        return false;
    if (trust_cards(&cards, reader, trust) == 0)
        cli_complain(_("no card is in to compare with, and no --ca was given: whoever signed "
                       "cannot be told"));
    cards_close(&cards);
    return true;
}

static void print_line(const char *name, const char *value)
{
    fputs("  ", stdout);
    print_padded(name, 16);
    print_safe_wrapped(stdout, value[0] != '\0' ? value : "?", 18);
    putchar('\n');
}

/* A remark of ours, on lines of its own. */
static void print_remark(const char *text)
{
    print_safe_wrapped(stdout, text, 0);
    putchar('\n');
}

/* Half of it, "AB:CD:...", is as much as fits into a line. */
static void print_fingerprint(const char *text)
{
    char half[49];
    snprintf(half, sizeof(half), "%.48s", text);
    print_line("SHA-256", half);
    if (strlen(text) > strlen(half))
        printf("%18s%s\n", "", text + strlen(half));
}

static const char *sex_name(char sex)
{
    switch (sex) {
    case '1':
        return _("male");
    case '2':
        return _("female");
    default:
        return _("not stated");
    }
}

/* The name is what the signature is for. The rest is the holder's own affair, even where the file
 * shows it: PERSONAL says that it is wanted. */
static void print_holder(const struct cms_holder *holder, bool vouched, bool personal)
{
    if (holder->name[0] != '\0')
        print_line(vouched ? _("Name") : _("Says to be"), holder->name);
    if (holder->substitutes)
        puts(_("  (Characters of the name stand for rarer ones.)"));
    if (!personal)
        return;
    if (holder->address[0] != '\0')
        print_line(_("Address"), holder->address);
    if (holder->birth[0] != '\0')
        print_line(_("Date of birth"), holder->birth);
    if (holder->sex != '\0')
        print_line(_("Sex"), sex_name(holder->sex));
}

/* A certificate that leads to no CA says of whom it is, and from whom, just as it pleases. */
static void print_signer(const struct cms_signer *signer, bool personal)
{
    bool vouched = signer->anchor[0] != '\0';
    char when[PRINT_TIME];
    print_time(signer->time, when);
    print_holder(&signer->holder, vouched, personal);
    print_line(_("Signer"), signer->subject);
    print_line(vouched ? _("Certified by") : _("Says it is from"), signer->issuer);
    print_line(_("Certificate"), signer->serial);
    print_line(_("Valid until"), signer->until);
    print_line(_("Signed at"), when);
    if (vouched) {
        print_line(_("Vouched for by"), signer->anchor);
        print_fingerprint(signer->fingerprint);
    }
    if (signer->time_is_outside)
        print_remark(
            _("The certificate was not valid at the time at which it is said to have been used."));
    if (signer->unnamed)
        print_remark(_("The signature does not name its certificate (it is no CAdES), and fits any "
                       "of the same key."));
    print_remark(_("The time is what the signer's computer said. Whether the certificate was "
                   "revoked was not asked: only verifiers under contract may."));
}

static const char *good_text(const struct cms_signer *signer)
{
    if (signer->only_login)
        return _("GOOD, but no binding signature: it is of this file, and its signer is certified, "
                 "but it was made with the key for logging in (authentication), which does not "
                 "stand for the holder's seal");
    return _("GOOD: the signature is of this file, and its signer is certified");
}

static const char *time_text(enum cms_verdict verdict, const struct cms_signer *signer)
{
    if (verdict == CMS_EXPIRED)
        return signer->of_authority
                   ? _("EXPIRED: the signature is of this file, but an authority's certificate is "
                       "no longer valid")
                   : _("EXPIRED: the signature is of this file, but the signer's certificate is no "
                       "longer valid");
    return signer->of_authority
               ? _("NOT VALID YET: the signature is of this file, but an authority's certificate "
                   "is not valid yet: is this computer's clock right?")
               : _("NOT VALID YET: the signature is of this file, but the signer's certificate is "
                   "not valid yet: is this computer's clock right?");
}

/* What is printed first, with WHY in parentheses unless it is empty. */
static void print_verdict(enum print_style style, const char *text, const char *why)
{
    char *all = NULL;
    if (why[0] != '\0' && asprintf(&all, "%s (%s)", text, why) < 0)
        all = NULL;
    print_styled_wrapped(style, all != NULL ? all : text);
    putchar('\n');
    free(all);
}

static void print_answer(enum cms_verdict verdict, const struct cms_signer *signer)
{
    switch (verdict) {
    case CMS_GOOD:
        print_verdict(signer->only_login ? PRINT_WARNING : PRINT_GOOD, good_text(signer), "");
        break;
    case CMS_UNTRUSTED:
        print_verdict(PRINT_WARNING,
                      _("UNKNOWN SIGNER: the signature is of this file, but not certified"),
                      signer->why);
        break;
    case CMS_EXPIRED:
    case CMS_NOT_YET:
        print_verdict(PRINT_WARNING, time_text(verdict, signer), "");
        break;
    case CMS_UNFIT:
        print_verdict(PRINT_BAD,
                      _("NOT FOR SIGNING: the signature is of this file, but its certificate is "
                        "not one for signing"),
                      "");
        break;
    case CMS_WEAK:
        print_verdict(PRINT_BAD,
                      _("WEAK: the signature or a certificate is made by a method that can be "
                        "forged, or that is not known here"),
                      signer->why);
        break;
    case CMS_SWAPPED:
        print_verdict(PRINT_BAD,
                      _("WRONG CERTIFICATE: the signature is of this file, but it names another "
                        "certificate than the one in it"),
                      "");
        break;
    case CMS_WRONG:
        print_verdict(PRINT_BAD, _("WRONG: this signature is not of this file, or one was changed"),
                      "");
        break;
    case CMS_UNREADABLE:
        break;
    }
}

static int report(enum cms_verdict verdict, const struct cms_signer *signer, bool personal)
{
    print_answer(verdict, signer);
    if (signer->serial[0] != '\0')
        print_signer(signer, personal);
    return verdict == CMS_GOOD ? CLI_OK : CLI_FAILED;
}

int cmd_verify(const struct cli_command *self, int argc, char **argv)
{
    const char *ca = NULL, *reader = NULL;
    bool personal = false;
    const struct cli_option options[] = {
        {"ca", N_("FILE"), N_("believe the CAs in FILE (PEM), not those on the card"), NULL, &ca},
        {"personal", NULL, N_("show address, date of birth and sex, too"), &personal, NULL},
        {"reader", N_("NAME"), N_("the reader whose name contains NAME"), NULL, &reader},
    };
    struct cms_signer signer;
    int first, code;
    if (!cli_options(self, options, CLI_COUNT(options), argc, argv, 2, 2, &first, &code))
        return code;
    if (ca != NULL && reader != NULL) {
        cli_complain(_("--ca and --reader exclude each other: believe a file or a card"));
        return CLI_USAGE;
    }
    struct cms_trust *trust = cms_trust_new();
    if (trust == NULL)
        return CLI_FAILED;
    code = CLI_FAILED;
    if (ca != NULL ? cms_trust_add_file(trust, ca) : trust_the_card(reader, trust))
        code = report(cms_verify(argv[first], argv[first + 1], trust, &signer), &signer, personal);
    cms_trust_free(trust);
    return code;
}

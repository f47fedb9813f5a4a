/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Is the card in, the right way up, and in good standing?
 */
#include <stdio.h>

#include "cli/doctor.h"
#include "cli/report.h"
#include "reader/reader.h"

static void certificate(struct doctor *doctor, const struct report_token *token, const char *key)
{
    char text[256];
    switch (token->certificate) {
    case REPORT_EXPIRED:
        snprintf(text, sizeof(text), _("the certificate (%s) has ended on %s"), key, token->until);
        doctor_problem(doctor, "certificate-expired", text,
                       _("Nothing can be done with it. Your municipal office issues a new one."));
        break;
    case REPORT_ENDING:
        snprintf(text, sizeof(text), _("the certificate (%s) ends on %s"), key, token->until);
        doctor_problem(doctor, "certificate-ending", text,
                       _("Your municipal office renews it, from three months before its end."));
        break;
    case REPORT_EARLY:
        snprintf(text, sizeof(text), _("the certificate (%s) is not valid yet"), key);
        doctor_problem(doctor, "certificate-early", text,
                       _("Probably this computer's clock is wrong: timedatectl"));
        break;
    case REPORT_FAILED:
        snprintf(text, sizeof(text), _("the certificate (%s) cannot be read"), key);
        doctor_problem(doctor, "certificate-failed", text,
                       _("Take the card out, wipe its contacts, put it in again."));
        break;
    case REPORT_VALID:
    case REPORT_PRIVATE:
    case REPORT_NONE:
        break;
    }
}

static void tries(struct doctor *doctor, const struct report_token *token, const char *key)
{
    char text[256];
    if (token->tries == 0) {
        snprintf(text, sizeof(text), _("the PIN (%s) is locked"), key);
        doctor_problem(doctor, "pin-locked", text,
                       _("Your municipal office sets a new one; a convenience store's kiosk does,\n"
                         "too, after booking with the official app."));
    } else if (token->tries > 0 && token->tries < token->tries_full) {
        snprintf(text, sizeof(text), _("of the tries of the PIN (%s), %d of %d are left"), key,
                 token->tries, token->tries_full);
        doctor_problem(doctor, "pin-tries", text,
                       _("The right one brings them all back: jpki pin verify auth, or sign"));
    }
}

static void ours(struct doctor *doctor, const struct report *report)
{
    static const char *const keys[CARD_ROLES] = {N_("user authentication"),
                                                 N_("digital signature")};
    unsigned before = doctor->problems;
    for (int role = 0; role < CARD_ROLES; role++)
        if (report->tokens[role].shown) {
            certificate(doctor, &report->tokens[role], _(keys[role]));
            tries(doctor, &report->tokens[role], _(keys[role]));
        }
    if (doctor->problems == before)
        doctor_good(doctor, "card", _("the card is in good standing"));
}

/* Asks the service itself why a card cannot be read. */
static void unreadable(struct doctor *doctor, const char *name)
{
    bool fresh;
    struct reader *reader = reader_new(name);
    enum err e = reader != NULL ? reader_begin(reader, &fresh) : ERR_MEMORY;
    if (e == ERR_OK)
        reader_end(reader, false);
    reader_free(reader);
    /* Before 2.0.1 pcsc-lite hangs up when polkit says no, and answers whoever comes next. */
    if (e == ERR_FORBIDDEN || (e == ERR_NO_SERVICE && cards_service_answers()))
        doctor_problem(
            doctor, "card-forbidden", _("you may not use the card"),
            _("The rules of pcscd (polkit, action org.debian.pcsc-lite.access_card) let\n"
              "only somebody use it who sits at this computer. Over ssh, an\n"
              "administrator has to allow it (docs/security.md, 25)."));
    else if (e == ERR_BUSY)
        doctor_problem(doctor, "card-busy", _("another program holds the card"),
                       _("Wait until it has finished, or end it."));
    else
        doctor_problem(doctor, "card-unreadable", _("the card cannot be read"),
                       _("Take it out, wipe its contacts, put it in again."));
}

/* Whether this is one of ours. */
static bool look_at(struct doctor *doctor, size_t index, bool *foreign)
{
    struct report report;
    report_make(&doctor->cards, index, &report);
    switch (report.card) {
    case REPORT_OURS:
        ours(doctor, &report);
        return true;
    case REPORT_MUTE:
        doctor_problem(
            doctor, "card-mute", _("the card does not answer"),
            _("Does it lie the right way? In a slot: with the contacts first and up, on\n"
              "most readers. On a pad: flat, and alone."));
        break;
    case REPORT_UNREADABLE:
        unreadable(doctor, report.reader);
        break;
    case REPORT_FOREIGN:
        *foreign = true;
        break;
    case REPORT_EMPTY:
        break;
    }
    return false;
}

void doctor_cards(struct doctor *doctor)
{
    unsigned before = doctor->problems, cards = 0;
    bool foreign = false;
    for (size_t i = 0; i < doctor->cards.readers; i++)
        cards += look_at(doctor, i, &foreign) ? 1 : 0;
    if (cards > 0 || doctor->cards.readers == 0 || doctor->problems != before)
        return;
    if (foreign)
        doctor_problem(
            doctor, "card-foreign", _("the card in the reader is no My Number Card"),
            _("Put yours in its place; on a pad, it alone. The notification card has no\n"
              "chip, and the old Basic Resident Register card is not supported."));
    else
        doctor_problem(
            doctor, "card-missing", _("there is no My Number Card in a reader"),
            _("Put it in: in a slot with the contacts first and up, on most readers; on\n"
              "a pad flat, and alone."));
}

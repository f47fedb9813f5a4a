/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Do the settings make sense, and what has the module kept?
 */
#include <stdio.h>

#include "cli/doctor.h"
#include "history/history.h"
#include "token/pss_refused.h"

void doctor_settings(struct doctor *doctor)
{
    const struct config *config = &doctor->cards.config;
    for (size_t i = 0; i < config->complaint_count; i++)
        doctor_problem(
            doctor, "setting", config->complaints[i],
            _("Correct that line. Until then the safer of the values holds; jpki config\n"
              "shows which."));
    if (config->complaint_count == 0)
        doctor_good(doctor, "settings", _("the settings make sense"));
    if (!config->isolation)
        doctor_problem(doctor, "isolation", _("isolation is switched off"),
                       _("While one program is logged in, every program can use the card. If that\n"
                         "was not meant: jpki config names the file and line of \"isolation\"."));
    if (!config->pss)
        doctor_problem(doctor, "pss-off", _("RSA-PSS is switched off: TLS 1.3 will not work"),
                       _("If that was not meant: jpki config names the file and line of \"pss\"."));
}

static void pss(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->cards.readers; i++) {
        const struct terminal *t = cards_reader(&doctor->cards, i);
        const char *model = t->insertion.card.model;
        char text[256];
        if (t->verdict != VERDICT_OURS || !pss_refused_known(model))
            continue;
        snprintf(text, sizeof(text),
                 _("a card of this model (%s) has refused RSA-PSS: TLS 1.3 will not work"), model);
        doctor_problem(doctor, "pss-refused", text,
                       _("That is remembered for a month. To try again now, delete\n"
                         "~/.local/state/jpki-pkcs11/pss-refused"));
    }
}

static void history(struct doctor *doctor)
{
    if (doctor->cards.config.history != CONFIG_HISTORY_FILE)
        return;
    if (history_ready(CONFIG_HISTORY_FILE) == ERR_OK) {
        doctor_good(doctor, "history", _("the usage history can be written"));
        return;
    }
    doctor_problem(doctor, "history", _("the usage history cannot be written"),
                   _("JPKI_PKCS11_DEBUG=warning jpki status says why. Its folder must be yours,\n"
                     "and nobody else may write to it:\n"
                     "  chmod 700 ~/.local/state/jpki-pkcs11"));
}

void doctor_state(struct doctor *doctor)
{
    pss(doctor);
    history(doctor);
}

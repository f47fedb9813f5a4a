/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Are the module and its settings as they should be, and what stands beside it?
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "history/history.h"
#include "token/pss_refused.h"

static void module(struct doctor *doctor)
{
    static const char path[] = JPKI_MODULEDIR "/jpki-pkcs11-auth.so";
    char text[512];
    if (access(path, R_OK) == 0) {
        doctor_good(doctor, "module", _("the module is installed"));
        return;
    }
    snprintf(text, sizeof(text), _("the module is not where it should be: %s"), path);
    doctor_problem(doctor, "module-missing", text, _("Install it again: meson install -C build"));
}

/* The holder's own file of this name stands before the system's; one that names no module hides it
 * (p11-kit's pkcs11.conf(5)). */
static bool hidden_by_holder(void)
{
    const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
    char path[512], line[256];
    bool hidden = false;
    if (config != NULL && config[0] == '/')
        snprintf(path, sizeof(path), "%s/pkcs11/modules/opensc-pkcs11.module", config);
    else
        snprintf(path, sizeof(path), "%s/.config/pkcs11/modules/opensc-pkcs11.module",
                 home != NULL ? home : "");
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, "module:", 7) == 0)
            hidden = line[7 + strspn(line + 7, " \t\n")] == '\0';
    if (file != NULL)
        fclose(file);
    return hidden;
}

/* The other driver leaves the card open after its logout (docs/security.md). */
void doctor_programs(struct doctor *doctor)
{
    static const char path[] = JPKI_P11KIT_CONFIGS "/opensc-pkcs11.module";
    struct stat st;
    module(doctor);
    if (stat(path, &st) != 0 || st.st_size == 0 || hidden_by_holder())
        return;
    doctor_problem(
        doctor, "opensc", _("OpenSC's module is registered beside this one"),
        _("It shows the card a second time, and leaves it open to all programs after\n"
          "its logout. If you need it for no other card, hide it from yourself: a file\n"
          "~/.config/pkcs11/modules/opensc-pkcs11.module with the one line \"module:\""));
}

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
        doctor_problem(
            doctor, "isolation", _("isolation is switched off"),
            _("While one program is logged in, every program can use the card. Was that\n"
              "meant? The setting is \"isolation\"."));
    if (!config->pss)
        doctor_problem(doctor, "pss-off", _("RSA-PSS is switched off: TLS 1.3 will not work"),
                       _("The setting is \"pss\"."));
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
    doctor_problem(
        doctor, "history", _("the usage history cannot be written"),
        _("JPKI_PKCS11_DEBUG=warning jpki status says why. It belongs into\n"
          "~/.local/state/jpki-pkcs11, a folder of yours that nobody else may write to."));
}

void doctor_state(struct doctor *doctor)
{
    pss(doctor);
    history(doctor);
}

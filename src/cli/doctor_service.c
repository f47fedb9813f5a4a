/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Is there a smart card service, and may it be spoken to?
 */
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/doctor.h"
#include "cli/service.h"

/* The socket cannot be opened: by its own mode, or not at all from here. */
static void closed(struct doctor *doctor)
{
    struct stat st;
    const struct group *group = stat(service_socket(), &st) == 0 ? getgrgid(st.st_gid) : NULL;
    if (group != NULL && (st.st_mode & S_IWGRP) != 0 && st.st_gid != 0) {
        char text[256], help[512];
        snprintf(text, sizeof(text), _("the smart card service (pcscd) is only for the group %s"),
                 group->gr_name);
        snprintf(help, sizeof(help),
                 _("An administrator lets you in; then log in anew:\n  adduser YOUR-NAME %s"),
                 group->gr_name);
        doctor_problem(doctor, "service-group", text, help);
        return;
    }
    doctor_problem(doctor, "service-hidden", service_fault_text(SERVICE_HIDDEN),
                   _("You may not open its socket. A program in a container of its own (snap,\n"
                     "Flatpak) must be given it: flatpak run --socket=pcsc, or take the\n"
                     "program from your distribution's packages."));
}

static void explain(struct doctor *doctor, enum service_fault fault)
{
    const char *text = service_fault_text(fault);
    switch (fault) {
    case SERVICE_FORBIDDEN:
        doctor_problem(doctor, "service-forbidden", text,
                       _("Its rules (polkit, action org.debian.pcsc-lite.access_pcsc) let only\n"
                         "somebody use it who sits at this computer. Over ssh, an administrator\n"
                         "has to allow it (docs/security.md, 25)."));
        break;
    case SERVICE_HIDDEN:
        closed(doctor);
        break;
    case SERVICE_DEAD:
        doctor_problem(doctor, "service-dead", text,
                       _("It was left behind by a pcscd that is gone:\n"
                         "  systemctl restart pcscd.socket"));
        break;
    case SERVICE_MISSING:
        doctor_problem(doctor, "service-missing", text, _("apt-get install pcscd"));
        break;
    case SERVICE_STOPPED:
        doctor_problem(doctor, "service-stopped", text, _("systemctl enable --now pcscd.socket"));
        break;
    }
}

void doctor_service_lost(struct doctor *doctor)
{
    explain(doctor, service_absent());
}

void doctor_service(struct doctor *doctor)
{
    if (doctor->cards.service)
        doctor_good(doctor, "service", _("the smart card service (pcscd) answers"));
    else
        explain(doctor, service_fault());
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Is there a smart card service, and may it be spoken to?
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/doctor.h"

/* pcscd(8); libpcsclite takes another one from the environment. */
#define SOCKET "/run/pcscd/pcscd.comm"

/* Why a connection to the service cannot be made: an errno, or 0. */
static int try_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int why = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
    close(fd);
    return why;
}

/* The socket cannot be opened: by its own mode, or not at all from here. */
static void closed(struct doctor *doctor, const char *path)
{
    struct stat st;
    const struct group *group = stat(path, &st) == 0 ? getgrgid(st.st_gid) : NULL;
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
    doctor_problem(doctor, "service-hidden",
                   _("the smart card service (pcscd) cannot be reached from here"),
                   _("You may not open its socket. A program in a container of its own (snap,\n"
                     "Flatpak) must be given it: flatpak run --socket=pcsc, or take the\n"
                     "program from your distribution's packages."));
}

void doctor_service_lost(struct doctor *doctor)
{
    if (access("/usr/sbin/pcscd", F_OK) != 0)
        doctor_problem(doctor, "service-missing",
                       _("the smart card service (pcscd) is not installed"),
                       _("apt-get install pcscd"));
    else
        doctor_problem(doctor, "service-stopped", _("the smart card service (pcscd) does not run"),
                       _("systemctl enable --now pcscd.socket"));
}

void doctor_service(struct doctor *doctor)
{
    const char *path = secure_getenv("PCSCLITE_CSOCK_NAME");
    path = path != NULL ? path : SOCKET;
    if (doctor->cards.service) {
        doctor_good(doctor, "service", _("the smart card service (pcscd) answers"));
        return;
    }
    int why = try_socket(path);
    if (why == 0)
        doctor_problem(doctor, "service-forbidden",
                       _("the smart card service (pcscd) turns you away"),
                       _("Its rules (polkit, action org.debian.pcsc-lite.access_pcsc) let only\n"
                         "somebody use it who sits at this computer. Over ssh, an administrator\n"
                         "has to allow it (docs/security.md, 25)."));
    else if (why == EACCES || why == EPERM)
        closed(doctor, path);
    else if (why == ECONNREFUSED)
        doctor_problem(doctor, "service-dead",
                       _("nobody answers at the socket of the smart card service (pcscd)"),
                       _("It was left behind by a pcscd that is gone:\n"
                         "  systemctl restart pcscd.socket"));
    else
        doctor_service_lost(doctor);
}

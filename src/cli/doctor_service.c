/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Is there a smart card service, and does it have a reader?
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/doctor.h"

/* pcscd(8); libpcsclite takes another one from the environment. */
#define SOCKET "/run/pcscd/pcscd.comm"
#define USB "/sys/bus/usb/devices"
#define CLASS_CCID "0b" /* smart card readers (USB.org, defined class codes) */

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

void doctor_service(struct doctor *doctor)
{
    const char *path = secure_getenv("PCSCLITE_CSOCK_NAME");
    if (doctor->cards.service) {
        doctor_good(doctor, "service", _("the smart card service (pcscd) answers"));
        return;
    }
    int why = try_socket(path != NULL ? path : SOCKET);
    if (why == 0)
        doctor_problem(doctor, "service-forbidden",
                       _("the smart card service (pcscd) turns you away"),
                       _("Its rules (polkit, action org.debian.pcsc-lite.access_pcsc) let only\n"
                         "somebody use it who sits at this computer. Over ssh, an administrator\n"
                         "has to allow it (docs/security.md, 25)."));
    else if (why == EACCES || why == EPERM)
        doctor_problem(doctor, "service-hidden",
                       _("the smart card service (pcscd) cannot be reached from here"),
                       _("You may not open its socket. A program in a container of its own (snap,\n"
                         "Flatpak) must be given it: flatpak run --socket=pcsc, or take the\n"
                         "program from your distribution's packages."));
    else if (access("/usr/sbin/pcscd", F_OK) != 0)
        doctor_problem(doctor, "service-missing",
                       _("the smart card service (pcscd) is not installed"),
                       _("apt-get install pcscd"));
    else
        doctor_problem(doctor, "service-stopped", _("the smart card service (pcscd) does not run"),
                       _("systemctl enable --now pcscd.socket"));
}

/* ---- readers ---- */

static bool read_line(int folder, const char *device, const char *file, char *line, size_t size)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", device, file);
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, size - 1) : -1;
    if (fd >= 0)
        close(fd);
    line[n > 0 ? n : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return n > 0;
}

/* The name of a USB device that is a smart card reader by its class; false when there is none. */
static bool find_usb_reader(char *name, size_t size)
{
    char class[8];
    bool found = false;
    DIR *all = opendir(USB);
    const struct dirent *entry;
    while (all != NULL && !found && (entry = readdir(all)) != NULL) {
        const char *colon = strchr(entry->d_name, ':'); /* "1-2:1.0" is an interface of "1-2" */
        if (colon == NULL ||
            !read_line(dirfd(all), entry->d_name, "bInterfaceClass", class, sizeof(class)) ||
            strcmp(class, CLASS_CCID) != 0)
            continue;
        found = true;
        char device[64];
        snprintf(device, sizeof(device), "%.*s", (int)(colon - entry->d_name), entry->d_name);
        if (!read_line(dirfd(all), device, "product", name, size))
            snprintf(name, size, "%s", device);
    }
    if (all != NULL)
        closedir(all);
    return found;
}

void doctor_readers(struct doctor *doctor)
{
    char name[128], text[256];
    if (!doctor->cards.service)
        return;
    if (doctor->cards.readers > 0) {
        doctor_good(doctor, "reader", _("there is a card reader"));
        return;
    }
    if (!find_usb_reader(name, sizeof(name))) {
        doctor_problem(
            doctor, "reader-missing", _("there is no card reader"),
            _("Plug it in. If it is, another cable or socket may help; lsusb lists what\n"
              "the computer sees."));
        return;
    }
    snprintf(text, sizeof(text), _("the card reader %s has no driver"), name);
    doctor_problem(doctor, "reader-driver", text,
                   _("apt-get install libccid, then systemctl restart pcscd. A reader that\n"
                     "needs its maker's own driver has it on the maker's pages."));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Does the service show every card reader that is plugged in? The kernel says what is.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "reader/reader.h"

#define USB "/sys/bus/usb/devices"
#define CLASS_CCID "0b" /* smart card readers (USB.org, defined class codes) */
#define CCID_DRIVER "/usr/lib/pcsc/drivers/ifd-ccid.bundle"

/* Readers for My Number Cards, and older ones of their family, that speak a language of their
 * maker's; no driver for pcscd knows it. */
static const struct model {
    const char *id; /* vendor and product */
    const char *name;
} not_ccid[] = {
    {"054c:01bb", "Sony RC-S320"},
    {"054c:02e1", "Sony RC-S330"},
    {"054c:06c1", "Sony RC-S380/S"},
    {"054c:06c3", "Sony RC-S380/P"},
};

/* Drivers of the kernel's NFC subsystem, which pcscd has no part in. */
static const char *const nfc_drivers[] = {"pn533_usb", "pn533", "port100"};

struct device {
    enum { DEVICE_OTHER, DEVICE_READER, DEVICE_TAKEN, DEVICE_NOT_CCID } kind;
    char name[128];
    char driver[32]; /* the kernel's, or "" */
};

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

static const char *model_of(int folder, const char *device)
{
    char vendor[8], product[8], id[16];
    if (!read_line(folder, device, "idVendor", vendor, sizeof(vendor)) ||
        !read_line(folder, device, "idProduct", product, sizeof(product)))
        return NULL;
    snprintf(id, sizeof(id), "%s:%s", vendor, product);
    for (size_t i = 0; i < sizeof(not_ccid) / sizeof(not_ccid[0]); i++)
        if (strcmp(id, not_ccid[i].id) == 0)
            return not_ccid[i].name;
    return NULL;
}

/* The driver of the kernel that an interface is bound to. "usbfs" is none: that is how programs
 * such as pcscd hold one. */
static void driver_of(int folder, const char *interface, char *driver, size_t size)
{
    char path[512], target[256];
    snprintf(path, sizeof(path), "%s/driver", interface);
    ssize_t n = readlinkat(folder, path, target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = '\0';
    const char *slash = strrchr(target, '/');
    snprintf(driver, size, "%.*s", (int)size - 1, slash != NULL ? slash + 1 : target);
    if (strcmp(driver, "usbfs") == 0)
        driver[0] = '\0';
}

static bool is_nfc(const char *driver)
{
    for (size_t i = 0; i < sizeof(nfc_drivers) / sizeof(nfc_drivers[0]); i++)
        if (strcmp(driver, nfc_drivers[i]) == 0)
            return true;
    return false;
}

/* What the interface INTERFACE ("1-2:1.0") of the device "1-2" tells of it. */
static void look_at_interface(int folder, const char *interface, struct device *found)
{
    char device[64], class[8];
    memset(found, 0, sizeof(*found));
    snprintf(device, sizeof(device), "%.*s", (int)strcspn(interface, ":"), interface);
    const char *model = model_of(folder, device);
    bool ccid = read_line(folder, interface, "bInterfaceClass", class, sizeof(class)) &&
                strcmp(class, CLASS_CCID) == 0;
    driver_of(folder, interface, found->driver, sizeof(found->driver));
    if (model != NULL)
        found->kind = DEVICE_NOT_CCID;
    else if (is_nfc(found->driver) || (ccid && found->driver[0] != '\0'))
        found->kind = DEVICE_TAKEN;
    else if (ccid)
        found->kind = DEVICE_READER;
    if (model != NULL)
        snprintf(found->name, sizeof(found->name), "%s", model);
    else if (!read_line(folder, device, "product", found->name, sizeof(found->name)))
        snprintf(found->name, sizeof(found->name), "%s", device);
}

static int is_interface(const struct dirent *entry)
{
    return strchr(entry->d_name, ':') != NULL;
}

static bool same_device(const char *interface, const char *other)
{
    size_t len = strcspn(interface, ":") + 1;
    return strncmp(interface, other, len) == 0;
}

/* ---- what is said ---- */

static void taken(struct doctor *doctor, const struct device *device)
{
    char text[256], help[512];
    snprintf(text, sizeof(text), _("the kernel keeps the card reader %s for itself (%s)"),
             device->name, device->driver);
    snprintf(help, sizeof(help),
             _("pcscd cannot have it as well. An administrator sets it free by\n"
               "  echo blacklist %s >/etc/modprobe.d/jpki-reader.conf\n"
               "  modprobe -r %s\n"
               "  systemctl restart pcscd.service"),
             device->driver, device->driver);
    doctor_problem(doctor, "reader-taken", text, help);
}

static void not_ccid_reader(struct doctor *doctor, const struct device *device)
{
    char text[256];
    snprintf(text, sizeof(text), _("pcscd has no driver for the card reader %s"), device->name);
    doctor_problem(doctor, "reader-unsupported", text,
                   _("Use another one: nearly all speak CCID, the common language of card\n"
                     "readers, but not this one. Sony's RC-S300 does."));
}

static void no_driver(struct doctor *doctor, const char *text)
{
    if (access(CCID_DRIVER, F_OK) != 0)
        doctor_problem(doctor, "reader-driver", text,
                       _("apt-get install libccid, then systemctl restart pcscd. A reader that\n"
                         "needs its maker's own driver has it on the maker's pages."));
    else
        doctor_problem(doctor, "reader-unknown", text,
                       _("Plug it in anew. If that does not help, it is unknown to libccid, the\n"
                         "driver of pcscd: look for a newer libccid, or for a driver on its\n"
                         "maker's pages, then systemctl restart pcscd."));
}

/* Whether the service shows a reader whose name has NAME in it. */
static bool is_shown(char *const *names, const char *name)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (strstr(names[i], name) != NULL)
            return true;
    return false;
}

/* What the service could show, and may not. */
struct unseen {
    size_t readers;      /* on USB */
    size_t nameless;     /* those whose name is not among the shown ones */
    char names[16][128]; /* of these; pcscd itself has no room for more readers */
};

/* A driver may give a reader another name than it has on USB. So a reader is said to have no driver
 * only when there are more on USB than are shown, and all of them together where it is not known
 * which. */
static void say_unseen(struct doctor *doctor, const struct unseen *unseen, size_t shown)
{
    char text[512], all[256] = "";
    size_t missing = unseen->readers > shown ? unseen->readers - shown : 0;
    for (size_t i = 0; missing > 0 && i < unseen->nameless; i++) {
        size_t len = strlen(all);
        snprintf(all + len, sizeof(all) - len, "%s%s", len > 0 ? ", " : "", unseen->names[i]);
        if (unseen->nameless <= missing) {
            snprintf(text, sizeof(text), _("the card reader %s has no driver"), unseen->names[i]);
            no_driver(doctor, text);
        }
    }
    if (missing == 0 || unseen->nameless <= missing)
        return;
    snprintf(text, sizeof(text), _("pcscd does not show all of these card readers: %s"), all);
    no_driver(doctor, text);
}

static void look_at_device(struct doctor *doctor, const struct device *device, char *const *names,
                           struct unseen *unseen)
{
    if (device->kind == DEVICE_TAKEN)
        taken(doctor, device);
    if (device->kind == DEVICE_NOT_CCID)
        not_ccid_reader(doctor, device);
    if (device->kind != DEVICE_READER)
        return;
    unseen->readers++;
    if (!is_shown(names, device->name) &&
        unseen->nameless < sizeof(unseen->names) / sizeof(unseen->names[0]))
        snprintf(unseen->names[unseen->nameless++], sizeof(unseen->names[0]), "%s", device->name);
}

/* Says what is wrong with each reader on USB; NAMES are those that the service shows. */
static void look_at_usb(struct doctor *doctor, char *const *names)
{
    struct unseen unseen = {0};
    struct dirent **all = NULL;
    int count = scandir(USB, &all, is_interface, alphasort);
    int folder = open(USB, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *last = "";
    size_t shown = 0;
    while (names[shown] != NULL)
        shown++;
    for (int i = 0; folder >= 0 && i < count; i++) {
        struct device device;
        look_at_interface(folder, all[i]->d_name, &device);
        if (device.kind == DEVICE_OTHER || same_device(all[i]->d_name, last))
            continue;
        last = all[i]->d_name;
        look_at_device(doctor, &device, names, &unseen);
    }
    say_unseen(doctor, &unseen, shown);
    for (int i = 0; i < count; i++)
        free(all[i]);
    free(all);
    if (folder >= 0)
        close(folder);
}

static void none(struct doctor *doctor, char *const *names)
{
    char text[256];
    if (names[0] == NULL) {
        doctor_problem(
            doctor, "reader-missing", _("there is no card reader"),
            _("Plug it in. If it is, another cable or socket may help; lsusb lists what\n"
              "the computer sees."));
        return;
    }
    snprintf(text, sizeof(text), _("the settings leave the reader %s alone"), names[0]);
    doctor_problem(doctor, "reader-ignored", text,
                   _("If that was not meant, correct \"reader.ignore\": jpki config names its\n"
                     "file and line."));
}

void doctor_readers(struct doctor *doctor)
{
    char **names = NULL;
    if (!doctor->cards.service)
        return;
    struct reader_view *view = reader_view_new();
    if (view == NULL || reader_list(view, &names) != ERR_OK) {
        reader_view_free(view);
        doctor_service_lost(doctor);
        return;
    }
    unsigned before = doctor->problems;
    look_at_usb(doctor, names);
    if (doctor->cards.readers > 0)
        doctor_good(doctor, "reader", _("there is a card reader"));
    else if (doctor->problems == before)
        none(doctor, names);
    free(names);
    reader_view_free(view);
}

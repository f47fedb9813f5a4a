/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"

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

const char *service_socket(void)
{
    const char *path = secure_getenv("PCSCLITE_CSOCK_NAME");
    return path != NULL ? path : SOCKET;
}

enum service_fault service_absent(void)
{
    return access("/usr/sbin/pcscd", F_OK) != 0 ? SERVICE_MISSING : SERVICE_STOPPED;
}

enum service_fault service_fault(void)
{
    switch (try_socket(service_socket())) {
    case 0:
        return SERVICE_FORBIDDEN;
    case EACCES:
    case EPERM:
        return SERVICE_HIDDEN;
    case ECONNREFUSED:
        return SERVICE_DEAD;
    default:
        return service_absent();
    }
}

const char *service_fault_text(enum service_fault fault)
{
    static const char *const texts[] = {
        [SERVICE_FORBIDDEN] = N_("the smart card service (pcscd) turns you away"),
        [SERVICE_HIDDEN] = N_("the smart card service (pcscd) cannot be reached from here"),
        [SERVICE_DEAD] = N_("nobody answers at the socket of the smart card service (pcscd)"),
        [SERVICE_MISSING] = N_("the smart card service (pcscd) is not installed"),
        [SERVICE_STOPPED] = N_("the smart card service (pcscd) does not run"),
    };
    return _(texts[fault]);
}

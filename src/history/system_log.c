/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * syslog(3) is not used: its name, options and connection are one for the whole process, and so the
 * host's. The socket and its words are simple (RFC 3164, section 4.1, without the host's name, as
 * local programs send it); journald and rsyslog both listen for datagrams.
 */
#include "history/system_log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "history/deadline.h"
#include "history/json.h"
#include "support/descriptor.h"
#include "support/log.h"

#define PRIORITY (10 * 8 + 5) /* facility authpriv, severity notice */
#define HEAD_MAX 96

static enum err refuse(const char *path)
{
    log_write(LOG_WARNING, "the usage history cannot be sent to the system log at %s: %s", path,
              strerror(errno));
    return ERR_NOT_RECORDED;
}

/* A connected socket, or -1 with errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd =
        descriptor_above_standard(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

enum err system_log_ready(const char *path)
{
    int fd = connect_to(path);
    if (fd < 0)
        return refuse(path);
    close(fd);
    return ERR_OK;
}

/* "<85>Nov  4 18:43:00 jpki-pkcs11[123]: ". English months, whatever the host's locale. */
static void write_head(struct writer *w, const struct line_origin *origin)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char head[HEAD_MAX];
    struct tm tm = {0};

    localtime_r(&origin->time.tv_sec, &tm);
    snprintf(head, sizeof(head), "<%d>%s %2d %02d:%02d:%02d jpki-pkcs11[%ld]: ", PRIORITY,
             months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, origin->pid);
    json_raw(w, head);
}

/* A datagram goes whole or not at all. A log that is busy for a moment has no room: then we wait.
 */
static bool send_whole(int fd, struct bytes all)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    int64_t deadline = deadline_begin();

    while (send(fd, all.data, all.len, MSG_NOSIGNAL) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            return false;
        int left = deadline_left(deadline);
        if (left == 0)
            return false;
        if (errno == EAGAIN)
            poll(&room, 1, left);
    }
    return true;
}

enum err system_log_add(const char *path, const struct line_origin *origin,
                        const struct history_event *event)
{
    char buffer[HEAD_MAX + LINE_MAX_BYTES];
    struct writer w;
    int fd = connect_to(path);

    if (fd < 0)
        return refuse(path);
    writer_init(&w, buffer, sizeof(buffer));
    write_head(&w, origin);
    line_begin(&w, origin, event);
    line_end(&w);
    enum err e = send_whole(fd, writer_result(&w)) ? ERR_OK : refuse(path);
    close(fd);
    return e;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reader/clients.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/descriptor.h"

#define NAME "/pcscd/pcscd.comm" /* below /run or /var/run */

/* Bytes. A thousand sockets make 80,000 of them. */
#define LIST_MAX 262144
#define ROOM 4096 /* of many lines; no name has more than 108 bytes (unix(7)) */

#define LISTENS 0x10000U /* __SO_ACCEPTCON in <linux/net.h>, which is not for programs */

struct tally {
    unsigned services, connections;
};

/* One line, without its end: "Num: RefCount Protocol Flags Type St Inode Path". An abstract name,
 * which is nobody's file, begins with '@'. */
static void look_at(const char *line, size_t len, struct tally *tally)
{
    unsigned flags, type;
    int at = 0;
    if (len < strlen(NAME) || memcmp(line + len - strlen(NAME), NAME, strlen(NAME)) != 0)
        return;
    if (sscanf(line, "%*[^:]: %*8x %*8x %8x %4x %*2x %*u %n", &flags, &type, &at) != 2 || at == 0 ||
        line[at] != '/' || type != SOCK_STREAM)
        return;
    if ((flags & LISTENS) != 0)
        tally->services++;
    else
        tally->connections++; /* also one that the service has not taken up yet */
}

/* Looks at each whole line of TEXT, which it changes. How many bytes are left behind the last
 * line's end. */
static size_t look_at_all(char *text, size_t len, struct tally *tally)
{
    char *end;
    while ((end = memchr(text, '\n', len)) != NULL) {
        *end = '\0';
        look_at(text, (size_t)(end - text), tally);
        len -= (size_t)(end + 1 - text);
        text = end + 1;
    }
    return len;
}

static ssize_t read_some(int fd, char *out, size_t room)
{
    ssize_t n;
    do
        n = read(fd, out, room);
    while (n < 0 && errno == EINTR);
    return n;
}

/* False when the list is longer than LIST_MAX, a line longer than ROOM, or reading fails. */
static bool look_through(int fd, struct tally *tally)
{
    char text[ROOM];
    size_t rest = 0, all = 0;
    ssize_t n;
    while ((n = read_some(fd, text + rest, sizeof(text) - rest)) > 0) {
        size_t len = rest + (size_t)n;
        all += (size_t)n;
        rest = look_at_all(text, len, tally);
        if (rest == sizeof(text) || all > LIST_MAX)
            return false;
        memmove(text, text + len - rest, rest);
    }
    return n == 0 && rest == 0;
}

bool clients_only_ours(const char *list, unsigned own)
{
    struct tally tally = {0};
    int fd = descriptor_above_standard(open(list, O_RDONLY | O_CLOEXEC));
    if (fd < 0)
        return false;
    bool whole = look_through(fd, &tally);
    close(fd);
    return whole && tally.services > 0 && own > 0 && tally.connections == own;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/vpcd.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PREFIX 2
#define MESSAGE_MAX 65535

bool vpcd_init(struct vpcd *vpcd)
{
    *vpcd = (struct vpcd){.fd = -1, .buffer = malloc(PREFIX + MESSAGE_MAX)};
    return vpcd->buffer != NULL;
}

void vpcd_free(struct vpcd *vpcd)
{
    if (vpcd->buffer)
        vpcd_close(vpcd);
    free(vpcd->buffer);
    vpcd->buffer = NULL;
}

void vpcd_close(struct vpcd *vpcd)
{
    if (vpcd->fd >= 0)
        close(vpcd->fd);
    vpcd->fd = -1;
    vpcd->have = 0;
}

/*
 * vpcd sends length and payload apart, and Nagle's algorithm on its side holds the second back
 * until the first is acknowledged: with delayed acknowledgements that is 40 ms a command. The
 * kernel clears the flag again, so it is set after each recv().
 */
static void acknowledge_at_once(int fd)
{
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
}

/* Waits for a connect() that is under way; 0 or its errno. */
static int finish_connect(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int error = ETIMEDOUT;
    socklen_t len = sizeof error;

    if (poll(&wait, 1, 1000) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
        error = errno;
    return error;
}

/* A descriptor, or -1 with ERROR. */
static int try_address(const struct addrinfo *address, int *error)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->ai_protocol);

    *error = 0;
    if (fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen))
        *error = errno;
    if (fd >= 0 && *error == EINPROGRESS)
        *error = finish_connect(fd);
    if (fd >= 0 && *error) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool vpcd_connect(struct vpcd *vpcd, const char *host, const char *port, struct problem *why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int failure = getaddrinfo(host, port, &hints, &list);
    int error = 0;

    vpcd_close(vpcd);
    if (failure)
        return text_problem(why, "%.200s: %s; check --host and --port", host,
                            gai_strerror(failure));
    for (struct addrinfo *at = list; at && vpcd->fd < 0; at = at->ai_next)
        vpcd->fd = try_address(at, &error);
    freeaddrinfo(list);
    if (vpcd->fd < 0)
        return text_problem(why,
                            "no virtual reader at %.200s port %s: %s; is pcscd running with "
                            "vpcd (Debian: vsmartcard-vpcd)?",
                            host, port, strerror(error));
    setsockopt(vpcd->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    acknowledge_at_once(vpcd->fd);
    return true;
}

/* The bytes that the message has, length included; until the length is there, that. */
static size_t needed(const struct vpcd *vpcd)
{
    if (vpcd->have < PREFIX)
        return PREFIX;
    return PREFIX + ((size_t)vpcd->buffer[0] << 8 | vpcd->buffer[1]);
}

enum vpcd_result vpcd_receive(struct vpcd *vpcd, const uint8_t **message, size_t *len)
{
    *message = NULL;
    *len = 0;
    for (;;) {
        size_t want = needed(vpcd);
        ssize_t n = 0;
        if (vpcd->have < want) {
            n = recv(vpcd->fd, vpcd->buffer + vpcd->have, want - vpcd->have, MSG_DONTWAIT);
            if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return VPCD_INCOMPLETE;
            if (n <= 0)
                return VPCD_CLOSED;
            acknowledge_at_once(vpcd->fd);
        }
        vpcd->have += (size_t)n;
        if (vpcd->have < PREFIX || vpcd->have < needed(vpcd))
            continue;
        *message = vpcd->buffer + PREFIX;
        *len = vpcd->have - PREFIX;
        vpcd->have = 0;
        return VPCD_MESSAGE;
    }
}

/* The socket does not block; what does not fit now is waited for. */
static bool wait_writable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};

    return poll(&wait, 1, 5000) == 1 && (wait.revents & POLLOUT);
}

static bool send_all(int fd, const uint8_t *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_writable(fd))))
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

bool vpcd_send(struct vpcd *vpcd, const uint8_t *message, size_t len)
{
    if (len > MESSAGE_MAX)
        return false;
    /* One packet, from a buffer of its own: the command may still be looked at in the other. */
    uint8_t *packet = malloc(PREFIX + len);
    if (!packet)
        return false;
    packet[0] = (uint8_t)(len >> 8);
    packet[1] = (uint8_t)(len & 0xFF);
    if (len)
        memcpy(packet + PREFIX, message, len);
    bool ok = send_all(vpcd->fd, packet, PREFIX + len);
    free(packet);
    return ok;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Who else is connected to pcscd. It does not say, but the kernel lists its sockets (proc(5),
 * /proc/net/unix): each connection has one there that bears the name of the service's own.
 *
 * The list is that of one network namespace, and both ends of a connection are in the client's
 * (Linux, net/unix/af_unix.c: connect(2) makes the server's end, in its own namespace). A program
 * in another one, as in a container or a Flatpak, is therefore not seen.
 */
#ifndef JPKI_READER_CLIENTS_H
#define JPKI_READER_CLIENTS_H

#include <stdbool.h>

#define CLIENTS_LIST "/proc/net/unix"

/*
 * Whether LIST shows pcscd with just OWN connections (link_count()), so that nobody else's is among
 * them. False also when that cannot be told: LIST cannot be read, or is longer than 256 KiB; pcscd
 * is not in it; or there are more of our connections than it shows.
 */
bool clients_only_ours(const char *list, unsigned own);

#endif

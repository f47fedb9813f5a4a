/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of ours in a process of somebody else's.
 */
#ifndef JPKI_SUPPORT_DESCRIPTOR_H
#define JPKI_SUPPORT_DESCRIPTOR_H

#include <stddef.h>
#include <sys/types.h>

/*
 * The host may have closed its standard input, output or error, and open() then gives their numbers
 * to us: what the host prints would go into our file. Returns FD, or a new descriptor above 2 in
 * its place, closed on exec. -1 with errno when there is none, FD is then closed; -1 stays -1.
 */
int descriptor_above_standard(int fd);

/*
 * One write(2) of LEN bytes, with its result and errno; begun anew when a signal came before
 * anything was written. Neither SIGPIPE nor SIGXFSZ ends the host or runs its handlers for it.
 */
ssize_t descriptor_write(int fd, const void *data, size_t len);

#endif

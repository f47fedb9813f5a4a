/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to the usage history: the lines in the file, each of which holds the hash of the one
 * before.
 */
#ifndef JPKI_HISTORY_CHAIN_H
#define JPKI_HISTORY_CHAIN_H

#include "history/histfile.h"
#include "history/line.h"

/* Adds a line to FILE, which is locked. ERR_NOT_RECORDED, with a line in the log, when it could not
 * be written whole. What was written of it is taken back; if even that fails, the next writer mends
 * it. */
enum err chain_add(const struct histfile *file, const struct line_origin *origin,
                   const struct history_event *event);

#endif

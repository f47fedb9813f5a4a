/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to the usage history: the same lines for the system log, which keeps them where the
 * holder's programs cannot change them.
 */
#ifndef JPKI_HISTORY_SYSTEM_LOG_H
#define JPKI_HISTORY_SYSTEM_LOG_H

#include "history/line.h"
#include "support/err.h"

#define SYSTEM_LOG_SOCKET "/dev/log"

/* PATH is that of the system log's socket; another than SYSTEM_LOG_SOCKET is for tests.
 * ERR_NOT_RECORDED, with a line in the log, when nobody listens there. */
enum err system_log_ready(const char *path);

/* Sends one line, waiting at most two seconds for room. ERR_NOT_RECORDED as above. */
enum err system_log_add(const char *path, const struct line_origin *origin,
                        const struct history_event *event);

#endif

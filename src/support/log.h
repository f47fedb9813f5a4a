/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The log. Silent unless the settings or JPKI_PKCS11_DEBUG ask for it; never to standard output.
 * No PIN, no personal data, no certificate content is ever passed in here, at any level.
 *
 * <syslog.h> has macros of the same names with other values: a file can include only one of them.
 */
#ifndef JPKI_SUPPORT_LOG_H
#define JPKI_SUPPORT_LOG_H

#include <stdbool.h>

#ifdef LOG_DEBUG
#error "support/log.h and <syslog.h> cannot be used in the same file"
#endif

enum log_level { LOG_OFF, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/*
 * Sets level and target for the whole process. FILE is appended to, made with mode 0600, and not
 * followed when it is a symbolic link; NULL or a file that cannot be opened: standard error.
 */
void log_open(enum log_level level, const char *file);
void log_close(void);

/* Whether a line of this level would be written: for callers that must prepare one. */
bool log_on(enum log_level level);

/* Writes one line "jpki-pkcs11[pid] level: …" with a single write(2). errno is kept. */
__attribute__((format(printf, 2, 3))) void log_write(enum log_level level, const char *format, ...);

#endif

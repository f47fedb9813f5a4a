/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "vcard/apdu.h"

FILE *trace_open(const char *file, struct problem *why)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    FILE *log = fd < 0 ? NULL : fdopen(fd, "a");

    if (!log) {
        text_problem(why, "cannot write the log %.300s: %s", file, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    return log;
}

/* The index of the first byte that may belong to a PIN: VERIFY, CHANGE REFERENCE DATA and RESET
 * RETRY COUNTER, whatever the class. Of a malformed command everything after the header. */
static size_t secret_from(const uint8_t *command, size_t len)
{
    struct apdu apdu;

    if (len < 2 || (command[1] != 0x20 && command[1] != 0x24 && command[1] != 0x2C))
        return len;
    if (!apdu_parse(command, len, &apdu))
        return 4;
    return apdu.lc ? (size_t)(apdu.data - command) : len;
}

static void print(FILE *log, const uint8_t *bytes, size_t len, size_t secret)
{
    for (size_t i = 0; i < len; i++) {
        if (i < secret)
            fprintf(log, "%02X", bytes[i]);
        else
            fputs("**", log);
    }
}

void trace_command(FILE *log, const uint8_t *command, size_t len, const uint8_t *response,
                   size_t response_len)
{
    if (!log)
        return;
    fputs("> ", log);
    print(log, command, len, secret_from(command, len));
    fputs(response_len ? " -> " : " ->", log);
    print(log, response, response_len, response_len);
    fputc('\n', log);
    fflush(log);
}

void trace_times(FILE *log, int64_t begin, int64_t end)
{
    if (!log)
        return;
    fprintf(log, "@ %" PRId64 " %" PRId64 "\n", begin, end);
    fflush(log);
}

void trace_event(FILE *log, const char *text)
{
    if (!log)
        return;
    fprintf(log, "= %s\n", text);
    fflush(log);
}

void trace_fault(FILE *log, const char *text)
{
    if (!log)
        return;
    fprintf(log, "! %s\n", text);
    fflush(log);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * usage: history_writer ready|add file|syslog [COUNT]
 *
 * For tests/interop/history.sh: what the module does for COUNT events, one after the other. Prints
 * how many were recorded; ends with 0 when all were. The log is on standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history/history.h"
#include "support/log.h"

static const struct history_event event = {.token = "auth",
                                           .serial = "0123456789ABCDEF",
                                           .operation = "sign",
                                           .mechanism = "SHA256-RSA-PKCS",
                                           .result = "CKR_OK",
                                           .tries = 3};

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: history_writer ready|add file|syslog [COUNT]\n");
        return 2;
    }
    enum config_history target =
        strcmp(argv[2], "syslog") == 0 ? CONFIG_HISTORY_SYSLOG : CONFIG_HISTORY_FILE;
    long count = argc > 3 ? atol(argv[3]) : 1, recorded = 0;
    log_open(LOG_DEBUG, NULL);
    if (strcmp(argv[1], "ready") == 0)
        return history_ready(target) == ERR_OK ? 0 : 1;
    for (long i = 0; i < count; i++)
        recorded += history_add(target, &event) == ERR_OK ? 1 : 0;
    printf("%ld\n", recorded);
    return recorded == count ? 0 : 1;
}

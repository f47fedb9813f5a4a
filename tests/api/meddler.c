/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Another program that has the card too, and gets in the way:
 *
 *   meddler hold READER WAY         begins a transaction, and then ends it in that way
 *
 *   meddler reconnect READER WAY    connects, and then calls SCardReconnect()
 *
 *   meddler disconnect READER WAY   connects, and then calls SCardDisconnect()
 *
 * WAY is leave, reset, unpower or eject. "Then" is after a line on standard input, or its end. It
 * says "ready" before it waits for that, and at last what pcscd has answered. Exit code 0; 1 when
 * no card could be reached; 2 for wrong arguments.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <winscard.h>

#define PROTOCOLS (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)
#define PATIENCE 2000 /* times that a card that another program has is asked, 5 ms between */

static SCARDCONTEXT context;
static SCARDHANDLE card;
static DWORD protocol;

static int trouble(const char *call, LONG rv)
{
    fprintf(stderr, "meddler: %s: %s\n", call, pcsc_stringify_error(rv));
    return EXIT_FAILURE;
}

static LONG connect_to(unsigned long number)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    char names[16 * MAX_READERNAME];
    DWORD len = sizeof(names);
    LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
    if (rv == SCARD_S_SUCCESS)
        rv = SCardListReaders(context, NULL, names, &len);
    if (rv != SCARD_S_SUCCESS)
        return rv;
    const char *name = names;
    for (; number > 0 && *name != '\0'; number--)
        name += strlen(name) + 1;
    rv = SCARD_E_SHARING_VIOLATION;
    for (int i = 0; i < PATIENCE && rv == SCARD_E_SHARING_VIOLATION; i++) {
        if (i > 0)
            nanosleep(&pause, NULL);
        rv = SCardConnect(context, name, SCARD_SHARE_SHARED, PROTOCOLS, &card, &protocol);
    }
    return rv;
}

static void wait_for_line(void)
{
    char line[8];
    puts("ready");
    fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL)
        return;
}

static bool way_of(const char *name, DWORD *way)
{
    static const char *const names[] = {"leave", "reset", "unpower", "eject"};
    static const DWORD ways[] = {SCARD_LEAVE_CARD, SCARD_RESET_CARD, SCARD_UNPOWER_CARD,
                                 SCARD_EJECT_CARD};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (strcmp(name, names[i]) == 0) {
            *way = ways[i];
            return true;
        }
    return false;
}

int main(int argc, char **argv)
{
    DWORD way;
    bool holds = argc == 4 && strcmp(argv[1], "hold") == 0;
    bool reconnects = argc == 4 && strcmp(argv[1], "reconnect") == 0;
    bool disconnects = argc == 4 && strcmp(argv[1], "disconnect") == 0;
    if (!(holds || reconnects || disconnects) || !way_of(argv[3], &way)) {
        fputs("usage: meddler hold|reconnect|disconnect READER leave|reset|unpower|eject\n",
              stderr);
        return 2;
    }
    LONG rv = connect_to(strtoul(argv[2], NULL, 10));
    if (rv != SCARD_S_SUCCESS)
        return trouble("SCardConnect", rv);
    if (holds && (rv = SCardBeginTransaction(card)) != SCARD_S_SUCCESS)
        return trouble("SCardBeginTransaction", rv);
    wait_for_line();
    rv = holds        ? SCardEndTransaction(card, way)
         : reconnects ? SCardReconnect(card, SCARD_SHARE_SHARED, PROTOCOLS, way, &protocol)
                      : SCardDisconnect(card, way);
    puts(pcsc_stringify_error(rv));
    return EXIT_SUCCESS;
}

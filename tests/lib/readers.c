/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For the scripts: which readers pcscd has, and a wait until a card has come or gone. Never
 * connects to a card, so nothing that a test counts or powers is changed by it.
 *
 *   readers list                           one line a reader: number, "present" or "empty", name
 *   readers wait NUMBER STATE SECONDS      exit code 1 when it has not come true by then
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <winscard.h>

#define MAX_READERS 16

static SCARD_READERSTATE states[MAX_READERS];
static char names[MAX_READERS * MAX_READERNAME];

static const char *state_word(const SCARD_READERSTATE *state)
{
    return (state->dwEventState & SCARD_STATE_PRESENT) != 0 ? "present" : "empty";
}

/* The number of readers, or -1 without a service. */
static int look(SCARDCONTEXT context)
{
    DWORD length = sizeof names;
    LONG result = SCardListReaders(context, NULL, names, &length);
    if (result == SCARD_E_NO_READERS_AVAILABLE)
        return 0;
    if (result != SCARD_S_SUCCESS)
        return -1;
    int count = 0;
    for (const char *name = names; *name != '\0' && count < MAX_READERS; name += strlen(name) + 1)
        states[count++] = (SCARD_READERSTATE){.szReader = name};
    if (SCardGetStatusChange(context, 0, states, (DWORD)count) != SCARD_S_SUCCESS)
        return -1;
    return count;
}

static int list(void)
{
    SCARDCONTEXT context;
    int count = -1;
    if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) == SCARD_S_SUCCESS) {
        count = look(context);
        for (int i = 0; i < count; i++)
            printf("%d %s %s\n", i, state_word(&states[i]), states[i].szReader);
        SCardReleaseContext(context);
    }
    if (count < 0)
        fputs("readers: no pcscd answers\n", stderr);
    return count < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One look; true when reader NUMBER is in the state asked for. */
static bool seen(long number, const char *word)
{
    SCARDCONTEXT context;
    if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS)
        return false;
    int count = look(context);
    SCardReleaseContext(context);
    return number < count && strcmp(state_word(&states[number]), word) == 0;
}

static int wait_for(long number, const char *word, long seconds)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    time_t end = time(NULL) + seconds;
    while (!seen(number, word)) {
        if (time(NULL) > end)
            return EXIT_FAILURE;
        nanosleep(&pause, NULL);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list();
    if (argc == 5 && strcmp(argv[1], "wait") == 0)
        return wait_for(strtol(argv[2], NULL, 10), argv[3], strtol(argv[4], NULL, 10));
    fputs("usage: readers list | readers wait NUMBER present|empty SECONDS\n", stderr);
    return 2;
}

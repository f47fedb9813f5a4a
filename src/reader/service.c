/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where pcscd is, and which run of it: what can be told without asking it.
 */
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "reader/pcsc.h"
#include "reader/reader.h"

/* pcscd writes its process id into this file, beside its socket, at each start. */
#define FOLDER "/run/pcscd"
#define FILE_NAME "pcscd.pid"

static pthread_once_t looked = PTHREAD_ONCE_INIT;
static bool renamed;
static char folder[PATH_MAX];

static void look(void)
{
    const char *named = secure_getenv("PCSCLITE_CSOCK_NAME");
    renamed = named != NULL;
    if (!renamed) {
        snprintf(folder, sizeof(folder), "%s", FOLDER);
        return;
    }
    char *socket = strdup(named);
    int n = socket != NULL ? snprintf(folder, sizeof(folder), "%s", dirname(socket)) : -1;
    free(socket);
    if (n < 0 || (size_t)n >= sizeof(folder))
        folder[0] = '\0'; /* another service's folder would tell of another run */
}

bool service_renamed(void)
{
    pthread_once(&looked, look);
    return renamed;
}

bool reader_service_run(char run[READER_RUN_SIZE])
{
    char path[PATH_MAX + sizeof(FILE_NAME) + 1];
    struct stat st;
    run[0] = '\0';
    pthread_once(&looked, look);
    snprintf(path, sizeof(path), "%s/%s", folder, FILE_NAME);
    if (folder[0] == '\0' || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    snprintf(run, READER_RUN_SIZE, "%llx-%llx-%lld.%09ld", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    return true;
}

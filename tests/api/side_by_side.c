/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * side_by_side SECONDS auth|sign MODULE...: several modules in one process, each used by a thread
 * of its own, with the same card: life after life of login, signatures, logout. Every call has to
 * work. Prints how many signatures each has made.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "latency.h"
#include "loaded.h"
#include "random.h"

#define MODULES 4
#define SIGNATURES 8 /* of a life */
#define PAUSE_US 20000

static enum loaded_role role;
static uint64_t end; /* latency_now() */

struct user {
    pthread_t thread;
    const char *path;
    CK_FUNCTION_LIST *p11;
    unsigned long signatures;
    unsigned seed;
};

static void live(struct user *user)
{
    uint8_t data[CHECK_DIGEST_INFO_MAX], signature[LOADED_SIGNATURE];
    CK_SESSION_HANDLE session = loaded_login(user->p11, role);
    CK_OBJECT_HANDLE key = loaded_key(user->p11, session, role);
    for (int i = 0; i < SIGNATURES; i++) {
        size_t len =
            check_digest_info(CKM_SHA256, &user->signatures, sizeof(user->signatures), data);
        bool consent = role == LOADED_SIGN && i > 0; /* the login is the first one's */
        loaded_must(user->path,
                    loaded_sign(user->p11, session, key, role, consent, data, len, signature));
        if (!loaded_verify(role, data, len, signature))
            loaded_die("VCARD_DIR is not set");
        user->signatures++;
        /* pcsc-lite looks every tenth of a second only whether a transaction is over: without
         * pauses whoever has the card keeps it. */
        random_pause(&user->seed, PAUSE_US);
    }
    loaded_must("C_Logout", user->p11->C_Logout(session));
    loaded_must("C_CloseSession", user->p11->C_CloseSession(session));
}

static void *work(void *argument)
{
    struct user *user = argument;
    do
        live(user);
    while (latency_now() < end);
    return NULL;
}

int main(int argc, char **argv)
{
    struct user users[MODULES] = {{0}};
    int count = argc - 3;
    if (count < 1 || count > MODULES) {
        fputs("usage: side_by_side SECONDS auth|sign MODULE...\n", stderr);
        return 2;
    }
    role = strcmp(argv[2], "auth") == 0 ? LOADED_AUTH : LOADED_SIGN;
    end = latency_now() + strtoul(argv[1], NULL, 10) * 1000000;
    for (int i = 0; i < count; i++) {
        users[i].path = argv[3 + i];
        users[i].seed = (unsigned)getpid() * MODULES + (unsigned)i;
        users[i].p11 = loaded_open(argv[3 + i]);
        for (int k = 0; k < i; k++)
            if (users[k].p11 == users[i].p11)
                loaded_die("two of the files are one module to the dynamic loader");
    }
    for (int i = 0; i < count; i++)
        if (pthread_create(&users[i].thread, NULL, work, &users[i]) != 0)
            loaded_die("no thread");
    for (int i = 0; i < count; i++) {
        pthread_join(users[i].thread, NULL);
        loaded_must("C_Finalize", users[i].p11->C_Finalize(NULL));
        printf("%lu signatures\n", users[i].signatures);
    }
    return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * parallel MODULE THREADS COUNT: signatures by the authentication keys of all cards, in so many
 * threads, each with a session of its own and COUNT signatures; the threads take the cards in turn.
 * Works with any module. The PIN comes from PIN_AUTH.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "loaded.h"

#define THREADS 64

static CK_FUNCTION_LIST *p11;
static unsigned long count;

/* The tokens that take the PIN, by its length. */
static CK_ULONG find_tokens(CK_SLOT_ID found[LOADED_SLOTS])
{
    CK_SLOT_ID slots[LOADED_SLOTS];
    CK_ULONG all = loaded_slots(p11, slots), wanted = 0;
    size_t len = strlen(loaded_pin(LOADED_AUTH));
    for (CK_ULONG i = 0; i < all; i++) {
        CK_TOKEN_INFO info;
        loaded_must("C_GetTokenInfo", p11->C_GetTokenInfo(slots[i], &info));
        if (len >= info.ulMinPinLen && len <= info.ulMaxPinLen)
            found[wanted++] = slots[i];
    }
    return wanted;
}

static CK_SESSION_HANDLE open_session(CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE session;
    loaded_must("C_OpenSession",
                p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session));
    return session;
}

static void *sign_in(void *argument)
{
    static const char text[] = "A message, to be signed.\n";
    uint8_t data[CHECK_DIGEST_INFO_MAX], signature[LOADED_SIGNATURE];
    size_t len = check_digest_info(CKM_SHA256, text, strlen(text), data);
    CK_SESSION_HANDLE session = open_session(*(const CK_SLOT_ID *)argument);
    CK_OBJECT_HANDLE key = loaded_key(p11, session, LOADED_AUTH);
    for (unsigned long i = 0; i < count; i++)
        loaded_must("C_Sign",
                    loaded_sign(p11, session, key, LOADED_AUTH, false, data, len, signature));
    return NULL;
}

int main(int argc, char **argv)
{
    CK_SLOT_ID tokens[LOADED_SLOTS];
    pthread_t threads[THREADS];
    unsigned long wanted = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    if (wanted == 0 || wanted > THREADS)
        loaded_die("usage: parallel MODULE THREADS COUNT (at most %d threads)", THREADS);
    count = strtoul(argv[3], NULL, 10);
    p11 = loaded_open(argv[1]);
    CK_ULONG cards = find_tokens(tokens);
    if (cards == 0)
        loaded_die("no token");
    for (CK_ULONG i = 0; i < cards; i++)
        loaded_must("C_Login", loaded_present(p11, open_session(tokens[i]), CKU_USER, LOADED_AUTH));
    for (unsigned long i = 0; i < wanted; i++)
        if (pthread_create(&threads[i], NULL, sign_in, &tokens[i % cards]) != 0)
            loaded_die("no thread");
    for (unsigned long i = 0; i < wanted; i++)
        pthread_join(threads[i], NULL);
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    printf("%lu cards, %lu signatures\n", cards, wanted * count);
    return EXIT_SUCCESS;
}

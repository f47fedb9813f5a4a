/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * load MODULE COUNT: so many signatures by the module as it is loaded, in many sessions in turn.
 * Each is checked; memory and descriptors stay as they are.
 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "latency.h"
#include "loaded.h"
#include "process.h"

#define SESSIONS 64
#define WARM_UP (2 * SESSIONS) /* signatures, before which everything has been made once */

static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE sessions[SESSIONS];
static CK_OBJECT_HANDLE key;
static struct latency latency;

static void open_all(void)
{
    CK_SLOT_ID slot = loaded_slot_for(p11, loaded_pin(LOADED_AUTH));
    for (int i = 1; i < SESSIONS; i++)
        loaded_must("C_OpenSession",
                    p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &sessions[i]));
    sessions[0] = loaded_login(p11, LOADED_AUTH);
    key = loaded_key(p11, sessions[0], LOADED_AUTH);
}

static void sign_one(unsigned long number)
{
    uint8_t data[CHECK_DIGEST_INFO_MAX], signature[LOADED_SIGNATURE];
    size_t len = check_digest_info(CKM_SHA256, &number, sizeof(number), data);
    uint64_t start = latency_now();
    loaded_must("C_Sign", loaded_sign(p11, sessions[number % SESSIONS], key, LOADED_AUTH, false,
                                      data, len, signature));
    latency_add(&latency, start);
    if (!loaded_verify(LOADED_AUTH, data, len, signature))
        loaded_die("VCARD_DIR is not set");
}

int main(int argc, char **argv)
{
    struct process before, after;
    if (argc != 3)
        loaded_die("usage: load MODULE COUNT");
    unsigned long count = strtoul(argv[2], NULL, 10);
    p11 = loaded_open(argv[1]);
    open_all();
    for (unsigned long i = 0; i < WARM_UP; i++)
        sign_one(i);
    latency = (struct latency){0};
    bool looked = process_look(&before);
    for (unsigned long i = 0; i < count; i++)
        sign_one(i);
    looked &= process_look(&after);
    process_print("before", &before);
    process_print("after ", &after);
    latency_print(&latency, "C_SignInit and C_Sign");
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    printf("%lu signatures\n", count + WARM_UP);
    /* OpenSSL reads the certificate anew for each signature: malloc keeps some of that in reserve.
     */
    if (!looked || !process_is_flat(&before, &after, 32768, 2, 1 << 20))
        loaded_die("the process has grown");
    return EXIT_SUCCESS;
}

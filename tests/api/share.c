/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * share MODULE auth|sign SECONDS SIGNATURES [lent]: one of several programs that use the same card
 * without a pause. Round by round a session is opened, logged in, used for so many signatures,
 * logged out and closed; sometimes the module begins anew in between. Each signature is checked
 * against the certificate in VCARD_DIR, and anything that is refused ends the program with a line
 * that says what. With "lent" the login may be ended by the other programs, as it is without
 * isolation: then the program is told so, logs in again, and signs what it wanted to.
 *
 * Prints how much was done, and the longest time that a call with the card took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "latency.h"
#include "loaded.h"

#define LIFE 20           /* rounds between C_Initialize and C_Finalize */
#define LOST_IN_A_ROW 100 /* logins, for one signature */
#define SECOND 1000000

static CK_FUNCTION_LIST *p11;
static const char *path;
static enum loaded_role role;
static bool lent;
static uint64_t end;
static unsigned long rounds, signatures, lost;
static struct latency latency;

static CK_RV try_to_sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const uint8_t *data,
                         size_t len, uint8_t signature[LOADED_SIGNATURE])
{
    bool consent = loaded_flag(p11, session, key, CKA_ALWAYS_AUTHENTICATE);
    uint64_t start = latency_now();
    CK_RV rv = loaded_sign(p11, session, key, role, consent, data, len, signature);
    latency_add(&latency, start);
    return rv;
}

/* Each text is another one, so that no signature can be taken for that of an earlier one. */
static CK_SESSION_HANDLE sign_one(CK_SESSION_HANDLE session)
{
    uint8_t data[CHECK_DIGEST_INFO_MAX], signature[LOADED_SIGNATURE];
    size_t len = check_digest_info(CKM_SHA256, &signatures, sizeof(signatures), data);
    CK_RV rv = CKR_USER_NOT_LOGGED_IN;
    for (int i = 0; rv == CKR_USER_NOT_LOGGED_IN && i < LOST_IN_A_ROW; i++) {
        CK_OBJECT_HANDLE key = loaded_key(p11, session, role);
        rv = try_to_sign(session, key, data, len, signature);
        if (rv != CKR_USER_NOT_LOGGED_IN || !lent)
            break;
        lost++;
        loaded_must("C_CloseSession", p11->C_CloseSession(session));
        session = loaded_login(p11, role);
    }
    loaded_must("C_Sign", rv);
    if (!loaded_verify(role, data, len, signature))
        loaded_die("VCARD_DIR is not set");
    signatures++;
    return session;
}

static void one_round(unsigned long wanted)
{
    CK_SESSION_HANDLE session = loaded_login(p11, role);
    for (unsigned long i = 0; i < wanted && (i == 0 || latency_now() < end); i++)
        session = sign_one(session);
    loaded_must("C_Logout", p11->C_Logout(session));
    loaded_must("C_CloseSession", p11->C_CloseSession(session));
    rounds++;
}

static void begin_anew(void)
{
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    p11 = loaded_open(path);
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 6 || (argc == 6 && strcmp(argv[5], "lent") != 0))
        loaded_die("usage: share MODULE auth|sign SECONDS SIGNATURES [lent]");
    path = argv[1];
    role = strcmp(argv[2], "sign") == 0 ? LOADED_SIGN : LOADED_AUTH;
    lent = argc == 6;
    end = latency_now() + strtoull(argv[3], NULL, 10) * SECOND;
    p11 = loaded_open(path);
    do {
        one_round(strtoul(argv[4], NULL, 10));
        if (rounds % LIFE == 0)
            begin_anew();
    } while (latency_now() < end);
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    printf("%s: %lu rounds, %lu signatures verified, %lu logins ended by others, longest %lu ms\n",
           argv[2], rounds, signatures, lost, (unsigned long)(latency.longest / 1000));
    return EXIT_SUCCESS;
}

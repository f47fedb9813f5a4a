/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * three_modules BOTH AUTH SIGN: the three modules in one process, as in a browser that has one
 * registered and finds another through p11-kit. Each shows its own tokens, all sign, two of them
 * in turn with the same card; the state of one is not the state of another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "loaded.h"

#define ROUNDS 4

struct part {
    CK_FUNCTION_LIST *p11;
    enum loaded_role role;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    bool used;
};

static void expect_tokens(CK_FUNCTION_LIST *p11, const char *name, CK_ULONG expected)
{
    CK_SLOT_ID slots[LOADED_SLOTS];
    CK_ULONG count = loaded_slots(p11, slots);
    if (count != expected)
        loaded_die("%s shows %lu tokens, not %lu", name, count, expected);
}

/* Its one token takes a PIN of this role, and not one of the other. */
static void expect_role(CK_FUNCTION_LIST *p11, const char *name, enum loaded_role role)
{
    CK_SLOT_ID slots[LOADED_SLOTS];
    CK_TOKEN_INFO info;
    loaded_slots(p11, slots);
    loaded_must("C_GetTokenInfo", p11->C_GetTokenInfo(slots[0], &info));
    if (info.ulMaxPinLen != (role == LOADED_AUTH ? 4 : 16))
        loaded_die("%s shows the wrong token", name);
}

/* GnuTLS takes modules with equal CK_INFO for one, and drops the second. */
static void expect_other_info(CK_FUNCTION_LIST *one, CK_FUNCTION_LIST *other)
{
    CK_INFO infos[2];
    memset(infos, 0, sizeof(infos));
    loaded_must("C_GetInfo", one->C_GetInfo(&infos[0]));
    loaded_must("C_GetInfo", other->C_GetInfo(&infos[1]));
    if (memcmp(&infos[0], &infos[1], sizeof(infos[0])) == 0)
        loaded_die("two modules say the same of themselves");
}

static struct part begin(CK_FUNCTION_LIST *p11, enum loaded_role role)
{
    struct part part = {.p11 = p11, .role = role, .session = loaded_login(p11, role)};
    part.key = loaded_key(p11, part.session, role);
    return part;
}

/* The login is the consent for the first signature with the signature key. */
static void sign(struct part *part, unsigned number)
{
    char text[32];
    uint8_t data[CHECK_DIGEST_INFO_MAX], signature[LOADED_SIGNATURE];
    snprintf(text, sizeof(text), "message %u", number);
    size_t len = check_digest_info(CKM_SHA256, text, strlen(text), data);
    bool consent = part->used && part->role == LOADED_SIGN;
    loaded_must("C_Sign", loaded_sign(part->p11, part->session, part->key, part->role, consent,
                                      data, len, signature));
    part->used = true;
    if (!loaded_verify(part->role, data, len, signature))
        fputs("VCARD_DIR is not set: the signatures are not checked\n", stderr);
}

static void expect_state(const struct part *part, CK_ULONG state)
{
    CK_SESSION_INFO info;
    loaded_must("C_GetSessionInfo", part->p11->C_GetSessionInfo(part->session, &info));
    if (info.state != state)
        loaded_die("session state %lu, not %lu", info.state, state);
}

/* A logout in one module leaves the others' logins. */
static void log_out_one(struct part *out, struct part *in)
{
    loaded_must("C_Logout", out->p11->C_Logout(out->session));
    expect_state(out, CKS_RO_PUBLIC_SESSION);
    expect_state(in, CKS_RO_USER_FUNCTIONS);
    sign(in, 99);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: three_modules BOTH AUTH SIGN\n", stderr);
        return 2;
    }
    CK_FUNCTION_LIST *both = loaded_open(argv[1]);
    CK_FUNCTION_LIST *auth = loaded_open(argv[2]);
    CK_FUNCTION_LIST *sign_only = loaded_open(argv[3]);
    if (both == auth || both == sign_only || auth == sign_only)
        loaded_die("two of the files are one module to the dynamic loader");
    expect_tokens(both, argv[1], 2);
    expect_tokens(auth, argv[2], 1);
    expect_tokens(sign_only, argv[3], 1);
    expect_role(auth, argv[2], LOADED_AUTH);
    expect_role(sign_only, argv[3], LOADED_SIGN);
    expect_other_info(both, auth);
    expect_other_info(both, sign_only);
    expect_other_info(auth, sign_only);

    struct part parts[] = {begin(both, LOADED_AUTH), begin(auth, LOADED_AUTH),
                           begin(sign_only, LOADED_SIGN), begin(both, LOADED_SIGN)};
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < 4; i++)
            sign(&parts[i], round * 4 + i);
    log_out_one(&parts[0], &parts[1]);
    loaded_must("C_Finalize", both->C_Finalize(NULL));
    expect_state(&parts[1], CKS_RO_USER_FUNCTIONS);
    sign(&parts[1], 100);
    sign(&parts[2], 101);
    loaded_must("C_Finalize", auth->C_Finalize(NULL));
    loaded_must("C_Finalize", sign_only->C_Finalize(NULL));
    puts("all three sign");
    return EXIT_SUCCESS;
}

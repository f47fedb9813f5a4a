/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * openssl_host MODULE: a host that uses OpenSSL for the first time after the module has logged in
 * and signed, and that lets go of the module in an exit handler. It registers that before anything
 * else, and so it runs when OpenSSL has cleaned up behind itself. For interop/openssl_guest.sh.
 *
 * It says whether the module has made OpenSSL read its configuration, and whether the configuration
 * is the host's when the host itself is the first to ask for it: it activates the provider "null".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "loaded.h"

static struct {
    CK_FUNCTION_LIST *p11;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    uint8_t first[LOADED_SIGNATURE]; /* made before OpenSSL was used */
} guest;

static bool sign(uint8_t signature[LOADED_SIGNATURE])
{
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    CK_BYTE data[] = "any bytes"; /* what they mean is for others to check */
    CK_ULONG len = LOADED_SIGNATURE;
    return guest.p11->C_SignInit(guest.session, &mechanism, guest.key) == CKR_OK &&
           guest.p11->C_Sign(guest.session, data, sizeof(data), signature, &len) == CKR_OK;
}

/* No OpenSSL any more in here: PKCS #1 v1.5 makes the same signature of the same bytes. */
static void let_go(void)
{
    uint8_t last[LOADED_SIGNATURE];
    if (OPENSSL_init_crypto(0, NULL) != 0)
        puts("at exit: OpenSSL is still there");
    if (!sign(last) || memcmp(last, guest.first, sizeof(last)) != 0)
        puts("at exit: no signature");
    else
        puts("at exit: signed");
    printf("at exit: C_Finalize 0x%lX\n", guest.p11->C_Finalize(NULL));
    fflush(stdout);
}

static bool configured(void)
{
    return OSSL_PROVIDER_available(NULL, "null") == 1;
}

/* The question itself reads the configuration, unless that is forbidden: then for ever. So the
 * child asks what the module has left behind, and the parent what the host finds. */
static void ask_child(void)
{
    fflush(stdout);
    switch (fork()) {
    case -1:
        loaded_die("no child");
    case 0:
        OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
        puts(configured() ? "after the module: configured" : "after the module: not configured");
        fflush(stdout);
        _exit(EXIT_SUCCESS);
    default:
        if (wait(NULL) < 0)
            loaded_die("the child is lost");
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        loaded_die("usage: openssl_host MODULE");
    if (atexit(let_go) != 0)
        loaded_die("no exit handler");
    guest.p11 = loaded_open(argv[1]);
    guest.session = loaded_login(guest.p11, LOADED_AUTH);
    guest.key = loaded_key(guest.p11, guest.session, LOADED_AUTH);
    if (!sign(guest.first))
        loaded_die("no signature");
    ask_child();
    EVP_MD *hash = EVP_MD_fetch(NULL, "SHA256", NULL);
    puts(configured() ? "the host: configured" : "the host: not configured");
    EVP_MD_free(hash);
    return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A program that reads the signature certificate, wipes its own copy, and looks for others in all
 * of its memory, with the module in it.
 *
 *   certificate_memory MODULE FILE
 *
 * FILE has 1 to 16 bytes of the certificate, masked (memory.h). Prints "MOMENT PLACES".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "loaded.h"
#include "memory.h"

#define VALUE_MAX 8192

static struct memory_secret secret;

static void look(const char *moment)
{
    struct memory_found found;
    if (!memory_search(&secret, &found))
        loaded_die("the memory cannot be searched");
    printf("%s %lu\n", moment, found.places);
}

/* In pages of its own, which are given back. */
static void read_certificate(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session)
{
    CK_BYTE *value =
        mmap(NULL, VALUE_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, VALUE_MAX};
    if (value == MAP_FAILED)
        loaded_die("no memory");
    loaded_must("C_GetAttributeValue",
                p11->C_GetAttributeValue(session,
                                         loaded_object(p11, session, CKO_CERTIFICATE, LOADED_SIGN),
                                         &attribute, 1));
    look("read");
    explicit_bzero(value, VALUE_MAX);
    munmap(value, VALUE_MAX);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: certificate_memory MODULE FILE\n", stderr);
        return 2;
    }
    if (!memory_read(&secret, argv[2]))
        loaded_die("nothing to look for in %s", argv[2]);
    CK_FUNCTION_LIST *p11 = loaded_open(argv[1]);
    look("before");
    CK_SESSION_HANDLE session = loaded_login(p11, LOADED_SIGN);
    read_certificate(p11, session);
    look("logged-in");
    loaded_must("C_Logout", p11->C_Logout(session));
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    look("after-finalize");
    return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One job of a program that uses a PKCS#11 module, for counting what it costs. A fresh process
 * each; works with any module.
 *
 *   job MODULE initialize            C_Initialize and C_Finalize
 *   job MODULE tokens                the slot list, and the information of every slot and token
 *   job MODULE objects               every public object of every token, with all its values
 *   job MODULE sign auth|sign COUNT  login, find the key, COUNT signatures; the second and each
 *                                    further one with consent when the key asks for it
 *
 * PINs come from PIN_AUTH and PIN_SIGN. When VCARD_DIR names a card's folder, each signature is
 * checked against the certificate there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "loaded.h"

#define OBJECTS 64
#define VALUE_MAX 8192

static void show_tokens(CK_FUNCTION_LIST *p11)
{
    CK_SLOT_ID slots[LOADED_SLOTS];
    CK_ULONG count = loaded_slots(p11, slots);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_SLOT_INFO slot;
        CK_TOKEN_INFO token;
        loaded_must("C_GetSlotInfo", p11->C_GetSlotInfo(slots[i], &slot));
        loaded_must("C_GetTokenInfo", p11->C_GetTokenInfo(slots[i], &token));
        printf("%.32s\n", token.label);
    }
    if (count == 0)
        loaded_die("no token");
}

/* What listings and browsers read of an object. What an object does not have is left out. */
static void read_values(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_CLASS,
                                              CKA_TOKEN,
                                              CKA_PRIVATE,
                                              CKA_LABEL,
                                              CKA_ID,
                                              CKA_CERTIFICATE_TYPE,
                                              CKA_SUBJECT,
                                              CKA_ISSUER,
                                              CKA_SERIAL_NUMBER,
                                              CKA_VALUE,
                                              CKA_TRUSTED,
                                              CKA_CERTIFICATE_CATEGORY,
                                              CKA_KEY_TYPE,
                                              CKA_MODULUS,
                                              CKA_MODULUS_BITS,
                                              CKA_PUBLIC_EXPONENT,
                                              CKA_PUBLIC_KEY_INFO,
                                              CKA_START_DATE,
                                              CKA_END_DATE,
                                              CKA_CHECK_VALUE,
                                              CKA_UNIQUE_ID,
                                              CKA_PROFILE_ID};
    CK_BYTE value[VALUE_MAX];
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        CK_ATTRIBUTE attribute = {types[i], NULL, 0};
        if (p11->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK ||
            attribute.ulValueLen > sizeof(value))
            continue;
        attribute.pValue = value;
        loaded_must("C_GetAttributeValue",
                    p11->C_GetAttributeValue(session, object, &attribute, 1));
    }
}

/* The number of certificates among the token's objects. */
static unsigned read_objects(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot)
{
    CK_OBJECT_HANDLE objects[OBJECTS];
    CK_SESSION_HANDLE session;
    CK_ULONG count = 0;
    unsigned certificates = 0;
    loaded_must("C_OpenSession",
                p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session));
    loaded_must("C_FindObjectsInit", p11->C_FindObjectsInit(session, NULL, 0));
    loaded_must("C_FindObjects", p11->C_FindObjects(session, objects, OBJECTS, &count));
    loaded_must("C_FindObjectsFinal", p11->C_FindObjectsFinal(session));
    for (CK_ULONG i = 0; i < count; i++) {
        CK_OBJECT_CLASS class = CK_UNAVAILABLE_INFORMATION;
        CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof(class)};
        loaded_must("CKA_CLASS", p11->C_GetAttributeValue(session, objects[i], &attribute, 1));
        certificates += class == CKO_CERTIFICATE;
        read_values(p11, session, objects[i]);
    }
    loaded_must("C_CloseSession", p11->C_CloseSession(session));
    return certificates;
}

static void show_objects(CK_FUNCTION_LIST *p11)
{
    CK_SLOT_ID slots[LOADED_SLOTS];
    CK_ULONG count = loaded_slots(p11, slots);
    unsigned certificates = 0;
    for (CK_ULONG i = 0; i < count; i++)
        certificates += read_objects(p11, slots[i]);
    printf("%u certificates\n", certificates);
    if (certificates == 0)
        loaded_die("no certificate was read");
}

static void sign_often(CK_FUNCTION_LIST *p11, enum loaded_role role, unsigned long count)
{
    static const char text[] = "A message, to be signed.\n";
    uint8_t data[CHECK_DIGEST_INFO_MAX], signature[LOADED_SIGNATURE];
    size_t len = check_digest_info(CKM_SHA256, text, strlen(text), data);
    CK_SESSION_HANDLE session = loaded_login(p11, role);
    CK_OBJECT_HANDLE key = loaded_key(p11, session, role);
    bool always = loaded_flag(p11, session, key, CKA_ALWAYS_AUTHENTICATE);
    unsigned long checked = 0;
    for (unsigned long i = 0; i < count; i++) {
        CK_RV rv = loaded_sign(p11, session, key, role, always && i > 0, data, len, signature);
        /* Modules differ in whether the login is the first signature's consent. */
        if (rv == CKR_USER_NOT_LOGGED_IN && always && i == 0)
            rv = loaded_sign(p11, session, key, role, true, data, len, signature);
        loaded_must("C_Sign", rv);
        checked += loaded_verify(role, data, len, signature);
    }
    printf("%lu signatures, %lu checked\n", count, checked);
}

static int usage(void)
{
    fputs("usage: job MODULE initialize|tokens|objects|sign auth|sign COUNT\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return usage();
    const char *job = argv[2];
    bool sign = strcmp(job, "sign") == 0;
    bool known = sign || strcmp(job, "initialize") == 0 || strcmp(job, "tokens") == 0 ||
                 strcmp(job, "objects") == 0;
    if (!known || argc != (sign ? 5 : 3))
        return usage();
    CK_FUNCTION_LIST *p11 = loaded_open(argv[1]);
    if (strcmp(job, "tokens") == 0)
        show_tokens(p11);
    if (strcmp(job, "objects") == 0)
        show_objects(p11);
    if (sign)
        sign_often(p11, strcmp(argv[3], "auth") == 0 ? LOADED_AUTH : LOADED_SIGN,
                   strtoul(argv[4], NULL, 10));
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    return EXIT_SUCCESS;
}

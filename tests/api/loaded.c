/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaded.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

void loaded_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void loaded_must(const char *what, CK_RV rv)
{
    if (rv != CKR_OK)
        loaded_die("%s: 0x%08lX", what, rv);
}

void *loaded_module(const char *path, CK_FUNCTION_LIST **p11)
{
    CK_C_GetFunctionList get;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL)
        loaded_die("%s", dlerror());
    void *symbol = dlsym(module, "C_GetFunctionList");
    if (symbol == NULL)
        loaded_die("%s", dlerror());
    memcpy(&get, &symbol, sizeof(get)); /* ISO C knows no way from one to the other */
    loaded_must("C_GetFunctionList", get(p11));
    return module;
}

CK_FUNCTION_LIST *loaded_functions(const char *path)
{
    CK_FUNCTION_LIST *p11 = NULL;
    loaded_module(path, &p11);
    return p11;
}

CK_FUNCTION_LIST *loaded_open(const char *path)
{
    CK_FUNCTION_LIST *p11 = loaded_functions(path);
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    loaded_must("C_Initialize", p11->C_Initialize(&args));
    return p11;
}

CK_ULONG loaded_slots(CK_FUNCTION_LIST *p11, CK_SLOT_ID slots[LOADED_SLOTS])
{
    CK_ULONG count = 0;
    loaded_must("C_GetSlotList", p11->C_GetSlotList(CK_TRUE, NULL, &count));
    if (count > LOADED_SLOTS)
        loaded_die("%lu slots", count);
    loaded_must("C_GetSlotList", p11->C_GetSlotList(CK_TRUE, slots, &count));
    return count;
}

const char *loaded_pin(enum loaded_role role)
{
    const char *name = role == LOADED_AUTH ? "PIN_AUTH" : "PIN_SIGN";
    const char *pin = getenv(name);
    if (pin == NULL)
        loaded_die("%s is not set", name);
    return pin;
}

CK_SLOT_ID loaded_slot_for(CK_FUNCTION_LIST *p11, const char *pin)
{
    CK_SLOT_ID slots[LOADED_SLOTS];
    CK_ULONG count = loaded_slots(p11, slots);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        loaded_must("C_GetTokenInfo", p11->C_GetTokenInfo(slots[i], &info));
        if (strlen(pin) >= info.ulMinPinLen && strlen(pin) <= info.ulMaxPinLen)
            return slots[i];
    }
    loaded_die("no token takes a PIN of %zu characters", strlen(pin));
}

CK_RV loaded_present(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_USER_TYPE type,
                     enum loaded_role role)
{
    CK_UTF8CHAR copy[32];
    const char *pin = loaded_pin(role);
    size_t len = strlen(pin);
    if (len > sizeof(copy))
        loaded_die("a PIN of %zu characters", len);
    memcpy(copy, pin, len);
    return p11->C_Login(session, type, copy, len);
}

CK_SESSION_HANDLE loaded_login(CK_FUNCTION_LIST *p11, enum loaded_role role)
{
    CK_SESSION_HANDLE session;
    CK_SLOT_ID slot = loaded_slot_for(p11, loaded_pin(role));
    loaded_must("C_OpenSession",
                p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session));
    loaded_must("C_Login", loaded_present(p11, session, CKU_USER, role));
    return session;
}

CK_OBJECT_HANDLE loaded_object(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                               CK_OBJECT_CLASS class, enum loaded_role role)
{
    CK_BYTE id = role == LOADED_AUTH ? 1 : 2;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_ID, &id, sizeof(id)}};
    CK_OBJECT_HANDLE object;
    CK_ULONG count = 0;
    loaded_must("C_FindObjectsInit", p11->C_FindObjectsInit(session, wanted, 2));
    loaded_must("C_FindObjects", p11->C_FindObjects(session, &object, 1, &count));
    loaded_must("C_FindObjectsFinal", p11->C_FindObjectsFinal(session));
    if (count != 1)
        loaded_die("no object of class %lu with the id %02x", class, id);
    return object;
}

CK_OBJECT_HANDLE loaded_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, enum loaded_role role)
{
    return loaded_object(p11, session, CKO_PRIVATE_KEY, role);
}

bool loaded_flag(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                 CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};
    CK_RV rv = p11->C_GetAttributeValue(session, object, &attribute, 1);
    return rv == CKR_OK && attribute.ulValueLen == sizeof(value) && value != CK_FALSE;
}

CK_RV loaded_sign(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
                  enum loaded_role role, bool consent, const uint8_t *data, size_t len,
                  uint8_t signature[LOADED_SIGNATURE])
{
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    CK_BYTE copy[LOADED_SIGNATURE];
    CK_ULONG got = LOADED_SIGNATURE;
    memcpy(copy, data, len);
    loaded_must("C_SignInit", p11->C_SignInit(session, &mechanism, key));
    if (consent)
        loaded_must("C_Login as context", loaded_present(p11, session, CKU_CONTEXT_SPECIFIC, role));
    CK_RV rv = p11->C_Sign(session, copy, len, signature, &got);
    if (rv == CKR_OK && got != LOADED_SIGNATURE)
        loaded_die("a signature of %lu bytes", got);
    return rv;
}

bool loaded_verify(enum loaded_role role, const uint8_t *data, size_t len,
                   const uint8_t signature[LOADED_SIGNATURE])
{
    const char *dir = getenv("VCARD_DIR");
    if (dir == NULL)
        return false;
    X509 *certificate = check_load(dir, role == LOADED_AUTH ? "auth.pem" : "sign.pem");
    if (certificate == NULL)
        loaded_die("no certificate in %s", dir);
    if (!check_mechanism(certificate, CKM_RSA_PKCS, data, len, signature, LOADED_SIGNATURE))
        loaded_die("a signature does not fit the card's certificate");
    X509_free(certificate);
    return true;
}

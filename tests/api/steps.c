/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * steps MODULE [CARD...]: a program that makes the calls of PKCS#11 it is told to, one a line of
 * standard input, so that a script can do something to card, reader and pcscd between any two, and
 * inside each (stop.h). N is the number of a slot; each slot has one session. Even slots use
 * PIN_AUTH of the environment, odd ones PIN_SIGN.
 *
 *   init, final              C_Initialize, C_Finalize
 *   tokens                   the slots with a token, and their serial numbers
 *   slot N                   C_GetSlotInfo
 *   open|close N             C_OpenSession, C_CloseSession
 *   session N                C_GetSessionInfo
 *   login|consent|logout N   C_Login as user, for one signature; C_Logout
 *   login N PIN              with this one
 *   setpin N OLD NEW         C_SetPIN
 *   find N                   the private key
 *   objects N                everything about every object
 *   signinit|sign N          C_SignInit, C_Sign of a text that is another one each time
 *   wait                     C_WaitForSlotEvent, which blocks; poll does not
 *   stop COUNT, go, calls    stop.h
 *   end                      the program's end, as that of standard input
 *
 * Each line is answered by one: itself, the code, and what was found; "sign" says which of the
 * folders CARD has the certificate that the signature fits, or "nobody". A call has a thread of its
 * own, so that the next line is read while it waits.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "loaded.h"
#include "stop.h"

#define WORDS 4
#define LINE 128
#define SLOTS 16
#define OBJECTS 64
#define VALUE_MAX 8192
#define SERIAL 16

struct order {
    char line[LINE], copy[LINE];
    const char *words[WORDS];
    CK_SLOT_ID slot;
    char found[512];
};

static CK_FUNCTION_LIST *p11;
static char **cards;
static CK_SESSION_HANDLE sessions[SLOTS];
static CK_OBJECT_HANDLE keys[SLOTS];
static atomic_uint texts;

/* ---- answers ---- */

#define ROW(rv)                                                                                    \
    {                                                                                              \
        rv, #rv                                                                                    \
    }

static const struct {
    CK_RV rv;
    const char *name;
} names[] = {
    ROW(CKR_OK),
    ROW(CKR_HOST_MEMORY),
    ROW(CKR_SLOT_ID_INVALID),
    ROW(CKR_GENERAL_ERROR),
    ROW(CKR_FUNCTION_FAILED),
    ROW(CKR_ARGUMENTS_BAD),
    ROW(CKR_NO_EVENT),
    ROW(CKR_DEVICE_ERROR),
    ROW(CKR_DEVICE_REMOVED),
    ROW(CKR_KEY_HANDLE_INVALID),
    ROW(CKR_OBJECT_HANDLE_INVALID),
    ROW(CKR_OPERATION_ACTIVE),
    ROW(CKR_OPERATION_NOT_INITIALIZED),
    ROW(CKR_PIN_INCORRECT),
    ROW(CKR_PIN_INVALID),
    ROW(CKR_PIN_LOCKED),
    ROW(CKR_SESSION_HANDLE_INVALID),
    ROW(CKR_TOKEN_NOT_PRESENT),
    ROW(CKR_TOKEN_NOT_RECOGNIZED),
    ROW(CKR_USER_ALREADY_LOGGED_IN),
    ROW(CKR_USER_NOT_LOGGED_IN),
    ROW(CKR_CRYPTOKI_NOT_INITIALIZED),
};

static const char *name_of(CK_RV rv)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].rv == rv)
            return names[i].name;
    return "another code";
}

__attribute__((format(printf, 2, 3))) static void add(struct order *order, const char *format, ...)
{
    va_list arguments;
    size_t used = strlen(order->found);
    va_start(arguments, format);
    vsnprintf(order->found + used, sizeof(order->found) - used, format, arguments);
    va_end(arguments);
}

/* ---- slots and tokens ---- */

static void add_serial(struct order *order, CK_SLOT_ID slot)
{
    CK_TOKEN_INFO info;
    CK_RV rv = p11->C_GetTokenInfo(slot, &info);
    if (rv == CKR_OK)
        add(order, " %lu=%.*s", slot, SERIAL, (const char *)info.serialNumber);
    else
        add(order, " %lu=%s", slot, name_of(rv));
}

static CK_RV show_tokens(struct order *order)
{
    CK_SLOT_ID slots[SLOTS];
    CK_ULONG count = SLOTS;
    CK_RV rv = p11->C_GetSlotList(CK_TRUE, slots, &count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
        add_serial(order, slots[i]);
    return rv;
}

static CK_RV show_slot(struct order *order)
{
    CK_SLOT_INFO info;
    CK_RV rv = p11->C_GetSlotInfo(order->slot, &info);
    if (rv != CKR_OK)
        return rv;
    size_t len = sizeof(info.slotDescription);
    while (len > 0 && info.slotDescription[len - 1] == ' ')
        len--;
    add(order, " %.*s, %s", (int)len, (const char *)info.slotDescription,
        (info.flags & CKF_TOKEN_PRESENT) != 0 ? "token" : "no token");
    return rv;
}

static CK_RV wait_for_event(struct order *order, CK_FLAGS flags)
{
    CK_SLOT_ID slot;
    CK_RV rv = p11->C_WaitForSlotEvent(flags, &slot, NULL);
    if (rv == CKR_OK)
        add(order, " slot %lu", slot);
    return rv;
}

/* ---- sessions ---- */

static CK_RV open_session(const struct order *order)
{
    return p11->C_OpenSession(order->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                              &sessions[order->slot]);
}

static CK_RV show_session(struct order *order)
{
    CK_SESSION_INFO info;
    CK_RV rv = p11->C_GetSessionInfo(sessions[order->slot], &info);
    if (rv == CKR_OK)
        add(order, " %s", info.state == CKS_RW_USER_FUNCTIONS ? "user" : "public");
    return rv;
}

static CK_RV login(const struct order *order, CK_USER_TYPE type)
{
    CK_UTF8CHAR copy[32];
    const char *pin = order->words[2];
    if (pin == NULL)
        pin = loaded_pin(order->slot % 2 == 0 ? LOADED_AUTH : LOADED_SIGN);
    size_t len = strlen(pin);
    if (len > sizeof(copy))
        loaded_die("a PIN of %zu characters", len);
    memcpy(copy, pin, len);
    return p11->C_Login(sessions[order->slot], type, copy, len);
}

static CK_RV set_pin(const struct order *order)
{
    CK_UTF8CHAR copies[2][32];
    size_t len[2];
    for (int i = 0; i < 2; i++) {
        const char *pin = order->words[2 + i];
        len[i] = pin != NULL ? strlen(pin) : 0;
        if (len[i] == 0 || len[i] > sizeof(copies[i]))
            loaded_die("two PINs of at most %zu characters", sizeof(copies[i]));
        memcpy(copies[i], pin, len[i]);
    }
    return p11->C_SetPIN(sessions[order->slot], copies[0], len[0], copies[1], len[1]);
}

/* ---- objects ---- */

static CK_RV find(const struct order *order, CK_ATTRIBUTE *wanted, CK_ULONG attributes,
                  CK_OBJECT_HANDLE *objects, CK_ULONG room, CK_ULONG *count)
{
    CK_SESSION_HANDLE session = sessions[order->slot];
    *count = 0;
    CK_RV rv = p11->C_FindObjectsInit(session, wanted, attributes);
    if (rv != CKR_OK)
        return rv;
    rv = p11->C_FindObjects(session, objects, room, count);
    CK_RV final = p11->C_FindObjectsFinal(session);
    return rv != CKR_OK ? rv : final;
}

static CK_RV find_key(struct order *order)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof(class)};
    CK_ULONG count;
    CK_RV rv = find(order, &wanted, 1, &keys[order->slot], 1, &count);
    if (rv == CKR_OK && count == 0)
        add(order, " none");
    return rv;
}

/* What an object does not have, or keeps to itself, is no failure. */
static CK_RV read_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    static const CK_ATTRIBUTE_TYPE types[] = {
        CKA_CLASS,   CKA_LABEL,           CKA_ID,        CKA_SUBJECT,
        CKA_ISSUER,  CKA_SERIAL_NUMBER,   CKA_VALUE,     CKA_TRUSTED,
        CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_UNIQUE_ID, CKA_PUBLIC_KEY_INFO};
    static _Thread_local CK_BYTE value[VALUE_MAX];
    CK_RV rv = CKR_OK;
    for (size_t i = 0; rv == CKR_OK && i < sizeof(types) / sizeof(types[0]); i++) {
        CK_ATTRIBUTE attribute = {types[i], value, sizeof(value)};
        rv = p11->C_GetAttributeValue(session, object, &attribute, 1);
        if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE)
            rv = CKR_OK;
    }
    return rv;
}

static CK_RV read_objects(struct order *order)
{
    CK_OBJECT_HANDLE objects[OBJECTS];
    CK_ULONG count;
    CK_RV rv = find(order, NULL, 0, objects, OBJECTS, &count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
        rv = read_object(sessions[order->slot], objects[i]);
    if (rv == CKR_OK)
        add(order, " %lu", count);
    return rv;
}

/* ---- signatures ---- */

static CK_RV sign_init(const struct order *order)
{
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
    return p11->C_SignInit(sessions[order->slot], &mechanism, keys[order->slot]);
}

static const char *signer(CK_SLOT_ID slot, const char *text, const CK_BYTE *signature, CK_ULONG len)
{
    const char *found = NULL;
    for (char **dir = cards; found == NULL && *dir != NULL; dir++) {
        X509 *certificate = check_load(*dir, slot % 2 == 0 ? "auth.pem" : "sign.pem");
        if (certificate == NULL)
            loaded_die("no certificate in %s", *dir);
        if (check_mechanism(certificate, CKM_SHA256_RSA_PKCS, text, strlen(text), signature, len))
            found = *dir;
        X509_free(certificate);
    }
    if (found == NULL)
        return "nobody";
    const char *name = strrchr(found, '/');
    return name != NULL ? name + 1 : found;
}

static CK_RV sign(struct order *order)
{
    char text[32];
    CK_BYTE copy[sizeof(text)], signature[LOADED_SIGNATURE];
    CK_ULONG len = sizeof(signature);
    snprintf(text, sizeof(text), "text %u", atomic_fetch_add(&texts, 1));
    memcpy(copy, text, sizeof(copy));
    CK_RV rv = p11->C_Sign(sessions[order->slot], copy, strlen(text), signature, &len);
    if (rv == CKR_OK)
        add(order, " %s", signer(order->slot, text, signature, len));
    return rv;
}

/* ---- orders ---- */

static CK_RV initialize(void)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    return p11->C_Initialize(&args);
}

static CK_RV obey_with_slot(struct order *order)
{
    const char *what = order->words[0];
    if (strcmp(what, "slot") == 0)
        return show_slot(order);
    if (strcmp(what, "open") == 0)
        return open_session(order);
    if (strcmp(what, "close") == 0)
        return p11->C_CloseSession(sessions[order->slot]);
    if (strcmp(what, "session") == 0)
        return show_session(order);
    if (strcmp(what, "login") == 0)
        return login(order, CKU_USER);
    if (strcmp(what, "consent") == 0)
        return login(order, CKU_CONTEXT_SPECIFIC);
    if (strcmp(what, "logout") == 0)
        return p11->C_Logout(sessions[order->slot]);
    if (strcmp(what, "setpin") == 0)
        return set_pin(order);
    if (strcmp(what, "find") == 0)
        return find_key(order);
    if (strcmp(what, "objects") == 0)
        return read_objects(order);
    if (strcmp(what, "signinit") == 0)
        return sign_init(order);
    if (strcmp(what, "sign") == 0)
        return sign(order);
    loaded_die("no such order: %s", order->line);
}

static CK_RV obey(struct order *order)
{
    const char *what = order->words[0];
    if (strcmp(what, "init") == 0)
        return initialize();
    if (strcmp(what, "final") == 0)
        return p11->C_Finalize(NULL);
    if (strcmp(what, "tokens") == 0)
        return show_tokens(order);
    if (strcmp(what, "wait") == 0)
        return wait_for_event(order, 0);
    if (strcmp(what, "poll") == 0)
        return wait_for_event(order, CKF_DONT_BLOCK);
    if (order->words[1] == NULL)
        loaded_die("no such order: %s", order->line);
    order->slot = strtoul(order->words[1], NULL, 10);
    if (order->slot >= SLOTS)
        loaded_die("slots 0 to %d", SLOTS - 1);
    return obey_with_slot(order);
}

static void *run(void *argument)
{
    struct order *order = argument;
    CK_RV rv = obey(order);
    printf("%s: %s%s\n", order->line, name_of(rv), order->found);
    fflush(stdout);
    free(order);
    return NULL;
}

static bool about_stops(const struct order *order)
{
    const char *what = order->words[0];
    if (strcmp(what, "go") == 0)
        stop_go();
    else if (strcmp(what, "stop") == 0 && order->words[1] != NULL)
        stop_at(strtoul(order->words[1], NULL, 10));
    else if (strcmp(what, "calls") == 0)
        printf("calls: %lu\n", stop_calls());
    else
        return false;
    fflush(stdout);
    return true;
}

/* NULL at the end of the input. */
static struct order *next_order(void)
{
    struct order *order = calloc(1, sizeof(*order));
    char *rest;
    if (order == NULL)
        loaded_die("no memory");
    if (fgets(order->line, sizeof(order->line), stdin) == NULL) {
        free(order);
        return NULL;
    }
    order->line[strcspn(order->line, "\n")] = '\0';
    memcpy(order->copy, order->line, sizeof(order->copy));
    char *word = strtok_r(order->copy, " ", &rest);
    for (int i = 0; word != NULL && i < WORDS; i++, word = strtok_r(NULL, " ", &rest))
        order->words[i] = word;
    if (order->words[0] == NULL)
        loaded_die("an empty order");
    return order;
}

int main(int argc, char **argv)
{
    struct order *order;
    if (argc < 2) {
        fputs("usage: steps MODULE [CARD...]\n", stderr);
        return 2;
    }
    cards = argv + 2;
    p11 = loaded_functions(argv[1]);
    while ((order = next_order()) != NULL && strcmp(order->words[0], "end") != 0) {
        pthread_t thread;
        if (about_stops(order))
            free(order);
        else if (pthread_create(&thread, NULL, run, order) != 0 || pthread_detach(thread) != 0)
            loaded_die("no thread");
    }
    free(order);
    return EXIT_SUCCESS;
}

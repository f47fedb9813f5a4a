/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A module as a program loads it, for the programs that run beside a real pcscd. Any step that
 * fails ends the program with a line that says which.
 */
#ifndef JPKI_TESTS_API_LOADED_H
#define JPKI_TESTS_API_LOADED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pkcs11-3.h>

#define LOADED_SLOTS 64
#define LOADED_SIGNATURE 256 /* bytes */

enum loaded_role { LOADED_AUTH, LOADED_SIGN };

/* Ends the program unless RV is CKR_OK. */
void loaded_must(const char *what, CK_RV rv);

/* Prints a line and ends the program. */
__attribute__((format(printf, 1, 2), noreturn)) void loaded_die(const char *format, ...);

/* dlopen() and C_GetFunctionList; what it returns is for dlclose(). */
void *loaded_module(const char *path, CK_FUNCTION_LIST **p11);

/* The same for a module that stays. */
CK_FUNCTION_LIST *loaded_functions(const char *path);

/* The same and C_Initialize. */
CK_FUNCTION_LIST *loaded_open(const char *path);

/* The slots with a token; their number. */
CK_ULONG loaded_slots(CK_FUNCTION_LIST *p11, CK_SLOT_ID slots[LOADED_SLOTS]);

/* The PIN of a role: PIN_AUTH or PIN_SIGN of the environment. */
const char *loaded_pin(enum loaded_role role);

/* The first token whose PIN may be as long as this one. */
CK_SLOT_ID loaded_slot_for(CK_FUNCTION_LIST *p11, const char *pin);

/* C_Login with the PIN of a role. */
CK_RV loaded_present(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_USER_TYPE type,
                     enum loaded_role role);

/* A session with that token, logged in. */
CK_SESSION_HANDLE loaded_login(CK_FUNCTION_LIST *p11, enum loaded_role role);

/* The object of this class that belongs to the session's token's key. */
CK_OBJECT_HANDLE loaded_object(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                               CK_OBJECT_CLASS class, enum loaded_role role);

/* The private key of the session's token. */
CK_OBJECT_HANDLE loaded_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                            enum loaded_role role);

/* A boolean attribute; false when there is none. */
bool loaded_flag(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                 CK_ATTRIBUTE_TYPE type);

/* Signs DATA with CKM_RSA_PKCS; with CONSENT after a context login. */
CK_RV loaded_sign(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
                  enum loaded_role role, bool consent, const uint8_t *data, size_t len,
                  uint8_t signature[LOADED_SIGNATURE]);

/* Ends the program unless the signature over DATA fits the certificate in the folder that VCARD_DIR
 * of the environment names; without VCARD_DIR it is false that anything was checked. */
bool loaded_verify(enum loaded_role role, const uint8_t *data, size_t len,
                   const uint8_t signature[LOADED_SIGNATURE]);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What programs do with the module, each as one step that fails the test when it fails.
 */
#ifndef JPKI_TESTS_API_USER_H
#define JPKI_TESTS_API_USER_H

#include "world.h"

#define SIGNATURE 256 /* bytes, RSA-2048 */

extern const char *const user_pin[2];   /* by role */
extern const char *const user_label[2]; /* of the token, as it stands in the design */

/* The slot of ROLE's token in READER; the token must be there. */
CK_SLOT_ID user_slot(const char *reader, enum role role);
CK_SLOT_ID user_first(enum role role); /* in READER_1 */

CK_SESSION_HANDLE user_open_slot(CK_SLOT_ID slot);
CK_SESSION_HANDLE user_open(enum role role); /* a RW session with the token in READER_1 */

/* C_Login with PIN as text. */
CK_RV user_try_login(CK_SESSION_HANDLE session, CK_USER_TYPE type, const char *pin);
void user_login(CK_SESSION_HANDLE session, enum role role);
CK_SESSION_HANDLE user_logged_in(enum role role); /* opened and logged in */

/* C_SetPIN with PINs as text. */
CK_RV user_set_pin(CK_SESSION_HANDLE session, const char *old, const char *fresh);

/* All objects that match, at most MAX into FOUND; their number. */
CK_ULONG user_find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG count,
                   CK_OBJECT_HANDLE *found, CK_ULONG max);

/* The one object of this class and, when ID is not 0, with this id; 0 when there is none. */
CK_OBJECT_HANDLE user_object(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, uint8_t id);
CK_OBJECT_HANDLE user_key(CK_SESSION_HANDLE session);

/* The first such object, where the search may fail: what the step that failed has returned, or
 * CKR_OBJECT_HANDLE_INVALID when nothing was found. */
CK_RV user_try_object(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, uint8_t id,
                      CK_OBJECT_HANDLE *object);

/* C_SignInit; TYPE with its only possible parameters. */
CK_RV user_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key);

/* C_SignInit and C_Sign, nothing between. SIGNATURE_OUT has room for SIGNATURE. */
CK_RV user_sign(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key,
                const void *data, size_t len, uint8_t *signature);

/* C_Sign with room for SIGNATURE; also fails the test when less came with CKR_OK. */
CK_RV user_sign_data(CK_SESSION_HANDLE session, const void *data, size_t len, uint8_t *signature);

/* Whether what was signed over DATA by ROLE's key of CARD is right, says OpenSSL. In any thread. */
bool user_verify(int card, enum role role, CK_MECHANISM_TYPE type, const void *data, size_t len,
                 const uint8_t *signature);

/* The state of a session (CKS_...), or CK_UNAVAILABLE_INFORMATION when it is dead. */
CK_ULONG user_session_state(CK_SESSION_HANDLE session);

#endif

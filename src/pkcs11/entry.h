/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How every C_* function begins and ends.
 */
#ifndef JPKI_PKCS11_ENTRY_H
#define JPKI_PKCS11_ENTRY_H

#include <pkcs11-3.h>

#include "support/config.h"
#include "token/object.h"
#include "token/sign.h"
#include "token/slot.h"
#include "token/terminal.h"

/* The tokens that this module shows by its name (enum config_token): one value per shared
 * object, see tokens.c. */
extern const unsigned entry_tokens;

struct session; /* session.h */

struct module {
    struct config config;
    struct slots *slots;
    struct lock *lock; /* of the list below; held for a moment */
    struct session *sessions;
    CK_SESSION_HANDLE last_handle; /* never used again */
};

/* A call under way. */
struct call {
    const char *name;
    struct module *module;
    /* of entry_slot() and entry_session(), which hold the terminal's lock */
    struct terminal *terminal;
    enum card_role role;
    struct token *token;
    /* of entry_session() */
    struct session *session;
};

/* NAME is the function's, for the log. Each of these returns CKR_OK or a refusal; entry_end()
 * must follow only after CKR_OK. */

/* Only that the module is initialised, in this process. */
CK_RV entry_begin(struct call *call, const char *name);

/* Also that the slot exists, and that a token is in it. */
CK_RV entry_slot(struct call *call, const char *name, CK_SLOT_ID id);

/* Also that the session is alive: CKR_SESSION_HANDLE_INVALID when its card has left. */
CK_RV entry_session(struct call *call, const char *name, CK_SESSION_HANDLE handle);

/* Gives everything back and returns RV, which is logged. */
CK_RV entry_end(struct call *call, CK_RV rv);

/* C_Initialize and C_Finalize. */
CK_RV entry_initialize(const CK_C_INITIALIZE_ARGS *args);
CK_RV entry_finalize(void);

/* A function that does nothing but refuse with RV, after the checks that come first: initialised,
 * session alive, ARGUMENTS given. */
CK_RV entry_refuse(const char *name, CK_SESSION_HANDLE session, bool arguments, CK_RV rv);

/* The two-call convention (PKCS#11 3.2, section 5.2) for an output of SIZE bytes, which LEN
 * becomes: true when nothing is to be computed yet, with the answer in RV. */
bool entry_only_size(const CK_BYTE *out, CK_ULONG *len, size_t size, CK_RV *rv);

#endif

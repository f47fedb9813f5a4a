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

struct session {
    CK_SESSION_HANDLE handle;
    struct terminal *terminal;
    enum profile_role role;
    unsigned long token; /* the token's number: another one means that the card has left */
    CK_FLAGS flags;

    /* under the terminal's lock */
    struct sign_operation sign;
    struct digest *digest; /* NULL: no operation */
    bool finding;
    CK_OBJECT_HANDLE found[OBJECT_COUNT];
    CK_ULONG found_count, found_next;

    struct session *next;
};

struct module {
    struct config config;
    struct slots *slots;
    struct lock *lock; /* of the list below; held for a moment, never with another */
    struct session *sessions;
    CK_SESSION_HANDLE last_handle; /* never used again */
};

/* A call under way. */
struct call {
    const char *name;
    struct module *module;
    /* of entry_slot() and entry_session(), which hold the terminal's lock */
    struct terminal *terminal;
    enum profile_role role;
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

/*
 * Sessions. Inside entry_slot() or entry_session(). entry_close() frees the session, and logs out
 * with the token's last one; the call has no session afterwards.
 */
CK_RV entry_open(struct call *call, CK_FLAGS flags, CK_SESSION_HANDLE *handle);
void entry_close(struct call *call, struct session *session);
void entry_close_all(struct call *call);

/* The next of the token's sessions after PREVIOUS (NULL: the first), or NULL. */
struct session *entry_next(struct call *call, const struct session *previous);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The sessions of the module, in one list.
 */
#ifndef JPKI_PKCS11_SESSION_H
#define JPKI_PKCS11_SESSION_H

#include "pkcs11/entry.h"

/* A session is only looked into, changed or freed inside its terminal: a pointer to one holds until
 * the terminal is left. */
struct session {
    /* these never change */
    CK_SESSION_HANDLE handle;
    struct terminal *terminal;
    enum card_role role;
    unsigned long token_number; /* when the token has another one, the card has left */
    CK_FLAGS flags;

    struct sign_operation sign;
    struct digest *digest; /* NULL: no operation */
    bool digest_updated;   /* has had data */
    bool finding;
    CK_OBJECT_HANDLE found[OBJECT_COUNT];
    CK_ULONG found_count, found_next;

    struct session *next; /* under the module's lock */
};

/* The terminal and role of a session, or NULL when there is none with this handle. */
struct terminal *session_terminal(struct module *module, CK_SESSION_HANDLE handle,
                                  enum card_role *role);

/* The rest is for calls that are inside their terminal. */

/* The session, or NULL when it has been closed meanwhile, or its card has left. */
struct session *session_find(struct call *call, CK_SESSION_HANDLE handle);

/* Opens one for the call's token. CKR_HOST_MEMORY. */
CK_RV session_open(struct call *call, CK_FLAGS flags, CK_SESSION_HANDLE *handle);

/* Gives up the session's operations and frees it; with the token's last one, logs out. The call's
 * own session is NULL afterwards. */
void session_close(struct call *call, struct session *session);
void session_close_all(struct call *call);

/* The next of the token's sessions after PREVIOUS (NULL: the first), or NULL. */
struct session *session_next(struct call *call, const struct session *previous);

/* Gives up the digest operation, if there is one. */
void session_cancel_digest(struct session *session);

/* For C_Finalize: frees all sessions, with nobody inside any call. */
void session_free_all(struct module *module);

#endif

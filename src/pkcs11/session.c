/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pkcs11/session.h"

#include <stdlib.h>

#include "token/pin.h"

/* Under the module's lock. */
static struct session *find_locked(struct module *m, CK_SESSION_HANDLE handle)
{
    struct session *s = m->sessions;
    while (s != NULL && s->handle != handle)
        s = s->next;
    return s;
}

struct terminal *session_terminal(struct module *m, CK_SESSION_HANDLE handle, enum card_role *role)
{
    *role = CARD_AUTH;
    lock_take(m->lock);
    const struct session *s = find_locked(m, handle);
    struct terminal *terminal = s == NULL ? NULL : s->terminal;
    if (s != NULL)
        *role = s->role;
    lock_give(m->lock);
    return terminal;
}

static void unlink_session(struct module *m, struct session *session)
{
    lock_take(m->lock);
    for (struct session **p = &m->sessions; *p != NULL; p = &(*p)->next)
        if (*p == session) {
            *p = session->next;
            break;
        }
    lock_give(m->lock);
}

void session_cancel_digest(struct session *session)
{
    digest_free(session->digest);
    session->digest = NULL;
    session->digest_updated = false;
}

/* Frees a session whose token has left; there is nothing to log out of. */
static void discard(struct module *m, struct session *session)
{
    unlink_session(m, session);
    session_cancel_digest(session);
    digest_free(session->sign.digest);
    free(session);
}

struct session *session_find(struct call *call, CK_SESSION_HANDLE handle)
{
    lock_take(call->module->lock);
    struct session *session = find_locked(call->module, handle);
    lock_give(call->module->lock);
    if (session != NULL && session->token_number != call->token->number) {
        discard(call->module, session);
        session = NULL;
    }
    return session;
}

struct session *session_next(struct call *call, const struct session *previous)
{
    struct module *m = call->module;
    lock_take(m->lock);
    struct session *s = previous == NULL ? m->sessions : previous->next;
    while (s != NULL && (s->terminal != call->terminal || s->role != call->role))
        s = s->next;
    lock_give(m->lock);
    return s;
}

/* Sessions of cards that have left, which nobody has asked for since. */
static void sweep(struct call *call)
{
    struct session *next;
    for (struct session *s = session_next(call, NULL); s != NULL; s = next) {
        next = session_next(call, s);
        if (s->token_number != call->token->number)
            discard(call->module, s);
    }
}

CK_RV session_open(struct call *call, CK_FLAGS flags, CK_SESSION_HANDLE *handle)
{
    struct module *m = call->module;
    sweep(call);
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL)
        return CKR_HOST_MEMORY;
    session->terminal = call->terminal;
    session->role = call->role;
    session->token_number = call->token->number;
    session->flags = flags;
    call->token->sessions++;
    if ((flags & CKF_RW_SESSION) != 0)
        call->token->rw_sessions++;
    lock_take(m->lock);
    session->handle = ++m->last_handle;
    session->next = m->sessions;
    m->sessions = session;
    *handle = session->handle;
    lock_give(m->lock);
    return CKR_OK;
}

void session_close(struct call *call, struct session *session)
{
    struct token *token = call->token;
    sign_cancel(&session->sign, token);
    token->sessions--;
    if ((session->flags & CKF_RW_SESSION) != 0)
        token->rw_sessions--;
    if (call->session == session)
        call->session = NULL;
    discard(call->module, session);
    if (token->sessions == 0)
        pin_logout(token); /* an error is one of the card's, and the session is gone all the same */
}

void session_close_all(struct call *call)
{
    struct session *s;
    sweep(call);
    while ((s = session_next(call, NULL)) != NULL)
        session_close(call, s);
}

void session_free_all(struct module *m)
{
    while (m->sessions != NULL)
        discard(m, m->sessions);
}

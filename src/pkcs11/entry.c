/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The module's state, and the sessions.
 *
 * A forked child has a copy of everything, and may use none of it: PC/SC handles are the parent's,
 * locks may be held by threads that do not exist here, PINs are wiped by the kernel. So the state
 * belongs to a process id, without any lock; a child that initialises anew leaves the parent's copy
 * where it is (PKCS#11 3.2, section 5.4; "Applications and processes", 2.2).
 */
#include "pkcs11/entry.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support/log.h"
#include "token/pin.h"

/* 0: not initialised; a process id: initialised there; its negative: that process is in
 * C_Initialize or C_Finalize just now. */
static _Atomic long owner;
static _Atomic unsigned long calls; /* under way */
static struct module *module;

/* The application's mutex functions (struct lock_calls takes no context). */
static CK_CREATEMUTEX app_create;
static CK_DESTROYMUTEX app_destroy;
static CK_LOCKMUTEX app_lock;
static CK_UNLOCKMUTEX app_unlock;

static bool call_create(void **mutex)
{
    return app_create(mutex) == CKR_OK;
}

static bool call_destroy(void *mutex)
{
    return app_destroy(mutex) == CKR_OK;
}

static bool call_lock(void *mutex)
{
    return app_lock(mutex) == CKR_OK;
}

static bool call_unlock(void *mutex)
{
    return app_unlock(mutex) == CKR_OK;
}

static const struct lock_calls app_calls = {call_create, call_destroy, call_lock, call_unlock};

static void pause_ms(long ms)
{
    struct timespec t = {.tv_nsec = ms * 1000000L};
    nanosleep(&t, NULL);
}

/* ---- begin and end ---- */

CK_RV entry_begin(struct call *call, const char *name)
{
    long me = (long)getpid();
    *call = (struct call){.name = name};
    if (atomic_load(&owner) != me)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    atomic_fetch_add(&calls, 1);
    if (atomic_load(&owner) != me) { /* C_Finalize came in between and waits for us */
        atomic_fetch_sub(&calls, 1);
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    call->module = module;
    return CKR_OK;
}

CK_RV entry_end(struct call *call, CK_RV rv)
{
    if (call->terminal != NULL)
        terminal_leave(call->terminal);
    if (rv != CKR_OK)
        log_write(LOG_DEBUG, "%s: 0x%08lX", call->name, rv);
    else
        log_write(LOG_DEBUG, "%s", call->name);
    atomic_fetch_sub(&calls, 1);
    return rv;
}

static void enter(struct call *call, struct terminal *terminal, enum profile_role role)
{
    slots_look_at(terminal);
    terminal_enter(terminal);
    call->terminal = terminal;
    call->role = role;
}

CK_RV entry_slot(struct call *call, const char *name, CK_SLOT_ID id)
{
    struct terminal *terminal;
    enum profile_role role;
    CK_RV rv = entry_begin(call, name);
    if (rv != CKR_OK)
        return rv;
    rv = slots_find(call->module->slots, id, &terminal, &role);
    if (rv == CKR_OK) {
        enter(call, terminal, role);
        rv = terminal_token(terminal, role, &call->token);
    }
    return rv == CKR_OK ? CKR_OK : entry_end(call, rv);
}

/* ---- sessions ---- */

static struct session *find(struct module *m, CK_SESSION_HANDLE handle)
{
    lock_take(m->lock);
    struct session *s = m->sessions;
    while (s != NULL && s->handle != handle)
        s = s->next;
    lock_give(m->lock);
    return s;
}

/* The terminal and role of a session; NULL without such a session. What else is in it may change
 * or go as long as the terminal is not entered. */
static struct terminal *terminal_of(struct module *m, CK_SESSION_HANDLE handle,
                                    enum profile_role *role)
{
    struct terminal *terminal = NULL;
    lock_take(m->lock);
    for (struct session *s = m->sessions; s != NULL; s = s->next)
        if (s->handle == handle) {
            terminal = s->terminal;
            *role = s->role;
        }
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

/* Frees a session whose token has left; there is nothing to log out of. */
static void discard(struct module *m, struct session *session)
{
    unlink_session(m, session);
    digest_free(session->digest);
    digest_free(session->sign.digest);
    free(session);
}

CK_RV entry_session(struct call *call, const char *name, CK_SESSION_HANDLE handle)
{
    enum profile_role role = PROFILE_AUTH;
    CK_RV rv = entry_begin(call, name);
    if (rv != CKR_OK)
        return rv;
    struct terminal *terminal = terminal_of(call->module, handle, &role);
    if (terminal == NULL)
        return entry_end(call, CKR_SESSION_HANDLE_INVALID);
    enter(call, terminal, role);
    struct session *session = find(call->module, handle);
    struct token *token = &terminal->tokens[role];
    if (session != NULL && session->token != token->number) {
        discard(call->module, session);
        session = NULL;
    }
    if (session == NULL)
        return entry_end(call, CKR_SESSION_HANDLE_INVALID);
    call->session = session;
    call->token = token;
    return CKR_OK;
}

struct session *entry_next(struct call *call, const struct session *previous)
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
    for (struct session *s = entry_next(call, NULL); s != NULL; s = next) {
        next = entry_next(call, s);
        if (s->token != call->token->number)
            discard(call->module, s);
    }
}

CK_RV entry_open(struct call *call, CK_FLAGS flags, CK_SESSION_HANDLE *handle)
{
    struct module *m = call->module;
    sweep(call);
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL)
        return CKR_HOST_MEMORY;
    session->terminal = call->terminal;
    session->role = call->role;
    session->token = call->token->number;
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

void entry_close(struct call *call, struct session *session)
{
    struct token *token = call->token;
    sign_cancel(&session->sign, token);
    token->sessions--;
    if ((session->flags & CKF_RW_SESSION) != 0)
        token->rw_sessions--;
    if (call->session == session)
        call->session = NULL;
    discard(call->module, session);
    if (token->sessions == 0 && token->logged_in)
        pin_logout(token); /* an error is one of the card's, and the session is gone all the same */
}

void entry_close_all(struct call *call)
{
    struct session *s;
    sweep(call);
    while ((s = entry_next(call, NULL)) != NULL)
        entry_close(call, s);
}

/* ---- initialise and finalise ---- */

static void module_free(struct module *m)
{
    if (m == NULL)
        return;
    while (m->sessions != NULL)
        discard(m, m->sessions);
    slots_free(m->slots);
    lock_free(m->lock);
    config_clear(&m->config);
    free(m);
    log_close();
}

static void load_config(struct module *m, const char *reserved, bool *ok)
{
    struct config_sources sources = {.system_file = CONFIG_SYSTEM_FILE};
    config_find(&sources);
    sources.reserved = reserved;
    *ok = config_load(&m->config, &sources, entry_tokens);
    config_forget(&sources);
    log_open(m->config.log_level, m->config.log_file);
    for (size_t i = 0; i < m->config.complaint_count; i++)
        log_write(LOG_WARNING, "%s", m->config.complaints[i]);
}

static struct module *module_new(const char *reserved, const struct lock_calls *lock_calls)
{
    bool ok;
    struct module *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    load_config(m, reserved, &ok);
    m->lock = lock_new(lock_calls);
    m->slots = slots_new(&m->config, lock_calls);
    if (!ok || m->lock == NULL || m->slots == NULL) {
        module_free(m);
        return NULL;
    }
    return m;
}

/*
 * The four cases of PKCS#11 3.2, section 5.4: the application's functions are used only when it
 * gives them and does not allow the system's.
 */
static CK_RV choose_locks(const CK_C_INITIALIZE_ARGS *args, const struct lock_calls **lock_calls)
{
    *lock_calls = NULL;
    if (args == NULL)
        return CKR_OK;
    int given = (args->CreateMutex != NULL) + (args->DestroyMutex != NULL) +
                (args->LockMutex != NULL) + (args->UnlockMutex != NULL);
    if (given != 0 && given != 4)
        return CKR_ARGUMENTS_BAD;
    if (given == 4 && (args->flags & CKF_OS_LOCKING_OK) == 0) {
        app_create = args->CreateMutex;
        app_destroy = args->DestroyMutex;
        app_lock = args->LockMutex;
        app_unlock = args->UnlockMutex;
        *lock_calls = &app_calls;
    }
    return CKR_OK;
}

/* Makes this process the one that initialises. */
static CK_RV claim(void)
{
    long me = (long)getpid();
    for (;;) {
        long now = atomic_load(&owner);
        if (now == me)
            return CKR_CRYPTOKI_ALREADY_INITIALIZED;
        if (now == -me) { /* another thread is at it */
            pause_ms(1);
            continue;
        }
        if (!atomic_compare_exchange_strong(&owner, &now, -me))
            continue;
        if (now != 0) { /* we are a child, and this is the parent's */
            atomic_store(&calls, 0);
            module = NULL;
        }
        return CKR_OK;
    }
}

CK_RV entry_initialize(const CK_C_INITIALIZE_ARGS *args)
{
    const struct lock_calls *lock_calls;
    CK_RV rv = claim();
    if (rv != CKR_OK)
        return rv;
    rv = choose_locks(args, &lock_calls);
    if (rv == CKR_OK) {
        module = module_new(args != NULL ? args->pReserved : NULL, lock_calls);
        if (module == NULL)
            rv = CKR_HOST_MEMORY;
    }
    atomic_store(&owner, rv == CKR_OK ? (long)getpid() : 0);
    return rv;
}

CK_RV entry_finalize(void)
{
    long me = (long)getpid();
    long expected = me;
    if (!atomic_compare_exchange_strong(&owner, &expected, -me))
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    while (atomic_load(&calls) > 0) {
        slots_stop(module->slots);
        pause_ms(1);
    }
    module_free(module);
    module = NULL;
    atomic_store(&owner, 0);
    return CKR_OK;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The module's state.
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

#include "pkcs11/session.h"
#include "support/folder.h"
#include "support/log.h"

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

static bool by_app_create(void **mutex)
{
    return app_create(mutex) == CKR_OK;
}

static bool by_app_destroy(void *mutex)
{
    return app_destroy(mutex) == CKR_OK;
}

static bool by_app_lock(void *mutex)
{
    return app_lock(mutex) == CKR_OK;
}

static bool by_app_unlock(void *mutex)
{
    return app_unlock(mutex) == CKR_OK;
}

static const struct lock_calls app_calls = {by_app_create, by_app_destroy, by_app_lock,
                                            by_app_unlock};

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

static void enter(struct call *call, struct terminal *terminal, enum card_role role)
{
    slots_look_at(terminal);
    terminal_enter(terminal);
    call->terminal = terminal;
    call->role = role;
}

CK_RV entry_slot(struct call *call, const char *name, CK_SLOT_ID id)
{
    struct terminal *terminal;
    enum card_role role;
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

CK_RV entry_session(struct call *call, const char *name, CK_SESSION_HANDLE handle)
{
    enum card_role role;
    CK_RV rv = entry_begin(call, name);
    if (rv != CKR_OK)
        return rv;
    struct terminal *terminal = session_terminal(call->module, handle, &role);
    if (terminal == NULL)
        return entry_end(call, CKR_SESSION_HANDLE_INVALID);
    enter(call, terminal, role);
    call->token = &terminal->tokens[role];
    call->session = session_find(call, handle);
    return call->session != NULL ? CKR_OK : entry_end(call, CKR_SESSION_HANDLE_INVALID);
}

CK_RV entry_refuse(const char *name, CK_SESSION_HANDLE session, bool arguments, CK_RV rv)
{
    struct call call;
    CK_RV begun = entry_session(&call, name, session);
    if (begun != CKR_OK)
        return begun;
    return entry_end(&call, arguments ? rv : CKR_ARGUMENTS_BAD);
}

bool entry_only_size(const CK_BYTE *out, CK_ULONG *len, size_t size, CK_RV *rv)
{
    bool short_room = out != NULL && *len < size;
    *rv = short_room ? CKR_BUFFER_TOO_SMALL : CKR_OK;
    *len = size;
    return out == NULL || short_room;
}

/* ---- initialise and finalise ---- */

static void module_free(struct module *m)
{
    if (m == NULL)
        return;
    session_free_all(m);
    slots_free(m->slots);
    lock_free(m->lock);
    config_clear(&m->config);
    free(m);
    log_close();
}

static bool load_config(struct module *m, const char *reserved)
{
    struct config_sources sources = {.system_file = CONFIG_SYSTEM_FILE};
    config_find(&sources);
    folder_find();
    sources.reserved = reserved;
    bool ok = config_load(&m->config, &sources, entry_tokens);
    config_forget(&sources);
    log_open(m->config.log_level, m->config.log_file);
    for (size_t i = 0; i < m->config.complaint_count; i++)
        log_write(LOG_WARNING, "%s", m->config.complaints[i]);
    return ok;
}

static struct module *module_new(const char *reserved, const struct lock_calls *lock_calls)
{
    struct module *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    bool ok = load_config(m, reserved);
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

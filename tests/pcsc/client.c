/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcsc/client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader/clients.h"

#define NAMES 1024 /* of calls that are remembered */

struct script script;

static struct context *contexts;
static struct handle *handles;
static LONG last_id = 0x41000000; /* no number is ever given out twice */
static unsigned looks;
static const char *names[NAMES];
static struct {
    unsigned long calls;
    long at;
    LONG error;
    bool after;
} fault = {.at = -1};

void script_clear(void)
{
    memset(&script, 0, sizeof(script));
    script_fail(-1, SCARD_S_SUCCESS, false);
}

/* ---- faults ---- */

void script_fail(long k, LONG error, bool after)
{
    stage_take();
    fault.at = k;
    fault.error = error;
    fault.after = after;
    stage_give();
}

static const LONG errors[ERR_COUNT] = {
    [ERR_NO_SERVICE] = SCARD_E_NO_SERVICE, [ERR_NO_READER] = SCARD_E_READER_UNAVAILABLE,
    [ERR_NO_CARD] = SCARD_W_REMOVED_CARD,  [ERR_BUSY] = SCARD_E_SHARING_VIOLATION,
    [ERR_MEMORY] = SCARD_E_NO_MEMORY,      [ERR_TRANSPORT] = SCARD_E_NOT_TRANSACTED,
};

void twin_fail_call(long k, enum err error, bool after)
{
    script_fail(k, errors[error], after);
}

unsigned long twin_calls(void)
{
    stage_take();
    unsigned long calls = fault.calls;
    stage_give();
    return calls;
}

void twin_calls_clear(void)
{
    stage_take();
    fault.calls = 0;
    memset(names, 0, sizeof(names));
    stage_give();
}

const char *script_call_name(unsigned long k)
{
    stage_take();
    const char *name = k < fault.calls && k < NAMES ? names[k] : "";
    stage_give();
    return name;
}

/* What the error says has happened, to the reader that the call is about, if it is about one. */
static void make_true(LONG error, struct slot *slot)
{
    bool card = slot != NULL && slot->present;
    switch (error) {
    case SCARD_E_NO_SERVICE:
    case SCARD_E_SERVICE_STOPPED:
        stage_service(false);
        break;
    case SCARD_E_INVALID_HANDLE:
    case SCARD_F_COMM_ERROR:
        stage_service(false);
        stage_service(true);
        break;
    case SCARD_E_READER_UNAVAILABLE:
    case SCARD_E_UNKNOWN_READER:
        if (slot != NULL)
            stage_reader(slot, false);
        break;
    case SCARD_W_REMOVED_CARD:
    case SCARD_E_NO_SMARTCARD:
        if (slot != NULL)
            stage_take_out(slot);
        break;
    case SCARD_W_RESET_CARD:
        if (card)
            stage_reset(slot);
        break;
    case SCARD_W_UNPOWERED_CARD:
    case SCARD_W_UNRESPONSIVE_CARD:
        if (card)
            stage_power_off(slot);
        break;
    default:
        break;
    }
}

/* Counts the call. The fault that it has at once, or SCARD_S_SUCCESS. */
static LONG count(struct client_call *call, const char *name)
{
    unsigned long k = fault.calls++;
    *call = (struct client_call){.name = name};
    if (k < NAMES)
        names[k] = name;
    if (script.before != NULL) {
        void (*before)(unsigned long, const char *) = script.before;
        stage_give();
        before(k, name);
        stage_take();
    }
    if ((long)k != fault.at)
        return SCARD_S_SUCCESS;
    if (!fault.after)
        return fault.error;
    call->fault = fault.error;
    return SCARD_S_SUCCESS;
}

/* ---- a call ---- */

static void enter(const struct client_call *call, struct context *context)
{
    if (context->pid != getpid())
        stage_die("a context of the parent process was used", call->name);
    if (context->busy)
        stage_die("two threads in one context", call->name);
    context->busy = true;
}

static LONG begun(struct client_call *call, LONG rv)
{
    if (rv != SCARD_S_SUCCESS)
        make_true(rv, call->handle != NULL ? call->handle->slot : NULL);
    else if (!client_is_alive(call->context))
        rv = script.dead != 0 ? script.dead : SCARD_E_NO_SERVICE;
    return rv;
}

LONG client_begin(struct client_call *call, const char *name)
{
    stage_take();
    LONG rv = count(call, name);
    if (rv != SCARD_S_SUCCESS)
        make_true(rv, NULL);
    return rv;
}

LONG client_begin_context(struct client_call *call, const char *name, SCARDCONTEXT id)
{
    stage_take();
    LONG rv = count(call, name);
    call->context = client_find_context(id);
    if (call->context == NULL)
        stage_die("a context that is not open", name);
    enter(call, call->context);
    return begun(call, rv);
}

static struct handle *find_handle(SCARDHANDLE id)
{
    struct handle *handle = handles;
    while (handle != NULL && handle->id != id)
        handle = handle->next;
    return handle;
}

LONG client_begin_handle(struct client_call *call, const char *name, SCARDHANDLE id)
{
    stage_take();
    LONG rv = count(call, name);
    call->handle = find_handle(id);
    if (call->handle == NULL)
        stage_die("a handle that is not open", name);
    call->context = call->handle->context;
    enter(call, call->context);
    return begun(call, rv);
}

/* Transactions of a service that is gone are none. */
static void count_transactions(void)
{
    stage.open = 0;
    for (const struct handle *h = handles; h != NULL; h = h->next)
        if (h->transaction && client_is_alive(h->context) && h->context->pid == getpid())
            stage.open++;
}

LONG client_end(struct client_call *call, LONG rv)
{
    if (rv == SCARD_S_SUCCESS && call->fault != SCARD_S_SUCCESS) {
        rv = call->fault;
        make_true(rv, call->handle != NULL ? call->handle->slot : NULL);
    }
    if (call->context != NULL)
        call->context->busy = false;
    count_transactions();
    stage_give();
    return rv;
}

/* ---- contexts and handles ---- */

struct context *client_add_context(void)
{
    struct context *context = stage_must(calloc(1, sizeof(*context)));
    context->id = ++last_id;
    context->pid = getpid();
    context->service = stage.service;
    context->next = contexts;
    contexts = context;
    return context;
}

struct context *client_find_context(SCARDCONTEXT id)
{
    struct context *context = contexts;
    while (context != NULL && context->id != id)
        context = context->next;
    return context;
}

void client_remove_context(struct context *context)
{
    for (struct handle *h = handles, *next; h != NULL; h = next) {
        next = h->next;
        if (h->context == context)
            client_remove_handle(h);
    }
    for (struct context **p = &contexts; *p != NULL; p = &(*p)->next)
        if (*p == context) {
            *p = context->next;
            break;
        }
    free(context);
}

struct handle *client_add_handle(struct context *context, struct slot *slot)
{
    struct handle *handle = stage_must(calloc(1, sizeof(*handle)));
    handle->id = ++last_id;
    handle->context = context;
    handle->slot = slot;
    handle->next = handles;
    handles = handle;
    client_take_card(handle);
    return handle;
}

void client_remove_handle(struct handle *handle)
{
    client_release(handle);
    for (struct handle **p = &handles; *p != NULL; p = &(*p)->next)
        if (*p == handle) {
            *p = handle->next;
            break;
        }
    free(handle);
}

bool client_is_alive(const struct context *context)
{
    return !stage.stopped && context->service == stage.service;
}

/* A slot may be gone with the stage's last clearing, but then so is the service of that time. */
void client_release(struct handle *handle)
{
    if (handle->transaction && client_is_alive(handle->context) && handle->slot->owner == handle) {
        handle->slot->owner = NULL;
        stage_changed();
    }
    handle->transaction = false;
}

const void *client_owner(const struct slot *slot)
{
    for (const struct handle *h = handles; h != NULL; h = h->next)
        if (h == slot->owner && h->context->pid != getpid())
            return NULL;
    return slot->owner;
}

void client_take_card(struct handle *handle)
{
    handle->insertion = handle->slot->insertion;
    handle->resets = handle->slot->resets;
}

bool client_is_used(const struct slot *slot)
{
    for (const struct handle *h = handles; h != NULL; h = h->next)
        if (h->slot == slot && client_is_alive(h->context))
            return true;
    return false;
}

unsigned script_contexts(void)
{
    unsigned n = 0;
    stage_take();
    for (const struct context *c = contexts; c != NULL; c = c->next)
        n += c->pid == getpid() ? 1 : 0;
    stage_give();
    return n;
}

unsigned script_handles(void)
{
    unsigned n = 0;
    stage_take();
    for (const struct handle *h = handles; h != NULL; h = h->next)
        n += h->context->pid == getpid() ? 1 : 0;
    stage_give();
    return n;
}

bool clients_only_ours(const char *list, unsigned own)
{
    unsigned n = 0;
    stage_take();
    looks++;
    if (strcmp(list, CLIENTS_LIST) != 0)
        stage_die("not the kernel's list", __func__);
    for (const struct context *c = contexts; c != NULL; c = c->next)
        n += client_is_alive(c) ? 1 : 0;
    stage_give();
    return n > 0 && n == own;
}

unsigned script_looks(void)
{
    stage_take();
    unsigned n = looks;
    stage_give();
    return n;
}

unsigned script_waiting(void)
{
    unsigned n = 0;
    stage_take();
    for (const struct context *c = contexts; c != NULL; c = c->next)
        n += c->pid == getpid() && c->waiting ? 1 : 0;
    stage_give();
    return n;
}

void script_power_off(const char *reader)
{
    stage_take();
    stage_power_off(stage_must_find(reader));
    stage_give();
}

bool script_is_ready(const char *reader)
{
    stage_take();
    const struct slot *slot = stage_find(reader);
    bool ready = !stage.stopped && slot != NULL && slot->there && slot->powered && stage.open == 0;
    stage_give();
    return ready;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Contexts, and what the service says of its readers.
 */
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "pcsc/client.h"

#define PNP "\\\\?PnP?\\Notification"
#define FLAGS                                                                                      \
    (SCARD_STATE_UNAVAILABLE | SCARD_STATE_EMPTY | SCARD_STATE_PRESENT | SCARD_STATE_EXCLUSIVE |   \
     SCARD_STATE_INUSE | SCARD_STATE_MUTE)

LONG SCardEstablishContext(DWORD scope, LPCVOID reserved1, LPCVOID reserved2,
                           LPSCARDCONTEXT context)
{
    struct client_call call;
    LONG rv = client_begin(&call, __func__);
    if (scope != SCARD_SCOPE_SYSTEM || reserved1 != NULL || reserved2 != NULL)
        stage_die("no scope that pcscd has", call.name);
    if (rv == SCARD_S_SUCCESS && stage.stopped)
        rv = SCARD_E_NO_SERVICE;
    if (rv == SCARD_S_SUCCESS && call.fault == SCARD_S_SUCCESS)
        *context = client_add_context()->id;
    return client_end(&call, rv);
}

/* Whatever the service says, the client's side is closed, and its service sees it. */
LONG SCardReleaseContext(SCARDCONTEXT id)
{
    struct client_call call;
    LONG rv = client_begin_context(&call, __func__, id);
    client_remove_context(call.context);
    call.context = NULL;
    return client_end(&call, rv);
}

/* From any thread; a context that was closed meanwhile is not the caller's fault. */
LONG SCardCancel(SCARDCONTEXT id)
{
    LONG rv = SCARD_E_INVALID_HANDLE;
    stage_take();
    struct context *context = client_find_context(id);
    if (context != NULL) {
        if (context->pid != getpid())
            stage_die("a context of the parent process was used", __func__);
        context->cancelled = context->waiting;
        stage_changed();
        rv = SCARD_S_SUCCESS;
    }
    stage_give();
    return rv;
}

/* ---- names ---- */

/* All names into OUT, if it is not NULL; their length with the last zero. */
static DWORD multi_string(char *out)
{
    DWORD len = 0;
    for (size_t i = 0; i < stage.count; i++) {
        const struct slot *slot = stage.slots[i];
        size_t size = strlen(slot->name) + 1;
        if (!slot->there)
            continue;
        if (out != NULL)
            memcpy(out + len, slot->name, size);
        len += (DWORD)size;
    }
    if (out != NULL)
        out[len] = '\0';
    return len + 1;
}

static LONG odd_names(char *out, DWORD *len)
{
    if (out != NULL) {
        memset(out, 0xEE, *len);
        memcpy(out, script.names, script.names_len < *len ? script.names_len : *len);
    }
    *len = out != NULL ? script.names_second : script.names_first;
    return SCARD_S_SUCCESS;
}

static LONG list(char *out, DWORD *len)
{
    if (script.names != NULL)
        return odd_names(out, len);
    DWORD room = *len;
    *len = multi_string(NULL);
    if (*len == 1)
        return SCARD_E_NO_READERS_AVAILABLE;
    if (out == NULL)
        return SCARD_S_SUCCESS;
    if (room < *len)
        return SCARD_E_INSUFFICIENT_BUFFER;
    memset(out, 0xEE, room);
    multi_string(out);
    return SCARD_S_SUCCESS;
}

LONG SCardListReaders(SCARDCONTEXT id, LPCSTR groups, LPSTR out, LPDWORD len)
{
    struct client_call call;
    LONG rv = client_begin_context(&call, __func__, id);
    if (groups != NULL || len == NULL || (out != NULL && *len == SCARD_AUTOALLOCATE))
        stage_die("not as the module is to ask", call.name);
    if (rv == SCARD_S_SUCCESS)
        rv = list(out, len);
    return client_end(&call, rv);
}

/* ---- states ---- */

static DWORD flags_of(const struct slot *slot)
{
    DWORD flags = slot->events << 16 | script.flags;
    if (slot->held)
        flags |= SCARD_STATE_EXCLUSIVE;
    else if (slot->owner != NULL)
        flags |= SCARD_STATE_INUSE;
    return flags | (slot->present ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY);
}

/* True when the state is not what the caller knows. */
static bool see(SCARD_READERSTATE *state)
{
    const struct slot *slot = stage_find(state->szReader);
    state->cbAtr = 0;
    if (slot == NULL || !slot->there) {
        state->dwEventState = SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE | SCARD_STATE_CHANGED;
        return true;
    }
    state->dwEventState = flags_of(slot);
    if (slot->present) {
        state->cbAtr = (DWORD)slot->atr_len;
        memcpy(state->rgbAtr, slot->atr, slot->atr_len);
    }
    if (script.atr_claim != 0)
        state->cbAtr = script.atr_claim;
    if (state->dwCurrentState == state->dwEventState)
        return false;
    state->dwEventState |= SCARD_STATE_CHANGED;
    return true;
}

static bool is_pnp(const SCARD_READERSTATE *state)
{
    return strcasecmp(state->szReader, PNP) == 0;
}

static LONG check_states(const SCARD_READERSTATE *states, DWORD count, DWORD timeout)
{
    if (count == 0 || count > PCSCLITE_MAX_READERS_CONTEXTS)
        return SCARD_E_INVALID_PARAMETER;
    for (DWORD i = 0; i < count; i++) {
        DWORD known = states[i].dwCurrentState;
        bool right = is_pnp(&states[i]) || timeout == 0 ? known == SCARD_STATE_UNAWARE
                                                        : (known & 0xFFFF) != SCARD_STATE_UNAWARE;
        if (!right || (known & 0xFFFF & ~(DWORD)FLAGS & ~script.flags) != 0)
            stage_die("a state that nobody told", states[i].szReader);
        const struct slot *slot = stage_find(states[i].szReader);
        if (!is_pnp(&states[i]) && (slot == NULL || !slot->there))
            return SCARD_E_UNKNOWN_READER;
    }
    return SCARD_S_SUCCESS;
}

static bool any_changed(SCARD_READERSTATE *states, DWORD count, unsigned long arrivals)
{
    bool any = false;
    for (DWORD i = 0; i < count; i++) {
        if (!is_pnp(&states[i])) {
            any |= see(&states[i]);
        } else if (stage.arrivals != arrivals) {
            states[i].dwEventState = SCARD_STATE_CHANGED;
            any = true;
        }
    }
    return any;
}

static LONG wait_for_change(struct context *context, SCARD_READERSTATE *states, DWORD count,
                            DWORD timeout)
{
    struct timespec end = stage_deadline((unsigned)timeout);
    unsigned long arrivals = stage.arrivals;
    LONG rv = SCARD_S_SUCCESS;
    context->cancelled = false;
    while (rv == SCARD_S_SUCCESS && !any_changed(states, count, arrivals)) {
        if (timeout == 0)
            return SCARD_E_TIMEOUT;
        if (script.wait != 0)
            return script.wait;
        context->waiting = true;
        bool more = stage_wait(&end);
        context->waiting = false;
        if (context->cancelled)
            rv = SCARD_E_CANCELLED;
        else if (!client_is_alive(context))
            rv = script.dead != 0 ? script.dead : SCARD_E_NO_SERVICE;
        else if (!more)
            rv = SCARD_E_TIMEOUT;
    }
    return rv;
}

LONG SCardGetStatusChange(SCARDCONTEXT id, DWORD timeout, SCARD_READERSTATE *states, DWORD count)
{
    struct client_call call;
    LONG rv = client_begin_context(&call, __func__, id);
    if (rv == SCARD_S_SUCCESS)
        rv = check_states(states, count, timeout);
    if (rv == SCARD_S_SUCCESS)
        rv = wait_for_change(call.context, states, count, timeout);
    return client_end(&call, rv);
}

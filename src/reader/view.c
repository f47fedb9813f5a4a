/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "reader/pcsc.h"
#include "reader/reader.h"

/* Bytes that a list of readers may have, and how often it is fetched while it grows. */
#define NAMES_MAX 65536
#define NAMES_TRIES 8

/* So many readers does pcsc-lite take in one question. There cannot be more of them, but the names
 * of those that have left are asked for as well. */
#define ASKED_MAX PCSCLITE_MAX_READERS_CONTEXTS

/* The pseudo reader whose state changes when readers come and go. */
#define NEW_READERS "\\\\?PnP?\\Notification"

struct reader_view {
    struct link link;
    unsigned long opened; /* how often: the event counters start anew with each service */
    atomic_bool cancelled;
    _Atomic SCARDCONTEXT waiting; /* the context that reader_cancel() may cancel */
};

struct reader_view *reader_view_new(void)
{
    return calloc(1, sizeof(struct reader_view));
}

void reader_view_free(struct reader_view *view)
{
    if (view == NULL)
        return;
    link_close(&view->link);
    free(view);
}

static enum err view_open(struct reader_view *view)
{
    if (!view->link.open)
        view->opened++;
    return link_open(&view->link);
}

/* *LEN comes back as no more than the room that there was, whatever the service says. */
static LONG fetch_once(SCARDCONTEXT context, char **names, DWORD *len)
{
    *len = 0;
    LONG rv = SCardListReaders(context, NULL, NULL, len);
    if (rv != SCARD_S_SUCCESS)
        return rv;
    DWORD room = *len;
    if (room > NAMES_MAX)
        return SCARD_F_INTERNAL_ERROR;
    /* Two bytes more: whatever comes back, the list ends with an empty name. */
    char *buffer = calloc(1, room + 2);
    if (buffer == NULL)
        return SCARD_E_NO_MEMORY;
    rv = SCardListReaders(context, NULL, buffer, len);
    if (*len > room)
        *len = room;
    if (rv == SCARD_S_SUCCESS)
        *names = buffer;
    else
        free(buffer);
    return rv;
}

/* A reader that comes between the two questions makes the list longer than the room for it. */
static LONG fetch_names(SCARDCONTEXT context, char **names, DWORD *len)
{
    LONG rv = SCARD_E_INSUFFICIENT_BUFFER;
    *names = NULL;
    for (int i = 0; i < NAMES_TRIES && rv == SCARD_E_INSUFFICIENT_BUFFER; i++)
        rv = fetch_once(context, names, len);
    return rv;
}

/* Turns "a\0b\0\0" into a NULL-terminated array with the names behind it, in one allocation. */
static char **names_array(const char *multi, size_t len)
{
    size_t count = 0;
    size_t size = 0;
    while (size < len && multi[size] != '\0') {
        size += strnlen(multi + size, len - size) + 1;
        count++;
    }
    char **names = calloc(1, (count + 1) * sizeof(char *) + size + 1);
    if (names == NULL)
        return NULL;
    char *text = (char *)(names + count + 1);
    if (size > 0)
        memcpy(text, multi, size < len ? size : len);
    for (size_t i = 0; i < count; i++) {
        names[i] = text;
        text += strlen(text) + 1;
    }
    return names;
}

static enum err list_once(struct reader_view *view, char ***names)
{
    enum err e = view_open(view);
    if (e != ERR_OK)
        return e;
    char *multi;
    DWORD len;
    LONG rv = fetch_names(view->link.context, &multi, &len);
    if (rv != SCARD_S_SUCCESS && rv != SCARD_E_NO_READERS_AVAILABLE) {
        e = pcsc_failed("SCardListReaders", rv);
        if (e != ERR_MEMORY)
            link_close(&view->link);
        return e;
    }
    *names = names_array(multi, rv == SCARD_S_SUCCESS ? len : 0);
    free(multi);
    return *names != NULL ? ERR_OK : ERR_MEMORY;
}

enum err reader_list(struct reader_view *view, char ***names)
{
    *names = NULL;
    bool was_open = view->link.open;
    enum err e = list_once(view, names);
    /* A service that was restarted shows itself by a dead connection: look again with a new one. */
    if (e != ERR_OK && e != ERR_MEMORY && was_open)
        e = list_once(view, names);
    return e == ERR_OK || e == ERR_MEMORY ? e : ERR_NO_SERVICE;
}

static void state_set(struct reader_state *state, const SCARD_READERSTATE *in, unsigned long opened)
{
    const DWORD unusable = SCARD_STATE_MUTE | SCARD_STATE_UNAVAILABLE | SCARD_STATE_UNKNOWN;
    state->known = !(in->dwEventState & (SCARD_STATE_UNKNOWN | SCARD_STATE_IGNORE));
    state->present =
        (in->dwEventState & SCARD_STATE_PRESENT) != 0 && !(in->dwEventState & unusable);
    state->mute = (in->dwEventState & SCARD_STATE_MUTE) != 0;
    state->held = (in->dwEventState & SCARD_STATE_EXCLUSIVE) != 0;
    /* pcsc-lite counts insertions and removals in the upper half of the state. */
    state->service = opened;
    state->events = opened << 16 | ((in->dwEventState >> 16) & 0xFFFF);
    state->raw = in->dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
    state->atr_len = in->cbAtr < READER_ATR_MAX ? in->cbAtr : READER_ATR_MAX;
    memcpy(state->atr, in->rgbAtr, state->atr_len);
}

/* One call for several readers; an unknown one among them makes pcsc-lite refuse the whole call. */
static LONG states_fetch(const struct reader_view *view, const char *const *names, size_t count,
                         struct reader_state *states)
{
    SCARD_READERSTATE *in = calloc(count, sizeof(*in));
    if (in == NULL)
        return SCARD_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        in[i].szReader = names[i]; /* dwCurrentState 0 is SCARD_STATE_UNAWARE: answer at once */
    LONG rv = SCardGetStatusChange(view->link.context, 0, in, (DWORD)count);
    for (size_t i = 0; rv == SCARD_S_SUCCESS && i < count; i++)
        state_set(&states[i], &in[i], view->opened);
    free(in);
    return rv;
}

static LONG states_one_by_one(const struct reader_view *view, const char *const *names,
                              size_t count, struct reader_state *states)
{
    for (size_t i = 0; i < count; i++) {
        LONG rv = states_fetch(view, &names[i], 1, &states[i]);
        if (rv != SCARD_S_SUCCESS && rv != SCARD_E_UNKNOWN_READER && rv != SCARD_E_TIMEOUT)
            return rv;
    }
    return SCARD_S_SUCCESS;
}

static LONG states_of_some(const struct reader_view *view, const char *const *names, size_t count,
                           struct reader_state *states)
{
    LONG rv = states_fetch(view, names, count, states);
    if (rv == SCARD_E_UNKNOWN_READER || rv == SCARD_E_TIMEOUT)
        rv = states_one_by_one(view, names, count, states);
    return rv;
}

enum err reader_states(struct reader_view *view, const char *const *names, size_t count,
                       struct reader_state *states)
{
    memset(states, 0, count * sizeof(*states));
    if (count == 0)
        return ERR_OK;
    enum err e = view_open(view);
    if (e != ERR_OK)
        return e;
    LONG rv = SCARD_S_SUCCESS;
    for (size_t i = 0; i < count && rv == SCARD_S_SUCCESS; i += ASKED_MAX)
        rv = states_of_some(view, names + i, count - i < ASKED_MAX ? count - i : ASKED_MAX,
                            states + i);
    if (rv == SCARD_S_SUCCESS)
        return ERR_OK;
    memset(states, 0, count * sizeof(*states));
    e = pcsc_failed("SCardGetStatusChange", rv);
    if (e == ERR_MEMORY)
        return e;
    link_close(&view->link);
    return ERR_NO_SERVICE;
}

static enum err wait_result(struct reader_view *view, LONG rv)
{
    if (rv == SCARD_S_SUCCESS || rv == SCARD_E_TIMEOUT)
        return ERR_OK;
    if (rv == SCARD_E_UNKNOWN_READER)
        return ERR_NO_READER;
    if (rv == SCARD_E_CANCELLED && atomic_load(&view->cancelled))
        return ERR_CANCELLED;
    pcsc_failed("SCardGetStatusChange (waiting)", rv);
    link_close(&view->link);
    return ERR_NO_SERVICE;
}

enum err reader_wait(struct reader_view *view, const char *const *names, size_t count,
                     const struct reader_state *states, unsigned milliseconds)
{
    enum err e = view_open(view);
    if (e != ERR_OK)
        return e;
    SCARD_READERSTATE *in = calloc(count + 1, sizeof(*in));
    if (in == NULL)
        return ERR_MEMORY;
    DWORD used = 0;
    for (size_t i = 0; i < count && used < ASKED_MAX; i++) {
        if (!states[i].known) /* one unknown name would end the wait at once */
            continue;
        in[used].szReader = names[i];
        in[used++].dwCurrentState = states[i].raw;
    }
    if (used < ASKED_MAX) /* or none can come, as there are all that there can be */
        in[used++].szReader = NEW_READERS;
    atomic_store(&view->waiting, view->link.context);
    LONG rv = SCARD_E_CANCELLED;
    if (!atomic_load(&view->cancelled))
        rv = SCardGetStatusChange(view->link.context, milliseconds, in, used);
    atomic_store(&view->waiting, 0);
    free(in);
    return wait_result(view, rv);
}

void reader_cancel(struct reader_view *view)
{
    atomic_store(&view->cancelled, true);
    SCARDCONTEXT waiting = atomic_load(&view->waiting);
    /* pcsc-lite sends the cancel over a connection of its own, so any thread may do it. */
    if (waiting != 0)
        SCardCancel(waiting);
}

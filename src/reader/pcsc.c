/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * reader.h on pcsc-lite. Written against pcsc-lite 1.9: what it does beyond the PC/SC
 * specification is said where it matters.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <winscard.h>
#include <reader.h> /* of pcsc-lite: SCARD_ATTR_ATR_STRING, CM_IOCTL_GET_FEATURE_REQUEST */

#include "reader/pad.h"
#include "reader/reader.h"
#include "support/log.h"

/* How long a transaction of another program is waited for, and how often we look. */
#define BUSY_WAIT_MS 5000
#define BUSY_LOOK_MS 10

/* Bytes that a list of readers may have, and how often it is fetched while it grows. */
#define NAMES_MAX 65536
#define NAMES_TRIES 8

/* So many readers does pcsc-lite take in one question. There cannot be more of them, but the names
 * of those that have left are asked for as well. */
#define ASKED_MAX PCSCLITE_MAX_READERS_CONTEXTS

#define PROTOCOLS (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)

/* The pseudo reader whose state changes when readers come and go. */
#define NEW_READERS "\\\\?PnP?\\Notification"

struct link {
    SCARDCONTEXT context;
    bool open;
};

struct reader_view {
    struct link link;
    unsigned long opened; /* how often: the event counters start anew with each service */
    atomic_bool cancelled;
    _Atomic SCARDCONTEXT waiting; /* the context that reader_cancel() may cancel */
};

struct reader {
    struct link link;
    SCARDHANDLE card;
    DWORD protocol;
    bool connected;
    bool pad_asked;    /* since it was connected */
    uint32_t pad_code; /* control code for a PIN on the reader's pad; 0: it has none */
    char name[];
};

static enum err err_of(LONG rv)
{
    switch (rv) {
    case SCARD_S_SUCCESS:
        return ERR_OK;
    case SCARD_E_NO_MEMORY:
        return ERR_MEMORY;
    case SCARD_E_NO_SERVICE:
    case SCARD_E_SERVICE_STOPPED:
    case SCARD_E_INVALID_HANDLE: /* the service was restarted */
    case SCARD_F_COMM_ERROR:     /* with the service, not with the card */
    case SCARD_F_INTERNAL_ERROR:
        return ERR_NO_SERVICE;
    case SCARD_E_UNKNOWN_READER:
    case SCARD_E_READER_UNAVAILABLE:
    case SCARD_E_NO_READERS_AVAILABLE:
        return ERR_NO_READER;
    case SCARD_E_NO_SMARTCARD:
    case SCARD_W_REMOVED_CARD:
    case SCARD_W_UNPOWERED_CARD:
    case SCARD_W_UNRESPONSIVE_CARD:
        return ERR_NO_CARD;
    case SCARD_W_SECURITY_VIOLATION: /* pcsc-lite's answer when polkit says no */
        return ERR_FORBIDDEN;
    case SCARD_E_SHARING_VIOLATION:
        return ERR_BUSY;
    case SCARD_E_INSUFFICIENT_BUFFER:
        return ERR_ANSWER;
    default: /* SCARD_E_CANCELLED too: nobody has cancelled anything but a wait */
        return ERR_TRANSPORT;
    }
}

static enum err failed(const char *call, LONG rv)
{
    enum err e = err_of(rv);
    log_write(LOG_DEBUG, "%s: 0x%08lX (%s)", call, (unsigned long)rv & 0xFFFFFFFFUL, err_text(e));
    return e;
}

static void sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

static enum err link_open(struct link *link)
{
    if (link->open)
        return ERR_OK;
    LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &link->context);
    if (rv != SCARD_S_SUCCESS) {
        failed("SCardEstablishContext", rv);
        return ERR_NO_SERVICE;
    }
    link->open = true;
    return ERR_OK;
}

static void link_close(struct link *link)
{
    if (link->open)
        SCardReleaseContext(link->context);
    link->open = false;
}

/* ---- the view of all readers ---- */

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

/* *LEN is the room at first, and then never more than that, whatever the service says. */
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
        e = failed("SCardListReaders", rv);
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
    e = failed("SCardGetStatusChange", rv);
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
    failed("SCardGetStatusChange (waiting)", rv);
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

/* ---- one reader ---- */

struct reader *reader_new(const char *name)
{
    size_t size = strlen(name) + 1;
    struct reader *reader = calloc(1, sizeof(*reader) + size);
    if (reader != NULL)
        memcpy(reader->name, name, size);
    return reader;
}

/* What the service still holds for a connection that cannot be given up, a transaction above all,
 * goes with the context, which is this reader's alone. */
static LONG give_up(struct reader *reader, DWORD disposition)
{
    LONG rv = SCardDisconnect(reader->card, disposition);
    reader->connected = false;
    if (rv != SCARD_S_SUCCESS)
        link_close(&reader->link);
    return rv;
}

void reader_disconnect(struct reader *reader)
{
    if (reader->connected)
        give_up(reader, SCARD_LEAVE_CARD);
}

void reader_free(struct reader *reader)
{
    if (reader == NULL)
        return;
    reader_disconnect(reader);
    link_close(&reader->link);
    free(reader);
}

static void forget(struct reader *reader)
{
    reader->connected = false;
    link_close(&reader->link);
}

static LONG reconnect(struct reader *reader, DWORD initialization)
{
    return SCardReconnect(reader->card, SCARD_SHARE_SHARED, PROTOCOLS, initialization,
                          &reader->protocol);
}

/*
 * A program may take a card's power and leave it so (SCardDisconnect, SCARD_UNPOWER_CARD). As long
 * as any other is connected, pcsc-lite does not give it back by itself: it refuses new connections,
 * and lets commands of old ones come to nothing. A reset helps. Without a card, power is no
 * question.
 */
static bool has_power(const struct reader *reader)
{
    unsigned char atr[READER_ATR_MAX];
    char name[MAX_READERNAME];
    DWORD atr_len = sizeof(atr), name_len = sizeof(name), state, protocol;
    LONG rv = SCardStatus(reader->card, name, &name_len, &state, &protocol, atr, &atr_len);
    return rv != SCARD_S_SUCCESS || (state & SCARD_PRESENT) == 0 || (state & SCARD_POWERED) != 0;
}

static LONG connect_without_power(struct reader *reader)
{
    LONG rv = SCardConnect(reader->link.context, reader->name, SCARD_SHARE_DIRECT, 0, &reader->card,
                           &reader->protocol);
    if (rv != SCARD_S_SUCCESS)
        return rv;
    rv = reconnect(reader, SCARD_RESET_CARD);
    if (rv != SCARD_S_SUCCESS)
        SCardDisconnect(reader->card, SCARD_LEAVE_CARD);
    return rv;
}

static enum err connect_card(struct reader *reader)
{
    enum err e = link_open(&reader->link);
    if (e != ERR_OK)
        return e;
    LONG rv = SCardConnect(reader->link.context, reader->name, SCARD_SHARE_SHARED, PROTOCOLS,
                           &reader->card, &reader->protocol);
    if (rv == SCARD_W_UNPOWERED_CARD)
        rv = connect_without_power(reader);
    if (rv != SCARD_S_SUCCESS)
        return failed("SCardConnect", rv);
    reader->connected = true;
    reader->pad_asked = false;
    return ERR_OK;
}

/*
 * pcsc-lite's SCardBeginTransaction waits for ever while another program holds the card, and first
 * come is not first served. SCardGetAttrib answers SCARD_E_SHARING_VIOLATION at once, so it can
 * tell when the card is free.
 */
static enum err wait_free(struct reader *reader)
{
    for (unsigned waited = 0;; waited += BUSY_LOOK_MS) {
        unsigned char atr[READER_ATR_MAX];
        DWORD len = sizeof(atr);
        LONG rv = SCardGetAttrib(reader->card, SCARD_ATTR_ATR_STRING, atr, &len);
        if (rv != SCARD_E_SHARING_VIOLATION)
            return ERR_OK; /* anything else shows itself in SCardBeginTransaction */
        if (waited >= BUSY_WAIT_MS)
            return ERR_BUSY;
        sleep_ms(BUSY_LOOK_MS);
    }
}

/* After a reset by another program. */
static LONG renew(struct reader *reader)
{
    LONG rv = reconnect(reader, SCARD_LEAVE_CARD);
    if (rv == SCARD_S_SUCCESS && !has_power(reader))
        rv = reconnect(reader, SCARD_RESET_CARD);
    return rv;
}

/* One try. RETRY is set when another one, with a new connection, is worthwhile. */
static enum err begin_once(struct reader *reader, bool *fresh, bool *retry)
{
    bool was_connected = reader->connected;
    *retry = false;
    enum err e = ERR_OK;
    if (!was_connected) {
        e = connect_card(reader);
        *fresh = true;
    }
    if (e == ERR_OK)
        e = wait_free(reader);
    if (e == ERR_OK) {
        LONG rv = SCardBeginTransaction(reader->card);
        if (rv == SCARD_W_RESET_CARD) {
            *fresh = true;
            rv = renew(reader);
            if (rv == SCARD_S_SUCCESS)
                rv = SCardBeginTransaction(reader->card);
        }
        if (rv == SCARD_S_SUCCESS)
            return ERR_OK;
        e = failed("SCardBeginTransaction", rv);
    }
    if (e == ERR_BUSY)
        return e;
    /* A connection to a card that was taken out, or to a service that is gone, is worth nothing. */
    *retry = was_connected || e == ERR_NO_SERVICE;
    reader_disconnect(reader);
    if (e == ERR_NO_SERVICE)
        forget(reader);
    return e;
}

enum err reader_begin(struct reader *reader, bool *fresh)
{
    bool retry;
    *fresh = false;
    enum err e = begin_once(reader, fresh, &retry);
    if (e != ERR_OK && retry)
        e = begin_once(reader, fresh, &retry);
    return e;
}

static enum err answered(const char *call, LONG rv, DWORD len, size_t *received)
{
    if (rv != SCARD_S_SUCCESS)
        return failed(call, rv);
    if (len > READER_RESPONSE_MAX)
        return ERR_ANSWER;
    *received = len;
    return ERR_OK;
}

enum err reader_transmit(struct reader *reader, struct bytes command, uint8_t *response,
                         size_t *received)
{
    *received = 0;
    if (!reader->connected)
        return ERR_NO_CARD;
    const SCARD_IO_REQUEST *pci =
        reader->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
    DWORD len = READER_RESPONSE_MAX;
    LONG rv =
        SCardTransmit(reader->card, pci, command.data, (DWORD)command.len, NULL, response, &len);
    return answered("SCardTransmit", rv, len, received);
}

/* ---- the reader's PIN pad ---- */

/* Drivers that know no features at all answer with an error: then there is no pad. */
static uint32_t ask_pad(struct reader *reader)
{
    uint8_t list[MAX_BUFFER_SIZE];
    DWORD len = 0;
    uint32_t code = 0;
    LONG rv =
        SCardControl(reader->card, CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, list, sizeof(list), &len);
    if (rv != SCARD_S_SUCCESS)
        log_write(LOG_DEBUG, "the reader names no features: 0x%08lX",
                  (unsigned long)rv & 0xFFFFFFFFUL);
    else if (len > sizeof(list) || pad_find_verify(bytes_of(list, len), &code) != ERR_OK)
        log_write(LOG_WARNING, "the reader's list of features makes no sense");
    else
        log_write(LOG_DEBUG, "the reader has %s", code != 0 ? "a PIN pad" : "no PIN pad");
    return code;
}

bool reader_has_pad(struct reader *reader)
{
    if (!reader->connected)
        return false;
    if (!reader->pad_asked)
        reader->pad_code = ask_pad(reader);
    reader->pad_asked = true;
    return reader->pad_code != 0;
}

/* pcsc-lite waits for the reader's answer as long as the driver does: until the holder has typed,
 * or the reader has given up. */
enum err reader_verify_on_pad(struct reader *reader, struct bytes command, unsigned digits,
                              uint8_t *response, size_t *received)
{
    uint8_t verify[PAD_VERIFY_MAX];
    *received = 0;
    if (!reader->connected)
        return ERR_NO_CARD;
    if (!reader_has_pad(reader))
        return ERR_REFUSED;
    size_t size = pad_build_verify(command, digits, verify);
    if (size == 0)
        return ERR_ARGUMENT;
    DWORD len = 0;
    LONG rv = SCardControl(reader->card, reader->pad_code, verify, (DWORD)size, response,
                           READER_RESPONSE_MAX, &len);
    return answered("SCardControl (PIN pad)", rv, len, received);
}

/* A transaction that cannot be ended ends with the connection. It would be in the way of all other
 * programs, also after the next one: pcsc-lite counts them, and one end would not be enough. */
bool reader_end(struct reader *reader, bool power_off)
{
    if (!reader->connected)
        return !power_off;
    LONG rv = power_off ? give_up(reader, SCARD_UNPOWER_CARD)
                        : SCardEndTransaction(reader->card, SCARD_LEAVE_CARD);
    if (rv == SCARD_S_SUCCESS)
        return true;
    enum err e = failed(power_off ? "SCardDisconnect" : "SCardEndTransaction", rv);
    reader_disconnect(reader);
    return !power_off || e == ERR_NO_CARD || e == ERR_NO_READER; /* no card has no power */
}

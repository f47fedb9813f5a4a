/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * reader/reader.h on the stage. Each handle is for one caller at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twin/stage.h"

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#endif
#endif

#define VERIFY 0x20

enum transaction { TRANSACTION_NONE, TRANSACTION_OPEN, TRANSACTION_LOST };

struct reader {
    pid_t pid;
    bool inside;
    bool connected;
    bool short_only;                          /* a longer command has come to nothing */
    unsigned long service, insertion, resets; /* as they were when it was connected */
    enum transaction transaction;
    enum err lost_by;
    uint8_t room[TWIN_RESPONSE_MAX]; /* for the card's answer */
    char name[];
};

struct reader_view {
    pid_t pid;
    bool inside;
    bool open;
    unsigned long opened; /* how often: event counters start anew with each service */
    bool cancelled;
    unsigned long service;
};

static struct {
    unsigned long calls;
    long at;
    enum err error;
    bool after;
} fault = {.at = -1};

/* Handles of PC/SC do not outlive a fork, and one thread at a time may use each. */
static void enter(pid_t pid, bool *inside)
{
    stage_take();
    if (pid != getpid())
        stage_die("a handle of the parent process was used", NULL);
    if (*inside)
        stage_die("two threads in one handle", NULL);
    *inside = true;
}

static void leave(bool *inside)
{
    *inside = false;
    stage_give();
}

/* ---- faults ---- */

void twin_fail_call(long k, enum err error, bool after)
{
    stage_take();
    fault.at = k;
    fault.error = error;
    fault.after = after;
    stage_give();
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
    stage_give();
}

/* Counts a call; ERR_OK, or the error that it is to have. */
static enum err count_call(void)
{
    long k = (long)fault.calls++;
    return k == fault.at ? fault.error : ERR_OK;
}

/* ---- the view of all readers ---- */

struct reader_view *reader_view_new(void)
{
    struct reader_view *view = calloc(1, sizeof(*view));
    if (view != NULL)
        view->pid = getpid();
    return view;
}

void reader_view_free(struct reader_view *view)
{
    if (view == NULL)
        return;
    enter(view->pid, &view->inside);
    leave(&view->inside);
    free(view);
}

/* Connects to the service. False without one, and once when the one of before is gone. */
static bool view_open(struct reader_view *view)
{
    if (view->open && (view->service != stage.service || stage.stopped)) {
        view->open = false;
        return false;
    }
    if (stage.stopped)
        return false;
    if (!view->open)
        view->opened++;
    view->open = true;
    view->service = stage.service;
    return true;
}

/* The names behind the array, in one allocation. */
static char **make_list(void)
{
    size_t size = 0, count = 0;
    for (size_t i = 0; i < stage.count; i++) {
        count += stage.slots[i]->there ? 1 : 0;
        size += strlen(stage.slots[i]->name) + 1;
    }
    char **names = calloc(1, (count + 1) * sizeof(*names) + size);
    if (names == NULL)
        return NULL;
    char *text = (char *)(names + count + 1);
    count = 0;
    for (size_t i = 0; i < stage.count; i++) {
        if (!stage.slots[i]->there)
            continue;
        names[count++] = strcpy(text, stage.slots[i]->name);
        text += strlen(text) + 1;
    }
    return names;
}

enum err reader_list(struct reader_view *view, char ***names)
{
    *names = NULL;
    enter(view->pid, &view->inside);
    enum err e = count_call();
    if (e != ERR_OK && e != ERR_MEMORY) {
        e = ERR_NO_SERVICE;
        view->open = false;
    }
    /* A dead connection is tried again. */
    if (e == ERR_OK && !view_open(view) && !view_open(view))
        e = ERR_NO_SERVICE;
    if (e == ERR_OK && (*names = make_list()) == NULL)
        e = ERR_MEMORY;
    leave(&view->inside);
    return e;
}

static void see(const char *name, unsigned long opened, struct reader_state *state)
{
    const struct slot *slot = stage_find(name);
    memset(state, 0, sizeof(*state));
    if (slot == NULL || !slot->there)
        return;
    state->known = true;
    state->present = slot->present;
    state->held = slot->held;
    state->service = opened;
    state->events = opened << 16 | slot->events;
    if (slot->present) {
        memcpy(state->atr, slot->atr, slot->atr_len);
        state->atr_len = slot->atr_len;
    }
    state->raw =
        (unsigned long)slot->events << 4 | 4U | (slot->held ? 2U : 0U) | (slot->present ? 1U : 0U);
}

bool reader_service_run(char run[READER_RUN_SIZE])
{
    stage_take();
    snprintf(run, READER_RUN_SIZE, "twin-%lu", stage.service);
    stage_give();
    return true;
}

enum err reader_states(struct reader_view *view, const char *const *names, size_t count,
                       struct reader_state *states)
{
    if (count > 0)
        memset(states, 0, count * sizeof(*states));
    enter(view->pid, &view->inside);
    enum err e = count_call();
    if (count > 0 && e != ERR_OK && e != ERR_MEMORY) {
        e = ERR_NO_SERVICE;
        view->open = false;
    }
    if (count > 0 && e == ERR_OK && !view_open(view))
        e = ERR_NO_SERVICE;
    for (size_t i = 0; e == ERR_OK && i < count; i++)
        see(names[i], view->opened, &states[i]);
    leave(&view->inside);
    return e;
}

static bool differs(const char *const *names, size_t count, const struct reader_state *states)
{
    for (size_t i = 0; i < count; i++) {
        struct reader_state now;
        if (!states[i].known)
            continue;
        see(names[i], 0, &now);
        if (now.raw != states[i].raw)
            return true;
    }
    return false;
}

enum err reader_wait(struct reader_view *view, const char *const *names, size_t count,
                     const struct reader_state *states, unsigned milliseconds)
{
    struct timespec end = stage_deadline(milliseconds);
    enter(view->pid, &view->inside);
    unsigned long arrivals = stage.arrivals;
    enum err e = ERR_OK;
    for (bool more = true; more;) {
        if (view->cancelled)
            e = ERR_CANCELLED;
        else if (!view_open(view))
            e = ERR_NO_SERVICE;
        if (e != ERR_OK || stage.arrivals != arrivals || differs(names, count, states))
            break;
        more = stage_wait(&end);
    }
    leave(&view->inside);
    return e;
}

void reader_cancel(struct reader_view *view)
{
    stage_take();
    view->cancelled = true;
    stage_changed();
    stage_give();
}

/* ---- one reader ---- */

struct reader *reader_new(const char *name)
{
    size_t size = strlen(name) + 1;
    struct reader *reader = calloc(1, sizeof(*reader) + size);
    if (reader != NULL) {
        memcpy(reader->name, name, size);
        reader->pid = getpid();
    }
    return reader;
}

void reader_disconnect(struct reader *reader)
{
    enter(reader->pid, &reader->inside);
    if (reader->transaction != TRANSACTION_NONE)
        stage_die("disconnected in a transaction", reader->name);
    reader->connected = false;
    leave(&reader->inside);
}

void reader_free(struct reader *reader)
{
    if (reader == NULL)
        return;
    reader_disconnect(reader);
    free(reader);
}

/* Why this reader's card cannot be spoken to. */
static enum err trouble(const struct slot *slot)
{
    if (stage.stopped)
        return ERR_NO_SERVICE;
    if (slot == NULL || !slot->there)
        return ERR_NO_READER;
    return slot->present ? ERR_OK : ERR_NO_CARD;
}

static bool is_alive(const struct reader *reader, const struct slot *slot)
{
    return reader->connected && reader->service == stage.service &&
           reader->insertion == slot->insertion;
}

static void connect_card(struct reader *reader, struct slot *slot)
{
    stage_power_on(slot);
    reader->connected = true;
    reader->service = stage.service;
    reader->insertion = slot->insertion;
    reader->resets = slot->resets;
}

static enum err begin(struct reader *reader, bool *fresh)
{
    struct timespec end = stage_deadline(STAGE_WAIT_MS);
    for (;;) {
        struct slot *slot = stage_find(reader->name);
        enum err e = trouble(slot);
        if (e != ERR_OK)
            return e;
        if (slot->held)
            return ERR_BUSY;
        if (slot->owner == NULL) {
            *fresh = !is_alive(reader, slot) || reader->resets != slot->resets;
            connect_card(reader, slot);
            slot->owner = reader;
            return ERR_OK;
        }
        if (!stage_wait(&end))
            return ERR_BUSY;
    }
}

static void tell_watch(bool inside)
{
    stage_take();
    twin_watch *watch = stage.watch;
    void *context = stage.watch_context;
    stage_give();
    if (watch != NULL)
        watch(context, inside);
}

enum err reader_begin(struct reader *reader, bool *fresh)
{
    *fresh = false;
    tell_watch(false);
    enter(reader->pid, &reader->inside);
    if (reader->transaction != TRANSACTION_NONE)
        stage_die("a transaction in a transaction", reader->name);
    enum err e = count_call();
    if (e == ERR_OK)
        e = begin(reader, fresh);
    if (e == ERR_OK) {
        reader->transaction = TRANSACTION_OPEN;
        stage.open++;
    } else if (e != ERR_BUSY) {
        reader->connected = false;
    }
    leave(&reader->inside);
    return e;
}

static bool ends_transaction(enum err e)
{
    return e == ERR_NO_CARD || e == ERR_NO_READER || e == ERR_NO_SERVICE;
}

static void release(struct reader *reader)
{
    struct slot *slot = stage_find(reader->name);
    if (slot != NULL && slot->owner == reader)
        slot->owner = NULL;
    if (stage.open > 0)
        stage.open--;
    stage_changed();
}

/* The slot while its card is still the one of the transaction, or NULL with the reason. */
static struct slot *still(const struct reader *reader, enum err *e)
{
    struct slot *slot = stage_find(reader->name);
    *e = trouble(slot);
    if (*e == ERR_OK && !is_alive(reader, slot))
        *e = reader->service == stage.service ? ERR_NO_CARD : ERR_NO_SERVICE;
    return *e == ERR_OK ? slot : NULL;
}

static enum err run(struct reader *reader, struct bytes command, size_t *n)
{
    enum err e;
    twin_hook *hook = stage.hook;
    void *context = stage.hook_context;
    struct slot *slot = still(reader, &e);
    if (slot != NULL && hook != NULL) {
        stage_give();
        bool answered = hook(context, command.data, command.len, reader->room, n);
        stage_take();
        slot = still(reader, &e);
        if (answered)
            return e;
    }
    if (slot != NULL) {
        *n = stage_run_card(slot, command.data, command.len, reader->room);
        still(reader, &e);
    }
    return e;
}

static enum err transmit(struct reader *reader, struct bytes command, size_t *n)
{
    enum err failed = count_call();
    bool done = failed == ERR_OK || fault.after;
    stage_count_command(command.data, command.len);
    enum err e = done ? run(reader, command, n) : ERR_OK;
    if (e == ERR_OK)
        e = failed;
    if (e == ERR_OK && *n > TWIN_RESPONSE_MAX)
        stage_die("a card answered more than it may", reader->name);
    return e;
}

/* The reader answers SW by itself, and the card hears nothing. */
static enum err reader_says(struct reader *reader, uint16_t sw, size_t *n)
{
    enum err failed = count_call(), e;
    still(reader, &e);
    reader->room[0] = (uint8_t)(sw >> 8);
    reader->room[1] = (uint8_t)sw;
    *n = 2;
    return e != ERR_OK ? e : failed;
}

static enum err type_pin(struct reader *reader, struct slot *slot, struct bytes command,
                         unsigned digits, size_t *n)
{
    uint8_t typed[5 + STAGE_DIGITS_MAX];
    if (command.len != 5 + digits || digits == 0 || digits > STAGE_DIGITS_MAX ||
        command.data[1] != VERIFY || command.data[4] != digits)
        stage_die("no VERIFY for so many digits", reader->name);
    uint16_t sw = stage_pad_entry(slot, digits, typed + 5);
    if (sw != 0)
        return reader_says(reader, sw, n);
    memcpy(typed, command.data, 5);
    return transmit(reader, bytes_of(typed, command.len), n);
}

/* For MemorySanitizer: what lies behind an answer has no value, whatever the caller has put there.
 */
static void forget_rest(uint8_t *response, size_t room, size_t n)
{
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
    __msan_poison(response + n, room - n);
#endif
#endif
    (void)response;
    (void)room;
    (void)n;
}

/* The end of an exchange: the transaction may be lost by it. */
static enum err finish(struct reader *reader, enum err e, size_t n, uint8_t *response, size_t room,
                       size_t *received)
{
    if (e == ERR_OK && n > room)
        e = ERR_ANSWER;
    if (reader->transaction == TRANSACTION_OPEN && ends_transaction(e)) {
        reader->transaction = TRANSACTION_LOST;
        reader->lost_by = e;
        reader->connected = false;
        release(reader);
    }
    if (e == ERR_OK && n > 0)
        memcpy(response, reader->room, n);
    *received = e == ERR_OK ? n : 0;
    forget_rest(response, room, *received);
    return e;
}

/* As a reader that speaks T=1. */
size_t reader_data_max(struct reader *reader)
{
    enum err e;
    enter(reader->pid, &reader->inside);
    if (reader->transaction == TRANSACTION_NONE)
        stage_die("a question for what it can do outside a transaction", reader->name);
    const struct slot *slot = still(reader, &e);
    size_t max = slot != NULL && !reader->short_only ? slot->data_max : 0;
    leave(&reader->inside);
    return max > READER_SHORT_DATA_MAX ? max : READER_SHORT_DATA_MAX;
}

size_t reader_atr(struct reader *reader, uint8_t atr[READER_ATR_MAX])
{
    enum err e;
    enter(reader->pid, &reader->inside);
    if (reader->transaction == TRANSACTION_NONE)
        stage_die("a question for the answer to reset outside a transaction", reader->name);
    const struct slot *slot = still(reader, &e);
    size_t len = slot != NULL ? slot->atr_len : 0;
    if (len > 0)
        memcpy(atr, slot->atr, len);
    leave(&reader->inside);
    return len;
}

enum err reader_transmit(struct reader *reader, struct bytes command, uint8_t *response,
                         size_t room, size_t *received)
{
    size_t n = 0;
    *received = 0;
    enter(reader->pid, &reader->inside);
    if (reader->transaction == TRANSACTION_NONE)
        stage_die("a command outside a transaction", reader->name);
    enum err e = reader->lost_by;
    if (reader->transaction == TRANSACTION_OPEN)
        e = transmit(reader, command, &n);
    reader->short_only |= e != ERR_OK && room > READER_RESPONSE_MAX;
    e = finish(reader, e, n, response, room, received);
    leave(&reader->inside);
    return e;
}

bool reader_has_pad(struct reader *reader)
{
    enum err e;
    enter(reader->pid, &reader->inside);
    if (reader->transaction == TRANSACTION_NONE)
        stage_die("a question for keys outside a transaction", reader->name);
    const struct slot *slot = still(reader, &e);
    bool has = slot != NULL && slot->pad;
    leave(&reader->inside);
    return has;
}

enum err reader_verify_on_pad(struct reader *reader, struct bytes command, unsigned digits,
                              uint8_t *response, size_t *received)
{
    size_t n = 0;
    *received = 0;
    enter(reader->pid, &reader->inside);
    if (reader->transaction == TRANSACTION_NONE)
        stage_die("a PIN outside a transaction", reader->name);
    enum err e = reader->lost_by;
    if (reader->transaction == TRANSACTION_OPEN) {
        struct slot *slot = still(reader, &e);
        if (slot != NULL)
            e = slot->pad ? type_pin(reader, slot, command, digits, &n) : ERR_REFUSED;
    }
    e = finish(reader, e, n, response, READER_RESPONSE_MAX, received);
    leave(&reader->inside);
    return e;
}

/* A card that is out has no power either. */
static bool is_out(enum err e)
{
    return e == ERR_NO_CARD || e == ERR_NO_READER;
}

static bool end(struct reader *reader, bool off)
{
    enum err failed = count_call(), e;
    if (reader->transaction == TRANSACTION_LOST)
        return !off || is_out(reader->lost_by);
    struct slot *slot = still(reader, &e);
    release(reader);
    if (e == ERR_OK)
        e = failed;
    if (off || ends_transaction(e))
        reader->connected = false;
    if (slot == NULL || e != ERR_OK)
        return !off || is_out(e);
    if (off) {
        stage_power_off(slot);
        stage.counters.power_offs++;
    }
    return true;
}

bool reader_end(struct reader *reader, bool power_off_too)
{
    tell_watch(true);
    enter(reader->pid, &reader->inside);
    if (reader->transaction == TRANSACTION_NONE)
        stage_die("the end of no transaction", reader->name);
    bool ok = end(reader, power_off_too);
    reader->transaction = TRANSACTION_NONE;
    leave(&reader->inside);
    return ok;
}

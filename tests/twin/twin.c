/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One lock guards everything here. It is not held while a card or a hook is at work: these may call
 * the twin themselves, or take their time while other readers go on.
 *
 * What breaks the rules of reader.h ends the program: the caller may be any thread, and may hold
 * locks that no further test could take.
 */
#include "twin/twin.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vcard/vcard.h"

#define WAIT_MS 5000 /* for a transaction of somebody else */
#define VERIFY 0x20
#define TWIN_DIGITS_MAX 15 /* PC/SC part 10: the PIN block's size has four bits */
#define NOT_IN_TIME 0x6400 /* what a reader says, PC/SC part 10, 2.6 */
#define WRONG_NUMBER 0x6403

/* A virtual card; also held by the command that is under way when it is taken out. */
struct chip {
    struct vcard *vcard;
    pthread_mutex_t lock;
    unsigned refs; /* under the twin's lock */
};

struct slot {
    char *name;
    bool there;
    bool present;
    bool powered;
    bool held;
    unsigned events;
    unsigned long insertion; /* of all cards that were ever put in, the number of this one */
    unsigned long resets;
    twin_card *card;
    void *context;
    struct chip *chip; /* NULL: the card is the caller's */
    uint8_t atr[READER_ATR_MAX];
    size_t atr_len;
    const void *owner; /* of the transaction: a reader, or the slot itself for another program */
    bool pad;
    char typed[TWIN_DIGITS_MAX + 1]; /* the next entry on the pad */
    uint16_t pad_sw;
};

enum transaction { TRANSACTION_NONE, TRANSACTION_OPEN, TRANSACTION_LOST };

struct reader {
    pid_t pid;
    bool inside;
    bool connected;
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

struct counters {
    unsigned commands, verifies, power_offs, pad_asked;
    unsigned by_ins[256];
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopped;
    unsigned long service, insertions, arrivals; /* count up, never back */
    struct slot **slots;
    size_t count;
    unsigned open;
    struct counters counters;
    unsigned long calls;
    long fail_at;
    enum err fail_error;
    bool fail_after;
    twin_hook *hook;
    void *hook_context;
} twin = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .fail_at = -1};

__attribute__((noreturn)) static void die(const char *what, const char *name)
{
    fprintf(stderr, "twin: %s%s%s\n", what, name != NULL ? ": " : "", name != NULL ? name : "");
    abort();
}

static void *must(void *p)
{
    if (p == NULL)
        die("no memory", NULL);
    return p;
}

/* ---- the lock, also over fork(): a child may begin anew ---- */

static void take(void)
{
    pthread_mutex_lock(&twin.lock);
}

static void give(void)
{
    pthread_mutex_unlock(&twin.lock);
}

static void changed(void)
{
    pthread_cond_broadcast(&twin.changed);
}

static void take_once(void)
{
    pthread_atfork(take, give, give);
}

static void begin_use(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, take_once);
    take();
}

static struct timespec deadline(unsigned ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

/* Waits for any change. False when the time is over. */
static bool wait_change(const struct timespec *end)
{
    return pthread_cond_timedwait(&twin.changed, &twin.lock, end) == 0;
}

/* Handles of PC/SC do not outlive a fork, and one thread at a time may use each. */
static void enter(pid_t pid, bool *inside)
{
    begin_use();
    if (pid != getpid())
        die("a handle of the parent process was used", NULL);
    if (*inside)
        die("two threads in one handle", NULL);
    *inside = true;
}

static void leave(bool *inside)
{
    *inside = false;
    give();
}

/* ---- readers and cards ---- */

static struct slot *find(const char *name)
{
    for (size_t i = 0; i < twin.count; i++)
        if (strcmp(twin.slots[i]->name, name) == 0)
            return twin.slots[i];
    return NULL;
}

static struct slot *must_find(const char *name)
{
    struct slot *slot = find(name);
    if (slot == NULL || !slot->there)
        die("no such reader", name);
    return slot;
}

static struct slot *add(const char *name)
{
    twin.slots = must(realloc(twin.slots, (twin.count + 1) * sizeof(*twin.slots)));
    struct slot *slot = must(calloc(1, sizeof(*slot)));
    slot->name = must(strdup(name));
    twin.slots[twin.count++] = slot;
    return slot;
}

static void chip_release(struct chip *chip)
{
    if (chip == NULL || --chip->refs > 0)
        return;
    vcard_free(chip->vcard);
    pthread_mutex_destroy(&chip->lock);
    free(chip);
}

static void chip_power(struct chip *chip, void (*change)(struct vcard *))
{
    if (chip == NULL)
        return;
    pthread_mutex_lock(&chip->lock);
    change(chip->vcard);
    pthread_mutex_unlock(&chip->lock);
}

static void power_on(struct slot *slot)
{
    if (!slot->present || slot->powered)
        return;
    chip_power(slot->chip, vcard_power_on);
    slot->powered = true;
}

static void power_off(struct slot *slot)
{
    if (slot->present && slot->powered)
        chip_power(slot->chip, vcard_power_off);
    slot->powered = false;
    slot->resets++;
}

static void take_out(struct slot *slot)
{
    if (!slot->present)
        return;
    power_off(slot);
    chip_release(slot->chip);
    slot->chip = NULL;
    slot->card = NULL;
    slot->present = false;
    slot->events++;
    changed();
}

static void put_in(const char *name, twin_card *card, void *context, struct chip *chip,
                   struct bytes atr)
{
    struct slot *slot = must_find(name);
    if (slot->present)
        die("a card is in already", name);
    if (atr.len > READER_ATR_MAX)
        die("the answer to reset is too long", name);
    slot->card = card;
    slot->context = context;
    slot->chip = chip;
    slot->atr_len = atr.len;
    if (atr.len > 0)
        memcpy(slot->atr, atr.data, atr.len);
    slot->insertion = ++twin.insertions;
    slot->present = true;
    slot->powered = false;
    slot->events++;
    if (!twin.stopped)
        power_on(slot);
    changed();
}

static void forget_slot(struct slot *slot)
{
    take_out(slot);
    free(slot->name);
    free(slot);
}

void twin_clear(void)
{
    begin_use();
    for (size_t i = 0; i < twin.count; i++)
        forget_slot(twin.slots[i]);
    free(twin.slots);
    twin.slots = NULL;
    twin.count = 0;
    twin.stopped = false;
    twin.service++; /* connections of before are worth nothing */
    twin.arrivals++;
    twin.open = 0;
    twin.counters = (struct counters){0};
    twin.calls = 0;
    twin.fail_at = -1;
    twin.hook = NULL;
    changed();
    give();
}

void twin_service(bool running)
{
    begin_use();
    twin.stopped = !running;
    twin.service++;
    for (size_t i = 0; i < twin.count; i++) {
        struct slot *slot = twin.slots[i];
        power_off(slot); /* pcscd does so when it ends */
        slot->owner = NULL;
        slot->events = 0;
        if (running)
            power_on(slot);
    }
    changed();
    give();
}

void twin_reader(const char *name, bool there)
{
    begin_use();
    struct slot *slot = find(name);
    if (slot == NULL)
        slot = add(name);
    if (!there)
        take_out(slot);
    slot->there = there;
    slot->held = false;
    twin.arrivals++;
    changed();
    give();
}

void twin_insert(const char *name, twin_card *card, void *context, struct bytes atr)
{
    begin_use();
    put_in(name, card, context, NULL, atr);
    give();
}

void twin_insert_vcard(const char *name, const char *dir)
{
    struct problem why;
    struct chip *chip = must(calloc(1, sizeof(*chip)));
    chip->vcard = vcard_open(dir, NULL, NULL, &why);
    if (chip->vcard == NULL)
        die(why.text, dir);
    chip->refs = 1;
    pthread_mutex_init(&chip->lock, NULL);
    begin_use();
    put_in(name, NULL, NULL, chip,
           bytes_of(chip->vcard->settings.atr, chip->vcard->settings.atr_len));
    give();
}

void twin_remove(const char *name)
{
    begin_use();
    take_out(must_find(name));
    give();
}

void twin_warm_reset(const char *name)
{
    begin_use();
    struct slot *slot = must_find(name);
    if (!slot->present)
        die("no card to be reset", name);
    chip_power(slot->chip, vcard_reset); /* powers an unpowered card up */
    slot->powered = true;
    slot->resets++;
    give();
}

void twin_hold(const char *name, bool held)
{
    begin_use();
    must_find(name)->held = held;
    changed();
    give();
}

void twin_pad(const char *reader, bool has)
{
    begin_use();
    struct slot *slot = must_find(reader);
    slot->pad = has;
    slot->typed[0] = '\0';
    slot->pad_sw = NOT_IN_TIME;
    give();
}

void twin_pad_types(const char *reader, const char *digits, uint16_t reader_sw)
{
    begin_use();
    struct slot *slot = must_find(reader);
    if (!slot->pad)
        die("nobody can type on a reader without keys", reader);
    if (strlen(digits) > TWIN_DIGITS_MAX || strspn(digits, "0123456789") != strlen(digits))
        die("no PIN that a reader's keys can type", reader);
    strcpy(slot->typed, digits);
    slot->pad_sw = reader_sw;
    give();
}

/* Without the lock, which is taken again. */
static size_t run_card(struct slot *slot, const uint8_t *command, size_t len, uint8_t *response)
{
    struct chip *chip = slot->chip;
    twin_card *card = slot->card;
    void *context = slot->context;
    size_t n;
    if (chip != NULL)
        chip->refs++;
    give();
    if (chip != NULL) {
        pthread_mutex_lock(&chip->lock);
        n = vcard_command(chip->vcard, command, len, response);
        pthread_mutex_unlock(&chip->lock);
    } else {
        n = card(context, command, len, response);
    }
    take();
    chip_release(chip);
    return n;
}

uint16_t twin_other_program(const char *name, const uint8_t *command, size_t len)
{
    uint8_t *response = must(malloc(TWIN_RESPONSE_MAX));
    struct timespec end = deadline(WAIT_MS);
    begin_use();
    struct slot *slot = must_find(name);
    while (slot->owner != NULL)
        if (!wait_change(&end))
            die("another program waits in vain for the end of a transaction", name);
    if (!slot->present)
        die("no card for another program", name);
    power_on(slot);
    slot->owner = slot;
    size_t n = run_card(slot, command, len, response);
    must_find(name)->owner = NULL;
    changed();
    give();
    unsigned sw = n < 2 ? 0 : (unsigned)response[n - 2] << 8 | response[n - 1];
    free(response);
    return (uint16_t)sw;
}

/* ---- counters and faults ---- */

static unsigned look(const unsigned *counter)
{
    begin_use();
    unsigned value = *counter;
    give();
    return value;
}

unsigned twin_commands(void)
{
    return look(&twin.counters.commands);
}

unsigned twin_commands_of(uint8_t ins)
{
    return look(&twin.counters.by_ins[ins]);
}

unsigned twin_verifies(void)
{
    return look(&twin.counters.verifies);
}

unsigned twin_power_offs(void)
{
    return look(&twin.counters.power_offs);
}

unsigned twin_pad_asked(void)
{
    return look(&twin.counters.pad_asked);
}

unsigned twin_open_transactions(void)
{
    return look(&twin.open);
}

void twin_counters_clear(void)
{
    begin_use();
    twin.counters = (struct counters){0};
    give();
}

void twin_fail_call(long k, enum err error, bool after)
{
    begin_use();
    twin.fail_at = k;
    twin.fail_error = error;
    twin.fail_after = after;
    give();
}

unsigned long twin_calls(void)
{
    begin_use();
    unsigned long calls = twin.calls;
    give();
    return calls;
}

void twin_calls_clear(void)
{
    begin_use();
    twin.calls = 0;
    give();
}

void twin_set_hook(twin_hook *hook, void *context)
{
    begin_use();
    twin.hook = hook;
    twin.hook_context = context;
    give();
}

/* Counts a call; ERR_OK, or the error that it is to have. */
static enum err count_call(void)
{
    long k = (long)twin.calls++;
    return k == twin.fail_at ? twin.fail_error : ERR_OK;
}

static void count_command(const uint8_t *command, size_t len)
{
    twin.counters.commands++;
    if (len < 2)
        return;
    twin.counters.by_ins[command[1]]++;
    if (command[1] == VERIFY && len > 5) /* four bytes, or five with Le, are the question */
        twin.counters.verifies++;
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
    if (view->open && (view->service != twin.service || twin.stopped)) {
        view->open = false;
        return false;
    }
    if (twin.stopped)
        return false;
    if (!view->open)
        view->opened++;
    view->open = true;
    view->service = twin.service;
    return true;
}

/* The names behind the array, in one allocation. */
static char **make_list(void)
{
    size_t size = 0, count = 0;
    for (size_t i = 0; i < twin.count; i++) {
        count += twin.slots[i]->there ? 1 : 0;
        size += strlen(twin.slots[i]->name) + 1;
    }
    char **names = calloc(1, (count + 1) * sizeof(*names) + size);
    if (names == NULL)
        return NULL;
    char *text = (char *)(names + count + 1);
    count = 0;
    for (size_t i = 0; i < twin.count; i++) {
        if (!twin.slots[i]->there)
            continue;
        names[count++] = strcpy(text, twin.slots[i]->name);
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
    const struct slot *slot = find(name);
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
    struct timespec end = deadline(milliseconds);
    enter(view->pid, &view->inside);
    unsigned long arrivals = twin.arrivals;
    enum err e = ERR_OK;
    for (bool more = true; more;) {
        if (view->cancelled)
            e = ERR_CANCELLED;
        else if (!view_open(view))
            e = ERR_NO_SERVICE;
        if (e != ERR_OK || twin.arrivals != arrivals || differs(names, count, states))
            break;
        more = wait_change(&end);
    }
    leave(&view->inside);
    return e;
}

void reader_cancel(struct reader_view *view)
{
    begin_use();
    view->cancelled = true;
    changed();
    give();
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
        die("disconnected in a transaction", reader->name);
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
    if (twin.stopped)
        return ERR_NO_SERVICE;
    if (slot == NULL || !slot->there)
        return ERR_NO_READER;
    return slot->present ? ERR_OK : ERR_NO_CARD;
}

static bool is_alive(const struct reader *reader, const struct slot *slot)
{
    return reader->connected && reader->service == twin.service &&
           reader->insertion == slot->insertion;
}

static void connect_card(struct reader *reader, struct slot *slot)
{
    power_on(slot);
    reader->connected = true;
    reader->service = twin.service;
    reader->insertion = slot->insertion;
    reader->resets = slot->resets;
}

static enum err begin(struct reader *reader, bool *fresh)
{
    struct timespec end = deadline(WAIT_MS);
    for (;;) {
        struct slot *slot = find(reader->name);
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
        if (!wait_change(&end))
            return ERR_BUSY;
    }
}

enum err reader_begin(struct reader *reader, bool *fresh)
{
    *fresh = false;
    enter(reader->pid, &reader->inside);
    if (reader->transaction != TRANSACTION_NONE)
        die("a transaction in a transaction", reader->name);
    enum err e = count_call();
    if (e == ERR_OK)
        e = begin(reader, fresh);
    if (e == ERR_OK) {
        reader->transaction = TRANSACTION_OPEN;
        twin.open++;
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
    struct slot *slot = find(reader->name);
    if (slot != NULL && slot->owner == reader)
        slot->owner = NULL;
    if (twin.open > 0)
        twin.open--;
    changed();
}

/* The slot while its card is still the one of the transaction, or NULL with the reason. */
static struct slot *still(const struct reader *reader, enum err *e)
{
    struct slot *slot = find(reader->name);
    *e = trouble(slot);
    if (*e == ERR_OK && !is_alive(reader, slot))
        *e = reader->service == twin.service ? ERR_NO_CARD : ERR_NO_SERVICE;
    return *e == ERR_OK ? slot : NULL;
}

static enum err run(struct reader *reader, struct bytes command, size_t *n)
{
    enum err e;
    twin_hook *hook = twin.hook;
    void *context = twin.hook_context;
    struct slot *slot = still(reader, &e);
    if (slot != NULL && hook != NULL) {
        give();
        bool answered = hook(context, command.data, command.len, reader->room, n);
        take();
        slot = still(reader, &e);
        if (answered)
            return e;
    }
    if (slot != NULL) {
        *n = run_card(slot, command.data, command.len, reader->room);
        still(reader, &e);
    }
    return e;
}

static enum err transmit(struct reader *reader, struct bytes command, size_t *n)
{
    enum err fault = count_call();
    bool done = fault == ERR_OK || twin.fail_after;
    count_command(command.data, command.len);
    enum err e = done ? run(reader, command, n) : ERR_OK;
    if (e == ERR_OK)
        e = fault;
    if (e == ERR_OK && *n > TWIN_RESPONSE_MAX)
        die("a card answered more than it may", reader->name);
    if (e == ERR_OK && *n > READER_RESPONSE_MAX)
        e = ERR_ANSWER;
    return e;
}

/* The reader answers SW by itself, and the card hears nothing. */
static enum err reader_says(struct reader *reader, uint16_t sw, size_t *n)
{
    enum err fault = count_call(), e;
    still(reader, &e);
    reader->room[0] = (uint8_t)(sw >> 8);
    reader->room[1] = (uint8_t)sw;
    *n = 2;
    return e != ERR_OK ? e : fault;
}

static enum err type_pin(struct reader *reader, struct slot *slot, struct bytes command,
                         unsigned digits, size_t *n)
{
    uint8_t typed[5 + TWIN_DIGITS_MAX];
    uint16_t sw = slot->pad_sw;
    if (command.len != 5 + digits || digits == 0 || digits > TWIN_DIGITS_MAX ||
        command.data[1] != VERIFY || command.data[4] != digits)
        die("no VERIFY for so many digits", reader->name);
    twin.counters.pad_asked++;
    slot->pad_sw = NOT_IN_TIME; /* this entry is used up */
    if (sw == 0 && strlen(slot->typed) != digits)
        sw = WRONG_NUMBER;
    if (sw != 0)
        return reader_says(reader, sw, n);
    memcpy(typed, command.data, 5);
    memcpy(typed + 5, slot->typed, digits);
    return transmit(reader, bytes_of(typed, command.len), n);
}

/* The end of an exchange: the transaction may be lost by it. */
static void finish(struct reader *reader, enum err e, size_t n, uint8_t *response, size_t *received)
{
    if (reader->transaction == TRANSACTION_OPEN && ends_transaction(e)) {
        reader->transaction = TRANSACTION_LOST;
        reader->lost_by = e;
        reader->connected = false;
        release(reader);
    }
    if (e == ERR_OK && n > 0)
        memcpy(response, reader->room, n);
    *received = e == ERR_OK ? n : 0;
}

enum err reader_transmit(struct reader *reader, struct bytes command, uint8_t *response,
                         size_t *received)
{
    size_t n = 0;
    *received = 0;
    enter(reader->pid, &reader->inside);
    if (reader->transaction == TRANSACTION_NONE)
        die("a command outside a transaction", reader->name);
    enum err e = reader->lost_by;
    if (reader->transaction == TRANSACTION_OPEN)
        e = transmit(reader, command, &n);
    finish(reader, e, n, response, received);
    leave(&reader->inside);
    return e;
}

bool reader_has_pad(struct reader *reader)
{
    enum err e;
    enter(reader->pid, &reader->inside);
    if (reader->transaction == TRANSACTION_NONE)
        die("a question for keys outside a transaction", reader->name);
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
        die("a PIN outside a transaction", reader->name);
    enum err e = reader->lost_by;
    if (reader->transaction == TRANSACTION_OPEN) {
        struct slot *slot = still(reader, &e);
        if (slot != NULL)
            e = slot->pad ? type_pin(reader, slot, command, digits, &n) : ERR_REFUSED;
    }
    finish(reader, e, n, response, received);
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
    enum err fault = count_call(), e;
    if (reader->transaction == TRANSACTION_LOST)
        return is_out(reader->lost_by);
    struct slot *slot = still(reader, &e);
    release(reader);
    if (e == ERR_OK)
        e = fault;
    if (off || ends_transaction(e))
        reader->connected = false;
    if (slot == NULL || e != ERR_OK)
        return is_out(e);
    if (off) {
        power_off(slot);
        twin.counters.power_offs++;
    }
    return true;
}

bool reader_end(struct reader *reader, bool power_off_too)
{
    enter(reader->pid, &reader->inside);
    if (reader->transaction == TRANSACTION_NONE)
        die("the end of no transaction", reader->name);
    bool ok = end(reader, power_off_too);
    reader->transaction = TRANSACTION_NONE;
    leave(&reader->inside);
    return ok;
}

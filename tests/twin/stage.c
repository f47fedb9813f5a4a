/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One lock guards everything here. It is not held while a card or a hook is at work: these may call
 * the twin themselves, or take their time while other readers go on.
 *
 * What breaks the rules ends the program: the caller may be any thread, and may hold locks that no
 * further test could take.
 */
#include "twin/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twin/shelf.h"
#include "vcard/vcard.h"

#define VERIFY 0x20
#define NOT_IN_TIME 0x6400 /* what a reader says, PC/SC part 10, 2.6 */
#define WRONG_NUMBER 0x6403

/* A virtual card; also held by the command that is under way when it is taken out. */
struct chip {
    struct vcard *vcard;
    pthread_mutex_t lock;
    unsigned refs; /* under the twin's lock */
};

struct stage stage = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

void stage_die(const char *what, const char *name)
{
    fprintf(stderr, "twin: %s%s%s\n", what, name != NULL ? ": " : "", name != NULL ? name : "");
    abort();
}

void *stage_must(void *p)
{
    if (p == NULL)
        stage_die("no memory", NULL);
    return p;
}

/* ---- the lock, also over fork(): a child may begin anew ---- */

static void take(void)
{
    pthread_mutex_lock(&stage.lock);
}

void stage_give(void)
{
    pthread_mutex_unlock(&stage.lock);
}

void stage_changed(void)
{
    pthread_cond_broadcast(&stage.changed);
}

static void take_once(void)
{
    pthread_atfork(take, stage_give, stage_give);
}

void stage_take(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, take_once);
    take();
}

struct timespec stage_deadline(unsigned ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

bool stage_wait(const struct timespec *end)
{
    return pthread_cond_timedwait(&stage.changed, &stage.lock, end) == 0;
}

/* ---- readers and cards ---- */

struct slot *stage_find(const char *name)
{
    for (size_t i = 0; i < stage.count; i++)
        if (strcmp(stage.slots[i]->name, name) == 0)
            return stage.slots[i];
    return NULL;
}

struct slot *stage_must_find(const char *name)
{
    struct slot *slot = stage_find(name);
    if (slot == NULL || !slot->there)
        stage_die("no such reader", name);
    return slot;
}

static struct slot *add(const char *name)
{
    stage.slots = stage_must(realloc(stage.slots, (stage.count + 1) * sizeof(*stage.slots)));
    struct slot *slot = stage_must(calloc(1, sizeof(*slot)));
    slot->name = stage_must(strdup(name));
    stage.slots[stage.count++] = slot;
    return slot;
}

static void chip_release(struct chip *chip)
{
    if (chip == NULL || --chip->refs > 0)
        return;
    shelf_put(chip->vcard);
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

void stage_power_on(struct slot *slot)
{
    if (!slot->present || slot->powered)
        return;
    chip_power(slot->chip, vcard_power_on);
    slot->powered = true;
}

void stage_power_off(struct slot *slot)
{
    if (slot->present && slot->powered)
        chip_power(slot->chip, vcard_power_off);
    slot->powered = false;
    slot->resets++;
}

void stage_take_out(struct slot *slot)
{
    if (!slot->present)
        return;
    stage_power_off(slot);
    chip_release(slot->chip);
    slot->chip = NULL;
    slot->card = NULL;
    slot->present = false;
    slot->events++;
    stage_changed();
}

static void put_in(const char *name, twin_card *card, void *context, struct chip *chip,
                   struct bytes atr)
{
    struct slot *slot = stage_must_find(name);
    if (slot->present)
        stage_die("a card is in already", name);
    if (atr.len > READER_ATR_MAX)
        stage_die("the answer to reset is too long", name);
    slot->card = card;
    slot->context = context;
    slot->chip = chip;
    slot->atr_len = atr.len;
    if (atr.len > 0)
        memcpy(slot->atr, atr.data, atr.len);
    slot->insertion = ++stage.insertions;
    slot->present = true;
    slot->powered = false;
    slot->events++;
    if (!stage.stopped)
        stage_power_on(slot);
    stage_changed();
}

static void forget_slot(struct slot *slot)
{
    stage_take_out(slot);
    free(slot->name);
    free(slot);
}

void twin_clear(void)
{
    stage_take();
    for (size_t i = 0; i < stage.count; i++)
        forget_slot(stage.slots[i]);
    free(stage.slots);
    stage.slots = NULL;
    stage.count = 0;
    stage.stopped = false;
    stage.service++; /* connections of before are worth nothing */
    stage.arrivals++;
    stage.open = 0;
    stage.counters = (struct counters){0};
    stage.hook = NULL;
    stage.watch = NULL;
    stage_changed();
    stage_give();
    twin_calls_clear();
    twin_fail_call(-1, ERR_OK, false);
}

void stage_service(bool running)
{
    stage.stopped = !running;
    stage.service++;
    for (size_t i = 0; i < stage.count; i++) {
        struct slot *slot = stage.slots[i];
        stage_power_off(slot); /* pcscd does so when it ends */
        slot->owner = NULL;
        slot->events = 0;
        if (running)
            stage_power_on(slot);
    }
    stage_changed();
}

void twin_service(bool running)
{
    stage_take();
    stage_service(running);
    stage_give();
}

void stage_reader(struct slot *slot, bool there)
{
    if (!there)
        stage_take_out(slot);
    slot->there = there;
    slot->held = false;
    stage.arrivals++;
    stage_changed();
}

void twin_reader(const char *name, bool there)
{
    stage_take();
    struct slot *slot = stage_find(name);
    if (slot == NULL)
        slot = add(name);
    stage_reader(slot, there);
    stage_give();
}

void twin_insert(const char *name, twin_card *card, void *context, struct bytes atr)
{
    stage_take();
    put_in(name, card, context, NULL, atr);
    stage_give();
}

void twin_insert_vcard(const char *name, const char *dir)
{
    struct problem why;
    struct chip *chip = stage_must(calloc(1, sizeof(*chip)));
    chip->refs = 1;
    pthread_mutex_init(&chip->lock, NULL);
    stage_take();
    chip->vcard = shelf_take(dir, &why);
    if (chip->vcard == NULL)
        stage_die(why.text, dir);
    put_in(name, NULL, NULL, chip,
           bytes_of(chip->vcard->settings.atr, chip->vcard->settings.atr_len));
    stage_give();
}

void twin_remove(const char *name)
{
    stage_take();
    stage_take_out(stage_must_find(name));
    stage_give();
}

void stage_reset(struct slot *slot)
{
    chip_power(slot->chip, vcard_reset); /* powers an unpowered card up */
    slot->powered = true;
    slot->resets++;
}

void twin_warm_reset(const char *name)
{
    stage_take();
    struct slot *slot = stage_must_find(name);
    if (!slot->present)
        stage_die("no card to be reset", name);
    stage_reset(slot);
    stage_give();
}

void twin_hold(const char *name, bool held)
{
    stage_take();
    stage_must_find(name)->held = held;
    stage_changed();
    stage_give();
}

void twin_pad(const char *reader, bool has)
{
    stage_take();
    struct slot *slot = stage_must_find(reader);
    slot->pad = has;
    slot->typed[0] = '\0';
    slot->pad_sw = NOT_IN_TIME;
    stage_give();
}

void twin_data_max(const char *reader, uint32_t bytes)
{
    stage_take();
    stage_must_find(reader)->data_max = bytes;
    stage_give();
}

void twin_pad_types(const char *reader, const char *digits, uint16_t reader_sw)
{
    stage_take();
    struct slot *slot = stage_must_find(reader);
    if (!slot->pad)
        stage_die("nobody can type on a reader without keys", reader);
    if (strlen(digits) > STAGE_DIGITS_MAX || strspn(digits, "0123456789") != strlen(digits))
        stage_die("no PIN that a reader's keys can type", reader);
    strcpy(slot->typed, digits);
    slot->pad_sw = reader_sw;
    stage_give();
}

size_t stage_run_card(struct slot *slot, const uint8_t *command, size_t len, uint8_t *response)
{
    struct chip *chip = slot->chip;
    twin_card *card = slot->card;
    void *context = slot->context;
    size_t n;
    if (chip != NULL)
        chip->refs++;
    stage_give();
    if (chip != NULL) {
        pthread_mutex_lock(&chip->lock);
        n = vcard_command(chip->vcard, command, len, response);
        pthread_mutex_unlock(&chip->lock);
    } else {
        n = card(context, command, len, response);
    }
    stage_take();
    chip_release(chip);
    return n;
}

uint16_t twin_other_program(const char *name, const uint8_t *command, size_t len)
{
    uint8_t *response = stage_must(malloc(TWIN_RESPONSE_MAX));
    struct timespec end = stage_deadline(STAGE_WAIT_MS);
    stage_take();
    struct slot *slot = stage_must_find(name);
    while (slot->owner != NULL)
        if (!stage_wait(&end))
            stage_die("another program waits in vain for the end of a transaction", name);
    if (!slot->present)
        stage_die("no card for another program", name);
    stage_power_on(slot);
    slot->owner = slot;
    size_t n = stage_run_card(slot, command, len, response);
    stage_must_find(name)->owner = NULL;
    stage_changed();
    stage_give();
    unsigned sw = n < 2 ? 0 : (unsigned)response[n - 2] << 8 | response[n - 1];
    free(response);
    return (uint16_t)sw;
}

uint16_t stage_pad_entry(struct slot *slot, unsigned digits, uint8_t *typed)
{
    uint16_t sw = slot->pad_sw;
    stage.counters.pad_asked++;
    slot->pad_sw = NOT_IN_TIME; /* this entry is used up */
    if (sw == 0 && strlen(slot->typed) != digits)
        sw = WRONG_NUMBER;
    if (sw == 0)
        memcpy(typed, slot->typed, digits);
    return sw;
}

/* ---- counters ---- */

static unsigned look(const unsigned *counter)
{
    stage_take();
    unsigned value = *counter;
    stage_give();
    return value;
}

unsigned twin_commands(void)
{
    return look(&stage.counters.commands);
}

unsigned twin_commands_of(uint8_t ins)
{
    return look(&stage.counters.by_ins[ins]);
}

unsigned twin_verifies(void)
{
    return look(&stage.counters.verifies);
}

unsigned twin_power_offs(void)
{
    return look(&stage.counters.power_offs);
}

unsigned twin_pad_asked(void)
{
    return look(&stage.counters.pad_asked);
}

unsigned twin_open_transactions(void)
{
    return look(&stage.open);
}

void twin_counters_clear(void)
{
    stage_take();
    stage.counters = (struct counters){0};
    stage_give();
}

void twin_set_watch(twin_watch *watch, void *context)
{
    stage_take();
    stage.watch = watch;
    stage.watch_context = context;
    stage_give();
}

void twin_set_hook(twin_hook *hook, void *context)
{
    stage_take();
    stage.hook = hook;
    stage.hook_context = context;
    stage_give();
}

void stage_count_command(const uint8_t *command, size_t len)
{
    stage.counters.commands++;
    if (len < 2)
        return;
    stage.counters.by_ins[command[1]]++;
    if (command[1] == VERIFY && len > 5) /* four bytes, or five with Le, are the question */
        stage.counters.verifies++;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What stands behind the waist, whatever takes the place of what: readers and cards, and the
 * functions of twin.h that move them. twin.c shows it by reader/reader.h, pcsc/ by <winscard.h>.
 */
#ifndef JPKI_TESTS_STAGE_H
#define JPKI_TESTS_STAGE_H

#include <pthread.h>
#include <time.h>

#include "twin/twin.h"

#define STAGE_WAIT_MS 5000  /* for a transaction of somebody else */
#define STAGE_DIGITS_MAX 15 /* PC/SC part 10: the PIN block's size has four bits */

struct chip; /* a virtual card */

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
    uint32_t data_max;                /* what the reader says of itself; 0: nothing */
    char typed[STAGE_DIGITS_MAX + 1]; /* the next entry on the pad */
    uint16_t pad_sw;
};

struct counters {
    unsigned commands, verifies, power_offs, pad_asked;
    unsigned by_ins[256];
};

/* All of it is guarded by the lock. */
extern struct stage {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopped;
    unsigned long service, insertions, arrivals; /* count up, never back */
    struct slot **slots;
    size_t count;
    unsigned open; /* transactions */
    struct counters counters;
    twin_hook *hook;
    void *hook_context;
    twin_watch *watch;
    void *watch_context;
} stage;

/* Ends the program. NAME may be NULL. */
__attribute__((noreturn)) void stage_die(const char *what, const char *name);
void *stage_must(void *p); /* P, which is not NULL */

/* The lock, also over fork(): a child may begin anew. */
void stage_take(void);
void stage_give(void);

/* Under the lock: something has changed; waits for any change, and is false when the time is over.
 */
void stage_changed(void);
struct timespec stage_deadline(unsigned ms);
bool stage_wait(const struct timespec *end);

/* Under the lock, all that follow. */
struct slot *stage_find(const char *name);      /* or NULL; it may be one that has left */
struct slot *stage_must_find(const char *name); /* one that is there */

void stage_power_on(struct slot *slot);
void stage_power_off(struct slot *slot);
void stage_reset(struct slot *slot); /* its card: there must be one */
void stage_take_out(struct slot *slot);
void stage_reader(struct slot *slot, bool there);
void stage_service(bool running);

/* Sends COMMAND to the card. Gives the lock away while the card is at work. */
size_t stage_run_card(struct slot *slot, const uint8_t *command, size_t len, uint8_t *response);
void stage_count_command(const uint8_t *command, size_t len);

/* The holder was asked for DIGITS digits: 0, and they are in TYPED; or what the reader says. */
uint16_t stage_pad_entry(struct slot *slot, unsigned digits, uint8_t *typed);

#endif

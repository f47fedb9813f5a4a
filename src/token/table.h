/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of terminals, for slot.c, terminal.c and wait.c.
 */
#ifndef JPKI_TOKEN_TABLE_H
#define JPKI_TOKEN_TABLE_H

#include "reader/reader.h"
#include "token/terminal.h"

struct waiter {
    struct reader_view *view;
    struct waiter *next;
};

struct slots {
    const struct config *config;
    struct lock_calls calls;
    bool has_calls;

    struct lock *lock; /* the table's; guards all that follows */
    struct reader_view *view;
    bool looked; /* once: from then on, cards that appear are events */
    struct terminal **terminals;
    size_t count;
    unsigned long last_number; /* of a token */
    CK_SLOT_ID *answer;        /* to the last question for the number of slots, until fetched */
    CK_ULONG answer_count;
    bool answer_present;
    uint64_t answer_at; /* clock_ms() */
    struct waiter *waiters;
    bool stopping;
};

/* Under the table's lock: looks at all readers; with NEW_READERS also for new ones. Having no
 * service is no error: the readers are then empty. False without memory. */
bool table_look(struct slots *slots, bool new_readers);

/* Under the table's lock: the names of all terminals, for reader.h; to be freed. NULL without
 * memory or terminals. */
const char **table_names(const struct slots *slots);

/* Under the table's lock: whether the settings show this role's token. */
bool table_shows(const struct slots *slots, enum card_role role);

#endif

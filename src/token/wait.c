/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C_WaitForSlotEvent (PKCS#11 3.2, section 5.5). Each waiting thread has a connection to the
 * service of its own, and holds no lock while it waits.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "token/table.h"

#define ROUND_MS 1000 /* an event that was missed while we were not waiting is seen then */
#define PAUSE_MS 100  /* before another look where a wait came back at once with an error */

/* Under the table's lock: the first slot with an event, which is then taken. */
static bool take_event(struct slots *slots, CK_SLOT_ID *id)
{
    for (size_t i = 0; i < slots->count; i++)
        for (int role = 0; role < CARD_ROLES; role++) {
            struct terminal *t = slots->terminals[i];
            if (!t->event[role])
                continue;
            t->event[role] = false;
            if (!table_shows(slots, (enum card_role)role))
                continue;
            *id = slots_id(t, (enum card_role)role);
            return true;
        }
    return false;
}

/* Under the table's lock: names and states to wait for. */
static struct reader_state *snapshot(const struct slots *slots, const char ***names, size_t *count)
{
    struct reader_state *states = calloc(slots->count + 1, sizeof(*states));
    *names = table_names(slots);
    *count = slots->count;
    for (size_t i = 0; states != NULL && i < slots->count; i++)
        states[i] = slots->terminals[i]->state;
    return states;
}

/* One look. CKR_NO_EVENT: nothing yet. */
static CK_RV look(struct slots *slots, CK_SLOT_ID *id, const char ***names,
                  struct reader_state **states, size_t *count)
{
    CK_RV rv = CKR_NO_EVENT;
    *names = NULL;
    *states = NULL;
    lock_take(slots->lock);
    if (slots->stopping)
        rv = CKR_CRYPTOKI_NOT_INITIALIZED;
    else if (!table_look(slots, true))
        rv = CKR_HOST_MEMORY;
    else if (take_event(slots, id))
        rv = CKR_OK;
    else
        *states = snapshot(slots, names, count);
    lock_give(slots->lock);
    if (rv == CKR_NO_EVENT && (*states == NULL || *names == NULL))
        rv = CKR_HOST_MEMORY;
    return rv;
}

static void enlist(struct slots *slots, struct waiter *waiter)
{
    lock_take(slots->lock);
    waiter->next = slots->waiters;
    slots->waiters = waiter;
    lock_give(slots->lock);
}

static void delist(struct slots *slots, struct waiter *waiter)
{
    lock_take(slots->lock);
    for (struct waiter **p = &slots->waiters; *p != NULL; p = &(*p)->next)
        if (*p == waiter) {
            *p = waiter->next;
            break;
        }
    lock_give(slots->lock);
}

CK_RV slots_wait(struct slots *slots, bool block, CK_SLOT_ID *id)
{
    struct waiter waiter = {.view = reader_view_new()};
    CK_RV rv = waiter.view == NULL ? CKR_HOST_MEMORY : CKR_NO_EVENT;
    enlist(slots, &waiter);
    while (rv == CKR_NO_EVENT) {
        const char **names;
        struct reader_state *states;
        size_t count;
        rv = look(slots, id, &names, &states, &count);
        enum err e = ERR_OK;
        if (rv == CKR_NO_EVENT && block)
            e = reader_wait(waiter.view, names, count, states, ROUND_MS);
        if (e != ERR_OK && e != ERR_CANCELLED) {
            struct timespec t = {.tv_nsec = PAUSE_MS * 1000000L};
            nanosleep(&t, NULL);
        }
        free(names);
        free(states);
        if (!block)
            break;
    }
    delist(slots, &waiter);
    reader_view_free(waiter.view);
    return rv;
}

void slots_stop(struct slots *slots)
{
    lock_take(slots->lock);
    slots->stopping = true;
    for (struct waiter *w = slots->waiters; w != NULL; w = w->next)
        if (w->view != NULL)
            reader_cancel(w->view);
    lock_give(slots->lock);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/slot.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "support/log.h"
#include "token/clock.h"
#include "token/table.h"

/* A size that was asked for and never followed by the list is of no use for long. */
#define ANSWER_MS 1000

struct slots *slots_new(const struct config *config, const struct lock_calls *calls)
{
    struct slots *slots = calloc(1, sizeof(*slots));
    if (slots == NULL)
        return NULL;
    slots->config = config;
    slots->has_calls = calls != NULL;
    if (calls != NULL)
        slots->calls = *calls;
    slots->lock = lock_new(calls);
    slots->view = reader_view_new();
    if (slots->lock == NULL || slots->view == NULL) {
        slots_free(slots);
        return NULL;
    }
    return slots;
}

void slots_free(struct slots *slots)
{
    if (slots == NULL)
        return;
    for (size_t i = 0; i < slots->count; i++)
        terminal_free(slots->terminals[i]);
    free(slots->terminals);
    free(slots->answer);
    reader_view_free(slots->view);
    lock_free(slots->lock);
    free(slots);
}

/* ---- the table ---- */

bool table_shows(const struct slots *slots, enum card_role role)
{
    unsigned token = role == CARD_AUTH ? CONFIG_TOKEN_AUTH : CONFIG_TOKEN_SIGN;
    return (slots->config->tokens & token) != 0;
}

const char **table_names(const struct slots *slots)
{
    const char **names = calloc(slots->count + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < slots->count; i++)
        names[i] = slots->terminals[i]->name;
    return names;
}

static bool is_known(const struct slots *slots, const char *name)
{
    for (size_t i = 0; i < slots->count; i++)
        if (strcmp(slots->terminals[i]->name, name) == 0)
            return true;
    return false;
}

static bool is_ignored(const struct slots *slots, const char *name)
{
    const char *pattern = slots->config->reader_ignore;
    return pattern != NULL && fnmatch(pattern, name, 0) == 0;
}

static bool add_terminal(struct slots *slots, const char *name)
{
    struct terminal **more =
        realloc(slots->terminals, (slots->count + 1) * sizeof(*slots->terminals));
    if (more == NULL)
        return false;
    slots->terminals = more;
    struct terminal *t = terminal_new(slots, name, slots->count);
    if (t == NULL)
        return false;
    more[slots->count++] = t;
    log_write(LOG_INFO, "reader '%s'", name);
    return true;
}

static bool look_for_readers(struct slots *slots)
{
    char **names;
    bool ok = true;
    enum err e = reader_list(slots->view, &names);
    if (e != ERR_OK)
        return e != ERR_MEMORY;
    for (size_t i = 0; ok && names[i] != NULL; i++)
        if (names[i][0] != '\0' && !is_known(slots, names[i]) && !is_ignored(slots, names[i]))
            ok = add_terminal(slots, names[i]);
    free(names);
    return ok;
}

bool table_look(struct slots *slots, bool new_readers)
{
    if (new_readers && !look_for_readers(slots))
        return false;
    const char **names = table_names(slots);
    struct reader_state *states = calloc(slots->count + 1, sizeof(*states));
    bool ok = names != NULL && states != NULL;
    if (ok && reader_states(slots->view, names, slots->count, states) == ERR_MEMORY)
        ok = false;
    for (size_t i = 0; ok && i < slots->count; i++) {
        terminal_see(slots->terminals[i], &states[i]);
        if (!slots->looked) /* what was there before the program asked is no event */
            memset(slots->terminals[i]->event, 0, sizeof(slots->terminals[i]->event));
    }
    slots->looked |= ok;
    free(names);
    free(states);
    return ok;
}

/* ---- slots ---- */

CK_SLOT_ID slots_id(const struct terminal *t, enum card_role role)
{
    return t->index * CARD_ROLES + (CK_SLOT_ID)role;
}

CK_RV slots_find(struct slots *slots, CK_SLOT_ID id, struct terminal **terminal,
                 enum card_role *role)
{
    CK_RV rv = CKR_SLOT_ID_INVALID;
    *role = (enum card_role)(id % CARD_ROLES);
    *terminal = NULL;
    lock_take(slots->lock);
    if (id / CARD_ROLES < slots->count && table_shows(slots, *role)) {
        *terminal = slots->terminals[id / CARD_ROLES];
        rv = CKR_OK;
    }
    lock_give(slots->lock);
    return rv;
}

void slots_look_at(struct terminal *t)
{
    const char *name = t->name;
    struct reader_state state;
    lock_take(t->slots->lock);
    if (reader_states(t->slots->view, &name, 1, &state) != ERR_MEMORY)
        terminal_see(t, &state);
    lock_give(t->slots->lock);
}

/* Asks the cards that were not asked yet, and wipes what belonged to cards that have left; neither
 * waits for a reader that is at work, but for one that is being asked just now. */
static void attend(struct slots *slots)
{
    lock_take(slots->lock);
    size_t count = slots->count;
    lock_give(slots->lock);
    for (size_t i = 0; i < count; i++) {
        lock_take(slots->lock);
        struct terminal *t = slots->terminals[i];
        bool due = terminal_recognition_due(t);
        bool idle = t->users == 0 && t->verdict == VERDICT_UNASKED;
        lock_give(slots->lock);
        if (due || idle)
            terminal_recognise(t);
    }
}

/* Under the table's lock: the slots that are to be listed, into LIST if it is not NULL. */
static CK_ULONG collect(const struct slots *slots, bool present, CK_SLOT_ID *list)
{
    CK_ULONG count = 0;
    for (size_t i = 0; i < slots->count; i++)
        for (int role = 0; role < CARD_ROLES; role++) {
            const struct terminal *t = slots->terminals[i];
            if (!table_shows(slots, (enum card_role)role) || (present && t->numbers[role] == 0))
                continue;
            if (list != NULL)
                list[count] = slots_id(t, (enum card_role)role);
            count++;
        }
    return count;
}

/* Under the table's lock: makes the answer that the size and the list are taken from. */
static CK_RV prepare(struct slots *slots, bool present)
{
    free(slots->answer);
    slots->answer = calloc(slots->count * CARD_ROLES + 1, sizeof(*slots->answer));
    if (slots->answer == NULL)
        return CKR_HOST_MEMORY;
    slots->answer_present = present;
    slots->answer_at = clock_ms();
    slots->answer_count = collect(slots, present, slots->answer);
    return CKR_OK;
}

/* Under the table's lock. */
static CK_RV fetch(struct slots *slots, CK_SLOT_ID *list, CK_ULONG *count)
{
    CK_ULONG room = *count;
    *count = slots->answer_count;
    if (list == NULL)
        return CKR_OK;
    if (room < slots->answer_count)
        return CKR_BUFFER_TOO_SMALL;
    if (slots->answer_count > 0)
        memcpy(list, slots->answer, slots->answer_count * sizeof(*list));
    free(slots->answer);
    slots->answer = NULL;
    return CKR_OK;
}

CK_RV slots_list(struct slots *slots, bool present, CK_SLOT_ID *list, CK_ULONG *count)
{
    lock_take(slots->lock);
    bool prepared = slots->answer != NULL && slots->answer_present == present &&
                    clock_ms() - slots->answer_at < ANSWER_MS;
    if (list != NULL && prepared) {
        CK_RV rv = fetch(slots, list, count);
        lock_give(slots->lock);
        return rv;
    }
    bool ok = table_look(slots, true);
    lock_give(slots->lock);
    if (!ok)
        return CKR_HOST_MEMORY;
    attend(slots);
    lock_take(slots->lock);
    CK_RV rv = prepare(slots, present);
    if (rv == CKR_OK)
        rv = fetch(slots, list, count);
    lock_give(slots->lock);
    return rv;
}

CK_RV slots_info(struct slots *slots, CK_SLOT_ID id, CK_SLOT_INFO *info)
{
    struct terminal *t;
    enum card_role role;
    CK_RV rv = slots_find(slots, id, &t, &role);
    if (rv != CKR_OK)
        return rv;
    slots_look_at(t);
    lock_take(slots->lock);
    bool due = terminal_recognition_due(t);
    lock_give(slots->lock);
    if (due)
        terminal_recognise(t);
    memset(info, 0, sizeof(*info));
    token_pad(info->slotDescription, sizeof(info->slotDescription), t->name);
    token_pad(info->manufacturerID, sizeof(info->manufacturerID), "jpki-pkcs11");
    info->flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT;
    lock_take(slots->lock);
    if (t->numbers[role] != 0)
        info->flags |= CKF_TOKEN_PRESENT;
    lock_give(slots->lock);
    return CKR_OK;
}

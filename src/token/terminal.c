/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/terminal.h"

#include <stdlib.h>
#include <string.h>

#include "support/log.h"
#include "token/clock.h"
#include "token/pin.h"
#include "token/table.h"

/* A card that could not be asked is asked again, but not for ever: it may be no card of ours at
 * all, and others may be waiting for it. */
#define RETRY_MS 1000
#define FAILURES_MAX 3

struct terminal *terminal_new(struct slots *slots, const char *name, size_t index)
{
    struct terminal *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->slots = slots;
    t->index = index;
    t->name = strdup(name);
    t->reader = reader_new(name);
    t->lock = lock_new(slots->has_calls ? &slots->calls : NULL);
    if (t->name == NULL || t->reader == NULL || t->lock == NULL) {
        terminal_free(t);
        return NULL;
    }
    return t;
}

void terminal_free(struct terminal *t)
{
    if (t == NULL)
        return;
    for (int role = 0; role < CARD_ROLES; role++) {
        if (t->tokens[role].number != 0) {
            pin_logout(&t->tokens[role]);
            pin_park(&t->tokens[role]);
        }
        token_clear(&t->tokens[role]);
    }
    insertion_leave(&t->insertion);
    reader_free(t->reader);
    lock_free(t->lock);
    free(t->name);
    free(t);
}

/* Under the table's lock. */
static void forget_card(struct terminal *t)
{
    t->arrivals++;
    t->verdict = VERDICT_UNASKED;
    t->failures = 0;
    t->retry_at = 0;
    memset(t->numbers, 0, sizeof(t->numbers));
}

void terminal_see(struct terminal *t, const struct reader_state *state)
{
    bool was = t->state.present;
    bool changed = was != state->present || t->state.events != state->events;
    if (changed && (was || state->present)) {
        forget_card(t);
        /* Not when it is the service that has gone, or the reader. */
        t->taken_out |= state->known && t->state.service == state->service;
        for (int role = 0; role < CARD_ROLES; role++)
            t->event[role] = true;
    }
    t->state = *state;
}

bool terminal_recognition_due(const struct terminal *t)
{
    return t->state.present && t->verdict == VERDICT_UNASKED && !t->state.held &&
           clock_ms() >= t->retry_at;
}

/* What is parked is common to all readers. */
static void park(struct terminal *t, struct token *token)
{
    lock_take(t->slots->lock);
    pin_park(token);
    lock_give(t->slots->lock);
}

static void adopt(struct terminal *t, struct token *token)
{
    lock_take(t->slots->lock);
    pin_adopt(token);
    lock_give(t->slots->lock);
}

/* Inside: clears the tokens that are no longer in. */
static void sync(struct terminal *t)
{
    unsigned long numbers[CARD_ROLES];
    bool any = false, left = false;
    lock_take(t->slots->lock);
    memcpy(numbers, t->numbers, sizeof(numbers));
    bool taken_out = t->taken_out;
    lock_give(t->slots->lock);
    for (int role = 0; role < CARD_ROLES; role++) {
        struct token *token = &t->tokens[role];
        if (token->number != 0 && token->number != numbers[role]) {
            if (taken_out)
                pin_taken_out(token);
            park(t, token);
            token_clear(token);
            left = true;
        }
        any |= token->number != 0;
        if (token->number != 0)
            pin_tidy(token);
    }
    if (left && !any)
        reader_disconnect(t->reader);
    if (taken_out) {
        lock_take(t->slots->lock);
        t->taken_out = false;
        lock_give(t->slots->lock);
    }
}

void terminal_enter(struct terminal *t)
{
    lock_take(t->slots->lock);
    t->users++;
    lock_give(t->slots->lock);
    lock_take(t->lock);
    sync(t);
}

/* Inside: gives a token a new number, which ends its sessions and its login. */
static void renew(struct terminal *t, struct token *token)
{
    enum card_role role = token->role;
    lock_take(t->slots->lock);
    bool still_in = t->numbers[role] == token->number;
    if (still_in)
        t->numbers[role] = ++t->slots->last_number;
    unsigned long number = t->numbers[role];
    lock_give(t->slots->lock);
    pin_logout(token);
    if (still_in)
        park(t, token);
    token_clear(token);
    if (!still_in)
        return;
    if (token_init(token, role, t->slots->config, &t->insertion, number)) {
        token_recall_pss(token);
        adopt(t, token);
        return;
    }
    /* Without memory: the card is asked anew what it is, and need not be taken out for that. */
    lock_take(t->slots->lock);
    forget_card(t);
    lock_give(t->slots->lock);
}

void terminal_leave(struct terminal *t)
{
    for (int role = 0; role < CARD_ROLES; role++)
        if (t->tokens[role].number != 0 && t->tokens[role].outdated)
            renew(t, &t->tokens[role]);
    for (int role = 0; role < CARD_ROLES; role++)
        if (t->tokens[role].logged_in && t->insertion.ended[role])
            pin_lost(&t->tokens[role]);
    memset(t->insertion.ended, 0, sizeof(t->insertion.ended));
    bool lost = t->insertion.lost;
    t->insertion.lost = false;
    lock_take(t->slots->lock);
    if (lost) {
        forget_card(t);
        t->taken_out = true;
    }
    lock_give(t->slots->lock);
    if (lost)
        sync(t);
    lock_give(t->lock);
    lock_take(t->slots->lock);
    t->users--;
    lock_give(t->slots->lock);
}

/* Inside: makes the tokens of a card just recognised, in its open transaction. */
static enum err make_tokens(struct terminal *t)
{
    struct slots *slots = t->slots;
    unsigned long numbers[CARD_ROLES] = {0};
    lock_take(slots->lock);
    for (int role = 0; role < CARD_ROLES; role++)
        if (table_shows(slots, (enum card_role)role))
            numbers[role] = ++slots->last_number;
    lock_give(slots->lock);
    for (int role = 0; role < CARD_ROLES; role++) {
        struct token *token = &t->tokens[role];
        if (numbers[role] == 0)
            continue;
        if (!token_init(token, (enum card_role)role, slots->config, &t->insertion, numbers[role])) {
            token_clear(&t->tokens[CARD_AUTH]);
            return ERR_MEMORY;
        }
        adopt(t, token);
        token_read_tries(token);
        token->tries_new = true;
    }
    return ERR_OK;
}

static enum err recognise(struct terminal *t)
{
    lock_take(t->slots->lock);
    unsigned long events = t->state.events;
    lock_give(t->slots->lock);
    enum err e = insertion_recognise(&t->insertion, t->reader, t->name, events);
    /* A bad contact often only spoils the first exchange. */
    if (e == ERR_ANSWER || e == ERR_TRANSPORT || e == ERR_NOT_FOUND)
        e = insertion_recognise(&t->insertion, t->reader, t->name, events);
    if (e != ERR_OK)
        return e;
    e = make_tokens(t);
    insertion_end(&t->insertion, false);
    for (int role = 0; e == ERR_OK && role < CARD_ROLES; role++)
        if (t->tokens[role].number != 0)
            token_recall_pss(&t->tokens[role]);
    return e;
}

/* Errors that say nothing of the card. What keeps this program from it may be over at any time. */
static bool says_nothing(enum err e)
{
    return e == ERR_BUSY || e == ERR_FORBIDDEN || e == ERR_NO_SERVICE || e == ERR_MEMORY ||
           e == ERR_CRYPTO;
}

/* Under the table's lock. */
static void judge(struct terminal *t, enum err e)
{
    if (e == ERR_OK) {
        t->verdict = VERDICT_OURS;
        for (int role = 0; role < CARD_ROLES; role++)
            t->numbers[role] = t->tokens[role].number;
        return;
    }
    if (e == ERR_FOREIGN || (!says_nothing(e) && ++t->failures >= FAILURES_MAX))
        t->verdict = VERDICT_FOREIGN;
    else
        t->retry_at = clock_ms() + RETRY_MS;
}

/* Inside: asks the card what it is. */
static void ask(struct terminal *t, unsigned arrivals, bool known_foreign)
{
    sync(t); /* the card may have been exchanged since the terminal was entered */
    enum err e = known_foreign ? ERR_FOREIGN : recognise(t);
    if (e != ERR_OK) {
        log_write(e == ERR_FOREIGN ? LOG_INFO : LOG_WARNING, "%s: no token: %s", t->name,
                  err_text(e));
        reader_disconnect(t->reader);
    }
    lock_take(t->slots->lock);
    if (t->arrivals == arrivals)
        judge(t, e);
    lock_give(t->slots->lock);
    sync(t);
}

CK_RV terminal_token(struct terminal *t, enum card_role role, struct token **token)
{
    struct slots *slots = t->slots;
    *token = NULL;
    lock_take(slots->lock);
    bool due = terminal_recognition_due(t);
    unsigned arrivals = t->arrivals;
    bool known_foreign = profile_known_foreign(bytes_of(t->state.atr, t->state.atr_len));
    lock_give(slots->lock);
    if (due)
        ask(t, arrivals, known_foreign);
    lock_take(slots->lock);
    bool present = t->state.present;
    lock_give(slots->lock);
    if (t->tokens[role].number == 0)
        return present ? CKR_TOKEN_NOT_RECOGNIZED : CKR_TOKEN_NOT_PRESENT;
    *token = &t->tokens[role];
    return CKR_OK;
}

void terminal_recognise(struct terminal *t)
{
    struct token *token;
    terminal_enter(t);
    terminal_token(t, CARD_AUTH, &token); /* which of the two is asked for makes no difference */
    terminal_leave(t);
}

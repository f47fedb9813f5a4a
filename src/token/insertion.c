/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/insertion.h"

#include <stdio.h>
#include <string.h>

#include "support/log.h"
#include "token/mark.h"
#include "token/seen.h"

/* EF 0006: label 32, manufacturer 32, model 16, serial 16 bytes. */
#define INFO_SIZE 96

/* A certificate belongs to one card. Where it is not free, its CA's and EF 0006 with its number
 * must do. Both are read anew: a number remembered would tell nothing of the card that is in. */
static enum err hash_identity(struct card *card, struct bytes first, bool is_certificate,
                              uint8_t *hash)
{
    uint8_t info[256];
    size_t info_len = 0;
    enum err e = ERR_OK;
    if (!is_certificate)
        e = card_read_first(card, PROFILE_FILE_TOKEN_INFO, info, &info_len);
    if (e != ERR_OK)
        return e;
    struct digest *d = digest_new(DIGEST_SHA256);
    e = d == NULL ? ERR_CRYPTO : digest_update(d, first);
    if (e == ERR_OK)
        e = digest_update(d, bytes_first(bytes_of(info, info_len), INFO_SIZE));
    if (e == ERR_OK)
        e = digest_final(d, hash);
    digest_free(d);
    return e;
}

static enum err compare_identity(struct insertion *in)
{
    uint8_t first[256];
    uint8_t hash[DIGEST_MAX];
    size_t len;
    bool is_certificate;
    enum err e = card_identity(&in->card, first, &len, &is_certificate);
    if (e == ERR_OK)
        e = hash_identity(&in->card, bytes_of(first, len), is_certificate, hash);
    if (e == ERR_OK && memcmp(hash, in->identity, digest_size(DIGEST_SHA256)) != 0) {
        log_write(LOG_WARNING, "another card is in the reader");
        in->lost = true;
        e = ERR_NO_CARD;
    }
    return e;
}

static enum err begin_same_card(struct insertion *in)
{
    bool fresh;
    if (in->lost)
        return ERR_NO_CARD;
    enum err e = card_begin(&in->card, &fresh);
    in->unproven |= fresh; /* until a comparison has been made to its end */
    if (e != ERR_OK) {
        in->lost = in->unproven && (e == ERR_NOT_FOUND || e == ERR_REFUSED);
        return in->lost ? ERR_NO_CARD : e;
    }
    if (in->unproven)
        e = compare_identity(in);
    if (e == ERR_OK)
        in->unproven = false;
    else
        card_end(&in->card, false);
    return e;
}

void insertion_mark(struct insertion *in)
{
    mark_set(in->mark, MARK_OPERATION);
    in->marked = true;
}

static void unmark(struct insertion *in)
{
    if (in->marked)
        mark_clear(in->mark);
    in->marked = false;
}

/* Whether the card has forgotten both PINs, as nobody is waiting for a signature here. That it has
 * proves nothing of the card, which may have lost its power meanwhile. */
static enum err drop_and_look(struct card *card)
{
    enum card_known before = card->drop_works;
    enum err e = card_drop(card);
    for (int role = 0; e == ERR_OK && role < CARD_ROLES; role++)
        e = card_prove_dropped(card, (enum card_role)role);
    if (card->drop_works == CARD_YES)
        card->drop_works = before;
    return e;
}

/*
 * Inside a transaction: makes the card forget what a program that died has left open, or what we
 * could not drop. On an error the transaction is over.
 */
static enum err close_stray(struct insertion *in)
{
    log_write(LOG_WARNING,
              in->undropped ? "the card could not be closed before and may be open to all programs"
                            : "a program has ended and left the card open to all programs");
    insertion_forgotten(in);
    /* Our mark stands for all others now: once the transaction is over, there may be new ones. */
    insertion_mark(in);
    mark_clear_strays(in->reader, in->mark);
    enum err e = drop_and_look(&in->card);
    bool closed = e == ERR_OK;
    if (!closed) {
        in->card.maybe_verified = true;
        closed = card_end(&in->card, true);
    }
    if (closed) {
        log_write(LOG_WARNING, "the card was made to forget the PIN");
        unmark(in);
    }
    in->undropped = !closed;
    /* Where only taking the power helped, the card is there, and can be begun with again. */
    return e == ERR_REFUSED && closed ? begin_same_card(in) : e;
}

/* Asks the card who it is, but for what is in SEEN (NULL: nothing). */
static enum err meet(struct insertion *in, struct reader *reader, const struct seen *seen)
{
    enum err e = seen != NULL ? card_recognise_as(reader, &in->card, seen->profile, seen->model)
                              : card_recognise(reader, &in->card);
    if (e != ERR_OK)
        return e;
    e = card_identity(&in->card, in->first, &in->first_len, &in->first_is_certificate);
    if (e == ERR_OK)
        e = hash_identity(&in->card, bytes_of(in->first, in->first_len), in->first_is_certificate,
                          in->identity);
    if (e == ERR_OK)
        return ERR_OK;
    log_write(LOG_ERROR, "the card's certificates cannot be read: %s", err_text(e));
    card_end(&in->card, false);
    return e;
}

/* For the next program. That the card has forgotten a PIN over transactions may be the doing of
 * another program, which has selected something else, or guessed wrong; and that it would not, an
 * answer that was spoilt on its way. */
static enum card_known to_note(const struct card *card)
{
    return card->drop_proved ? card->drop_works : CARD_UNKNOWN;
}

static void note(struct insertion *in)
{
    struct seen seen = {.profile = in->card.profile, .drop_works = to_note(&in->card)};
    memcpy(seen.identity, in->identity, sizeof(seen.identity));
    memcpy(seen.model, in->card.model, sizeof(seen.model));
    seen_note(in->reader, in->events, &seen);
    in->noted = to_note(&in->card);
}

static bool is_same(const struct insertion *in, const struct seen *seen)
{
    return memcmp(seen->identity, in->identity, sizeof(seen->identity)) == 0;
}

static void take_over(struct insertion *in, const struct seen *seen)
{
    in->card.drop_works = in->noted = seen->drop_works;
    in->card.drop_proved = seen->drop_works != CARD_UNKNOWN;
}

/* Inside the transaction: another program may have noted more while we waited for it. */
static void take_over_or_note(struct insertion *in)
{
    struct seen seen;
    if (seen_find(in->reader, in->events, &seen) && is_same(in, &seen))
        take_over(in, &seen);
    else
        note(in);
}

/* False when nothing is noted, or of another card, whose note will be replaced: the card has to be
 * asked everything. A note with which the card makes no sense is taken away. */
static bool meet_again(struct insertion *in, struct reader *reader, enum err *e)
{
    struct seen seen;
    if (!seen_find(in->reader, in->events, &seen))
        return false;
    *e = meet(in, reader, &seen);
    if (*e == ERR_FOREIGN || *e == ERR_ANSWER || *e == ERR_NOT_FOUND)
        seen_forget(in->reader);
    if (*e == ERR_OK && !is_same(in, &seen)) {
        card_end(&in->card, false);
        return false;
    }
    if (*e == ERR_OK)
        take_over(in, &seen);
    return true;
}

enum err insertion_recognise(struct insertion *in, struct reader *reader, const char *name,
                             unsigned long events)
{
    /* After a crash of the service a card may still have its power, and the PIN that it kept. */
    insertion_leave(in);
    memset(in, 0, sizeof(*in));
    in->reader = name;
    in->events = events;
    enum err e;
    if (!meet_again(in, reader, &e)) {
        e = meet(in, reader, NULL);
        if (e == ERR_OK)
            take_over_or_note(in);
    }
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < (sizeof(in->serial) - 1) / 2; i++)
        snprintf(in->serial + 2 * i, 3, "%02X", in->identity[i]);
    log_write(LOG_INFO, "%s, serial %s, model '%s'", in->card.profile->kind, in->serial,
              in->card.model);
    in->pad = reader_has_pad(reader);
    mark_name(name, in->mark);
    return mark_stray(in->reader, in->mark) ? close_stray(in) : ERR_OK;
}

enum err insertion_begin(struct insertion *in)
{
    enum err e = begin_same_card(in);
    if (e == ERR_OK && (in->undropped || mark_stray(in->reader, in->mark)))
        e = close_stray(in);
    return e;
}

void insertion_keep(struct insertion *in, enum card_role role)
{
    in->kept[role] = true;
    in->ended[role] = false;
}

bool insertion_keeps(const struct insertion *in)
{
    bool keeps = false;
    for (int role = 0; role < CARD_ROLES; role++)
        keeps |= in->kept[role];
    return keeps;
}

void insertion_ended(struct insertion *in)
{
    for (int role = 0; role < CARD_ROLES; role++)
        in->ended[role] |= in->kept[role];
}

void insertion_forgotten(struct insertion *in)
{
    insertion_ended(in);
    memset(in->kept, 0, sizeof(in->kept));
}

void insertion_end(struct insertion *in, bool drop)
{
    /* The mark goes while nobody else can look for it, if the power need not be taken. */
    bool forgotten = drop && card_forget(&in->card);
    if (forgotten || (!drop && !insertion_keeps(in)))
        unmark(in);
    else if (!drop && in->marked)
        mark_set(in->mark, MARK_KEPT);
    if (to_note(&in->card) != in->noted)
        note(in); /* before the end: notes are made in the order of transactions */
    bool ended = card_end(&in->card, drop);
    in->undropped = drop && !ended;
    if (in->undropped)
        insertion_leave(in);
    else if (drop)
        unmark(in);
}

void insertion_leave(struct insertion *in)
{
    if (in->marked)
        mark_set(in->mark, MARK_OPERATION);
}

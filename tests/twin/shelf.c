/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "twin/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "vcard/store.h"

#define PLACES 4
#define FILES_MAX 7

/* All that a card is made of except its state. */
static const char *const names[FILES_MAX] = {"card.conf",   "auth.der",    "auth-ca.der",
                                             "sign.der",    "sign-ca.der", "auth-key.pem",
                                             "sign-key.pem"};

/* What was in the files. Those that are not there have no data. */
struct contents {
    uint8_t *data[FILES_MAX];
    size_t len[FILES_MAX];
};

static struct place {
    struct vcard *card; /* NULL: nobody's place */
    struct contents contents;
    bool away; /* the card is in a reader */
} places[PLACES];
static unsigned oldest;

static void read_contents(const char *dir, struct contents *contents)
{
    struct problem why;
    for (int i = 0; i < FILES_MAX; i++)
        contents->data[i] = store_read(dir, names[i], &contents->len[i], &why);
}

static void clear_contents(struct contents *contents)
{
    for (int i = 0; i < FILES_MAX; i++)
        free(contents->data[i]);
    *contents = (struct contents){0};
}

static bool same_contents(const struct contents *a, const struct contents *b)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (a->len[i] != b->len[i] ||
            (a->len[i] > 0 && memcmp(a->data[i], b->data[i], a->len[i]) != 0))
            return false;
    return true;
}

static struct vcard *take_same(const char *dir, const struct contents *contents)
{
    for (int i = 0; i < PLACES; i++) {
        struct place *place = &places[i];
        if (place->card == NULL || place->away || strcmp(place->card->dir, dir) != 0 ||
            !same_contents(&place->contents, contents))
            continue;
        place->away = true;
        return place->card;
    }
    return NULL;
}

/* Takes over CONTENTS. Should the card that had the place be in a reader, it will be freed when it
 * comes back. */
static void register_card(struct vcard *card, struct contents *contents)
{
    struct place *place = &places[oldest++ % PLACES];
    if (!place->away)
        vcard_free(place->card);
    clear_contents(&place->contents);
    *place = (struct place){.card = card, .contents = *contents, .away = true};
    *contents = (struct contents){0};
}

struct vcard *shelf_take(const char *dir, struct problem *why)
{
    struct contents contents;
    read_contents(dir, &contents);
    struct vcard *card = take_same(dir, &contents);
    if (card != NULL && !state_load(&card->state, dir, why)) {
        shelf_put(card);
        card = NULL;
    } else if (card == NULL) {
        card = vcard_open(dir, NULL, NULL, why);
        if (card != NULL)
            register_card(card, &contents);
    }
    clear_contents(&contents);
    return card;
}

void shelf_put(struct vcard *card)
{
    vcard_power_off(card);
    for (int i = 0; i < PLACES; i++)
        if (places[i].card == card) {
            places[i].away = false;
            return;
        }
    vcard_free(card);
}

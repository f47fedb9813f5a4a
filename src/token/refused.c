/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/refused.h"

#include <string.h>

#include "crypto/digest.h"
#include "support/secret.h"

bool refused_init(struct refused *refused)
{
    secret_wipe(refused, sizeof(*refused));
    return secret_random(refused->salt, sizeof(refused->salt));
}

bool refused_hash(const struct refused *refused, struct bytes pin, uint8_t *hash)
{
    uint8_t out[DIGEST_MAX];
    struct digest *d = digest_new(DIGEST_SHA256);
    bool ok = d != NULL &&
              digest_update(d, bytes_of(refused->salt, sizeof(refused->salt))) == ERR_OK &&
              digest_update(d, pin) == ERR_OK && digest_final(d, out) == ERR_OK;
    digest_free(d);
    if (ok)
        memcpy(hash, out, REFUSED_HASH);
    secret_wipe(out, sizeof(out));
    return ok;
}

bool refused_has(const struct refused *refused, const uint8_t *hash)
{
    bool found = false;
    for (unsigned i = 0; i < refused->count; i++)
        found |= secret_equal(refused->hashes[i], hash, REFUSED_HASH);
    return found;
}

void refused_forget(struct refused *refused)
{
    secret_wipe(refused->hashes, sizeof(refused->hashes));
    refused->count = 0;
}

void refused_add(struct refused *refused, const uint8_t *hash, int tries)
{
    refused->in_doubt = false;
    refused->tries = tries;
    if (tries == 0)
        refused_forget(refused);
    else if (!refused_has(refused, hash) && refused->count < REFUSED_MAX)
        memcpy(refused->hashes[refused->count++], hash, REFUSED_HASH);
}

void refused_doubt(struct refused *refused, const uint8_t *hash, int tries)
{
    refused->in_doubt = true;
    refused->doubted_tries = tries;
    memcpy(refused->doubted, hash, REFUSED_HASH);
}

void refused_tries_seen(struct refused *refused, int tries, int full)
{
    /* First what is our own doing. Had the card not compared the PIN, or found it right, there
     * would not be fewer tries. Where it is not known how many there were, any missing try may
     * be ours. */
    int before = refused->doubted_tries >= 0 ? refused->doubted_tries : full;
    if (refused->in_doubt && tries >= 0 && tries < before)
        refused_add(refused, refused->doubted, tries);
    refused->in_doubt = refused->in_doubt && tries < 0;
    /* A card that did not say how many were left shows by a full counter that somebody knew the
     * PIN. */
    bool moved = refused->tries >= 0 ? tries != refused->tries : tries == full;
    if (moved && tries >= 0)
        refused_forget(refused);
}

/* ---- over C_Finalize ---- */

#define PARKED_MAX 4 /* cards and roles; the oldest goes first */

struct parked {
    bool used;
    uint8_t identity[REFUSED_HASH];
    enum card_role role;
    struct refused refused;
};

/* On pages of secret_new(), which a forked child finds empty. Made when something has to be kept;
 * a program that unloads the module then loses one page. */
static struct parked *parked;

void refused_park(const uint8_t *identity, enum card_role role, const struct refused *refused)
{
    if (refused->count == 0 && !refused->in_doubt)
        return;
    if (parked == NULL)
        parked = secret_new(PARKED_MAX * sizeof(*parked));
    if (parked == NULL)
        return; /* without memory, a wrong PIN may cost another try */
    unsigned at = 0;
    while (at < PARKED_MAX && parked[at].used)
        at++;
    if (at == PARKED_MAX) {
        at--;
        memmove(&parked[0], &parked[1], at * sizeof(*parked));
    }
    parked[at].used = true;
    memcpy(parked[at].identity, identity, REFUSED_HASH);
    parked[at].role = role;
    parked[at].refused = *refused;
}

void refused_adopt(const uint8_t *identity, enum card_role role, struct refused *refused)
{
    for (unsigned i = 0; parked != NULL && i < PARKED_MAX; i++) {
        struct parked *p = &parked[i];
        if (!p->used || p->role != role || memcmp(p->identity, identity, REFUSED_HASH) != 0)
            continue;
        *refused = p->refused;
        memmove(p, p + 1, (PARKED_MAX - 1 - i) * sizeof(*p));
        secret_wipe(&parked[PARKED_MAX - 1], sizeof(*p));
    }
}

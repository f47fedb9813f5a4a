/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A program that calls C_* functions in any order with odd arguments, a card that answers anything,
 * a world in which readers, cards and the service come and go, and memory that runs out. After each
 * call: no transaction is open, no more VERIFYs were sent than the call may cost, none of a PIN
 * that the card had refused or left in doubt, and nothing was written behind the room that was
 * given for it.
 */
#include "fuzz_p11.h"

#include <string.h>

#include "fuzz_vcard.h"
#include "token/clock.h"
#include "token/refused.h"
#include "twin/twin.h"

#define CALLS_MAX 48
#define PARKED 4 /* as many as token/refused.c keeps */

struct p11_world p11_world;

static struct vcard *card;

/* ---- what the card was told of PINs ---- */

#define VERIFY 0x20
#define HEAD 5 /* bytes before the PIN */

/* PINs that must not be sent to the card again: it has refused them, or has not said whether they
 * are right. Its next word on the tries that are left may change that, and so may a new start, or
 * whatever happens to card and reader: all these just end what is known here. */
static struct {
    uint8_t pins[16][32];
    size_t lens[16];
    unsigned count;
    unsigned tries; /* status word of the last refusal */
} spent;

static void must_not_be_spent(const uint8_t *pin, size_t len)
{
    for (unsigned i = 0; i < spent.count; i++)
        fuzz_must(spent.lens[i] != len || memcmp(spent.pins[i], pin, len) != 0);
}

static void note_spent(const uint8_t *pin, size_t len)
{
    unsigned i = spent.count;
    fuzz_must(len <= sizeof(spent.pins[0]));
    if (i == sizeof(spent.lens) / sizeof(spent.lens[0]))
        return;
    memcpy(spent.pins[i], pin, len);
    spent.lens[i] = len;
    spent.count++;
}

/* The card has answered a VERIFY. */
static void note_answer(const uint8_t *command, size_t len, const uint8_t *response, size_t n)
{
    unsigned sw = n == 2 ? (unsigned)response[0] << 8 | response[1] : 0;
    if (len <= HEAD) { /* the question for the tries that are left */
        if (sw != spent.tries)
            spent.count = 0;
    } else if (sw == 0x9000) {
        spent.count = 0;
    } else {
        note_spent(command + HEAD, len - HEAD);
        spent.tries = sw;
    }
}

/* In the place of the module's own clock: each look takes a millisecond. */
uint64_t clock_ms(void)
{
    return ++p11_world.clock;
}

static size_t honest(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    (void)context;
    return vcard_command(card, command, len, response);
}

static size_t answer(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    bool verify = len > 1 && command[1] == VERIFY;
    if (verify && len > HEAD)
        must_not_be_spent(command + HEAD, len - HEAD);
    size_t n = fuzz_answer(honest, context, command, len, response);
    if (verify)
        note_answer(command, len, response, n);
    return n;
}

void p11_insert(void)
{
    vcard_power_on(card);
    twin_insert(P11_READER, answer, NULL, bytes_of(card->settings.atr, card->settings.atr_len));
    p11_world.card = true;
}

/* The module keeps what cards have refused over C_Finalize, and so over inputs. What nobody asks
 * for pushes that out. */
static void forget_refused(void)
{
    static struct refused nobody = {.in_doubt = true};
    uint8_t identity[REFUSED_HASH];
    for (unsigned i = 0; i < PARKED; i++) {
        memset(identity, 0xF0 + (int)i, sizeof(identity));
        refused_park(identity, CARD_AUTH, &nobody);
    }
}

static void begin(void)
{
    if (card == NULL)
        card = fuzz_vcard();
    fuzz_folder_clear();
    twin_clear();
    forget_refused();
    spent.count = 0;
    state_init(&card->state);
    p11_world = (struct p11_world){.reader = true, .serving = true, .clock = 1000000};
    twin_reader(P11_READER, true);
    p11_insert();
}

static void end(void)
{
    fuzz_faults(0);
    twin_fail_call(-1, ERR_OK, false);
    C_Finalize(NULL);
    fuzz_must(twin_open_transactions() == 0);
    twin_clear();
}

static void one_call(void)
{
    unsigned call = fuzz_below(P11_CALLS);
    const struct p11_row *row = &p11_rows[call];
    bool logged_in = p11_world.logged_in;
    if (call == P11_RESTART || call == P11_CARD || call == P11_FAULT || call == P11_OTHER)
        spent.count = 0;
    twin_counters_clear();
    fuzz_trace(row->name, NULL, 0);
    row->run();
    fuzz_must(twin_open_transactions() == 0);
    fuzz_must(twin_verifies() <= (logged_in ? row->verifies : row->before_login));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begin(data, size);
    begin();
    unsigned seed = fuzz_u8();
    p11_initialize();
    fuzz_faults(seed);
    for (unsigned i = 0; i < CALLS_MAX && fuzz_more(); i++)
        one_call();
    end();
    return 0;
}

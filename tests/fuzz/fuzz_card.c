/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every call of card/, in any order, with a card that answers anything: a result that can be, an
 * end, at most one VERIFY a call, and never a transaction that is lost.
 *
 * The card behind the answers is the plain one of tests/card, which needs no OpenSSL: this target
 * also runs under MemorySanitizer.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "card/common.h"
#include "fuzz_card.h"

#include "card/apdu.h"
#include "card/card.h"

#define CALLS_MAX 24
#define COMMANDS_MAX 5000 /* a certificate that comes one byte at a time */

fuzz_card *fuzz_card_honest = plain_card;
void *fuzz_card_context;

static struct plain plain;
static struct card card;
static struct reader *reader;
static bool open; /* a transaction is */

static size_t answer(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    (void)context;
    return fuzz_answer(fuzz_card_honest, fuzz_card_context, command, len, response);
}

static void must_be_possible(enum err e)
{
    fuzz_must((unsigned)e < ERR_COUNT);
    fuzz_must(e != ERR_MEMORY && e != ERR_CRYPTO && e != ERR_BAD_SIGNATURE &&
              e != ERR_NOT_RECORDED);
}

static enum card_role any_role(void)
{
    return (enum card_role)fuzz_below(CARD_ROLES);
}

static uint16_t any_file(void)
{
    static const uint16_t files[] = {0x0006, 0x0008, 0x000A, 0x000B,
                                     0x0001, 0x0002, 0x0018, 0x3F00};
    return files[fuzz_below(COUNT(files))];
}

/* ---- the calls ---- */

static void recognise(void)
{
    if (open)
        card_end(&card, fuzz_below(2));
    enum err e = card_recognise(reader, &card);
    must_be_possible(e);
    open = e == ERR_OK;
    fuzz_must(open == (card.profile != NULL) || e != ERR_OK);
    fuzz_must(memchr(card.model, '\0', sizeof(card.model)) != NULL);
    if (!open) { /* the other calls want a card */
        card = (struct card){.reader = reader};
        card.profile = profile_find(bytes_of_text("JPKIAPICCTOKEN2"));
    }
}

static void begin(void)
{
    bool fresh;
    if (open)
        return;
    enum err e = card_begin(&card, &fresh);
    must_be_possible(e);
    open = e == ERR_OK;
}

static void end(void)
{
    bool drop = fuzz_below(2);
    if (!open)
        return;
    bool ended = card_end(&card, drop);
    fuzz_must(drop || ended);
    fuzz_must(!card.maybe_verified && card.current_file == 0);
    open = false;
}

static void drop(void)
{
    must_be_possible(card_drop(&card));
}

static void forget(void)
{
    if (!card_forget(&card))
        fuzz_must(card.only_power_helps);
    else
        fuzz_must(!card.maybe_verified);
}

static void prove(void)
{
    enum err e = card_prove_dropped(&card, any_role());
    must_be_possible(e);
    if (e == ERR_REFUSED)
        fuzz_must(card.drop_works == CARD_NO && card.maybe_verified);
}

static void logout(void)
{
    must_be_possible(card_logout(&card, any_role()));
}

static void read_first(void)
{
    uint8_t *block = malloc(256); /* not a byte more than card.h promises */
    size_t len = 999;
    enum err e = card_read_first(&card, any_file(), block, &len);
    must_be_possible(e);
    fuzz_must(len <= 256 && (e == ERR_OK || len == 0));
    free(block);
}

static void read_certificate(void)
{
    struct buffer der = {0};
    size_t known = fuzz_below(2) == 0 ? 0 : fuzz_u8() + (size_t)1;
    uint8_t *first = fuzz_bytes(known);
    card.try_long = true;
    enum err e = card_read_certificate(&card, any_file(), bytes_of(first, known), &der);
    free(first);
    fuzz_must((unsigned)e < ERR_COUNT);
    if (e == ERR_OK)
        fuzz_must(der.len >= 260 && der.len <= 4096 && der.data[0] == 0x30);
    else
        fuzz_must(der.data == NULL);
    buffer_clear(&der);
}

static void has_certificate(void)
{
    enum card_known known = card_has_certificate(&card, any_role());
    fuzz_must(known == CARD_UNKNOWN || known == CARD_YES || known == CARD_NO);
}

static void identity(void)
{
    uint8_t *block = malloc(256);
    size_t len = 999;
    bool from_certificate;
    enum err e = card_identity(&card, block, &len, &from_certificate);
    must_be_possible(e);
    fuzz_must(len <= 256 && (e == ERR_OK || !from_certificate));
    free(block);
}

static void select_file(void)
{
    uint16_t file = any_file();
    enum err e = card_select_file(&card, file);
    must_be_possible(e);
    fuzz_must(card.current_file == (e == ERR_OK ? file : 0));
}

static void tries(void)
{
    int left = 99;
    enum err e = card_tries(&card, any_role(), &left);
    must_be_possible(e);
    fuzz_must(left >= -1 && left <= 15);
    fuzz_must(twin_verifies() == 0);
}

static void set_pin(struct card_pin *pin)
{
    size_t len = 1 + fuzz_below(PROFILE_PIN_MAX);
    uint8_t *text = fuzz_bytes(len);
    memset(pin, 0, sizeof(*pin));
    card_pin_set(pin, bytes_of(text, len));
    free(text);
}

static void verify(void)
{
    struct card_pin pin;
    int left = 99;
    set_pin(&pin);
    enum card_role role = any_role();
    enum err e = card_verify(&card, role, &pin, &left);
    must_be_possible(e);
    fuzz_must(left >= -1 && left <= 15);
    fuzz_must(twin_verifies() <= 1);
    fuzz_must(twin_verifies() == 1 || e != ERR_OK);
    /* What the card may know now is dropped at the end. */
    fuzz_must(twin_verifies() == 0 || card.maybe_verified);
}

static void verify_on_pad(void)
{
    static const char *const typed[] = {"1234", "123", "0000", "12345"};
    int left = 99;
    twin_pad(READER, true);
    twin_pad_types(READER, typed[fuzz_below(COUNT(typed))], fuzz_u16());
    enum err e = card_verify_on_pad(&card, any_role(), &left);
    must_be_possible(e);
    fuzz_must(left >= -1 && left <= 15);
    fuzz_must(twin_verifies() <= 1 && twin_pad_asked() <= 1);
    fuzz_must(twin_verifies() == 0 || card.maybe_verified);
}

static void change_pin(void)
{
    struct card_pin pin;
    bool unclear = true;
    set_pin(&pin);
    enum err e = card_change_pin(&card, any_role(), &pin, &unclear);
    must_be_possible(e);
    fuzz_must(e != ERR_OK || !unclear);
    fuzz_must(twin_verifies() == 0 && twin_commands_of(0x24) <= 1);
}

static void sign(void)
{
    uint8_t *signature = malloc(PROFILE_SIGNATURE_MAX);
    memset(signature, 0xEE, PROFILE_SIGNATURE_MAX);
    enum card_scheme scheme = fuzz_below(2) ? CARD_PSS : CARD_PKCS1;
    size_t len = scheme == CARD_PSS ? 32 : 1 + fuzz_u8() % (size_t)245;
    uint8_t *data = fuzz_bytes(len);
    enum err e = card_sign(&card, any_role(), scheme, bytes_of(data, len), signature);
    must_be_possible(e);
    for (size_t i = 0; e != ERR_OK && i < PROFILE_SIGNATURE_MAX; i++)
        fuzz_must(signature[i] == 0xEE);
    free(data);
    free(signature);
}

static const struct {
    const char *name;
    void (*run)(void);
} calls[] = {
    [FUZZ_CARD_RECOGNISE] = {"recognise", recognise},
    [FUZZ_CARD_BEGIN] = {"begin", begin},
    [FUZZ_CARD_END] = {"end", end},
    [FUZZ_CARD_DROP] = {"drop", drop},
    [FUZZ_CARD_FORGET] = {"forget", forget},
    [FUZZ_CARD_PROVE] = {"prove", prove},
    [FUZZ_CARD_LOGOUT] = {"logout", logout},
    [FUZZ_CARD_READ_FIRST] = {"read_first", read_first},
    [FUZZ_CARD_READ] = {"read_certificate", read_certificate},
    [FUZZ_CARD_HAS] = {"has_certificate", has_certificate},
    [FUZZ_CARD_IDENTITY] = {"identity", identity},
    [FUZZ_CARD_SELECT] = {"select_file", select_file},
    [FUZZ_CARD_TRIES] = {"tries", tries},
    [FUZZ_CARD_VERIFY] = {"verify", verify},
    [FUZZ_CARD_PAD] = {"verify_on_pad", verify_on_pad},
    [FUZZ_CARD_CHANGE] = {"change_pin", change_pin},
    [FUZZ_CARD_SIGN] = {"sign", sign},
};

/* ---- one input ---- */

static void setup(void)
{
    twin_clear();
    twin_reader(READER, true);
    plain_usual(&plain);
    if (fuzz_card_honest == plain_card)
        fuzz_card_context = &plain;
    /* Reader and card announce extended lengths; what comes of it is up to the answers. */
    twin_insert(READER, answer, NULL, bytes_of("\x3B\x05\x80\x73\x00\x00\x40", 7));
    twin_data_max(READER, 0x10000);
    reader = reader_new(READER);
    fuzz_must(reader != NULL);
    open = false;
    card = (struct card){.reader = reader};
    card.profile = profile_find(bytes_of_text("JPKIAPICCTOKEN2"));
}

/* Now and then a call to the reader fails. */
static void fail_somewhere(void)
{
    static const enum err errors[] = {ERR_TRANSPORT, ERR_NO_CARD, ERR_NO_READER, ERR_NO_SERVICE};
    unsigned at = fuzz_u8(), which = fuzz_below(2 * COUNT(errors));
    if (at > 0)
        twin_fail_call((long)at - 1, errors[which / 2], which % 2 != 0);
}

static void one_call(void)
{
    unsigned call = fuzz_below(FUZZ_CARD_CALLS);
    if (call >= FUZZ_CARD_DROP && !open) /* these want a transaction */
        begin();
    if (call >= FUZZ_CARD_DROP && !open)
        return;
    twin_counters_clear();
    fuzz_trace(calls[call].name, NULL, 0);
    calls[call].run();
    fuzz_must(twin_commands() <= COMMANDS_MAX);
    if (!open)
        fuzz_must(twin_open_transactions() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begin(data, size);
    setup();
    fail_somewhere();
    for (unsigned i = 0; i < CALLS_MAX && fuzz_more(); i++)
        one_call();
    if (open)
        card_end(&card, true);
    fuzz_must(twin_open_transactions() == 0);
    reader_free(reader);
    return 0;
}

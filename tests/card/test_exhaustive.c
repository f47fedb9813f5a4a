/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every call of card.h, every length that an answer can have, every status word that means
 * something: no crash (run it under the sanitizers), an error or a result that can be, and an end.
 */
#include "common.h"

#include <string.h>

#include "card/apdu.h"
#include "card/card.h"

#define LEN_MAX 258
/* A certificate that comes a few bytes at a time takes the most commands: 4096 bytes, one by one.
 */
#define COMMANDS_MAX 5000

static const uint16_t words[] = {
    0x9000, 0x6100, 0x6101, 0x61FF, 0x6C00, 0x6C01, 0x6C20, 0x6CFF, 0x6282, 0x6300, 0x63C0,
    0x63C1, 0x63C2, 0x63C3, 0x63C4, 0x63C5, 0x63C6, 0x63C7, 0x63C8, 0x63C9, 0x63CA, 0x63CB,
    0x63CC, 0x63CD, 0x63CE, 0x63CF, 0x6581, 0x6700, 0x6881, 0x6982, 0x6983, 0x6984, 0x6985,
    0x6986, 0x6A80, 0x6A81, 0x6A82, 0x6A86, 0x6B00, 0x6D00, 0x6E00, 0x6F00, 0xFFFF, 0x0000,
};

/* A certificate's head, so that reading goes on; a label, so that the card is taken for one. */
static const uint8_t certificate[256] = {0x30, 0x82, 0x01, 0x80, 0x30};
static const uint8_t label[256] = "JPKIAPICCTOKEN2                 ";

static struct plain plain;
static struct card card;
static struct reader *reader;

/* The answer that spoils everything, and from which command on, up to which. */
static struct {
    const uint8_t *data;
    size_t len;
    uint16_t sw;
    unsigned from, to, at;
} spoilt;

static bool spoil(void *context, const uint8_t *command, size_t len, uint8_t *response,
                  size_t *received)
{
    (void)context;
    (void)command;
    (void)len;
    unsigned at = spoilt.at++;
    if (at < spoilt.from || at >= spoilt.to)
        return false;
    if (spoilt.len >= 2) {
        memcpy(response, spoilt.data, spoilt.len - 2);
        response[spoilt.len - 2] = (uint8_t)(spoilt.sw >> 8);
        response[spoilt.len - 1] = (uint8_t)spoilt.sw;
    } else if (spoilt.len == 1) {
        response[0] = (uint8_t)(spoilt.sw >> 8);
    }
    *received = spoilt.len;
    return true;
}

/* ---- the calls; each checks what it can promise ---- */

static void assert_result(enum err e)
{
    assert_true((unsigned)e < ERR_COUNT);
    assert_true(e != ERR_MEMORY && e != ERR_CRYPTO && e != ERR_CANCELLED && e != ERR_BAD_SIGNATURE);
}

static void call_recognise(void)
{
    struct card other;
    card_end(&card, false);
    spoilt.at = 0; /* what that sent does not count */
    enum err e = card_recognise(reader, &other);
    assert_result(e);
    assert_int_equal(twin_open_transactions(), e == ERR_OK ? 1 : 0);
    if (e == ERR_OK) {
        assert_non_null(other.profile);
        assert_true(strlen(other.model) <= 16);
        card_end(&other, true);
    }
    bool fresh;
    spoilt.to = 0;
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
}

static void call_begin(void)
{
    bool fresh;
    card_end(&card, false);
    spoilt.at = 0;
    enum err e = card_begin(&card, &fresh);
    assert_result(e);
    assert_int_equal(twin_open_transactions(), e == ERR_OK ? 1 : 0);
    spoilt.to = 0;
    if (e != ERR_OK)
        assert_int_equal(card_begin(&card, &fresh), ERR_OK);
}

static void call_end(void)
{
    bool fresh;
    card.maybe_verified = true;
    card_end(&card, true);
    assert_int_equal(twin_open_transactions(), 0);
    assert_false(card.maybe_verified);
    spoilt.to = 0;
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
}

static void call_drop(void)
{
    assert_result(card_drop(&card));
}

static void prove(enum card_role role)
{
    enum err e = card_prove_dropped(&card, role);
    assert_result(e);
    if (e == ERR_REFUSED)
        assert_true(card.drop_works == CARD_NO && card.maybe_verified);
}

static void call_prove_auth(void)
{
    prove(CARD_AUTH);
}

static void call_prove_sign(void)
{
    prove(CARD_SIGN);
}

static void call_first(void)
{
    uint8_t block[256];
    size_t len = 999;
    enum err e = card_read_first(&card, 0x000A, block, &len);
    assert_result(e);
    assert_true(len <= 256 && (e == ERR_OK || len == 0));
}

static void read_whole(struct bytes first)
{
    struct buffer der = {0};
    enum err e = card_read_certificate(&card, 0x000A, first, &der);
    assert_result(e);
    if (e == ERR_OK)
        assert_true(der.len >= 260 && der.len <= 4096 && der.data[0] == 0x30);
    else
        assert_null(der.data);
    buffer_clear(&der);
}

static void call_certificate(void)
{
    read_whole(bytes_of(NULL, 0));
}

static void call_certificate_first_known(void)
{
    card.short_ids_read = CARD_YES;
    read_whole(bytes_of(certificate, 256));
}

static void call_presence(void)
{
    enum card_known known = card_has_certificate(&card, CARD_SIGN);
    assert_true(known == CARD_UNKNOWN || known == CARD_YES || known == CARD_NO);
}

static void call_identity(void)
{
    uint8_t block[256];
    size_t len = 999;
    bool from_certificate;
    enum err e = card_identity(&card, block, &len, &from_certificate);
    assert_result(e);
    assert_true(len <= 256 && (e == ERR_OK || !from_certificate));
}

static void call_select(void)
{
    enum err e = card_select_file(&card, 0x0017);
    assert_result(e);
    assert_int_equal(card.current_file, e == ERR_OK ? 0x0017 : 0);
}

static void call_tries(void)
{
    int tries = 99;
    assert_result(card_tries(&card, CARD_SIGN, &tries));
    assert_in_range(tries + 1, 0, 16);
    assert_int_equal(twin_verifies(), 0);
}

static void verify(enum card_known way)
{
    struct card_pin pin = {0};
    int tries = 99;
    card.short_ids_pin = way;
    card_pin_set(&pin, bytes_of("ABC123", 6));
    enum err e = card_verify(&card, CARD_SIGN, &pin, &tries);
    assert_result(e);
    assert_in_range(tries + 1, 0, 16);
    assert_in_range(twin_verifies(), 0, 1);
    if (twin_verifies() == 1)
        assert_true(card.maybe_verified);
    if (e == ERR_OK)
        assert_int_equal(twin_verifies(), 1);
}

static void call_verify(void)
{
    verify(CARD_UNKNOWN);
}

static void call_verify_short(void)
{
    verify(CARD_YES);
}

static void call_verify_selected(void)
{
    verify(CARD_NO);
}

static void sign(enum card_known way, enum card_scheme scheme)
{
    uint8_t signature[PROFILE_SIGNATURE_MAX];
    card.short_ids_key = way;
    memset(signature, 0xEE, sizeof(signature));
    enum err e = card_sign(&card, CARD_AUTH, scheme, bytes_of(certificate, 32), signature);
    assert_result(e);
    if (e != ERR_OK)
        assert_int_equal(signature[255], 0xEE);
}

static void call_sign(void)
{
    sign(CARD_UNKNOWN, CARD_PKCS1);
}

static void call_sign_short(void)
{
    sign(CARD_YES, CARD_PSS);
}

static void call_sign_selected(void)
{
    sign(CARD_NO, CARD_PSS);
}

static void (*const calls[])(void) = {
    call_recognise,
    call_begin,
    call_end,
    call_drop,
    call_prove_auth,
    call_prove_sign,
    call_first,
    call_certificate,
    call_certificate_first_known,
    call_presence,
    call_identity,
    call_select,
    call_tries,
    call_verify,
    call_verify_short,
    call_verify_selected,
    call_sign,
    call_sign_short,
    call_sign_selected,
};

/* ---- the loops ---- */

static void be_ready(void)
{
    bool fresh;
    spoilt.to = 0;
    if (twin_open_transactions() == 0) {
        memset(&card, 0, sizeof(card));
        card.reader = reader;
        card.profile = profile_find(bytes_of_text("JPKIAPICCTOKEN2"));
        assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    }
    card.short_ids_read = card.short_ids_pin = card.short_ids_key = CARD_UNKNOWN;
    card.drop_works = card.long_reads = CARD_UNKNOWN;
    card.try_long = true;
    card.query_with_le = false;
    card.current_file = 0;
    plain.verified = false;
    twin_counters_clear();
}

static void spoil_from(unsigned from, unsigned to, void (*call)(void))
{
    be_ready();
    spoilt.at = 0;
    spoilt.from = from;
    spoilt.to = to;
    call();
    assert_in_range(twin_commands(), 0, COMMANDS_MAX);
    assert_int_equal(twin_open_transactions(), 1);
}

/* All answers are the same. */
static void every_answer(const uint8_t *data)
{
    spoilt.data = data;
    for (size_t i = 0; i < COUNT(calls); i++)
        for (size_t w = 0; w < COUNT(words); w++)
            for (spoilt.len = 0; spoilt.len <= LEN_MAX; spoilt.len++) {
                spoilt.sw = words[w];
                spoil_from(0, ~0U, calls[i]);
            }
}

static void test_certificates(void **state)
{
    (void)state;
    every_answer(certificate);
}

static void test_labels(void **state)
{
    (void)state;
    every_answer(label);
}

/* One answer, at each place, in the middle of an exchange that is otherwise right. */
static void test_one_answer(void **state)
{
    static const size_t lens[] = {0, 1, 2, 3, 4, 5, 6, 33, 98, 130, 257, 258};
    (void)state;
    spoilt.data = certificate;
    for (size_t i = 0; i < COUNT(calls); i++)
        for (unsigned at = 0; at < 8; at++)
            for (size_t w = 0; w < COUNT(words); w++)
                for (size_t n = 0; n < COUNT(lens); n++) {
                    spoilt.len = lens[n];
                    spoilt.sw = words[w];
                    spoil_from(at, at + 1, calls[i]);
                }
}

/* The answer to a command for all the rest of a certificate of 1,500 bytes, and all that follow. */
static void test_long_answers(void **state)
{
    static const uint8_t atr[] = {0x3B, 0x05, 0x80, 0x73, 0x00, 0x00, 0x40};
    static uint8_t answer[4 * 4096] = {0x30, 0x82, 0x05, 0xD8};
    (void)state;
    twin_remove(READER);
    twin_insert(READER, plain_card, &plain, bytes_of(atr, sizeof(atr)));
    twin_data_max(READER, 0x10000);
    spoilt.data = answer;
    for (size_t w = 0; w < COUNT(words); w++)
        for (spoilt.len = 0; spoilt.len <= sizeof(answer);
             spoilt.len += spoilt.len < 2000 ? 1 : 97) {
            spoilt.sw = words[w];
            twin_counters_clear();
            be_ready();
            card.short_ids_read = CARD_YES;
            spoilt.at = spoilt.from = 0;
            spoilt.to = ~0U;
            read_whole(bytes_of(answer, 256));
            assert_true(twin_commands() > 0 && card.long_reads != CARD_UNKNOWN);
        }
}

static int setup(void **state)
{
    common_twin(state);
    plain_usual(&plain);
    twin_insert(READER, plain_card, &plain, bytes_of("\x3B\x00", 2));
    twin_set_hook(spoil, NULL);
    reader = reader_new(READER);
    return reader != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    spoilt.to = 0;
    card_end(&card, false);
    reader_free(reader);
    return common_twin_end(state);
}

#define on_card(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_card(test_long_answers),
        on_card(test_certificates),
        on_card(test_labels),
        on_card(test_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What src/reader makes of what PC/SC answers, asked by reader/reader.h itself: all of what is
 * small, and each length of the rest. The card is a function of this program, and OpenSSL has
 * nothing to do, so that the memory sanitizer can follow.
 */
#include "pcsc/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <reader.h> /* of pcsc-lite */

#define NAME "Twin Reader 00"
#define ALL_STATES 16 /* bits */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct reader_view *view;
static struct reader *reader;
static uint8_t *response; /* of exactly the size that it must have */
static size_t answer_len;

/* A byte for each place, so that none is taken for another. */
static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + 1);
}

static size_t card(void *context, const uint8_t *command, size_t len, uint8_t *out)
{
    (void)context;
    (void)command;
    (void)len;
    for (size_t i = 0; i < answer_len; i++)
        out[i] = byte_at(i);
    return answer_len;
}

static int begin(void **state)
{
    (void)state;
    script_clear();
    twin_clear();
    twin_reader(NAME, true);
    twin_insert(NAME, card, NULL, bytes_of("\x3B\x00", 2));
    view = reader_view_new();
    reader = reader_new(NAME);
    response = malloc(READER_RESPONSE_MAX);
    return view == NULL || reader == NULL || response == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    script_clear();
    reader_view_free(view);
    reader_free(reader);
    free(response);
    unsigned left = script_contexts() + script_handles();
    twin_clear();
    return left == 0 ? 0 : -1;
}

static void open_transaction(void)
{
    bool fresh;
    assert_int_equal(reader_begin(reader, &fresh), ERR_OK);
}

/* ---- the list of readers ---- */

/* What a list means, written another way than the module does: the ends of names are looked for,
 * and an empty name is the end of all. */
static void expect_names(char **names, const char *text, size_t len)
{
    size_t at = 0, i = 0;
    while (at < len && text[at] != '\0') {
        size_t stop = at;
        while (stop < len && text[stop] != '\0')
            stop++;
        assert_non_null(names[i]);
        assert_int_equal(strlen(names[i]), stop - at);
        assert_memory_equal(names[i], text + at, stop - at);
        at = stop + 1;
        i++;
    }
    assert_null(names[i]);
}

static void expect_list(const char *text, size_t len, size_t first, size_t second)
{
    char buffer[16];
    char **names;
    memset(buffer, 0xEE, sizeof(buffer)); /* as the scripted service fills the rest */
    memcpy(buffer, text, len < first ? len : first);
    script.names = text;
    script.names_len = len;
    script.names_first = (DWORD)first;
    script.names_second = (DWORD)second;
    assert_int_equal(reader_list(view, &names), ERR_OK);
    expect_names(names, buffer, first < second ? first : second);
    free(names);
}

/* All lists of up to six bytes, with every two lengths that a service may claim for them: shorter
 * than they are, longer, and more the second time than there was room for. */
static void test_every_list(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 6; len++)
        for (unsigned bits = 0; bits < 1U << len; bits++) {
            char text[6] = {0};
            for (size_t i = 0; i < len; i++)
                text[i] = (bits >> i & 1) != 0 ? (char)('a' + i) : '\0';
            for (size_t first = 0; first <= 8; first++)
                for (size_t second = 0; second <= 9; second++)
                    expect_list(text, len, first, second);
        }
}

/* Names of every length: none is cut, and none gets a byte of another. */
static void test_every_length_of_a_name(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 300; len++) {
        char name[301], **names;
        memset(name, 'x', len);
        name[len] = '\0';
        twin_clear();
        twin_reader(name, true);
        twin_reader("z", true);
        assert_int_equal(reader_list(view, &names), ERR_OK);
        assert_string_equal(names[0], name);
        assert_string_equal(names[1], "z");
        assert_null(names[2]);
        free(names);
    }
}

/* ---- states ---- */

static struct reader_state look(void)
{
    static const char *const name = NAME;
    struct reader_state state;
    memset(&state, 0xEE, sizeof(state));
    assert_int_equal(reader_states(view, &name, 1, &state), ERR_OK);
    return state;
}

static void test_every_atr(void **state)
{
    uint8_t atr[READER_ATR_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(atr); i++)
        atr[i] = byte_at(i);
    for (size_t len = 0; len <= sizeof(atr); len++) {
        twin_remove(NAME);
        assert_int_equal(look().atr_len, 0);
        twin_insert(NAME, card, NULL, bytes_of(atr, len));
        struct reader_state seen = look();
        assert_true(seen.known && seen.present);
        assert_int_equal(seen.atr_len, len);
        assert_memory_equal(seen.atr, atr, len);
    }
    static const DWORD claims[] = {34, 36, 64, 256, 0x7FFFFFFF, (DWORD)-1};
    for (size_t i = 0; i < COUNT(claims); i++) { /* no card has so many */
        script.atr_claim = claims[i];
        assert_int_equal(look().atr_len, READER_ATR_MAX);
        assert_memory_equal(look().atr, atr, READER_ATR_MAX);
    }
}

/* Each flag alone, beside the card that is in. */
static void test_every_flag(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < ALL_STATES; bit++) {
        script.flags = 1U << bit;
        struct reader_state seen = look();
        bool unknown = script.flags == SCARD_STATE_UNKNOWN || script.flags == SCARD_STATE_IGNORE;
        bool unusable = script.flags == SCARD_STATE_UNKNOWN ||
                        script.flags == SCARD_STATE_UNAVAILABLE || script.flags == SCARD_STATE_MUTE;
        assert_int_equal(seen.known, !unknown);
        assert_int_equal(seen.present, !unusable);
        assert_int_equal(seen.mute, script.flags == SCARD_STATE_MUTE);
        assert_int_equal(seen.held, script.flags == SCARD_STATE_EXCLUSIVE);
    }
}

/* ---- responses ---- */

static void check_response(size_t received)
{
    assert_int_equal(received, answer_len);
    for (size_t i = 0; i < received; i++)
        assert_int_equal(response[i], byte_at(i));
}

static void test_every_response(void **state)
{
    const struct bytes command = bytes_of("\x00\xB0\x00\x00\x00", 5);
    size_t received;
    (void)state;
    open_transaction();
    for (answer_len = 0; answer_len <= READER_RESPONSE_MAX; answer_len++) {
        assert_int_equal(reader_transmit(reader, command, response, READER_RESPONSE_MAX, &received),
                         ERR_OK);
        check_response(received);
    }
    for (; answer_len <= 2 * READER_RESPONSE_MAX; answer_len++) {
        received = 77;
        assert_int_equal(reader_transmit(reader, command, response, READER_RESPONSE_MAX, &received),
                         ERR_ANSWER);
        assert_int_equal(received, 0);
    }
    answer_len = 2;
    for (unsigned shift = 0; shift < 32; shift++) {
        script.transmit_claim = READER_RESPONSE_MAX + (1U << shift);
        assert_int_equal(reader_transmit(reader, command, response, READER_RESPONSE_MAX, &received),
                         ERR_ANSWER);
        assert_int_equal(received, 0);
    }
    script.transmit_claim = 0;
    reader_end(reader, false);
}

/* Room for more than a short response: as much as that, and no byte more. */
static void test_every_room(void **state)
{
    static const size_t rooms[] = {READER_RESPONSE_MAX, READER_RESPONSE_MAX + 1, 1000, 4098};
    (void)state;
    open_transaction();
    for (size_t i = 0; i < COUNT(rooms); i++) {
        size_t received;
        free(response);
        response = malloc(rooms[i]);
        assert_non_null(response);
        for (answer_len = rooms[i] - 2; answer_len <= rooms[i] + 2; answer_len++) {
            bool fits = answer_len <= rooms[i];
            assert_int_equal(reader_transmit(reader, bytes_of("\x00\xB0\x00\x00\x00", 5), response,
                                             rooms[i], &received),
                             fits ? ERR_OK : ERR_ANSWER);
            if (fits)
                check_response(received);
            else
                assert_int_equal(received, 0);
        }
    }
    reader_end(reader, false);
}

/* ---- the reader's list of features ---- */

/* Asked anew, over a new connection. */
static bool has_pad(const uint8_t *list, size_t len, DWORD claim, LONG error)
{
    script.features = list;
    script.features_len = len;
    script.features_claim = claim;
    script.features_error = error;
    open_transaction();
    bool has = reader_has_pad(reader);
    unsigned long calls = twin_calls();
    assert_int_equal(reader_has_pad(reader), has); /* once per connection */
    assert_int_equal(twin_calls(), calls);
    assert_true(reader_end(reader, false));
    reader_disconnect(reader);
    return has;
}

/* One feature: every tag with every length that may be said of its four bytes. Beside the four
 * there is no form: 81 04, which is one in other lists of tags, is a length of 129. */
static void test_every_feature(void **state)
{
    uint8_t list[6] = {0, 0, 0x42, 0x33, 0x00, 0x06};
    (void)state;
    for (unsigned tag = 0; tag <= 0xFF; tag++)
        for (unsigned len = 0; len <= 0xFF; len++) {
            list[0] = (uint8_t)tag;
            list[1] = (uint8_t)len;
            assert_int_equal(has_pad(list, sizeof(list), 0, 0),
                             tag == FEATURE_VERIFY_PIN_DIRECT && len == 4);
        }
    static const uint8_t long_form[] = {0x06, 0x81, 0x04, 0x42, 0x33, 0x00, 0x06};
    assert_false(has_pad(long_form, sizeof(long_form), 0, 0));
}

/* Every two tags: the right one once, and not twice. */
static void test_every_pair_of_features(void **state)
{
    uint8_t list[] = {0, 4, 0x42, 0x33, 0x00, 0x06, 0, 4, 0x42, 0x33, 0x00, 0x06};
    (void)state;
    for (unsigned first = 0; first <= 0xFF; first++)
        for (unsigned second = 0; second <= 0xFF; second++) {
            list[0] = (uint8_t)first;
            list[6] = (uint8_t)second;
            bool one =
                (first == FEATURE_VERIFY_PIN_DIRECT) != (second == FEATURE_VERIFY_PIN_DIRECT);
            assert_int_equal(has_pad(list, sizeof(list), 0, 0), one);
        }
}

/* As many features as there is room for, cut off at each byte; and lengths claimed that are not
 * there. */
static void test_every_length_of_features(void **state)
{
    static const DWORD claims[] = {MAX_BUFFER_SIZE + 1, 65536, 0x7FFFFFFF, (DWORD)-1};
    uint8_t list[MAX_BUFFER_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(list); i++)
        list[i] = (const uint8_t[]){0x20, 4, 0x42, 0x33, 0x00, 0x06}[i % 6];
    list[0] = FEATURE_VERIFY_PIN_DIRECT;
    for (size_t len = 0; len <= sizeof(list); len++)
        assert_int_equal(has_pad(list, len, 0, 0), len > 0 && len % 6 == 0);
    for (size_t i = 0; i < COUNT(claims); i++)
        assert_false(has_pad(list, sizeof(list), claims[i], 0));
}

/* Every code that PC/SC has a name for, and its neighbours. */
static void test_every_error_for_features(void **state)
{
    static const uint8_t list[] = {0x06, 4, 0x42, 0x33, 0x00, 0x06};
    (void)state;
    assert_true(has_pad(list, sizeof(list), 0, 0));
    for (DWORD code = 0x80100000; code <= 0x80100080; code++)
        assert_false(has_pad(list, sizeof(list), 0, (LONG)code));
}

/* ---- how much data it takes ---- */

/* Asked over a new connection, twice. */
static size_t ask_max(void)
{
    open_transaction();
    size_t max = reader_data_max(reader);
    unsigned long calls = twin_calls();
    assert_int_equal(reader_data_max(reader), max); /* once per connection */
    assert_int_equal(twin_calls(), calls);
    assert_true(reader_end(reader, false));
    reader_disconnect(reader);
    assert_int_equal(reader_data_max(reader), 256);
    return max;
}

static size_t ask_max_of(const uint8_t *list, size_t len, DWORD claim, LONG error)
{
    script.properties = list;
    script.properties_len = len;
    script.properties_claim = claim;
    script.properties_error = error;
    return ask_max();
}

static void test_every_list_of_properties(void **state)
{
    static const uint8_t list[] = {0x0B, 2, 0xE6, 0x08, 0x0A, 4, 0x00, 0x00, 0x01, 0x00};
    (void)state;
    assert_int_equal(ask_max(), 256); /* the reader has no such list */
    assert_int_equal(ask_max_of(list, sizeof(list), 0, 0), 0x10000);
    for (size_t len = 0; len < sizeof(list); len++)
        assert_int_equal(ask_max_of(list, len, 0, 0), 256);
    assert_int_equal(ask_max_of(list, sizeof(list), MAX_BUFFER_SIZE + 1, 0), 256);
    assert_int_equal(ask_max_of(list, sizeof(list), (DWORD)-1, 0), 256);
    for (DWORD code = 0x80100000; code <= 0x80100080; code++)
        assert_int_equal(ask_max_of(list, sizeof(list), 0, (LONG)code), 256);
}

/* T=0 has no way for it: its commands would have to be cut into pieces. */
static void test_data_max_by_protocol(void **state)
{
    (void)state;
    twin_data_max(NAME, 0x10000);
    assert_int_equal(ask_max(), 0x10000);
    script.protocol = SCARD_PROTOCOL_T0;
    assert_int_equal(ask_max(), 256);
    script.protocol = SCARD_PROTOCOL_RAW;
    assert_int_equal(ask_max(), 256);
}

/* Whatever error a longer command has: it was the last one. A short one's error says nothing. */
static void test_data_max_not_believed(void **state)
{
    uint8_t longer[READER_RESPONSE_MAX + 1];
    size_t received;
    (void)state;
    answer_len = 2;
    for (DWORD code = 0x80100001; code <= 0x80100080; code++) {
        bool longest = code % 2 == 0;
        reader_free(reader);
        reader = reader_new(NAME);
        twin_service(true);
        twin_reader(NAME, true);
        twin_remove(NAME);
        twin_insert(NAME, card, NULL, bytes_of("\x3B\x00", 2));
        twin_data_max(NAME, 0x10000);
        open_transaction();
        assert_int_equal(reader_data_max(reader), 0x10000);
        script_fail((long)twin_calls(), (LONG)code, false);
        assert_int_not_equal(reader_transmit(reader, bytes_of("\x00\xB0\x00\x00\x00", 5), longer,
                                             sizeof(longer) - (longest ? 0 : 1), &received),
                             ERR_OK);
        reader_end(reader, false);
        reader_disconnect(reader);
        twin_service(true);
        twin_reader(NAME, true);
        twin_remove(NAME);
        twin_insert(NAME, card, NULL, bytes_of("\x3B\x00", 2));
        assert_int_equal(ask_max(), longest ? 256 : 0x10000);
    }
}

/* The answer to reset of the card that is in, in every transaction; none outside. */
static void test_atr_in_a_transaction(void **state)
{
    uint8_t atr[READER_ATR_MAX], seen[READER_ATR_MAX];
    (void)state;
    assert_int_equal(reader_atr(reader, seen), 0);
    for (size_t len = 0; len <= sizeof(atr); len++) {
        memset(atr, (int)len + 1, sizeof(atr));
        twin_remove(NAME);
        twin_insert(NAME, card, NULL, bytes_of(atr, len));
        for (int i = 0; i < 2; i++) {
            open_transaction();
            assert_int_equal(reader_atr(reader, seen), len);
            if (len > 0)
                assert_memory_equal(seen, atr, len);
            reader_end(reader, false);
        }
    }
    reader_disconnect(reader);
    assert_int_equal(reader_atr(reader, seen), 0);
}

/* ---- the PIN pad ---- */

static enum err type_pin(size_t *received)
{
    *received = 77;
    twin_pad_types(NAME, "1234", 0);
    return reader_verify_on_pad(reader, bytes_of("\x00\x20\x00\x98\x04\xFF\xFF\xFF\xFF", 9), 4,
                                response, received);
}

/* Whatever comes back: the holder was asked once, and the card at most once. */
static void check_asked_once(void)
{
    assert_int_equal(twin_pad_asked(), 1);
    assert_int_equal(twin_verifies(), 1);
    twin_counters_clear();
}

static void test_every_answer_of_a_pad(void **state)
{
    size_t received;
    (void)state;
    twin_pad(NAME, true);
    open_transaction();
    for (answer_len = 0; answer_len <= READER_RESPONSE_MAX; answer_len++) {
        assert_int_equal(type_pin(&received), ERR_OK);
        check_response(received);
        check_asked_once();
    }
    for (; answer_len <= 2 * READER_RESPONSE_MAX; answer_len++) {
        assert_int_equal(type_pin(&received), ERR_ANSWER);
        assert_int_equal(received, 0);
        check_asked_once();
    }
    answer_len = 2;
    script.pad = response;
    for (unsigned shift = 0; shift < 32; shift++) {
        script.pad_claim = READER_RESPONSE_MAX + (1U << shift);
        assert_int_equal(type_pin(&received), ERR_ANSWER);
        assert_int_equal(received, 0);
        check_asked_once();
    }
    reader_end(reader, false);
}

static void test_every_error_of_a_pad(void **state)
{
    size_t received;
    (void)state;
    twin_pad(NAME, true);
    answer_len = 2;
    for (DWORD code = 0x80100001; code <= 0x80100080; code++) {
        twin_service(true);
        twin_reader(NAME, false);
        twin_reader(NAME, true);
        twin_insert(NAME, card, NULL, bytes_of(NULL, 0));
        open_transaction();
        assert_true(reader_has_pad(reader));
        twin_counters_clear();
        script_fail((long)twin_calls(), (LONG)code, true);
        assert_int_not_equal(type_pin(&received), ERR_OK);
        assert_int_equal(received, 0);
        check_asked_once();
        reader_end(reader, false);
    }
}

/* ---- what cannot be given up ---- */

static const char *const *failing; /* these calls fail, one after the other, and then no other */
static LONG failure;

static void fail_in_turn(unsigned long k, const char *name)
{
    if (*failing == NULL || strcmp(name, *failing) != 0)
        return;
    failing++;
    script_fail((long)k, failure, false);
}

/* With these calls failing: whether the end was said to be right. No transaction stays open in the
 * service, for no program would ever end it: others get the card, and so do we. */
static bool end_with(const char *const *calls, LONG error, bool power_off)
{
    open_transaction();
    failing = calls;
    failure = error;
    script.before = fail_in_turn;
    bool ended = reader_end(reader, power_off);
    script.before = NULL;
    assert_null(*failing);
    assert_int_equal(twin_open_transactions(), 0);
    answer_len = 2;
    assert_int_equal(twin_other_program(NAME, (const uint8_t *)"\x00\xB0\x00\x00", 4),
                     byte_at(0) << 8 | byte_at(1));
    open_transaction();
    assert_true(reader_end(reader, false));
    return ended;
}

static void test_nothing_stays_open(void **state)
{
    static const LONG errors[] = {SCARD_F_INTERNAL_ERROR, SCARD_E_NOT_TRANSACTED, SCARD_E_TIMEOUT,
                                  SCARD_E_NO_MEMORY, SCARD_E_INVALID_VALUE};
    static const char *const end_and_disconnect[] = {"SCardEndTransaction", "SCardDisconnect",
                                                     NULL};
    static const char *const only_end[] = {"SCardEndTransaction", NULL};
    static const char *const only_disconnect[] = {"SCardDisconnect", NULL};
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        end_with(end_and_disconnect, errors[i], false);
        end_with(only_end, errors[i], false);
        assert_false(end_with(only_disconnect, errors[i], true)); /* it may have its power */
    }
}

/* The same without a transaction: what the service had of a connection, it has no longer. */
static void test_disconnected(void **state)
{
    static const char *const disconnect[] = {"SCardDisconnect", NULL};
    (void)state;
    open_transaction();
    assert_true(reader_end(reader, false));
    assert_int_equal(script_handles(), 1);
    failing = disconnect;
    failure = SCARD_F_INTERNAL_ERROR;
    script.before = fail_in_turn;
    reader_disconnect(reader);
    script.before = NULL;
    assert_int_equal(script_handles() + script_contexts(), 0);
}

static void expect_fresh(bool expected)
{
    bool fresh;
    assert_int_equal(reader_begin(reader, &fresh), ERR_OK);
    assert_int_equal(fresh, expected);
}

/* A reset in a transaction ends neither the connection nor what is known of it: the next one is
 * told, once. The same after a command that failed, whatever became of the card. */
static void test_reset_in_a_transaction(void **state)
{
    size_t received;
    (void)state;
    expect_fresh(true);
    assert_true(reader_end(reader, false));
    expect_fresh(false);
    twin_warm_reset(NAME);
    assert_true(reader_end(reader, false));
    assert_int_equal(twin_open_transactions(), 0);
    assert_int_equal(script_handles(), 1);
    expect_fresh(true);
    assert_true(reader_end(reader, false));
    expect_fresh(false);
    script_fail((long)twin_calls(), SCARD_E_NOT_TRANSACTED, false);
    assert_int_equal(reader_transmit(reader, bytes_of("\x00\xA4\x00\x00", 4), response,
                                     READER_RESPONSE_MAX, &received),
                     ERR_TRANSPORT);
    assert_true(reader_end(reader, false));
    expect_fresh(true);
    assert_true(reader_end(reader, false));
    expect_fresh(false);
    assert_true(reader_end(reader, false));
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_every_list),
        row(test_every_length_of_a_name),
        row(test_every_atr),
        row(test_every_flag),
        row(test_every_response),
        row(test_every_feature),
        row(test_every_pair_of_features),
        row(test_every_length_of_features),
        row(test_every_error_for_features),
        row(test_every_room),
        row(test_every_list_of_properties),
        row(test_data_max_by_protocol),
        row(test_data_max_not_believed),
        row(test_atr_in_a_transaction),
        row(test_every_answer_of_a_pad),
        row(test_every_error_of_a_pad),
        row(test_nothing_stays_open),
        row(test_disconnected),
        row(test_reset_in_a_transaction),
    };
    return cmocka_run_group_tests_name("waist", tests, NULL, NULL);
}

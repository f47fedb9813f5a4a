/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Expected bytes are written out from ISO/IEC 7816-4, 5.1 (the four cases of commands) and 5.3.4
 * (61xx, 6Cxx); what status words mean, from docs/card.md.
 */
#include "common.h"

#include <string.h>

#include "card/apdu.h"

#define ANSWERS 12
#define BOUND 16 /* commands that one exchange may send at most; the card must not hold us */

/* A card that answers what it was told; the last answer for ever. */
struct desk {
    struct {
        uint8_t bytes[700];
        size_t len;
    } answers[ANSWERS];
    unsigned count, commands;
    uint8_t sent[ANSWERS][300];
    size_t sent_len[ANSWERS];
};

static struct desk desk;
static struct reader *reader;
static struct apdu_answer answer;

static size_t desk_card(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    struct desk *d = context;
    unsigned i = d->commands < d->count ? d->commands : d->count - 1;
    if (d->commands < ANSWERS) {
        memcpy(d->sent[d->commands], command, len);
        d->sent_len[d->commands] = len;
    }
    d->commands++;
    memcpy(response, d->answers[i].bytes, d->answers[i].len);
    return d->answers[i].len;
}

/* Adds an answer of N bytes of data, all of FILL, and a status word. */
static void will_answer(size_t n, uint8_t fill, unsigned sw)
{
    unsigned i = desk.count++;
    assert_true(i < ANSWERS);
    memset(desk.answers[i].bytes, fill, n);
    desk.answers[i].bytes[n] = (uint8_t)(sw >> 8);
    desk.answers[i].bytes[n + 1] = (uint8_t)sw;
    desk.answers[i].len = n + 2;
}

static void start_over(void)
{
    memset(&desk, 0, sizeof(desk));
    memset(&answer, 0xEE, sizeof(answer));
}

static int setup(void **state)
{
    bool fresh;
    common_twin(state);
    start_over();
    twin_insert(READER, desk_card, &desk, bytes_of("\x3B\x00", 2));
    reader = reader_new(READER);
    return reader != NULL && reader_begin(reader, &fresh) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    reader_end(reader, false);
    reader_free(reader);
    return common_twin_end(state);
}

static const uint8_t filler[256] = {[0] = 0x11, [1] = 0x22, [254] = 0xEE};

static enum err exchange(size_t data, int le)
{
    struct apdu command = {0x80, 0x2A, 0x04, 0x9A, bytes_of(filler, data), le};
    return apdu_exchange(reader, &command, &answer);
}

static void assert_no_answer(void)
{
    static const uint8_t zeros[sizeof(answer.data)];
    assert_int_equal(answer.len, 0);
    assert_int_equal(answer.sw, 0);
    assert_memory_equal(answer.data, zeros, sizeof(zeros));
}

static void check_sent(unsigned index, const char *bytes, size_t len)
{
    assert_int_equal(desk.sent_len[index], len);
    assert_memory_equal(desk.sent[index], bytes, len);
}

static void test_case_1(void **state)
{
    (void)state;
    will_answer(0, 0, 0x63C3);
    struct apdu query = {0x00, 0x20, 0x00, 0x80, bytes_of(NULL, 0), APDU_NO_LE};
    assert_int_equal(apdu_exchange(reader, &query, &answer), ERR_OK);
    check_sent(0, "\x00\x20\x00\x80", 4);
    assert_int_equal(answer.sw, 0x63C3);
    assert_int_equal(answer.len, 0);
}

static void test_case_2(void **state)
{
    (void)state;
    will_answer(0, 0, 0x9000);
    for (int le = 1; le <= 256; le++) {
        const char wanted[] = {0x00, (char)0xB0, (char)0x8A, 0x07, (char)le};
        desk.commands = 0;
        struct apdu read = {0x00, 0xB0, 0x8A, 0x07, bytes_of(NULL, 0), le};
        assert_int_equal(apdu_exchange(reader, &read, &answer), ERR_OK);
        check_sent(0, wanted, 5); /* 256 is written 00 */
    }
}

static void test_case_3(void **state)
{
    (void)state;
    will_answer(0, 0, 0x9000);
    struct apdu select = {0x00, 0xA4, 0x02, 0x0C, bytes_of("\x00\x0A", 2), APDU_NO_LE};
    assert_int_equal(apdu_exchange(reader, &select, &answer), ERR_OK);
    check_sent(0, "\x00\xA4\x02\x0C\x02\x00\x0A", 7);
}

static void test_case_4(void **state)
{
    char wanted[261] = "\x80\x2A\x04\x9A\xFF";
    (void)state;
    will_answer(0, 0, 0x9000);
    assert_int_equal(exchange(2, 256), ERR_OK);
    check_sent(0, "\x80\x2A\x04\x9A\x02\x11\x22\x00", 8);
    desk.commands = 0;
    memcpy(wanted + 5, filler, 255);
    assert_int_equal(exchange(255, 256), ERR_OK);
    check_sent(0, wanted, 261);
}

static void test_too_much_data(void **state)
{
    (void)state;
    will_answer(0, 0, 0x9000);
    assert_int_equal(exchange(256, 256), ERR_ARGUMENT);
    assert_int_equal(desk.commands, 0);
    assert_no_answer();
}

/* Every length that a short response can have, and those it cannot. */
static void test_lengths(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 600; len++) {
        start_over();
        will_answer(len < 2 ? 0 : len - 2, 0xAB, 0x9000);
        desk.answers[0].len = len;
        enum err e = exchange(1, 256);
        assert_int_equal(e, len < 2 || len > 258 ? ERR_ANSWER : ERR_OK);
        assert_int_equal(desk.commands, 1);
        if (e != ERR_OK) {
            assert_no_answer();
            continue;
        }
        assert_int_equal(answer.len, len - 2);
        assert_int_equal(answer.sw, 0x9000);
        for (size_t i = 0; i < answer.len; i++)
            assert_int_equal(answer.data[i], 0xAB);
    }
}

/* ISO/IEC 7816-3, 12.1.3, case 2E: one byte 00, and Le in two. */
static void test_long(void **state)
{
    static const struct {
        int le;
        const char *bytes;
    } commands[] = {
        {256, "\x00\xB0\x8A\x10\x00"},
        {257, "\x00\xB0\x8A\x10\x00\x01\x01"},
        {1244, "\x00\xB0\x8A\x10\x00\x04\xDC"},
        {4096, "\x00\xB0\x8A\x10\x00\x10\x00"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(commands); i++) {
        size_t len = commands[i].le > 256 ? 7 : 5;
        start_over();
        will_answer(200, 0x11, 0x9000);
        const struct apdu read = {0x00, 0xB0, 0x8A, 0x10, bytes_of(NULL, 0), commands[i].le};
        assert_int_equal(apdu_exchange(reader, &read, &answer), ERR_OK);
        assert_int_equal(answer.len, 200);
        assert_int_equal(desk.commands, 1);
        assert_int_equal(desk.sent_len[0], len);
        assert_memory_equal(desk.sent[0], commands[i].bytes, len);
    }
}

/* Nothing is sent that has no form: more than there is room for, or data beside a long Le. */
static void test_long_impossible(void **state)
{
    const struct apdu too_long = {0x00, 0xB0, 0x8A, 0x10, bytes_of(NULL, 0), APDU_ANSWER_MAX + 1};
    const struct apdu with_data = {0x00, 0xB0, 0x8A, 0x10, bytes_of("x", 1), 257};
    (void)state;
    start_over();
    will_answer(0, 0, 0x9000);
    assert_int_equal(apdu_exchange(reader, &too_long, &answer), ERR_ARGUMENT);
    assert_int_equal(apdu_exchange(reader, &with_data, &answer), ERR_ARGUMENT);
    assert_int_equal(desk.commands, 0);
}

/* 61xx after a long command, as in T=0: what follows is added. */
static void test_long_in_parts(void **state)
{
    const struct apdu read = {0x00, 0xB0, 0x8A, 0x10, bytes_of(NULL, 0), 600};
    (void)state;
    start_over();
    will_answer(256, 0x11, 0x6100);
    will_answer(256, 0x22, 0x6158);
    will_answer(88, 0x33, 0x9000);
    assert_int_equal(apdu_exchange(reader, &read, &answer), ERR_OK);
    assert_int_equal(answer.len, 600);
    assert_int_equal(answer.data[255], 0x11);
    assert_int_equal(answer.data[256], 0x22);
    assert_int_equal(answer.data[599], 0x33);
}

static void test_more_than_asked(void **state)
{
    (void)state;
    for (int le = 1; le < 256; le++) {
        for (size_t n = (size_t)le - 1; n <= (size_t)le + 1; n++) {
            start_over();
            will_answer(n, 1, 0x9000);
            assert_int_equal(exchange(1, le), n > (size_t)le ? ERR_ANSWER : ERR_OK);
        }
    }
    start_over();
    will_answer(1, 1, 0x9000);
    assert_int_equal(exchange(1, APDU_NO_LE), ERR_ANSWER);
    assert_no_answer();
}

static void test_get_response(void **state)
{
    (void)state;
    will_answer(100, 0xA1, 0x6164);
    will_answer(100, 0xA2, 0x6138);
    will_answer(56, 0xA3, 0x9000);
    assert_int_equal(exchange(1, 256), ERR_OK);
    assert_int_equal(desk.commands, 3);
    check_sent(1, "\x00\xC0\x00\x00\x64", 5);
    check_sent(2, "\x00\xC0\x00\x00\x38", 5);
    assert_int_equal(answer.len, 256);
    assert_int_equal(answer.sw, 0x9000);
    assert_int_equal(answer.data[0], 0xA1);
    assert_int_equal(answer.data[99], 0xA1);
    assert_int_equal(answer.data[100], 0xA2);
    assert_int_equal(answer.data[200], 0xA3);
    assert_int_equal(answer.data[255], 0xA3);
}

static void test_get_response_00_is_256(void **state)
{
    (void)state;
    will_answer(0, 0, 0x6100);
    will_answer(256, 7, 0x9000);
    assert_int_equal(exchange(1, 256), ERR_OK);
    check_sent(1, "\x00\xC0\x00\x00\x00", 5);
    assert_int_equal(answer.len, 256);
}

/* For ever with no byte, one byte, and one byte too many. */
static void test_get_response_for_ever(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 3; n++) {
        for (unsigned xx = 0; xx <= 0xFF; xx++) {
            start_over();
            will_answer(n, 0, 0x6100 | xx);
            assert_int_equal(exchange(1, 256), ERR_ANSWER);
            assert_in_range(desk.commands, 1, BOUND);
            assert_no_answer();
        }
    }
}

static void test_get_response_more_than_asked(void **state)
{
    (void)state;
    will_answer(8, 1, 0x6108);
    will_answer(8, 2, 0x9000);
    assert_int_equal(exchange(1, 10), ERR_ANSWER); /* 16 bytes for 10 */
    assert_no_answer();
    start_over();
    will_answer(0, 1, 0x6105);
    will_answer(6, 2, 0x9000);
    assert_int_equal(exchange(1, 256), ERR_ANSWER); /* six for the five announced */
    start_over();
    will_answer(256, 1, 0x6101);
    will_answer(1, 2, 0x9000);
    assert_int_equal(exchange(1, 256), ERR_ANSWER); /* 257: more than a short Le can mean */
    assert_no_answer();
}

static void test_get_response_nothing_asked(void **state)
{
    (void)state;
    will_answer(0, 0, 0x6110);
    assert_int_equal(exchange(1, APDU_NO_LE), ERR_OK);
    assert_int_equal(desk.commands, 1);
    assert_int_equal(answer.sw, 0x6110);
}

static void test_repeat_with_le(void **state)
{
    (void)state;
    will_answer(0, 0, 0x6C05);
    will_answer(5, 9, 0x9000);
    assert_int_equal(exchange(2, 256), ERR_OK);
    assert_int_equal(desk.commands, 2);
    check_sent(1, "\x80\x2A\x04\x9A\x02\x11\x22\x05", 8);
    assert_int_equal(answer.len, 5);
}

static void test_repeat_for_ever(void **state)
{
    (void)state;
    for (unsigned xx = 0; xx <= 0xFF; xx++) {
        start_over();
        will_answer(0, 0, 0x6C00 | xx);
        assert_int_equal(exchange(1, 256), ERR_ANSWER);
        assert_in_range(desk.commands, 2, BOUND);
        assert_no_answer();
    }
}

static void test_repeat_with_more_than_asked(void **state)
{
    (void)state;
    for (unsigned xx = 11; xx <= 256; xx++) {
        start_over();
        will_answer(0, 0, 0x6C00 | (xx & 0xFF));
        will_answer(0, 0, 0x9000);
        assert_int_equal(exchange(1, 10), ERR_ANSWER);
        assert_int_equal(desk.commands, 1);
    }
}

/* 5.3.4: with 6Cxx there are no data. They must not be taken for the beginning of the answer. */
static void test_repeat_with_data(void **state)
{
    (void)state;
    will_answer(3, 0xBB, 0x6C05);
    will_answer(5, 0xAA, 0x9000);
    enum err e = exchange(1, 256);
    if (e == ERR_ANSWER) {
        assert_no_answer();
        return;
    }
    assert_int_equal(e, ERR_OK);
    assert_int_equal(answer.len, 5);
    assert_int_equal(answer.data[0], 0xAA);
}

static void test_repeat_then_get_response(void **state)
{
    (void)state;
    will_answer(0, 0, 0x6C20);
    will_answer(16, 1, 0x6110);
    will_answer(0, 0, 0x6C08);
    will_answer(8, 2, 0x9000);
    assert_int_equal(exchange(1, 256), ERR_OK);
    assert_int_equal(desk.commands, 4);
    check_sent(3, "\x00\xC0\x00\x00\x08", 5);
    assert_int_equal(answer.len, 24);
}

/* An error in any command of a chain is the error of the whole. */
static void test_errors(void **state)
{
    (void)state;
    for (int e = ERR_OK + 1; e < ERR_COUNT; e++) {
        if (e == ERR_NO_SERVICE || e == ERR_NO_READER || e == ERR_NO_CARD)
            continue; /* end the transaction: the next test */
        for (long k = 0; k < 3; k++) {
            start_over();
            will_answer(4, 0, 0x6104);
            will_answer(4, 0, 0x6104);
            will_answer(4, 0, 0x9000);
            twin_calls_clear();
            twin_fail_call(k, (enum err)e, false);
            assert_int_equal(exchange(1, 256), e);
            assert_int_equal(desk.commands, k);
            assert_no_answer();
        }
    }
    twin_fail_call(-1, ERR_OK, false);
}

static void test_card_goes(void **state)
{
    (void)state;
    will_answer(0, 0, 0x9000);
    twin_remove(READER);
    assert_int_equal(exchange(1, 256), ERR_NO_CARD);
    assert_no_answer();
    assert_int_equal(desk.commands, 0);
}

/* ---- apdu_send_secret() ---- */

static const uint8_t verify[] = {0x00, 0x20, 0x00, 0x98, 0x04, '9', '9', '9', '9'};

static enum err send_secret(uint16_t *sw)
{
    *sw = 0xEEEE;
    return apdu_send_secret(reader, bytes_of(verify, sizeof(verify)), sw);
}

/* Whatever the card says, a PIN is sent once. */
static void test_secret_once(void **state)
{
    (void)state;
    for (unsigned sw = 0; sw <= 0xFFFF; sw++) {
        uint16_t got;
        start_over();
        will_answer(0, 0, sw);
        assert_int_equal(send_secret(&got), ERR_OK);
        assert_int_equal(got, sw);
        assert_int_equal(desk.commands, 1);
    }
    check_sent(0, (const char *)verify, sizeof(verify));
}

static void test_secret_odd_answers(void **state)
{
    uint16_t sw;
    (void)state;
    for (size_t len = 0; len <= 300; len++) {
        start_over();
        will_answer(len < 2 ? 0 : len - 2, 0x90, 0x9000);
        desk.answers[0].len = len;
        assert_int_equal(send_secret(&sw), len == 2 ? ERR_OK : ERR_ANSWER);
        assert_int_equal(sw, len == 2 ? 0x9000 : 0);
        assert_int_equal(desk.commands, 1);
    }
}

static void test_secret_errors(void **state)
{
    uint16_t sw;
    (void)state;
    will_answer(0, 0, 0x9000);
    for (int after = 0; after < 2; after++) {
        unsigned before = twin_commands();
        twin_calls_clear();
        twin_fail_call(0, ERR_TRANSPORT, after == 1);
        assert_int_equal(send_secret(&sw), ERR_TRANSPORT);
        assert_int_equal(sw, 0);
        assert_int_equal(twin_commands(), before + 1);
        assert_int_equal(desk.commands, after);
    }
}

/* ---- status words ---- */

static void test_status(void **state)
{
    static const struct {
        uint16_t sw;
        enum err e;
    } facts[] = {
        {0x9000, ERR_OK},         {0x63C1, ERR_PIN_WRONG},  {0x63C2, ERR_PIN_WRONG},
        {0x63C5, ERR_PIN_WRONG},  {0x63CF, ERR_PIN_WRONG},  {0x6300, ERR_PIN_WRONG},
        {0x63C0, ERR_PIN_LOCKED}, {0x6983, ERR_PIN_LOCKED}, {0x6984, ERR_PIN_LOCKED},
        {0x6982, ERR_DENIED},     {0x6A82, ERR_NOT_FOUND},  {0x6700, ERR_REFUSED},
        {0x6881, ERR_REFUSED},    {0x6981, ERR_REFUSED},    {0x6985, ERR_REFUSED},
        {0x6986, ERR_REFUSED},    {0x69FC, ERR_REFUSED},    {0x6A80, ERR_REFUSED},
        {0x6A81, ERR_REFUSED},    {0x6A86, ERR_REFUSED},    {0x6B00, ERR_REFUSED},
        {0x6D00, ERR_REFUSED},    {0x6E00, ERR_REFUSED},    {0x6F00, ERR_ANSWER},
        {0x6581, ERR_ANSWER},     {0x6282, ERR_ANSWER},     {0x6100, ERR_ANSWER},
        {0x6C10, ERR_ANSWER},     {0xFFFF, ERR_ANSWER},     {0x0000, ERR_ANSWER},
        {0x9001, ERR_ANSWER},     {0x9100, ERR_ANSWER},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(facts); i++)
        if (apdu_status(facts[i].sw) != facts[i].e)
            fail_msg("%04X: %d instead of %d", facts[i].sw, apdu_status(facts[i].sw), facts[i].e);
}

/* What leads to a PIN being counted as wrong, locked or right is nothing else. */
static void test_status_all(void **state)
{
    unsigned count[ERR_COUNT] = {0};
    (void)state;
    for (unsigned sw = 0; sw <= 0xFFFF; sw++) {
        enum err e = apdu_status((uint16_t)sw);
        assert_true((unsigned)e < ERR_COUNT);
        count[e]++;
    }
    assert_int_equal(count[ERR_OK], 1);
    assert_int_equal(count[ERR_PIN_WRONG], 16); /* 63C1 to 63CF, 6300 */
    assert_int_equal(count[ERR_PIN_LOCKED], 3);
    assert_int_equal(count[ERR_DENIED], 1);
    assert_int_equal(count[ERR_NOT_FOUND], 1);
    assert_int_equal(count[ERR_OK] + count[ERR_PIN_WRONG] + count[ERR_PIN_LOCKED] +
                         count[ERR_DENIED] + count[ERR_NOT_FOUND] + count[ERR_REFUSED] +
                         count[ERR_ANSWER],
                     0x10000); /* none is an error of the reader */
}

/* Without a PIN in the command there is nothing to be wrong or locked; all else means the same. */
static void test_plain_status(void **state)
{
    (void)state;
    for (unsigned sw = 0; sw <= 0xFFFF; sw++) {
        enum err e = apdu_status((uint16_t)sw), plain = apdu_plain_status((uint16_t)sw);
        if (sw >> 8 == 0x63)
            assert_int_equal(plain, ERR_ANSWER);
        else if (sw >> 8 == 0x69 && sw != 0x6982)
            assert_int_equal(plain, ERR_REFUSED);
        else
            assert_int_equal(plain, e);
    }
}

static void test_tries(void **state)
{
    (void)state;
    for (unsigned sw = 0; sw <= 0xFFFF; sw++) {
        int wanted = -1;
        if (sw >= 0x63C0 && sw < 0x63D0)
            wanted = (int)(sw - 0x63C0);
        if (sw == 0x6983 || sw == 0x6984)
            wanted = 0;
        assert_int_equal(apdu_tries((uint16_t)sw), wanted);
    }
}

#define on_desk(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_desk(test_case_1),
        on_desk(test_case_2),
        on_desk(test_case_3),
        on_desk(test_case_4),
        on_desk(test_too_much_data),
        on_desk(test_lengths),
        on_desk(test_long),
        on_desk(test_long_impossible),
        on_desk(test_long_in_parts),
        on_desk(test_more_than_asked),
        on_desk(test_get_response),
        on_desk(test_get_response_00_is_256),
        on_desk(test_get_response_for_ever),
        on_desk(test_get_response_more_than_asked),
        on_desk(test_get_response_nothing_asked),
        on_desk(test_repeat_with_le),
        on_desk(test_repeat_for_ever),
        on_desk(test_repeat_with_more_than_asked),
        on_desk(test_repeat_with_data),
        on_desk(test_repeat_then_get_response),
        on_desk(test_errors),
        on_desk(test_card_goes),
        on_desk(test_secret_once),
        on_desk(test_secret_odd_answers),
        on_desk(test_secret_errors),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_status_all),
        cmocka_unit_test(test_plain_status),
        cmocka_unit_test(test_tries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

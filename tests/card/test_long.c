/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Certificates read with one extended command, and what is done where reader or card do not what
 * they say.
 */
#include "common.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/random.h"
#include "card/card.h"

#define FILE_ID 0x000A
#define SIZE 1500

/* An answer to reset that was seen, which announces extended lengths. */
static const uint8_t atr[] = {0x3B, 0xDA, 0x13, 0xFF, 0x81, 0x31, 0xFB, 0x46, 0x80, 0x12,
                              0x39, 0x2F, 0x31, 0xC1, 0x73, 0xC6, 0x01, 0xC0, 0x3B};

static struct plain plain;
static struct card card;
static struct reader *reader;
static uint8_t certificate[PLAIN_FILE_MAX];

static void insert(struct bytes answer_to_reset)
{
    twin_insert(READER, plain_card, &plain, answer_to_reset);
}

/* A card and a reader that both take extended commands, and say so. */
static int setup(void **state)
{
    common_twin(state);
    plain_init(&plain);
    plain.long_read = true;
    memset(certificate, 0xFF, sizeof(certificate));
    plain_certificate(certificate, SIZE);
    plain_add(&plain, FILE_ID, certificate, 2048);
    insert(bytes_of(atr, sizeof(atr)));
    twin_data_max(READER, 0x10000);
    reader = reader_new(READER);
    return reader != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    if (twin_open_transactions() > 0)
        card_end(&card, false);
    reader_free(reader);
    return common_twin_end(state);
}

static void begin(void)
{
    bool fresh;
    assert_int_equal(card_begin(&card, &fresh), ERR_OK);
    card.try_long = true;
    plain.commands = 0;
}

/* A card just met, in a transaction that may be lost. */
static void meet(void)
{
    memset(&card, 0, sizeof(card));
    card.reader = reader;
    card.profile = profile_find(bytes_of_text("JPKIAPICCTOKEN2"));
    plain.current = 0;
    begin();
}

/* It comes whole, of LEN bytes, with FIRST (may be empty) known. */
static void read_whole(struct bytes first, size_t len)
{
    struct buffer der = {0};
    assert_int_equal(card_read_certificate(&card, FILE_ID, first, &der), ERR_OK);
    assert_int_equal(der.len, len);
    assert_memory_equal(der.data, certificate, len);
    buffer_clear(&der);
}

/* It comes whole, with so many commands. */
static void check_read(unsigned commands)
{
    read_whole(bytes_of(NULL, 0), SIZE);
    assert_int_equal(plain.commands, commands);
}

/* With short commands, one after the other. */
static void check_short(void)
{
    check_read(6); /* 1500 = 5 * 256 + 220 */
    for (unsigned i = 0; i < plain.commands; i++)
        assert_int_equal(plain.log[i].len, 5);
}

static void test_commands(void **state)
{
    (void)state;
    meet();
    check_read(2);
    plain_check(&plain, 0, "00B08A0000");
    plain_check(&plain, 1, "00B001000004DC"); /* all but 256 of 1500: the file is selected */
    assert_int_equal(card.long_reads, CARD_YES);
    card_end(&card, false);
    begin(); /* another program may have selected another file meanwhile */
    check_read(2);
    card_end(&card, false);
}

/* With the first block known, one byte of it comes again: see test_file.c. */
static void test_first_block_known(void **state)
{
    (void)state;
    meet();
    card.short_ids_read = CARD_YES;
    read_whole(bytes_of(certificate, 256), SIZE);
    assert_int_equal(plain.commands, 1);
    plain_check(&plain, 0, "00B08AFF0004DD");
    card_end(&card, false);
}

static void test_all_sizes(void **state)
{
    (void)state;
    for (size_t size = 260; size <= 4096; size++) {
        memset(certificate, 0xFF, sizeof(certificate));
        plain_certificate(certificate, size);
        plain_add(&plain, FILE_ID, certificate, size + size % 3);
        meet();
        read_whole(bytes_of(NULL, 0), size);
        assert_int_equal(plain.commands, 2);
        card_end(&card, false);
    }
}

/* Both must say so. */
static void test_only_where_both_are_known_to_take_it(void **state)
{
    static const uint32_t maxima[] = {0, 255, 256, 257, 4095};
    (void)state;
    for (size_t i = 0; i < COUNT(maxima); i++) {
        twin_data_max(READER, maxima[i]);
        meet();
        check_short();
        card_end(&card, false);
    }
    twin_data_max(READER, 4096);
    meet();
    check_read(2);
    card_end(&card, false);
    twin_remove(READER);
    insert(bytes_of("\x3B\x00", 2));
    meet();
    check_short();
    card_end(&card, false);
}

/* Where a login may be lost, it is not tried out, but used once it is known. */
static void test_not_tried_out_with_a_login(void **state)
{
    (void)state;
    meet();
    card.try_long = false;
    check_short();
    assert_int_equal(card.long_reads, CARD_UNKNOWN);
    card_end(&card, false);
    begin();
    check_read(2);
    card_end(&card, false);
    begin();
    card.try_long = false;
    check_read(2);
    card_end(&card, false);
}

/* A card that announces what it does not do: found out once, in the same transaction. */
static void test_card_refuses(void **state)
{
    static const uint16_t words[] = {0x6700, 0x6D00, 0x6E00, 0x6F00, 0x6B00, 0x6A86, 0x6A82,
                                     0x6981, 0x6982, 0x6985, 0x6986, 0x6883, 0x6C00, 0x6CDC,
                                     0x6282, 0x9000, 0x63C0, 0x6983, 0x0000};
    (void)state;
    plain.long_read = false;
    for (size_t i = 0; i < COUNT(words); i++) {
        plain.long_answer = words[i];
        meet();
        read_whole(bytes_of(NULL, 0), SIZE);
        assert_int_equal(card.long_reads, CARD_NO);
        card_end(&card, false);
        begin();
        check_short();
        card_end(&card, false);
    }
}

/* It gives a part only: what is missing comes with short commands, and so does all from then on. */
static void test_card_gives_less(void **state)
{
    static const size_t most[] = {1, 100, 256, 257, 1243};
    (void)state;
    for (size_t i = 0; i < COUNT(most); i++) {
        plain.most = most[i];
        meet();
        read_whole(bytes_of(certificate, 256), SIZE);
        assert_int_equal(card.long_reads, CARD_NO);
        for (unsigned k = 2; k < plain.commands && k < PLAIN_LOG; k++)
            assert_true(plain.log[k].len == 5 || plain.log[k].bytes[1] == 0xA4);
        card_end(&card, false);
    }
}

/* ---- what a signature certificate tells of its holder ---- */

#define STACK (256UL * 1024)
#define PIECE 24 /* bytes of the certificate in a row that are no accident */

static uint8_t first_block[256];

/* What stands nowhere else by chance. */
static void make_unique(void)
{
    unsigned seed = 1;
    for (size_t i = 4; i < SIZE; i++)
        certificate[i] = (uint8_t)random_below(&seed, 256);
}

static void *read_in_thread(void *nothing)
{
    struct buffer der = {0};
    size_t len;
    enum err e = card_read_first(&card, FILE_ID, first_block, &len);
    if (e == ERR_OK)
        e = card_read_certificate(&card, FILE_ID, bytes_of(NULL, 0), &der);
    buffer_clear(&der);
    return e == ERR_OK ? nothing : NULL;
}

/* Reads it in a thread whose stack is STACK bytes at ROOM. */
static void read_on_stack(uint8_t *room)
{
    pthread_attr_t attributes;
    pthread_t thread;
    void *done = NULL;
    memset(room, 0, STACK);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, room, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, read_in_thread, room), 0);
    assert_int_equal(pthread_join(thread, &done), 0);
    assert_ptr_equal(done, room);
    pthread_attr_destroy(&attributes);
}

/* No part of it stays on the stack, of its first block as little as of the rest, however it came.
 */
static void test_nothing_stays_on_the_stack(void **state)
{
    uint8_t *room = aligned_alloc(4096, STACK);
    (void)state;
    assert_non_null(room);
    make_unique();
    for (int kind = 0; kind < 2; kind++) {
        plain.long_read = kind == 0;
        meet();
        read_on_stack(room);
        assert_int_equal(card.long_reads, plain.long_read ? CARD_YES : CARD_NO);
        for (size_t at = 0; at + PIECE <= SIZE; at += PIECE)
            assert_null(memmem(room, STACK, certificate + at, PIECE));
        card_end(&card, false);
    }
    free(room);
}

/* ---- more than was asked for ---- */

static size_t too_much;

static bool answer_more(void *context, const uint8_t *command, size_t len, uint8_t *response,
                        size_t *received)
{
    (void)context;
    (void)command;
    if (len != 7)
        return false;
    memset(response, 0x5A, too_much);
    response[too_much] = 0x90;
    response[too_much + 1] = 0x00;
    *received = too_much + 2;
    return true;
}

static void test_more_than_asked_for(void **state)
{
    static const size_t lengths[] = {SIZE - 256 + 1, 4096, 4097, 8000, 65000};
    (void)state;
    twin_set_hook(answer_more, NULL);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        too_much = lengths[i];
        meet();
        read_whole(bytes_of(NULL, 0), SIZE);
        assert_int_equal(card.long_reads, CARD_NO);
        card_end(&card, false);
    }
}

/* ---- a reader that cannot do what it says ---- */

/* The transaction comes to nothing; the next one does without, and so does every other card that is
 * put into this reader. */
static void test_reader_breaks(void **state)
{
    struct buffer der = {0};
    (void)state;
    meet();
    twin_calls_clear();
    twin_fail_call(1, ERR_TRANSPORT, false);
    assert_int_equal(card_read_certificate(&card, FILE_ID, bytes_of(NULL, 0), &der), ERR_TRANSPORT);
    assert_null(der.data);
    assert_int_equal(twin_calls(), 2); /* nothing more was tried in it */
    assert_int_equal(card.long_reads, CARD_NO);
    card_end(&card, false);
    twin_fail_call(-1, ERR_OK, false);
    begin();
    check_short();
    card_end(&card, false);
    twin_remove(READER);
    insert(bytes_of(atr, sizeof(atr)));
    meet();
    check_short();
    card_end(&card, false);
}

#define on_card(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_card(test_commands),
        on_card(test_first_block_known),
        on_card(test_all_sizes),
        on_card(test_only_where_both_are_known_to_take_it),
        on_card(test_not_tried_out_with_a_login),
        on_card(test_card_refuses),
        on_card(test_card_gives_less),
        on_card(test_nothing_stays_on_the_stack),
        on_card(test_more_than_asked_for),
        on_card(test_reader_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

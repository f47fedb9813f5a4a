/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "history/json.h"
#include "history/line.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* 2026-11-24 09:43:00 UTC, by date(1). */
#define MOMENT 1795513380

static char text_buffer[8192];

/* What json_text() writes, as text. */
static const char *quoted(const char *text, size_t max)
{
    struct writer w;
    writer_init(&w, text_buffer, sizeof(text_buffer) - 1);
    json_text(&w, text, max);
    struct bytes all = writer_result(&w);
    assert_true(all.len > 0);
    text_buffer[all.len] = '\0';
    return text_buffer;
}

static void test_escapes(void **state)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"", "\"\""},
        {"plain /path ~", "\"plain /path ~\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\n\r\t\b\f", "\"\\u000a\\u000d\\u0009\\u0008\\u000c\""},
        {"\x01\x1f\x20\x7e\x7f", "\"\\u0001\\u001f ~\\u007f\""},
        {"\x1b[2J", "\"\\u001b[2J\""},
        {"\xe3\x81\x82\xc3\xa9", "\"\xe3\x81\x82\xc3\xa9\""},      /* あé stay */
        {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},              /* U+1F600 */
        {"\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""},              /* U+10FFFF, the last */
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},  /* the one after it */
        {"\xc2\x80\xc2\x9b\xc2\x9f", "\"\\u0080\\u009b\\u009f\""}, /* C1 */
        {"\xc2\xa0", "\"\xc2\xa0\""},
        {"\xc0\x80\xc1\xbf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* overlong */
        {"\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xe0\x9f\xbf", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xf0\x80\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* surrogates */
        {"\xed\xbf\xbf", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xed\x9f\xbf\xee\x80\x80", "\"\xed\x9f\xbf\xee\x80\x80\""}, /* their neighbours */
        {"\xff\xfe", "\"\\ufffd\\ufffd\""},
        {"\x80", "\"\\ufffd\""},
        {"\xe3\x81", "\"\\ufffd\\ufffd\""}, /* breaks off */
        {"\xf0\x9f\x98", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xe3\x81\"", "\"\\ufffd\\ufffd\\\"\""},
        {"\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\""},
        {"\xe2\x80\xae"
         "gnp.exe",
         "\"\\u202egnp.exe\""},
        {"\xe2\x81\xa6\xe2\x81\xa9", "\"\\u2066\\u2069\""},
        {"\xe2\x80\x8e\xd8\x9c", "\"\\u200e\\u061c\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(quoted(rows[i].text, 1000), rows[i].wanted);
    assert_string_equal(quoted(NULL, 1000), "null");
}

static bool within(uint8_t byte, unsigned from, unsigned to)
{
    return byte >= from && byte <= to;
}

/* Unicode 15, table 3-7: well-formed sequences of two bytes and more; 0 for others. */
static size_t well_formed(const uint8_t *s)
{
    static const struct {
        uint8_t first, last, second_from, second_to;
        size_t len;
    } rows[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool fits = within(s[0], rows[i].first, rows[i].last) &&
                    within(s[1], rows[i].second_from, rows[i].second_to);
        for (size_t k = 2; fits && k < rows[i].len; k++)
            fits = within(s[k], 0x80, 0xBF);
        if (fits)
            return rows[i].len;
    }
    return 0;
}

/* Each first and second byte, with others at the edges: taken as they are (or as an escape that is
 * not \ufffd) exactly when they are well formed. */
static void test_every_sequence(void **state)
{
    static const uint8_t edges[] = {0x01, 0x7F, 0x80, 0xBF, 0xC0, 0xFF};
    unsigned taken = 0;
    (void)state;
    for (unsigned i = 0; i < 128U * 256 * COUNT(edges) * COUNT(edges); i++) {
        const uint8_t s[5] = {(uint8_t)(0x80 | i % 128), (uint8_t)(i / 128 % 256),
                              edges[i / 32768 % COUNT(edges)],
                              edges[i / 32768 / COUNT(edges) % COUNT(edges)]};
        const char *got = quoted((const char *)s, 1000);
        bool wanted = well_formed(s) > 0;
        assert_int_equal(strncmp(got, "\"\\ufffd", 7) != 0, wanted);
        taken += wanted ? 1 : 0;
    }
    assert_true(taken > 1000);
}

static void test_cut(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *wanted;
    } rows[] = {
        {"0123456789", 10, "\"0123456789\""},
        {"0123456789", 9,
         "\"\xe2\x80\xa6"
         "456789\""},
        {"0123456789", 3, "\"\xe2\x80\xa6\""},
        {"0123\"", 6, "\"0123\\\"\""},
        {"01234\"", 6,
         "\"\xe2\x80\xa6"
         "4\\\"\""},
        {"\x01"
         "abc",
         9, "\"\\u0001abc\""},
        {"\x01"
         "abc",
         8,
         "\"\xe2\x80\xa6"
         "abc\""},
        {"\xe3\x81\x82\xe3\x81\x84\xe3\x81\x86", 8,
         "\"\xe2\x80\xa6\xe3\x81\x86\""}, /* whole ones */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(quoted(rows[i].text, rows[i].max), rows[i].wanted);
}

static struct line_origin origin = {
    .time = {.tv_sec = MOMENT, .tv_nsec = 123999999}, .pid = 4711, .program = "/usr/bin/ssh"};

static const struct history_event login = {.token = "auth",
                                           .serial = "0123456789ABCDEF",
                                           .operation = "login",
                                           .result = "CKR_OK",
                                           .tries = 3};

static const char *line(const struct history_event *event, bool mended, const char *prev)
{
    struct writer w;
    writer_init(&w, text_buffer, LINE_MAX_BYTES);
    line_begin(&w, &origin, event);
    if (prev != NULL)
        line_chain(&w, mended, prev);
    line_end(&w);
    struct bytes all = writer_result(&w);
    assert_true(all.len > 0);
    text_buffer[all.len] = '\0';
    return text_buffer;
}

static void zone(const char *tz)
{
    setenv("TZ", tz, 1);
    tzset();
}

static void test_whole_line(void **state)
{
    const struct history_event sign = {.token = "sign",
                                       .serial = "S",
                                       .operation = "sign",
                                       .mechanism = "SHA256-RSA-PKCS",
                                       .result = "CKR_PIN_INCORRECT",
                                       .tries = -1,
                                       .digest = "SHA-256:00ff"};
    (void)state;
    zone("JST-9");
    assert_string_equal(line(&login, false, ZEROS),
                        "{\"time\":\"2026-11-24T18:43:00.123+09:00\",\"program\":\"/usr/bin/ssh\","
                        "\"pid\":4711,\"token\":\"auth\",\"serial\":\"0123456789ABCDEF\","
                        "\"operation\":\"login\",\"mechanism\":null,\"result\":\"CKR_OK\","
                        "\"tries\":3,\"prev\":\"" ZEROS "\"}");
    zone("NST3:30");
    assert_string_equal(line(&sign, true, ZEROS),
                        "{\"time\":\"2026-11-24T06:13:00.123-03:30\",\"program\":\"/usr/bin/ssh\","
                        "\"pid\":4711,\"token\":\"sign\",\"serial\":\"S\",\"operation\":\"sign\","
                        "\"mechanism\":\"SHA256-RSA-PKCS\",\"result\":\"CKR_PIN_INCORRECT\","
                        "\"tries\":null,\"digest\":\"SHA-256:00ff\",\"mended\":true,"
                        "\"prev\":\"" ZEROS "\"}");
    zone("UTC");
    assert_non_null(strstr(line(&login, false, NULL), "\"2026-11-24T09:43:00.123+00:00\""));
    assert_non_null(strstr(line(&login, false, NULL), "\"tries\":3}"));
    zone("ABC0:30");
    assert_non_null(strstr(line(&login, false, NULL), "\"2026-11-24T09:13:00.123-00:30\""));
}

static void test_unknown(void **state)
{
    struct line_origin saved = origin;
    const struct history_event nothing = {.tries = 0};
    const char *time = "{\"time\":null";
    (void)state;
    origin.program[0] = '\0';
    origin.time.tv_sec = (time_t)INT64_MAX; /* no year has this many seconds */
    if (origin.time.tv_sec < 0) {           /* of 32 bits: each has a year */
        zone("UTC");
        time = "{\"time\":\"1969-12-31T23:59:59.123+00:00\"";
    }
    const char *got = line(&nothing, false, NULL);
    origin = saved;
    assert_memory_equal(got, time, strlen(time));
    assert_string_equal(got + strlen(time), ",\"program\":null,\"pid\":4711,\"token\":null,"
                                            "\"serial\":null,\"operation\":null,\"mechanism\":null,"
                                            "\"result\":null,\"tries\":0}");
}

/* The longest of everything, of each byte: a whole line within the limit, the newline too. */
static void test_longest(void **state)
{
    static char longest[5000];
    struct history_event event = {longest, longest, longest, longest, longest, INT32_MAX, longest};
    struct line_origin saved = origin;
    size_t most = 0;
    (void)state;
    zone("ABC-23:59");
    origin.pid = -2147483647;
    /* The last second of the year 2147483647, or of 2038's time of 32 bits. */
    origin.time.tv_sec = sizeof(time_t) > 4 ? (time_t)67767976233532799 : INT32_MAX;
    for (int byte = 1; byte <= 0xFF; byte++) {
        memset(longest, byte, sizeof(longest) - 1);
        memset(origin.program, byte, sizeof(origin.program) - 1);
        size_t len = strlen(line(&event, true, ZEROS));
        assert_string_equal(text_buffer + len - 3, "0\"}");
        most = len > most ? len : most;
    }
    origin = saved;
    assert_true(most < LINE_MAX_BYTES);
    assert_true(most > 1500); /* nothing is cut without need */
}

static void test_origin(void **state)
{
    struct line_origin found;
    char path[4096];
    (void)state;
    memset(&found, 0x55, sizeof(found));
    time_t before = time(NULL);
    line_origin_find(&found);
    assert_in_range(found.time.tv_sec, before, before + 5);
    assert_int_equal(found.pid, getpid());
    assert_non_null(realpath("/proc/self/exe", path));
    assert_string_equal(found.program, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes), cmocka_unit_test(test_every_sequence),
        cmocka_unit_test(test_cut),     cmocka_unit_test(test_whole_line),
        cmocka_unit_test(test_unknown), cmocka_unit_test(test_longest),
        cmocka_unit_test(test_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

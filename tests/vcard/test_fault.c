/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Faults on purpose, and the log with its blanked PINs.
 */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vcard/fault.h"
#include "vcard/trace.h"

static const uint8_t read_command[] = {0x00, 0xB0, 0, 0, 0};
static const uint8_t sign_command[] = {0x80, 0x2A, 0, 0x80, 1, 0xAA, 0};

static void add(struct fault_list *list, const char *spec)
{
    struct problem why;

    if (!fault_add(list, spec, &why))
        fail_msg("%s", why.text);
}

static void parsing(void **state)
{
    static const char *const bad[] = {
        "",
        "3",
        ":pull",
        "0:pull",
        "x:pull",
        "3:push",
        "3:sw",
        "3:sw:6F",
        "3:sw:6F000",
        "3:sw:6G00",
        "3:short",
        "3:short:x",
        "3:long:-1",
        "3:long:513",
        "3:noise:513",
        "3:delay",
        "3:delay:1:2",
        "++:pull",
        "+:pull",
        "ins=2:3:pull",
        "ins=2A",
        "ins=2A:pull",
        "ins=2AB:1:pull",
        "4:sw:6 00",
        "99999999999999:pull",
        "1:sw:6F00                                                            "};
    static struct fault_list list; /* too large for the stack under a sanitizer */
    struct problem why;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (fault_add(&list, bad[i], &why))
            fail_msg("\"%s\" was accepted", bad[i]);
    assert_int_equal(list.count, 0);
    add(&list, "ins=2A:2+:sw:6f00");
    assert_int_equal(list.fault[0].ins, 0x2A);
    assert_int_equal(list.fault[0].first, 2);
    assert_true(list.fault[0].onwards);
    assert_int_equal(list.fault[0].kind, FAULT_SW);
    assert_int_equal(list.fault[0].argument, 0x6F00);
    add(&list, "1:pull:500");
    assert_int_equal(list.fault[1].argument, 500);
    while (list.count < FAULT_LIST_MAX)
        add(&list, "1:pull-early");
    assert_false(fault_add(&list, "1:pull", &why));
}

static void counting(void **state)
{
    struct fault_list list = {0};

    (void)state;
    add(&list, "2:short:1");
    add(&list, "4+:noise");
    for (int n = 1; n <= 6; n++) {
        const struct fault *fault = fault_strike(&list, read_command, sizeof read_command);
        assert_int_equal(fault != NULL, n == 2 || n >= 4);
        if (fault)
            assert_int_equal(fault->kind, n == 2 ? FAULT_SHORT : FAULT_NOISE);
    }
}

static void counting_one_instruction(void **state)
{
    struct fault_list list = {0};

    (void)state;
    add(&list, "ins=2A:2:pull");
    assert_null(fault_strike(&list, sign_command, sizeof sign_command));
    assert_null(fault_strike(&list, read_command, sizeof read_command));
    assert_null(fault_strike(&list, sign_command, 1));
    assert_non_null(fault_strike(&list, sign_command, sizeof sign_command));
    assert_null(fault_strike(&list, sign_command, sizeof sign_command));
}

static size_t spoil(const char *spec, uint8_t *response, size_t len, size_t size)
{
    struct fault_list list = {0};

    add(&list, spec);
    return fault_spoil(fault_strike(&list, read_command, sizeof read_command), response, len, size);
}

static void spoiling(void **state)
{
    static const uint8_t good[] = {1, 2, 3, 0x90, 0x00};
    uint8_t response[16];

    (void)state;
    memcpy(response, good, 5);
    assert_int_equal(spoil("1:short:4", response, 5, sizeof response), 4);
    assert_int_equal(spoil("1:short:9", response, 5, sizeof response), 5);
    assert_int_equal(spoil("1:short:0", response, 5, sizeof response), 0);
    assert_memory_equal(response, good, 5);
    assert_int_equal(spoil("1:long:4", response, 5, sizeof response), 9);
    assert_memory_equal(response, good, 3);
    assert_memory_equal(response + 7, good + 3, 2);
    memcpy(response, good, 5);
    assert_int_equal(spoil("1:long:500", response, 5, sizeof response), sizeof response);
    assert_memory_equal(response + 14, good + 3, 2);
    assert_int_equal(spoil("1:noise", response, 5, sizeof response), 5);
    assert_int_equal(spoil("1:noise:3", response, 5, sizeof response), 3);
    assert_int_equal(spoil("1:noise:500", response, 5, sizeof response), sizeof response);
    assert_int_equal(spoil("1:sw:6982", response, 5, sizeof response), 2);
    assert_memory_equal(response, "\x69\x82", 2);
    assert_int_equal(spoil("1:sw:6F00", response, 0, sizeof response), 2);
    memcpy(response, good, 5);
    assert_int_equal(spoil("1:delay:5", response, 5, sizeof response), 5);
    assert_int_equal(spoil("1:pull", response, 5, sizeof response), 5);
    assert_memory_equal(response, good, 5);
}

/* One logged command, as text for the caller to free(). */
static char *logged(const char *hex, const char *answer)
{
    uint8_t command[64], response[64];
    size_t len, response_len, size;
    char *text = NULL;
    FILE *log = open_memstream(&text, &size);

    assert_non_null(log);
    assert_true(text_hex(hex, command, sizeof command, &len));
    assert_true(text_hex(answer, response, sizeof response, &response_len));
    trace_command(log, command, len, response, response_len);
    fclose(log);
    return text;
}

static void log_lines(void **state)
{
    static const char *const cases[][3] = {
        {"00B0000002", "AABB9000", "> 00B0000002 -> AABB9000\n"},
        {"00B0000002", "", "> 00B0000002 ->\n"},
        {"00200080", "63C3", "> 00200080 -> 63C3\n"},
        {"0020008000", "6700", "> 0020008000 -> 6700\n"},
        {"002000980431323334", "9000", "> 0020009804******** -> 9000\n"},
        {"00200098043132333400", "6700", "> 0020009804********** -> 6700\n"},
        {"802000980431323334", "6E00", "> 8020009804******** -> 6E00\n"},
        {"00240180023132", "9000", "> 0024018002**** -> 9000\n"},
        {"002C0080023132", "6D00", "> 002C008002**** -> 6D00\n"},
        {"002000980000023132", "6700", "> 00200098000002**** -> 6700\n"},
        {"0020009831323334", "6700", "> 00200098******** -> 6700\n"}, /* Lc forgotten */
        {"00200098063132", "6700", "> 00200098****** -> 6700\n"},
        {"0020", "6700", "> 0020 -> 6700\n"},
        {"", "6700", ">  -> 6700\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = logged(cases[i][0], cases[i][1]);
        assert_string_equal(text, cases[i][2]);
        free(text);
    }
}

static void log_file(void **state)
{
    struct problem why = {""};

    (void)state;
    assert_null(trace_open("/nonexistent/log", &why));
    assert_non_null(strstr(why.text, "/nonexistent/log"));
    trace_event(NULL, "nothing");
    trace_command(NULL, read_command, sizeof read_command, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing),
        cmocka_unit_test(counting),
        cmocka_unit_test(counting_one_instruction),
        cmocka_unit_test(spoiling),
        cmocka_unit_test(log_lines),
        cmocka_unit_test(log_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

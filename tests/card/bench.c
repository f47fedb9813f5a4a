/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define SELECT_JPKI "00A4040C0AD392F000260100000001"
#define SELECT_ISSUER "00A4040C07A0000001510000"

struct bench bench;
static bool in;

static bool watch(void *context, const uint8_t *command, size_t len, uint8_t *response,
                  size_t *received)
{
    (void)context;
    (void)response;
    (void)received;
    if (len > 5 && len <= sizeof(bench.verify) && command[1] == INS_VERIFY) {
        memcpy(bench.verify, command, len);
        bench.verify_len = len;
    }
    return false;
}

int bench_setup(void **state)
{
    memset(&bench, 0, sizeof(bench));
    bench.config.tokens = CONFIG_TOKEN_BOTH;
    bench.config.pin_cache_seconds = CONFIG_CACHE_AUTO;
    bench.config.isolation = true;
    bench.config.pss = true;
    bench.config.pinpad = true;
    bench.config.history = CONFIG_HISTORY_FILE;
    bench.reader = reader_new(READER);
    in = false;
    common_twin(state);
    return bench.reader != NULL ? 0 : -1;
}

int bench_teardown(void **state)
{
    if (twin_open_transactions() > 0) /* the test has failed in the middle of one */
        insertion_end(&bench.in, false);
    token_clear(&bench.token);
    reader_free(bench.reader);
    return common_twin_end(state);
}

void bench_start(enum card_role role, const char *lines)
{
    if (in)
        twin_remove(READER);
    in = true;
    token_clear(&bench.token);
    twin_set_hook(watch, NULL);
    twin_insert_vcard(READER, common_folder("card", lines));
    bench.role = role;
    bench.right = role == CARD_AUTH ? PIN_AUTH_RIGHT : PIN_SIGN_RIGHT;
    static unsigned long events; /* each card is put in anew */
    assert_int_equal(insertion_recognise(&bench.in, bench.reader, READER, ++events), ERR_OK);
    assert_true(token_init(&bench.token, role, &bench.config, &bench.in, 1));
    token_read_tries(&bench.token);
    insertion_end(&bench.in, false);
    token_recall_pss(&bench.token);
    twin_counters_clear();
    twin_calls_clear();
}

CK_RV bench_login(const char *text)
{
    return pin_login(&bench.token, bytes_of_text(text));
}

static unsigned send_pin(const char *head, const char *text)
{
    char hex[128];
    int n = snprintf(hex, sizeof(hex), "%s%02zX", head, strlen(text));
    for (const char *p = text; *p != '\0'; p++)
        n += snprintf(hex + n, sizeof(hex) - (size_t)n, "%02X", (unsigned char)*p);
    return common_other(hex);
}

static void select_pin(void)
{
    assert_int_equal(common_other(SELECT_JPKI), 0x9000);
    assert_int_equal(common_other(bench.role == CARD_AUTH ? "00A4020C020018" : "00A4020C02001B"),
                     0x9000);
}

unsigned bench_tries(void)
{
    select_pin();
    unsigned sw = common_other("00200080");
    if (sw == 0x6984)
        return 0;
    assert_int_equal(sw & 0xFFF0, 0x63C0);
    return sw & 0x0F;
}

/* Selects another application, where there is one. */
static void leave(void)
{
    common_other(SELECT_ISSUER);
}

unsigned bench_other_verifies(const char *text)
{
    select_pin();
    unsigned sw = send_pin("00200080", text);
    leave();
    return sw;
}

void bench_other_changes(const char *old, const char *text)
{
    select_pin();
    assert_int_equal(send_pin("00200080", old), 0x9000);
    assert_int_equal(send_pin("00240180", text), 0x9000);
    leave();
}

void bench_assert_closed(void)
{
    assert_int_equal(common_other_signs(false), 0x6982);
    assert_int_equal(common_other_signs(true), 0x6982);
    assert_int_equal(common_other_reads_private(), 0x6982);
}

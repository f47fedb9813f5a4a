/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What of a token's use goes into the usage history, and what is not done when it cannot.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "token/object.h"
#include "token/rv.h"
#include "token/sign.h"

#define LINES 64

static char file[256];
static char lines[LINES][2048];
static unsigned count;

/* Reads the history; forgets what stood in it when FORGET. */
static void look(bool forget)
{
    count = 0;
    FILE *in = fopen(file, "r");
    while (in != NULL && count < LINES && fgets(lines[count], sizeof(lines[0]), in) != NULL)
        count++;
    if (in != NULL)
        fclose(in);
    if (forget)
        unlink(file);
}

static void has(unsigned line, const char *text)
{
    assert_in_range(line + 1, 1, count);
    if (strstr(lines[line], text) == NULL)
        fail_msg("line %u has no %s: %s", line, text, lines[line]);
}

static int setup(void **state)
{
    snprintf(file, sizeof(file), "%s/jpki-pkcs11/history.jsonl", getenv("XDG_STATE_HOME"));
    rmdir(file);
    unlink(file);
    return bench_setup(state);
}

static CK_RV sign(CK_MECHANISM_TYPE type, const void *data, size_t len, uint8_t *signature)
{
    struct sign_operation op = {0};
    size_t made;
    CK_MECHANISM mechanism = {.mechanism = type};
    CK_RV rv =
        sign_init(&op, &bench.token, &mechanism, object_handle(&bench.token, OBJECT_PRIVATE_KEY));
    if (rv == CKR_OK)
        rv = sign_update(&op, &bench.token, bytes_of(data, len));
    return rv == CKR_OK ? sign_final(&op, &bench.token, signature, &made) : rv;
}

static void test_lines(void **state)
{
    uint8_t signature[PROFILE_SIGNATURE_MAX];
    char serial[64];
    (void)state;
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login("WRONG9"), CKR_PIN_INCORRECT);
    assert_int_equal(bench_login("ABC123"), CKR_OK);
    assert_int_equal(sign(CKM_SHA256_RSA_PKCS, "my text", 7, signature), CKR_OK);
    assert_int_equal(pin_consent(&bench.token, bytes_of_text("ABC123")), CKR_OK);
    assert_int_equal(pin_set(&bench.token, bytes_of_text("ABC123"), bytes_of_text("XYZ789")),
                     CKR_OK);
    look(true);
    assert_int_equal(count, 5);
    has(0,
        "\"operation\":\"login\",\"mechanism\":null,\"result\":\"CKR_PIN_INCORRECT\",\"tries\":4");
    has(1, "\"operation\":\"login\",\"mechanism\":null,\"result\":\"CKR_OK\",\"tries\":5");
    has(2, "\"operation\":\"sign\",\"mechanism\":\"SHA256-RSA-PKCS\",\"result\":\"CKR_OK\"");
    has(3, "\"operation\":\"consent\",\"mechanism\":null,\"result\":\"CKR_OK\"");
    has(4, "\"operation\":\"change-pin\",\"mechanism\":null,\"result\":\"CKR_OK\"");
    snprintf(serial, sizeof(serial), "\"serial\":\"%s\"", bench.in.serial);
    for (unsigned i = 0; i < count; i++) {
        has(i, "\"token\":\"sign\"");
        has(i, serial);
        /* Neither PINs nor what was signed, nor its digest, which nobody has asked for. */
        static const char *const secrets[] = {"WRONG9", "ABC123", "XYZ789", "my text", "digest"};
        for (size_t j = 0; j < COUNT(secrets); j++)
            assert_null(strstr(lines[i], secrets[j]));
    }
}

/* What costs nothing makes one line, however often; what the card was asked makes one each. */
static void test_cheap_refusals(void **state)
{
    (void)state;
    bench_start(CARD_AUTH, "");
    for (int i = 0; i < 50; i++)
        assert_int_equal(bench_login(""), CKR_PIN_LEN_RANGE);
    assert_int_equal(bench_login("9999"), CKR_PIN_INCORRECT);
    for (int i = 0; i < 50; i++)
        assert_int_equal(bench_login("9999"), CKR_PIN_INVALID);
    assert_int_equal(bench_login("9998"), CKR_PIN_INCORRECT);
    for (int i = 0; i < 50; i++)
        assert_int_equal(bench_login("9997"), CKR_PIN_LOCKED); /* the reserve */
    look(true);
    assert_int_equal(count, 5);
    has(0, "CKR_PIN_LEN_RANGE");
    has(1, "CKR_PIN_INCORRECT");
    has(2, "CKR_PIN_INVALID");
    has(3, "CKR_PIN_INCORRECT");
    has(4, "CKR_PIN_LOCKED");
}

/* A line that could not be written is not taken for one that stands there. */
static void test_cheap_and_not_written(void **state)
{
    (void)state;
    bench_start(CARD_AUTH, "");
    assert_int_equal(mkdir(file, 0700), 0);
    assert_int_equal(bench_login(""), CKR_PIN_LEN_RANGE);
    assert_int_equal(rmdir(file), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(bench_login(""), CKR_PIN_LEN_RANGE);
    look(true);
    assert_int_equal(count, 1);
    has(0, "CKR_PIN_LEN_RANGE");
}

/* The same for an old PIN that is refused again and again. */
static void test_cheap_changes(void **state)
{
    (void)state;
    bench_start(CARD_AUTH, "");
    for (int i = 0; i < 50; i++)
        assert_int_equal(pin_set(&bench.token, bytes_of_text("9999"), bytes_of_text("5678")),
                         CKR_PIN_INCORRECT);
    look(true);
    assert_int_equal(count, 2);
    has(0, "\"operation\":\"change-pin\",\"mechanism\":null,\"result\":\"CKR_PIN_INCORRECT\"");
    has(1, "CKR_PIN_INVALID");
}

/* A signature that was refused is recorded too. */
static void test_refused_signature(void **state)
{
    uint8_t signature[PROFILE_SIGNATURE_MAX];
    (void)state;
    bench_start(CARD_AUTH, "");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    bench_other_changes("1234", "5678");
    assert_int_equal(sign(CKM_RSA_PKCS, "abc", 3, signature), CKR_USER_NOT_LOGGED_IN);
    look(true);
    assert_int_equal(count, 2);
    has(1,
        "\"operation\":\"sign\",\"mechanism\":\"RSA-PKCS\",\"result\":\"CKR_USER_NOT_LOGGED_IN\","
        "\"tries\":2");
}

/* SHA-256 of "abc" (FIPS 180-2, appendix B.1), and SHA-1 (appendix A.1). */
#define ABC_256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_1 "a9993e364706816aba3e25717850c26c9cd0d89d"

static void test_digests(void **state)
{
    static const uint8_t info_1[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03,
                                     0x02, 0x1a, 0x05, 0x00, 0x04, 0x14, 0xa9, 0x99, 0x3e,
                                     0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e, 0x25, 0x71,
                                     0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
    uint8_t signature[PROFILE_SIGNATURE_MAX];
    (void)state;
    bench.config.history_digests = true;
    bench_start(CARD_AUTH, "");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    assert_int_equal(sign(CKM_SHA256_RSA_PKCS, "abc", 3, signature), CKR_OK);
    assert_int_equal(sign(CKM_RSA_PKCS, info_1, sizeof(info_1), signature), CKR_OK);
    assert_int_equal(sign(CKM_RSA_PKCS, "abc", 3, signature), CKR_OK);
    look(true);
    assert_int_equal(count, 4);
    assert_null(strstr(lines[0], "digest"));
    has(1, "\"digest\":\"SHA-256:" ABC_256 "\"");
    has(2, "\"digest\":\"SHA-1:" ABC_1 "\"");
    has(3, "\"digest\":\"input-SHA-256:" ABC_256 "\"");
}

/* ---- what must be recorded ---- */

/* A folder in its place: neither the card nor a PIN is touched. */
static void test_required(void **state)
{
    uint8_t signature[PROFILE_SIGNATURE_MAX];
    (void)state;
    bench.config.history_required = true;
    bench_start(CARD_AUTH, "");
    assert_int_equal(bench_login(bench.right), CKR_OK);
    look(true);
    assert_int_equal(count, 1);
    assert_int_equal(mkdir(file, 0700), 0);
    twin_counters_clear();
    memset(signature, 0xA5, sizeof(signature));
    assert_int_equal(sign(CKM_RSA_PKCS, "abc", 3, signature), CKR_FUNCTION_FAILED);
    assert_int_equal(pin_set(&bench.token, bytes_of_text("1234"), bytes_of_text("5678")),
                     CKR_FUNCTION_FAILED);
    assert_int_equal(pin_logout(&bench.token), CKR_OK);
    assert_int_equal(bench_login(bench.right), CKR_FUNCTION_FAILED);
    assert_int_equal(bench_login("9999"), CKR_FUNCTION_FAILED);
    assert_int_equal(twin_commands(), 0);
    for (size_t i = 0; i < sizeof(signature); i++)
        assert_int_equal(signature[i], 0xA5);
    assert_int_equal(rmdir(file), 0);
    assert_int_equal(bench_login(bench.right), CKR_OK);
    /* Not required: nothing is held up. */
    bench.config.history_required = false;
    look(true);
    assert_int_equal(mkdir(file, 0700), 0);
    assert_int_equal(sign(CKM_RSA_PKCS, "abc", 3, signature), CKR_OK);
    assert_int_equal(rmdir(file), 0);
}

/* The place is lost while the card is at work: what was made is not handed out. */
static bool block_file(void *context, const uint8_t *command, size_t len, uint8_t *response,
                       size_t *received)
{
    (void)context;
    (void)response;
    (void)received;
    if (len > 1 && (command[1] == INS_SIGN || (command[1] == INS_VERIFY && len > 5))) {
        unlink(file);
        mkdir(file, 0700);
    }
    return false;
}

static void test_required_too_late(void **state)
{
    uint8_t signature[PROFILE_SIGNATURE_MAX];
    (void)state;
    bench.config.history_required = true;
    bench_start(CARD_SIGN, "");
    twin_set_hook(block_file, NULL);
    assert_int_equal(bench_login(bench.right), CKR_FUNCTION_FAILED);
    assert_false(bench.token.logged_in);
    twin_set_hook(NULL, NULL);
    assert_int_equal(rmdir(file), 0);
    assert_int_equal(bench_login(bench.right), CKR_OK);
    twin_set_hook(block_file, NULL);
    memset(signature, 0xA5, sizeof(signature));
    assert_int_equal(sign(CKM_RSA_PKCS, "abc", 3, signature), CKR_FUNCTION_FAILED);
    for (size_t i = 0; i < sizeof(signature); i++)
        assert_int_equal(signature[i], 0xA5);
    twin_set_hook(NULL, NULL);
    assert_int_equal(rmdir(file), 0);
    bench_assert_closed();
    /* A consent that could not be recorded is none. */
    twin_set_hook(block_file, NULL);
    assert_int_equal(pin_consent(&bench.token, bytes_of_text(bench.right)), CKR_FUNCTION_FAILED);
    assert_false(pin_consented(&bench.token));
    twin_set_hook(NULL, NULL);
    assert_int_equal(rmdir(file), 0);
}

/* Nothing is to be recorded, and everything must be: nothing can be done. */
static void test_no_and_required(void **state)
{
    (void)state;
    bench.config.history_required = true;
    bench.config.history = CONFIG_HISTORY_NO;
    bench_start(CARD_AUTH, "");
    assert_int_equal(bench_login(bench.right), CKR_FUNCTION_FAILED);
    assert_int_equal(twin_commands(), 0);
    bench.config.history_required = false;
    assert_int_equal(bench_login(bench.right), CKR_OK);
    look(true);
    assert_int_equal(count, 0);
}

/* Every error of the layers below has a name of its own there. */
static void test_names(void **state)
{
    (void)state;
    for (int e = 0; e < ERR_COUNT; e++) {
        const char *name = rv_name(rv_of((enum err)e));
        assert_non_null(name);
        assert_int_equal(strncmp(name, "CKR_", 4), 0);
    }
    assert_string_equal(rv_name(CKR_PIN_INVALID), "CKR_PIN_INVALID");
    assert_string_equal(rv_name(CKR_PIN_LEN_RANGE), "CKR_PIN_LEN_RANGE");
    assert_string_equal(rv_name(CKR_USER_PIN_NOT_INITIALIZED), "CKR_USER_PIN_NOT_INITIALIZED");
    assert_null(rv_name(CKR_VENDOR_DEFINED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_lines, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_cheap_refusals, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_cheap_changes, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_cheap_and_not_written, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_refused_signature, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_digests, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_required, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_required_too_late, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_no_and_required, setup, bench_teardown),
    };
    return cmocka_run_group_tests_name("record", tests, common_folders, common_folders_end);
}

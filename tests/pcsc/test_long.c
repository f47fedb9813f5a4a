/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Certificates in one extended command, by what programs do: what it saves, and that nothing is
 * lost where the card, or the reader, does not what it says.
 */
#include "pcsc/script.h"

#include <stdlib.h>
#include <string.h>

#include "api/other.h"
#include "api/user.h"
#include "token/mark.h"
#include "vcard/store.h"

#define READ_BINARY 0xB0
#define VALUE_MAX 4096
#define BUDGET_SHORT 25 /* commands for all free objects, as in api/test_budget.c */

/* A driver that chokes on a long command may reset the card, take its power, speak to it no more
 * before a reset (as the CCID driver when T=1 has come out of step), or lose it. Or what comes has
 * the right length, and nothing else of the certificate. */
enum breakage { NOTHING, RESET, POWER, MUTE, LOSS, GARBLE };

static enum breakage breaks;
static unsigned long_commands; /* that were sent */
static uint8_t border;         /* byte 255 of the holder's certificate */

static bool watch(void *context, const uint8_t *command, size_t len, uint8_t *response,
                  size_t *received)
{
    (void)context;
    if (len != 7 || command[1] != READ_BINARY || command[4] != 0x00)
        return false;
    long_commands++;
    if (breaks == RESET)
        twin_warm_reset(READER_1);
    if (breaks == POWER)
        script_power_off(READER_1);
    if (breaks == MUTE)
        script.mute = true;
    if (breaks == LOSS)
        world_put(READER_1, CARD_1);
    if (breaks != GARBLE)
        return false;
    size_t wanted = (size_t)command[5] << 8 | command[6];
    memset(response, 0xFF, wanted);
    response[0] = border; /* which comes twice, and is looked at */
    memcpy(response + wanted, "\x90\x00", 2);
    *received = wanted + 2;
    return true;
}

static void start(bool takes_them, const char *settings)
{
    C_Finalize(NULL);
    world_forget_cache();
    world_forget_card();
    world_announce_extended(takes_them);
    twin_set_hook(watch, NULL);
    breaks = NOTHING;
    script.mute = false;
    long_commands = 0;
    twin_counters_clear();
    world_initialize(settings);
}

static CK_RV read_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_BYTE *value,
                        CK_ULONG *len)
{
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, VALUE_MAX};
    CK_RV rv = C_GetAttributeValue(session, object, &attribute, 1);
    *len = attribute.ulValueLen;
    return rv;
}

/* A file of the card's folder, for free(). */
static uint8_t *file_of_card(const char *name, size_t *len)
{
    struct problem why;
    uint8_t *data = store_read(world_card(CARD_1), name, len, &why);
    assert_non_null(data);
    return data;
}

/* The certificate is on the card, byte for byte, in this file of its folder. */
static bool is_file(struct bytes value, const char *name)
{
    size_t len;
    uint8_t *data = file_of_card(name, &len);
    bool same = len == value.len && memcmp(data, value.data, len) == 0;
    free(data);
    return same;
}

/* Both certificates of ROLE, or, of the signature key without login, the CA's alone. */
static void check_certificates(CK_SESSION_HANDLE session, enum role role, bool both)
{
    static const char *const files[2][2] = {{"auth.der", "auth-ca.der"},
                                            {"sign.der", "sign-ca.der"}};
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof(class)};
    CK_OBJECT_HANDLE found[4];
    unsigned seen[2] = {0, 0};
    CK_ULONG count = user_find(session, &wanted, 1, found, 4);
    assert_int_equal(count, both ? 2 : 1);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_BYTE value[VALUE_MAX];
        CK_ULONG len;
        assert_rv(read_value(session, found[i], value, &len), CKR_OK);
        for (int k = 0; k < 2; k++)
            seen[k] += is_file(bytes_of(value, len), files[role][k]) ? 1 : 0;
    }
    assert_int_equal(seen[0], both ? 1 : 0);
    assert_int_equal(seen[1], 1);
}

static void read_free(void)
{
    check_certificates(user_open(AUTH), AUTH, true);
    check_certificates(user_open(SIGN), SIGN, false);
}

static void check_sign(CK_SESSION_HANDLE session, enum role role)
{
    uint8_t signature[SIGNATURE];
    assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), "abc", 3, signature), CKR_OK);
    assert_true(user_verify(CARD_1, role, CKM_RSA_PKCS, "abc", 3, signature));
}

/* Three certificates, each with one command behind its first block. */
static void test_all_free_certificates(void **state)
{
    (void)state;
    start(true, NULL);
    read_free();
    assert_int_equal(long_commands, 3);
    print_message("all free objects: %u commands\n", twin_commands());
    assert_in_range(twin_commands(), 1, BUDGET_SHORT - 10);
}

/* The signature certificate is read in the transaction of a login. So nothing is tried out with it,
 * but what is known to work is used. */
static void test_certificate_behind_a_login(void **state)
{
    (void)state;
    start(true, NULL);
    CK_SESSION_HANDLE session = user_logged_in(SIGN);
    CK_BYTE value[VALUE_MAX];
    CK_ULONG len;
    CK_OBJECT_HANDLE object = user_object(session, CKO_CERTIFICATE, 2);
    assert_rv(read_value(session, object, value, &len), CKR_OK);
    assert_true(is_file(bytes_of(value, len), "sign.der"));
    assert_int_equal(long_commands, 0);
    start(true, NULL);
    read_free();
    session = user_logged_in(SIGN);
    check_certificates(session, SIGN, true);
    assert_int_equal(long_commands, 4);
    check_sign(session, SIGN);
}

/* One command that comes to nothing, and none after it. */
static void test_card_refuses(void **state)
{
    (void)state;
    start(false, NULL);
    read_free();
    assert_int_equal(long_commands, 1);
    check_certificates(user_logged_in(SIGN), SIGN, true);
    check_sign(user_logged_in(AUTH), AUTH);
    assert_int_equal(long_commands, 1);
}

/* The program notices nothing of it, and it happens once. */
static void test_reader_breaks(void **state)
{
    (void)state;
    for (int how = RESET; how <= MUTE; how++) {
        start(true, NULL);
        breaks = (enum breakage)how;
        read_free();
        assert_int_equal(long_commands, 1);
        check_certificates(user_logged_in(SIGN), SIGN, true);
        check_sign(user_logged_in(AUTH), AUTH);
        world_put(READER_1, CARD_1);
        read_free();
        assert_int_equal(long_commands, 1);
        assert_true(other_finds_closed());
    }
}

/* No more than what is wrong with it is lost, whatever its length. */
static void test_wrong_bytes(void **state)
{
    size_t len;
    (void)state;
    start(true, NULL);
    uint8_t *der = file_of_card("auth.der", &len);
    border = der[255];
    free(der);
    breaks = GARBLE;
    read_free();
    check_certificates(user_logged_in(SIGN), SIGN, true);
    check_sign(user_logged_in(AUTH), AUTH);
    assert_int_equal(long_commands, 1);
}

/* Where the card is lost with it, the program is told, as when it was taken out; and that is all.
 */
static void test_reader_loses_the_card(void **state)
{
    CK_BYTE value[VALUE_MAX];
    CK_ULONG len;
    (void)state;
    start(true, NULL);
    breaks = LOSS;
    CK_SESSION_HANDLE session = user_open(AUTH);
    CK_OBJECT_HANDLE object;
    CK_RV rv = user_try_object(session, CKO_CERTIFICATE, 1, &object);
    if (rv == CKR_OK)
        rv = read_value(session, object, value, &len);
    assert_rv(rv, CKR_DEVICE_REMOVED);
    assert_int_equal(long_commands, 1);
    read_free();
    check_sign(user_logged_in(AUTH), AUTH);
    assert_int_equal(long_commands, 1);
}

static void test_switched_off(void **state)
{
    (void)state;
    start(true, "reader.extended=no");
    read_free();
    assert_int_equal(long_commands, 0);
    assert_int_equal(twin_commands(), BUDGET_SHORT);
}

/* A login that the card keeps is not put at stake either. */
static void test_login_that_the_card_keeps(void **state)
{
    (void)state;
    start(true, "isolation=no");
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    check_sign(session, AUTH);
    breaks = POWER;
    read_free();
    assert_int_equal(long_commands, 0);
    check_sign(session, AUTH);
}

/* What worked before, and makes the card mute now: its power is taken, and the login that it kept
 * is over, for the program, too. */
static void test_mute_later(void **state)
{
    CK_BYTE value[VALUE_MAX];
    CK_ULONG len;
    (void)state;
    start(true, "isolation=no");
    CK_SESSION_HANDLE session = user_open(AUTH);
    assert_rv(read_value(session, user_object(session, CKO_CERTIFICATE, 1), value, &len), CKR_OK);
    assert_int_equal(long_commands, 1);
    user_login(session, AUTH);
    check_sign(session, AUTH);
    breaks = MUTE;
    assert_rv(read_value(session, user_object(session, CKO_CERTIFICATE, 3), value, &len), CKR_OK);
    assert_true(is_file(bytes_of(value, len), "auth-ca.der"));
    assert_int_equal(long_commands, 2);
    assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
    user_login(session, AUTH);
    check_sign(session, AUTH);
}

/* Nor one that another program has: one that is not ours, whose login outlives all that a driver
 * may do but taking the power; */
static void test_login_of_a_stranger(void **state)
{
    static const enum breakage ways[] = {NOTHING, RESET, GARBLE};
    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        start(true, NULL);
        user_open(AUTH); /* the card is recognised, which leaves the application selected */
        assert_int_equal(world_other_program(READER_1, "00A4040C0AD392F000260100000001"), 0x9000);
        assert_int_equal(world_other_program(READER_1, "002000980431323334"), 0x9000);
        breaks = ways[i];
        read_free();
        assert_int_equal(long_commands, breaks == NOTHING ? 3 : 1);
        assert_int_equal(twin_power_offs(), 0);
        assert_int_equal(world_other_program(READER_1, "00A4040C0AD392F000260100000001"), 0x9000);
        assert_int_equal(world_other_program(READER_1, "802A0097010000"), 0x9000);
    }
}

/* and one of ours, whose login is known by its mark, and which even that could cost. */
static void test_login_of_another(void **state)
{
    char mark[MARK_NAME_SIZE];
    (void)state;
    start(true, NULL);
    mark_name(READER_1, mark);
    mark_set(mark, MARK_KEPT);
    read_free();
    assert_int_equal(long_commands, 0);
    mark_clear(mark);
    start(true, NULL);
    read_free();
    assert_int_equal(long_commands, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_all_free_certificates),
        world_test(test_certificate_behind_a_login),
        world_test(test_switched_off),
        world_test(test_card_refuses),
        world_test(test_reader_breaks),
        world_test(test_reader_loses_the_card),
        world_test(test_wrong_bytes),
        world_test(test_login_that_the_card_keeps),
        world_test(test_mute_later),
        world_test(test_login_of_a_stranger),
        world_test(test_login_of_another),
    };
    return cmocka_run_group_tests_name("long", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Answers that are not as they should be: answers to reset, protocols, responses and their lengths,
 * and what a reader with a PIN pad says (PC/SC part 10).
 */
#include "pcsc/script.h"

#include <string.h>
#include <unistd.h>

#include "api/other.h"
#include "api/user.h"
#include "pcsc/fixture.h"
#include "vcard/vcard.h"

#define WATCHDOG_SECONDS 120

static const DWORD too_long[] = {
    READER_RESPONSE_MAX + 1, MAX_BUFFER_SIZE, MAX_BUFFER_SIZE + 1, 65536, 0x7FFFFFFF, (DWORD)-1};
#define TOO_LONG (sizeof(too_long) / sizeof(too_long[0]))

static void start(void **state, const char *settings)
{
    world_end(state);
    script_clear();
    world_begin(state);
    world_initialize(settings);
}

static int begin(void **state)
{
    start(state, NULL);
    return 0;
}

static CK_ULONG tokens(void)
{
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    return count;
}

/* Once the answers are as they should be, all works. */
static void expect_recovery(enum role role)
{
    uint8_t signature[SIGNATURE];
    script_clear();
    world_clock_add(5000);
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_1));
    CK_SESSION_HANDLE session = user_logged_in(role);
    CK_OBJECT_HANDLE key = user_key(session);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_OK);
    assert_true(user_verify(CARD_1, role, CKM_RSA_PKCS, "abc", 3, signature));
    C_CloseSession(session);
}

/* ---- answers to reset and protocols ---- */

static size_t run(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    return vcard_command(context, command, len, response);
}

/* What the card is, its application says; its answer to reset may be anything. */
static void test_atr(void **state)
{
    uint8_t atr[READER_ATR_MAX];
    struct problem why;
    (void)state;
    struct vcard *card = vcard_open(world_card(CARD_1), NULL, NULL, &why);
    assert_non_null(card);
    for (size_t len = 0; len <= sizeof(atr); len++) {
        memset(atr, 0x3B, sizeof(atr));
        twin_remove(READER_1);
        vcard_power_on(card);
        twin_insert(READER_1, run, card, bytes_of(atr, len));
        assert_int_equal(tokens(), 2);
        user_login(user_open(AUTH), AUTH);
    }
    static const DWORD claims[] = {1, 33, 34, 64, 256, 0x7FFFFFFF, (DWORD)-1};
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        script.atr_claim = claims[i];
        assert_int_equal(tokens(), 2);
    }
    assert_rv(C_Finalize(NULL), CKR_OK);
    twin_remove(READER_1);
    vcard_free(card);
}

static void test_protocols(void **state)
{
    static const DWORD usable[] = {SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1};
    static const DWORD odd[] = {SCARD_PROTOCOL_RAW, SCARD_PROTOCOL_T15, 0xFFFF};
    for (size_t i = 0; i < 2; i++) {
        start(state, NULL);
        script.protocol = usable[i];
        CK_SESSION_HANDLE session = user_logged_in(AUTH);
        twin_warm_reset(READER_1); /* connected anew, with a protocol that may be another */
        script.protocol = usable[1 - i];
        assert_rv(C_Logout(session), CKR_OK);
        user_login(session, AUTH);
    }
    for (size_t i = 0; i <= 3; i++) {
        start(state, NULL);
        script.protocol = i < 3 ? odd[i] : 0;
        script.no_protocol = i == 3;
        assert_int_equal(tokens(), 0);
        assert_int_equal(twin_commands(), 0); /* nothing that the card could misunderstand */
        expect_recovery(AUTH);
    }
}

/* ---- responses ---- */

/* From the first command on, or from the login on. */
static void expect_no_sense(void **state, enum role role, DWORD claim, bool empty, bool login)
{
    CK_SESSION_HANDLE session = 0;
    start(state, NULL);
    if (login)
        session = user_open(role);
    twin_counters_clear();
    script.transmit_claim = claim;
    script.transmit_empty = empty;
    if (login)
        assert_int_not_equal(user_try_login(session, CKU_USER, user_pin[role]), CKR_OK);
    else
        assert_int_equal(tokens(), 0);
    assert_in_range(twin_verifies(), 0, 1);
    assert_int_equal(twin_open_transactions(), 0);
    script_clear();
    assert_true(other_finds_closed());
    expect_recovery(role);
}

static void test_responses(void **state)
{
    static const DWORD others[] = {1, 3, 17, 256, 257, 258};
    for (int role = AUTH; role <= SIGN; role++)
        for (int login = 0; login < 2; login++) {
            for (size_t i = 0; i < TOO_LONG; i++)
                expect_no_sense(state, (enum role)role, too_long[i], false, login != 0);
            for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
                expect_no_sense(state, (enum role)role, others[i], false, login != 0);
            expect_no_sense(state, (enum role)role, 0, true, login != 0);
        }
}

/* Only the answer to VERIFY makes no sense: asked once, and not known to be right. */
static bool spoil(void *context, const uint8_t *command, size_t len, uint8_t *response,
                  size_t *received)
{
    const size_t *size = context;
    if (command[1] != 0x20 || len <= 5)
        return false;
    memset(response, 0x90, *size);
    *received = *size;
    return true;
}

static void test_answer_to_verify(void **state)
{
    static size_t sizes[] = {0, 1, 3, 4, 258, 259, 300, 65536};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        start(state, NULL);
        CK_SESSION_HANDLE session = user_open(AUTH);
        twin_set_hook(spoil, &sizes[i]);
        assert_rv(user_try_login(session, CKU_USER, AUTH_PIN), CKR_DEVICE_ERROR);
        assert_int_equal(twin_verifies(), 1);
        twin_set_hook(NULL, NULL);
        assert_true(other_finds_closed());
        expect_recovery(AUTH);
    }
}

/* ---- the reader's list of features ---- */

static bool has_pad(void **state, const uint8_t *list, size_t len, DWORD claim, LONG error)
{
    CK_TOKEN_INFO info;
    start(state, NULL);
    twin_pad(READER_1, true);
    script.features = list;
    script.features_len = len;
    script.features_claim = claim;
    script.features_error = error;
    assert_rv(C_GetTokenInfo(user_first(AUTH), &info), CKR_OK);
    CK_SESSION_HANDLE session = user_open(AUTH);
    user_login(session, AUTH); /* with a PIN it can be done in any case */
    assert_int_equal(twin_pad_asked(), 0);
    return (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
}

#define HAS(claim, error, ...)                                                                     \
    has_pad(state, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), claim,  \
            error)
#define DIRECT 0x06, 0x04, 0x42, 0x33, 0x00, 0x06
#define PROPERTIES 0x0A, 0x04, 0x42, 0x33, 0x00, 0x0A
#define TLV 0x12, 0x04, 0x42, 0x33, 0x00, 0x12

static void test_features(void **state)
{
    assert_true(HAS(0, 0, DIRECT));
    assert_true(HAS(0, 0, PROPERTIES, 0xEE, 0x04, 1, 2, 3, 4, DIRECT, TLV)); /* and unknown ones */
    assert_false(HAS(0, 0, PROPERTIES, TLV));
    assert_false(HAS(0, 0, 0x06));
    assert_false(HAS(0, 0, 0x06, 0x04, 0x42));
    assert_false(HAS(0, 0, 0x06, 0x03, 0x42, 0x33, 0x06));
    assert_false(HAS(0, 0, 0x06, 0xFF, 0x42, 0x33, 0x00, 0x06));
    assert_false(HAS(0, 0, 0x06, 0x04, 0, 0, 0, 0)); /* a control code that is none */
    assert_false(HAS(0, 0, DIRECT, DIRECT));
    assert_false(HAS(0, 0, DIRECT, 0x00)); /* with a byte more */
    assert_false(has_pad(state, (const uint8_t *)"", 0, 0, 0));
    assert_false(HAS(7, 0, DIRECT)); /* claims */
    assert_false(HAS(MAX_BUFFER_SIZE, 0, DIRECT));
    uint8_t full[MAX_BUFFER_SIZE]; /* as many as there is room for */
    for (size_t i = 0; i < sizeof(full); i += 6)
        memcpy(full + i, (const uint8_t[]){i == 0 ? 0x06 : 0x20, 0x04, 1, 2, 3, 4}, 6);
    for (size_t i = 0; i < TOO_LONG; i++)
        if (too_long[i] > MAX_BUFFER_SIZE)
            assert_false(has_pad(state, full, sizeof(full), too_long[i], 0));
}

static void test_feature_errors(void **state)
{
    static const LONG errors[] = {
        SCARD_E_UNSUPPORTED_FEATURE, SCARD_E_NOT_TRANSACTED, SCARD_E_INSUFFICIENT_BUFFER,
        SCARD_E_INVALID_PARAMETER,   SCARD_E_TIMEOUT,        SCARD_F_COMM_ERROR,
        SCARD_E_CANCELLED,           (LONG)0x80101234};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        assert_false(HAS(0, errors[i], DIRECT));
}

/* ---- the PIN pad ---- */

/* One entry at the pad, whose word does not come back as it was. */
static CK_RV log_in_on_pad(void **state, const uint8_t *answer, size_t len, DWORD claim)
{
    start(state, NULL);
    twin_pad(READER_1, true);
    C_Finalize(NULL);
    world_initialize("isolation=no");
    CK_SESSION_HANDLE session = user_open(AUTH);
    twin_counters_clear();
    twin_pad_types(READER_1, AUTH_PIN, 0);
    script.pad = answer;
    script.pad_len = len;
    script.pad_claim = claim;
    CK_RV rv = C_Login(session, CKU_USER, NULL, 0);
    assert_int_equal(twin_pad_asked(), 1);
    assert_int_equal(twin_verifies(), 1);
    assert_int_equal(twin_open_transactions(), 0);
    return rv;
}

static void test_pad_answers(void **state)
{
    uint8_t answer[300];
    memset(answer, 0x90, sizeof(answer));
    assert_rv(log_in_on_pad(state, (const uint8_t *)"\x90\x00", 2, 0), CKR_OK);
    for (size_t len = 0; len <= READER_RESPONSE_MAX + 2; len += len < 8 ? 1 : 50) {
        if (len == 2)
            continue;
        assert_rv(log_in_on_pad(state, answer, len, 0), CKR_DEVICE_ERROR);
        assert_true(other_finds_closed()); /* whatever was said: the card has accepted the PIN */
    }
    for (size_t i = 0; i < TOO_LONG; i++) {
        assert_rv(log_in_on_pad(state, (const uint8_t *)"\x90\x00", 2, too_long[i]),
                  CKR_DEVICE_ERROR);
        assert_true(other_finds_closed());
    }
    static const LONG errors[] = {SCARD_E_CANCELLED, SCARD_E_TIMEOUT, SCARD_E_NOT_TRANSACTED,
                                  SCARD_E_INSUFFICIENT_BUFFER, SCARD_E_UNSUPPORTED_FEATURE};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        start(state, NULL);
        twin_pad(READER_1, true);
        C_Finalize(NULL);
        world_initialize("isolation=no");
        CK_SESSION_HANDLE session = user_open(AUTH);
        twin_pad_types(READER_1, AUTH_PIN, 0);
        twin_calls_clear();
        script_fail(5, errors[i], true); /* the entry itself, done and its answer lost */
        assert_rv(C_Login(session, CKU_USER, NULL, 0), CKR_DEVICE_ERROR);
        assert_string_equal(script_call_name(5), "SCardControl");
        assert_true(other_finds_closed());
    }
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_atr),         row(test_protocols),
        row(test_responses),   row(test_answer_to_verify),
        row(test_features),    row(test_feature_errors),
        row(test_pad_answers),
    };
    alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("answers", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Signatures of a token: each is checked with the key of the card's certificate, and what is left
 * behind is looked at.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/rsa.h"
#include "token/object.h"
#include "token/pss_refused.h"
#include "token/sign.h"

static struct sign_operation op;
static uint8_t made[PROFILE_SIGNATURE_MAX];
static size_t made_len;
static CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
static const uint8_t data[300] = {0x30, 0x31, [244] = 0x77};

static int setup(void **state)
{
    memset(&op, 0, sizeof(op));
    return bench_setup(state);
}

static int teardown(void **state)
{
    sign_cancel(&op, &bench.token);
    return bench_teardown(state);
}

static void start_logged_in(enum card_role role, const char *lines)
{
    bench_start(role, lines);
    assert_int_equal(bench_login(bench.right), CKR_OK);
    twin_counters_clear();
    twin_calls_clear();
}

static CK_RV init(CK_MECHANISM_TYPE type)
{
    bool with_pss = type == CKM_RSA_PKCS_PSS || type == CKM_SHA256_RSA_PKCS_PSS;
    CK_MECHANISM mechanism = {type, with_pss ? &pss : NULL, with_pss ? sizeof(pss) : 0};
    return sign_init(&op, &bench.token, &mechanism,
                     object_handle(&bench.token, OBJECT_PRIVATE_KEY));
}

static CK_RV final(void)
{
    memset(made, 0xEE, sizeof(made));
    CK_RV rv = sign_final(&op, &bench.token, made, &made_len);
    assert_null(op.mech);
    assert_int_equal(twin_open_transactions(), 0);
    assert_int_equal(made_len, rv == CKR_OK ? 256 : 0);
    if (rv != CKR_OK)
        assert_int_equal(made[0], 0xEE);
    return rv;
}

static CK_RV sign(CK_MECHANISM_TYPE type, size_t len)
{
    CK_RV rv = init(type);
    if (rv == CKR_OK)
        rv = sign_update(&op, &bench.token, bytes_of(data, len));
    return rv == CKR_OK ? final() : rv;
}

static struct bytes spki(void)
{
    assert_int_equal(token_load_holder(&bench.token), ERR_OK);
    return buffer_view(&bench.token.holder.x509.spki);
}

/* RFC 8017, 9.2, note 1: what stands before the hash in a DigestInfo. */
static struct bytes digest_info_of(enum digest_kind kind, const char *head, size_t head_len,
                                   struct bytes in)
{
    static uint8_t t[128];
    memcpy(t, head, head_len);
    assert_int_equal(digest_once(kind, in, t + head_len), ERR_OK);
    return bytes_of(t, head_len + digest_size(kind));
}

static void check_hashed(CK_MECHANISM_TYPE type, enum digest_kind kind, const char *head,
                         size_t head_len)
{
    struct bytes key = spki();
    assert_int_equal(sign(type, sizeof(data)), CKR_OK);
    struct bytes t = digest_info_of(kind, head, head_len, bytes_of(data, sizeof(data)));
    assert_int_equal(rsa_check_pkcs1(key, t, bytes_of(made, made_len)), ERR_OK);
}

#define HEAD(bytes) bytes, sizeof(bytes) - 1

static void test_hashed(void **state)
{
    (void)state;
    bench.config.consent = CONFIG_CONSENT_SESSION;
    for (int role = 0; role < CARD_ROLES; role++) {
        start_logged_in((enum card_role)role, "");
        check_hashed(CKM_SHA1_RSA_PKCS, DIGEST_SHA1,
                     HEAD("\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"));
        check_hashed(CKM_SHA224_RSA_PKCS, DIGEST_SHA224,
                     HEAD("\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x04\x05\x00"
                          "\x04\x1c"));
        check_hashed(CKM_SHA256_RSA_PKCS, DIGEST_SHA256,
                     HEAD("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"
                          "\x04\x20"));
        check_hashed(CKM_SHA384_RSA_PKCS, DIGEST_SHA384,
                     HEAD("\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00"
                          "\x04\x30"));
        check_hashed(CKM_SHA512_RSA_PKCS, DIGEST_SHA512,
                     HEAD("\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00"
                          "\x04\x40"));
        bench_assert_closed();
    }
}

/* 1 to 245 bytes, whatever they are; no byte to the card otherwise. */
static void test_plain(void **state)
{
    static const size_t good[] = {1, 2, 51, 244, 245}, bad[] = {0, 246, 256, 300};
    (void)state;
    start_logged_in(CARD_AUTH, "");
    struct bytes key = spki();
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(sign(CKM_RSA_PKCS, good[i]), CKR_OK);
        assert_int_equal(rsa_check_pkcs1(key, bytes_of(data, good[i]), bytes_of(made, made_len)),
                         ERR_OK);
    }
    twin_counters_clear();
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(sign(CKM_RSA_PKCS, bad[i]), CKR_DATA_LEN_RANGE);
        assert_null(op.mech);
    }
    assert_int_equal(twin_commands(), 0);
}

static void test_pss(void **state)
{
    static const size_t bad[] = {0, 20, 31, 33, 64};
    uint8_t hash[DIGEST_MAX];
    (void)state;
    bench.config.consent = CONFIG_CONSENT_SESSION;
    for (int role = 0; role < CARD_ROLES; role++) {
        start_logged_in((enum card_role)role, "");
        struct bytes key = spki();
        assert_int_equal(sign(CKM_RSA_PKCS_PSS, 32), CKR_OK);
        assert_int_equal(rsa_check_pss_sha256(key, bytes_of(data, 32), bytes_of(made, made_len)),
                         ERR_OK);
        assert_int_equal(sign(CKM_SHA256_RSA_PKCS_PSS, sizeof(data)), CKR_OK);
        digest_once(DIGEST_SHA256, bytes_of(data, sizeof(data)), hash);
        assert_int_equal(rsa_check_pss_sha256(key, bytes_of(hash, 32), bytes_of(made, made_len)),
                         ERR_OK);
        twin_counters_clear();
        for (size_t i = 0; i < COUNT(bad); i++)
            assert_int_equal(sign(CKM_RSA_PKCS_PSS, bad[i]), CKR_DATA_LEN_RANGE);
        assert_int_equal(twin_commands(), 0);
    }
}

/* Another program's reset just before the signature: another application refuses it then, which
 * says nothing of what the card can do. */
static bool reset_once;

static bool reset_before_signing(void *context, const uint8_t *command, size_t len,
                                 uint8_t *response, size_t *received)
{
    (void)context;
    (void)len;
    (void)response;
    (void)received;
    if (command[1] == INS_SIGN && command[2] == 0x04 && reset_once) {
        reset_once = false;
        twin_warm_reset(READER);
    }
    return false;
}

static void test_pss_after_reset(void **state)
{
    (void)state;
    start_logged_in(CARD_AUTH, "");
    reset_once = true;
    twin_set_hook(reset_before_signing, NULL);
    assert_int_equal(sign(CKM_RSA_PKCS_PSS, 32), CKR_DEVICE_ERROR);
    twin_set_hook(NULL, NULL);
    assert_false(bench.in.refused_pss);
    assert_false(bench.token.outdated);
    bench_assert_closed();
    assert_int_equal(sign(CKM_RSA_PKCS_PSS, 32), CKR_OK);
}

/* In pieces it is the same. */
static void test_pieces(void **state)
{
    (void)state;
    start_logged_in(CARD_AUTH, "");
    struct bytes key = spki();
    assert_int_equal(init(CKM_RSA_PKCS), CKR_OK);
    for (size_t i = 0; i < 245; i++)
        assert_int_equal(sign_update(&op, &bench.token, bytes_of(data + i, 1)), CKR_OK);
    assert_int_equal(final(), CKR_OK);
    assert_int_equal(rsa_check_pkcs1(key, bytes_of(data, 245), bytes_of(made, made_len)), ERR_OK);
    assert_int_equal(init(CKM_RSA_PKCS), CKR_OK);
    assert_int_equal(sign_update(&op, &bench.token, bytes_of(data, 245)), CKR_OK);
    assert_int_equal(sign_update(&op, &bench.token, bytes_of(data, 1)), CKR_DATA_LEN_RANGE);
    assert_null(op.mech);
}

/* ---- login and consent ---- */

static void test_many(void **state)
{
    (void)state;
    start_logged_in(CARD_AUTH, "");
    for (unsigned i = 1; i <= 10; i++) {
        assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_OK);
        assert_int_equal(twin_verifies(), i);
        bench_assert_closed();
    }
    assert_int_equal(twin_commands_of(INS_SIGN), 11); /* and one, which the card had to refuse */
    assert_int_equal(twin_power_offs(), 0);
}

static void test_one_for_each_login(void **state)
{
    (void)state;
    start_logged_in(CARD_SIGN, "");
    assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_OK);
    unsigned verifies = twin_verifies();
    assert_in_range(verifies, 1, 1);
    for (int i = 0; i < 5; i++)
        assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_commands_of(INS_SIGN), 1);
    assert_int_equal(twin_verifies(), verifies);
    bench_assert_closed();
}

static void test_context_login(void **state)
{
    (void)state;
    start_logged_in(CARD_SIGN, "");
    assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(init(CKM_RSA_PKCS), CKR_OK);
        assert_int_equal(pin_consent(&bench.token, bytes_of_text(bench.right)), CKR_OK);
        op.consented = true;
        assert_int_equal(sign_update(&op, &bench.token, bytes_of(data, 51)), CKR_OK);
        assert_int_equal(final(), CKR_OK);
        assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_USER_NOT_LOGGED_IN);
    }
    assert_int_equal(twin_commands_of(INS_SIGN), 4);
}

/* An operation that was given its consent and is then given up takes the consent with it. */
static void test_cancel(void **state)
{
    (void)state;
    start_logged_in(CARD_SIGN, "");
    pin_revoke(&bench.token);
    assert_int_equal(init(CKM_RSA_PKCS), CKR_OK);
    assert_int_equal(pin_consent(&bench.token, bytes_of_text(bench.right)), CKR_OK);
    op.consented = true;
    sign_cancel(&op, &bench.token);
    assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_commands_of(INS_SIGN), 0);
}

static void test_session_consent(void **state)
{
    (void)state;
    bench.config.consent = CONFIG_CONSENT_SESSION;
    start_logged_in(CARD_SIGN, "");
    for (int i = 0; i < 5; i++)
        assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_OK);
    bench_assert_closed();
}

/* Whatever breaks off, the consent is used up and the card has signed once at most. */
static void test_broken_off(void **state)
{
    static const enum err errors[] = {ERR_TRANSPORT, ERR_NO_CARD, ERR_NO_SERVICE};
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(errors); i++)
        for (long k = 2;; k++) { /* 0 and 1, the beginning and SELECT: nothing was asked yet */
            start_logged_in(CARD_SIGN, "");
            twin_fail_call(k, errors[i / 2], i % 2 == 1);
            CK_RV rv = sign(CKM_RSA_PKCS, 51);
            bool reached = (long)twin_calls() > k;
            twin_fail_call(-1, ERR_OK, false);
            assert_in_range(twin_commands_of(INS_SIGN), 0, 1);
            assert_in_range(twin_verifies(), 0, 1);
            assert_int_not_equal(sign(CKM_RSA_PKCS, 51), CKR_OK);
            if (errors[i / 2] == ERR_TRANSPORT)
                bench_assert_closed();
            if (!reached) {
                assert_int_equal(rv, CKR_OK);
                break;
            }
            assert_true(rv == CKR_OK || rv == CKR_DEVICE_ERROR || rv == CKR_DEVICE_REMOVED);
        }
}

/* The transaction could not begin: nothing was signed, the consent is still there. */
static void test_not_begun(void **state)
{
    (void)state;
    start_logged_in(CARD_SIGN, "");
    twin_hold(READER, true);
    assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_DEVICE_ERROR);
    assert_int_equal(twin_commands(), 0);
    twin_hold(READER, false);
    assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_OK);
}

static void test_pin_changed(void **state)
{
    (void)state;
    start_logged_in(CARD_AUTH, "");
    bench_other_changes(PIN_AUTH_RIGHT, "7777");
    assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_USER_NOT_LOGGED_IN);
    assert_false(bench.token.logged_in);
    assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_verifies(), 1);
    assert_int_equal(bench_tries(), 2);
}

/* A card that keeps the PIN: from the first signature on it loses its power. */
static void test_lying_card(void **state)
{
    (void)state;
    start_logged_in(CARD_AUTH, "ignore-isd = yes\n");
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_OK);
        assert_int_equal(twin_power_offs(), i);
        bench_assert_closed();
    }
}

/* isolation = no, and another program has ended the login. */
static void test_login_lost(void **state)
{
    (void)state;
    bench.config.isolation = false;
    start_logged_in(CARD_AUTH, "");
    assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_OK);
    assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_OK);
    assert_int_equal(common_other("00A4040C07A0000001510000"), 0x9000);
    assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_USER_NOT_LOGGED_IN);
    assert_false(bench.token.logged_in);
    assert_int_equal(twin_verifies(), 0);
}

/* ---- cards that sign something else ---- */

static void forget_refusals(void)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/jpki-pkcs11/pss-refused", getenv("XDG_STATE_HOME"));
    unlink(path);
}

static void check_no_pss(const char *lines)
{
    for (int role = 0; role < CARD_ROLES; role++) {
        forget_refusals();
        start_logged_in((enum card_role)role, lines);
        assert_true(bench.token.pss);
        assert_int_equal(sign(CKM_RSA_PKCS_PSS, 32), CKR_DEVICE_ERROR);
        assert_true(pss_refused_known("E16R01NJ"));
        assert_true(bench.token.outdated);
        bench_assert_closed();
        start_logged_in((enum card_role)role, lines); /* as a new token it does not offer it */
        assert_false(bench.token.pss);
        assert_int_equal(sign(CKM_RSA_PKCS_PSS, 32), CKR_MECHANISM_INVALID);
        assert_int_equal(sign(CKM_RSA_PKCS, 32), CKR_OK);
    }
    forget_refusals();
}

static void test_no_pss(void **state)
{
    (void)state;
    check_no_pss("pss = no\n");
}

/* It says 9000 and signs PKCS#1: nobody gets that. */
/* pin.cache-seconds = 0: a login is good for one signature, and for that. */
static void test_login_for_one_signature(void **state)
{
    (void)state;
    bench.config.pin_cache_seconds = 0;
    start_logged_in(CARD_AUTH, "");
    pin_tidy(&bench.token);
    assert_true(bench.token.logged_in);
    assert_int_equal(sign(CKM_RSA_PKCS, 3), CKR_OK);
    pin_tidy(&bench.token);
    assert_false(bench.token.logged_in);
    assert_int_equal(init(CKM_RSA_PKCS), CKR_USER_NOT_LOGGED_IN);
}

/* A PIN that a reset has taken away does not prove that selecting another application does. */
static void test_no_proof_by_reset(void **state)
{
    (void)state;
    start_logged_in(CARD_AUTH, "ignore-isd = yes\nwarm-reset-clears = yes\n");
    twin_warm_reset(READER);
    assert_int_equal(sign(CKM_RSA_PKCS, 3), CKR_OK);
    assert_int_not_equal(bench.in.card.drop_works, CARD_YES);
    assert_int_equal(sign(CKM_RSA_PKCS, 3), CKR_OK);
    assert_int_equal(bench.in.card.drop_works, CARD_NO);
    bench_assert_closed();
}

/* Nor does a power cut that an operation without a PIN has seen since. */
static void test_no_proof_by_power_cut(void **state)
{
    bool fresh;
    struct reader *other = reader_new(READER);
    (void)state;
    assert_non_null(other);
    start_logged_in(CARD_AUTH, "ignore-isd = yes\n");
    assert_int_equal(reader_begin(other, &fresh), ERR_OK);
    reader_end(other, true);
    reader_free(other);
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    insertion_end(&bench.in, false);
    assert_int_equal(sign(CKM_RSA_PKCS, 3), CKR_OK);
    assert_int_not_equal(bench.in.card.drop_works, CARD_YES);
    assert_int_equal(sign(CKM_RSA_PKCS, 3), CKR_OK);
    assert_int_equal(bench.in.card.drop_works, CARD_NO);
    bench_assert_closed();
}

/* Where each PIN is typed on the PIN pad, the first signature tells too. */
static void test_proof_after_the_pad(void **state)
{
    (void)state;
    twin_pad(READER, true);
    bench_start(CARD_AUTH, "ignore-isd = yes\n");
    assert_int_equal(pin_login(&bench.token, bytes_of(NULL, 0)), CKR_OK);
    for (unsigned i = 0; i < 3; i++) {
        twin_pad_types(READER, PIN_AUTH_RIGHT, 0);
        assert_int_equal(sign(CKM_RSA_PKCS, 3), CKR_OK);
        assert_int_equal(bench.in.card.drop_works, CARD_NO);
    }
    bench_assert_closed();
}

/* A program without a writable state folder (a sandbox, a service) is not offered it again either,
 * as long as this card stays in. */
static void test_no_pss_and_no_file(void **state)
{
    char before[256];
    (void)state;
    snprintf(before, sizeof(before), "%s", getenv("XDG_STATE_HOME"));
    setenv("XDG_STATE_HOME", "/proc/nowhere", 1);
    start_logged_in(CARD_AUTH, "pss = no\n");
    assert_true(bench.token.pss);
    assert_int_equal(sign(CKM_SHA256_RSA_PKCS_PSS, sizeof(data)), CKR_DEVICE_ERROR);
    assert_true(bench.token.outdated);
    token_clear(&bench.token);
    assert_true(token_init(&bench.token, CARD_AUTH, &bench.config, &bench.in, 3));
    assert_false(bench.token.pss);
    setenv("XDG_STATE_HOME", before, 1);
}

static void test_pss_that_is_none(void **state)
{
    (void)state;
    check_no_pss("pss-as-pkcs1 = yes\n");
}

static bool flip(void *context, const uint8_t *command, size_t len, uint8_t *response,
                 size_t *received)
{
    (void)context;
    if (command[1] != INS_SIGN || len < 40)
        return false;
    memset(response, 0x5A, 256);
    memcpy(response + 256, "\x90\x00", 2);
    *received = 258;
    return true;
}

static void test_wrong_signature(void **state)
{
    (void)state;
    start_logged_in(CARD_AUTH, "");
    spki();
    twin_set_hook(flip, NULL);
    assert_int_equal(sign(CKM_RSA_PKCS, 51), CKR_DEVICE_ERROR);
    assert_int_equal(sign(CKM_SHA256_RSA_PKCS, 51), CKR_DEVICE_ERROR);
    assert_false(pss_refused_known("E16R01NJ"));
}

/* ---- the beginning ---- */

static void test_init(void **state)
{
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    (void)state;
    bench_start(CARD_AUTH, "");
    struct token *t = &bench.token;
    assert_int_equal(init(CKM_RSA_PKCS), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(bench_login(bench.right), CKR_OK);
    for (int object = 0; object < 16; object++) {
        CK_RV wanted = CKR_KEY_HANDLE_INVALID;
        if (object == OBJECT_PRIVATE_KEY)
            continue;
        if (object == OBJECT_PUBLIC_KEY)
            wanted = CKR_KEY_TYPE_INCONSISTENT;
        assert_int_equal(sign_init(&op, t, &mechanism, object_handle(t, (enum object)object)),
                         wanted);
    }
    assert_int_equal(sign_init(&op, t, &mechanism, 0), CKR_KEY_HANDLE_INVALID);
    t->number++;
    CK_OBJECT_HANDLE stale = object_handle(t, OBJECT_PRIVATE_KEY);
    t->number--;
    assert_int_equal(sign_init(&op, t, &mechanism, stale), CKR_KEY_HANDLE_INVALID);
    assert_int_equal(init(CKM_RSA_X_509), CKR_MECHANISM_INVALID);
    assert_null(op.mech);
    assert_int_equal(init(CKM_RSA_PKCS), CKR_OK);
    assert_int_equal(init(CKM_RSA_PKCS), CKR_OPERATION_ACTIVE);
}

/* On the signature key, an operation that only waits for its login may be replaced. */
static void test_init_again(void **state)
{
    (void)state;
    start_logged_in(CARD_SIGN, "");
    assert_int_equal(init(CKM_RSA_PKCS), CKR_OK);
    assert_int_equal(init(CKM_SHA256_RSA_PKCS), CKR_OK);
    assert_int_equal(sign_update(&op, &bench.token, bytes_of(data, 51)), CKR_OK);
    assert_int_equal(init(CKM_RSA_PKCS), CKR_OPERATION_ACTIVE);
    assert_int_equal(final(), CKR_OK);
}

#define on_bench(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_bench(test_hashed),
        on_bench(test_plain),
        on_bench(test_pss),
        on_bench(test_pss_after_reset),
        on_bench(test_pieces),
        on_bench(test_many),
        on_bench(test_one_for_each_login),
        on_bench(test_context_login),
        on_bench(test_cancel),
        on_bench(test_session_consent),
        on_bench(test_broken_off),
        on_bench(test_not_begun),
        on_bench(test_pin_changed),
        on_bench(test_lying_card),
        on_bench(test_login_lost),
        on_bench(test_no_pss),
        on_bench(test_login_for_one_signature),
        on_bench(test_no_proof_by_reset),
        on_bench(test_no_proof_by_power_cut),
        on_bench(test_proof_after_the_pad),
        on_bench(test_no_pss_and_no_file),
        on_bench(test_pss_that_is_none),
        on_bench(test_wrong_signature),
        on_bench(test_init),
        on_bench(test_init_again),
    };
    return cmocka_run_group_tests(tests, common_folders, common_folders_end);
}

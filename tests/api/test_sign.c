/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Signatures of every mechanism with both keys, checked by OpenSSL against the card's certificates
 * (PKCS#11 3.2, section 5.13; RFC 8017).
 */
#include "user.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

#define LONGEST 245 /* bytes around which 256 - 11 of padding fit */
#define MESSAGE_MAX 70000

static const CK_MECHANISM_TYPE hashing[] = {CKM_SHA1_RSA_PKCS,   CKM_SHA224_RSA_PKCS,
                                            CKM_SHA256_RSA_PKCS, CKM_SHA384_RSA_PKCS,
                                            CKM_SHA512_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS};
#define HASHING (sizeof(hashing) / sizeof(hashing[0]))

static uint8_t message[MESSAGE_MAX];

static void fill_message(void)
{
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)(i * 31 + (i >> 8));
}

/* Sessions of both tokens with consent once for the whole session. */
static CK_SESSION_HANDLE begin(enum role role, CK_OBJECT_HANDLE *key)
{
    CK_SESSION_HANDLE session = user_logged_in(role);
    *key = user_key(session);
    return session;
}

static void sign_and_verify(CK_SESSION_HANDLE session, enum role role, CK_OBJECT_HANDLE key,
                            CK_MECHANISM_TYPE type, const void *data, size_t len)
{
    uint8_t signature[SIGNATURE];
    CK_RV rv = user_sign(session, type, key, data, len, signature);
    if (rv != CKR_OK)
        fail_msg("mechanism 0x%lX, %zu bytes: 0x%lX", type, len, rv);
    if (!user_verify(CARD_1, role, type, data, len, signature))
        fail_msg("mechanism 0x%lX, %zu bytes: a wrong signature", type, len);
}

static void each_length(enum role role)
{
    CK_OBJECT_HANDLE key;
    CK_SESSION_HANDLE session = begin(role, &key);
    for (size_t len = 1; len <= LONGEST; len++)
        sign_and_verify(session, role, key, CKM_RSA_PKCS, message, len);
}

static void test_each_length_auth(void **state)
{
    (void)state;
    each_length(AUTH);
}

static void test_each_length_sign(void **state)
{
    (void)state;
    world_initialize("sign.consent=session");
    each_length(SIGN);
}

/* SSH, TLS and CMS hand over a DigestInfo; TLS 1.0 36 bytes without one. */
static void test_digest_infos(void **state)
{
    (void)state;
    static const CK_MECHANISM_TYPE types[] = {CKM_SHA_1, CKM_SHA224, CKM_SHA256, CKM_SHA384,
                                              CKM_SHA512};
    uint8_t info[CHECK_DIGEST_INFO_MAX], signature[SIGNATURE];
    world_initialize("sign.consent=session");
    for (int role = AUTH; role <= SIGN; role++) {
        CK_OBJECT_HANDLE key;
        CK_SESSION_HANDLE session = begin((enum role)role, &key);
        for (size_t i = 0; i < 5; i++) {
            size_t len = check_digest_info(types[i], message, 1000, info);
            assert_rv(user_sign(session, CKM_RSA_PKCS, key, info, len, signature), CKR_OK);
            assert_true(user_verify(CARD_1, (enum role)role, hashing[i], message, 1000, signature));
        }
    }
}

static void each_mechanism(enum role role)
{
    static const size_t lengths[] = {0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 1000, 70000};
    CK_OBJECT_HANDLE key;
    uint8_t hash[32];
    CK_SESSION_HANDLE session = begin(role, &key);
    for (size_t k = 0; k < HASHING; k++)
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
            sign_and_verify(session, role, key, hashing[k], message, lengths[i]);
    check_sha256(message, 1000, hash);
    sign_and_verify(session, role, key, CKM_RSA_PKCS_PSS, hash, sizeof(hash));
}

static void test_each_mechanism_auth(void **state)
{
    (void)state;
    each_mechanism(AUTH);
}

/* Not listed while each signature needs consent, but a program that names them is served. */
static void test_each_mechanism_sign(void **state)
{
    (void)state;
    world_initialize("sign.consent=session");
    each_mechanism(SIGN);
}

static void test_unlisted_with_consent(void **state)
{
    (void)state;
    for (size_t k = 0; k < HASHING; k++) {
        CK_OBJECT_HANDLE key;
        CK_SESSION_HANDLE session = begin(SIGN, &key);
        sign_and_verify(session, SIGN, key, hashing[k], message, 100);
        assert_rv(C_CloseSession(session), CKR_OK);
    }
}

/* PSS has a salt of its own each time, PKCS#1 none. */
static void test_salt(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key;
    uint8_t first[SIGNATURE], second[SIGNATURE];
    CK_SESSION_HANDLE session = begin(AUTH, &key);
    assert_rv(user_sign(session, CKM_SHA256_RSA_PKCS_PSS, key, message, 100, first), CKR_OK);
    assert_rv(user_sign(session, CKM_SHA256_RSA_PKCS_PSS, key, message, 100, second), CKR_OK);
    assert_memory_not_equal(first, second, SIGNATURE);
    assert_rv(user_sign(session, CKM_SHA256_RSA_PKCS, key, message, 100, first), CKR_OK);
    assert_rv(user_sign(session, CKM_SHA256_RSA_PKCS, key, message, 100, second), CKR_OK);
    assert_memory_equal(first, second, SIGNATURE);
}

/* ---- several parts ---- */

static CK_RV sign_in_parts(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key,
                           size_t len, size_t part, uint8_t *signature)
{
    CK_ULONG got = SIGNATURE;
    CK_RV rv = user_sign_init(session, type, key);
    for (size_t done = 0; rv == CKR_OK && done < len; done += part)
        rv = C_SignUpdate(session, message + done, len - done < part ? len - done : part);
    return rv == CKR_OK ? C_SignFinal(session, signature, &got) : rv;
}

static void parts_like_one(enum role role)
{
    static const size_t parts[] = {1, 7, 64, 999, 100000};
    CK_OBJECT_HANDLE key;
    uint8_t one[SIGNATURE], several[SIGNATURE];
    CK_SESSION_HANDLE session = begin(role, &key);
    for (size_t k = 0; k < HASHING; k++) {
        bool salted = hashing[k] == CKM_SHA256_RSA_PKCS_PSS;
        assert_rv(user_sign(session, hashing[k], key, message, 1000, one), CKR_OK);
        for (size_t i = 0; i < 5; i++) {
            assert_rv(sign_in_parts(session, hashing[k], key, 1000, parts[i], several), CKR_OK);
            assert_true(user_verify(CARD_1, role, hashing[k], message, 1000, several));
            if (!salted)
                assert_memory_equal(one, several, SIGNATURE);
        }
    }
    assert_rv(sign_in_parts(session, CKM_SHA256_RSA_PKCS, key, 0, 1, several), CKR_OK);
    assert_true(user_verify(CARD_1, role, CKM_SHA256_RSA_PKCS, message, 0, several));
    /* Plain ones are collected. */
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, message, LONGEST, one), CKR_OK);
    assert_rv(sign_in_parts(session, CKM_RSA_PKCS, key, LONGEST, 10, several), CKR_OK);
    assert_memory_equal(one, several, SIGNATURE);
}

static void test_parts(void **state)
{
    (void)state;
    world_initialize("sign.consent=session");
    parts_like_one(AUTH);
    parts_like_one(SIGN);
}

/* ---- lengths ---- */

static void test_data_too_long(void **state)
{
    (void)state;
    static const size_t plain[] = {0, LONGEST + 1, 256, 257, 4096, 70000};
    static const size_t pss[] = {0, 1, 20, 31, 33, 48, 64, 245, 300};
    CK_OBJECT_HANDLE key;
    uint8_t signature[SIGNATURE];
    CK_SESSION_HANDLE session = begin(AUTH, &key);
    twin_counters_clear();
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        assert_rv(user_sign(session, CKM_RSA_PKCS, key, message, plain[i], signature),
                  CKR_DATA_LEN_RANGE);
        if (plain[i] > 0)
            assert_rv(sign_in_parts(session, CKM_RSA_PKCS, key, plain[i], 100, signature),
                      CKR_DATA_LEN_RANGE);
    }
    for (size_t i = 0; i < sizeof(pss) / sizeof(pss[0]); i++)
        assert_rv(user_sign(session, CKM_RSA_PKCS_PSS, key, message, pss[i], signature),
                  CKR_DATA_LEN_RANGE);
    assert_int_equal(twin_commands_of(0x2A), 0);
    sign_and_verify(session, AUTH, key, CKM_RSA_PKCS, message, 10);
}

/* The question for the length, and a buffer that is too small, cost nothing and end nothing. */
static void expect_length_query(CK_SESSION_HANDLE session, bool final)
{
    uint8_t signature[SIGNATURE];
    twin_counters_clear();
    for (CK_ULONG room = 0; room < SIGNATURE; room += 51) {
        CK_ULONG len = room;
        CK_RV rv = final ? C_SignFinal(session, signature, &len)
                         : C_Sign(session, message, 100, signature, &len);
        assert_rv(rv, CKR_BUFFER_TOO_SMALL);
        assert_int_equal(len, SIGNATURE);
        len = room;
        rv = final ? C_SignFinal(session, NULL, &len) : C_Sign(session, message, 100, NULL, &len);
        assert_rv(rv, CKR_OK);
        assert_int_equal(len, SIGNATURE);
    }
    assert_int_equal(twin_commands(), 0);
}

static void test_length_query(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        CK_OBJECT_HANDLE key;
        uint8_t signature[SIGNATURE + 10];
        CK_ULONG len = sizeof(signature);
        CK_SESSION_HANDLE session = begin((enum role)role, &key);
        memset(signature, 0xA5, sizeof(signature));
        assert_rv(user_sign_init(session, CKM_RSA_PKCS, key), CKR_OK);
        expect_length_query(session, false);
        assert_rv(C_Sign(session, message, 100, signature, &len), CKR_OK);
        assert_int_equal(len, SIGNATURE);
        for (size_t i = SIGNATURE; i < sizeof(signature); i++)
            assert_int_equal(signature[i], 0xA5);
        assert_true(user_verify(CARD_1, (enum role)role, CKM_RSA_PKCS, message, 100, signature));

        assert_rv(C_Logout(session), CKR_OK);
        user_login(session, (enum role)role);
        len = sizeof(signature);
        assert_rv(user_sign_init(session, CKM_SHA256_RSA_PKCS, key), CKR_OK);
        assert_rv(C_SignUpdate(session, message, 100), CKR_OK);
        expect_length_query(session, true);
        assert_rv(C_SignFinal(session, signature, &len), CKR_OK);
        assert_int_equal(len, SIGNATURE);
        assert_true(
            user_verify(CARD_1, (enum role)role, CKM_SHA256_RSA_PKCS, message, 100, signature));
    }
}

/* ---- parameters ---- */

static void expect_refused_init(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, void *parameter,
                                CK_ULONG len, CK_OBJECT_HANDLE key, CK_RV expected)
{
    CK_MECHANISM mechanism = {type, parameter, len};
    uint8_t signature[SIGNATURE];
    CK_RV rv = C_SignInit(session, &mechanism, key);
    if (rv != expected)
        fail_msg("mechanism 0x%lX: 0x%lX", type, rv);
    assert_rv(user_sign_data(session, message, 32, signature), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_parameters(void **state)
{
    (void)state;
    static const CK_MECHANISM_TYPE pss[] = {CKM_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS_PSS};
    static const CK_RSA_PKCS_PSS_PARAMS wrong[] = {{CKM_SHA256, CKG_MGF1_SHA256, 0},
                                                   {CKM_SHA256, CKG_MGF1_SHA256, 20},
                                                   {CKM_SHA256, CKG_MGF1_SHA256, 31},
                                                   {CKM_SHA256, CKG_MGF1_SHA256, 33},
                                                   {CKM_SHA256, CKG_MGF1_SHA256, ~0UL},
                                                   {CKM_SHA256, CKG_MGF1_SHA1, 32},
                                                   {CKM_SHA256, CKG_MGF1_SHA384, 32},
                                                   {CKM_SHA_1, CKG_MGF1_SHA1, 20},
                                                   {CKM_SHA384, CKG_MGF1_SHA384, 48},
                                                   {CKM_SHA512, CKG_MGF1_SHA512, 64},
                                                   {CKM_SHA384, CKG_MGF1_SHA256, 32},
                                                   {0, 0, 0},
                                                   {CKM_SHA256, 0, 32},
                                                   {CKM_SHA256_RSA_PKCS, CKG_MGF1_SHA256, 32}};
    CK_OBJECT_HANDLE key;
    CK_SESSION_HANDLE session = begin(AUTH, &key);
    CK_RSA_PKCS_PSS_PARAMS right = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    twin_counters_clear();
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            CK_RSA_PKCS_PSS_PARAMS copy = wrong[i];
            expect_refused_init(session, pss[k], &copy, sizeof(copy), key,
                                CKR_MECHANISM_PARAM_INVALID);
        }
        expect_refused_init(session, pss[k], NULL, 0, key, CKR_MECHANISM_PARAM_INVALID);
        expect_refused_init(session, pss[k], NULL, sizeof(right), key, CKR_MECHANISM_PARAM_INVALID);
        expect_refused_init(session, pss[k], &right, sizeof(right) - 1, key,
                            CKR_MECHANISM_PARAM_INVALID);
        expect_refused_init(session, pss[k], &right, sizeof(right) + 1, key,
                            CKR_MECHANISM_PARAM_INVALID);
    }
    expect_refused_init(session, CKM_RSA_PKCS, &right, sizeof(right), key,
                        CKR_MECHANISM_PARAM_INVALID);
    expect_refused_init(session, CKM_SHA256_RSA_PKCS, &right, 1, key, CKR_MECHANISM_PARAM_INVALID);
    assert_int_equal(twin_commands(), 0);
}

static void test_other_mechanisms(void **state)
{
    (void)state;
    static const CK_MECHANISM_TYPE wrong[] = {CKM_RSA_X_509,
                                              CKM_RSA_9796,
                                              CKM_RSA_X9_31,
                                              CKM_SHA256,
                                              CKM_RSA_PKCS_OAEP,
                                              CKM_SHA1_RSA_PKCS_PSS,
                                              CKM_SHA384_RSA_PKCS_PSS,
                                              CKM_SHA512_RSA_PKCS_PSS,
                                              CKM_RSA_PKCS_KEY_PAIR_GEN,
                                              CKM_ECDSA,
                                              CKM_MD5_RSA_PKCS,
                                              CKM_VENDOR_DEFINED,
                                              ~0UL};
    CK_OBJECT_HANDLE key;
    CK_SESSION_HANDLE session = begin(AUTH, &key);
    twin_counters_clear();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_refused_init(session, wrong[i], NULL, 0, key, CKR_MECHANISM_INVALID);
    assert_int_equal(twin_commands(), 0);
}

static void test_other_keys(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE key;
    CK_SESSION_HANDLE session = begin(AUTH, &key);
    CK_OBJECT_HANDLE certificate = user_object(session, CKO_CERTIFICATE, 1);
    CK_OBJECT_HANDLE public = user_object(session, CKO_PUBLIC_KEY, 1);
    twin_counters_clear();
    CK_RV rv = user_sign_init(session, CKM_RSA_PKCS, certificate);
    assert_true(rv == CKR_KEY_HANDLE_INVALID || rv == CKR_KEY_TYPE_INCONSISTENT);
    rv = user_sign_init(session, CKM_RSA_PKCS, public);
    assert_true(rv == CKR_KEY_TYPE_INCONSISTENT || rv == CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(user_sign_init(session, CKM_RSA_PKCS, 0), CKR_KEY_HANDLE_INVALID);
    assert_rv(user_sign_init(session, CKM_RSA_PKCS, ~0UL), CKR_KEY_HANDLE_INVALID);
    assert_int_equal(twin_commands(), 0);
}

/* Other kinds of cards sign as well. */
static void test_other_cards(void **state)
{
    static const char *const kinds[][2] = {{"sfi", "no"},         {"isd", "no"},
                                           {"first-6f00", "yes"}, {"ignore-isd", "yes"},
                                           {"extended", "yes"},   {"warm-reset-clears", "yes"},
                                           {"other-apps", "no"},  {"label", "JPKIAPIOSTOKEN"}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        for (int role = AUTH; role <= SIGN; role++) {
            CK_OBJECT_HANDLE key;
            world_end(state);
            world_begin(state);
            world_card_set(CARD_1, kinds[i][0], kinds[i][1]);
            if (strcmp(kinds[i][0], "label") == 0)
                world_card_set(CARD_1, "auth-cert-pin", "yes");
            world_put(READER_1, CARD_1);
            world_initialize(NULL);
            CK_SESSION_HANDLE session = begin((enum role)role, &key);
            sign_and_verify(session, (enum role)role, key, CKM_SHA256_RSA_PKCS, message, 100);
            if (role == AUTH)
                sign_and_verify(session, AUTH, key, CKM_RSA_PKCS, message, 100);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test_initialized(test_each_length_auth),
        world_test(test_each_length_sign),
        world_test(test_digest_infos),
        world_test_initialized(test_each_mechanism_auth),
        world_test(test_each_mechanism_sign),
        world_test_initialized(test_unlisted_with_consent),
        world_test_initialized(test_salt),
        world_test(test_parts),
        world_test_initialized(test_data_too_long),
        world_test_initialized(test_length_query),
        world_test_initialized(test_parameters),
        world_test_initialized(test_other_mechanisms),
        world_test_initialized(test_other_keys),
        world_test(test_other_cards),
    };
    fill_message();
    return cmocka_run_group_tests_name("sign", tests, world_setup, world_teardown);
}

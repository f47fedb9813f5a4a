/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common.h"

#include <string.h>

#include "token/mech.h"

static struct config config;

static struct token token_with(enum card_role role, bool pss, enum config_consent consent)
{
    struct token token = {.role = role, .pss = pss, .config = &config};
    config.consent = consent;
    return token;
}

static CK_RV for_signing(const struct token *token, CK_MECHANISM_TYPE type, void *parameter,
                         CK_ULONG len)
{
    static const struct mech dummy;
    const struct mech *mech = &dummy;
    CK_MECHANISM wanted = {type, parameter, len};
    CK_RV rv = mech_for_signing(token, &wanted, &mech);
    assert_true((rv == CKR_OK) == (mech != NULL));
    if (mech != NULL)
        assert_int_equal(mech->type, type);
    return rv;
}

/* What the card computes (docs/card.md): SHA-256, MGF1 with SHA-256, a salt of 32 bytes. */
static void test_pss_parameters(void **state)
{
    static const CK_MECHANISM_TYPE hashes[] = {CKM_SHA_1,  CKM_SHA224, CKM_SHA256,  CKM_SHA384,
                                               CKM_SHA512, 0,          CKM_RSA_PKCS};
    static const CK_RSA_PKCS_MGF_TYPE mgfs[] = {CKG_MGF1_SHA1,   CKG_MGF1_SHA224, CKG_MGF1_SHA256,
                                                CKG_MGF1_SHA384, CKG_MGF1_SHA512, 0};
    static const CK_ULONG salts[] = {32, 0, 1, 20, 31, 33, 64, 222, ~0UL};
    struct token token = token_with(CARD_AUTH, true, CONFIG_CONSENT_ALWAYS);
    unsigned accepted = 0;
    (void)state;
    for (size_t h = 0; h < COUNT(hashes); h++)
        for (size_t m = 0; m < COUNT(mgfs); m++)
            for (size_t s = 0; s < COUNT(salts); s++) {
                CK_RSA_PKCS_PSS_PARAMS params = {hashes[h], mgfs[m], salts[s]};
                bool right =
                    hashes[h] == CKM_SHA256 && mgfs[m] == CKG_MGF1_SHA256 && salts[s] == 32;
                CK_RV wanted = right ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
                accepted += right;
                assert_int_equal(for_signing(&token, CKM_RSA_PKCS_PSS, &params, sizeof(params)),
                                 wanted);
                assert_int_equal(
                    for_signing(&token, CKM_SHA256_RSA_PKCS_PSS, &params, sizeof(params)), wanted);
            }
    assert_int_equal(accepted, 1);
}

static void test_pss_parameter_forms(void **state)
{
    CK_RSA_PKCS_PSS_PARAMS params[2] = {{CKM_SHA256, CKG_MGF1_SHA256, 32}};
    struct token token = token_with(CARD_AUTH, true, CONFIG_CONSENT_ALWAYS);
    uint8_t shifted[sizeof(params) + 1];
    (void)state;
    assert_int_equal(for_signing(&token, CKM_RSA_PKCS_PSS, NULL, 0), CKR_MECHANISM_PARAM_INVALID);
    assert_int_equal(for_signing(&token, CKM_RSA_PKCS_PSS, NULL, sizeof(params[0])),
                     CKR_MECHANISM_PARAM_INVALID);
    for (CK_ULONG len = 0; len <= sizeof(params); len++)
        assert_int_equal(for_signing(&token, CKM_RSA_PKCS_PSS, params, len),
                         len == sizeof(params[0]) ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
    memcpy(shifted + 1, params, sizeof(params[0])); /* callers need not align it */
    assert_int_equal(for_signing(&token, CKM_RSA_PKCS_PSS, shifted + 1, sizeof(params[0])), CKR_OK);
}

static void test_without_pss(void **state)
{
    CK_RSA_PKCS_PSS_PARAMS params = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    struct token token = token_with(CARD_AUTH, false, CONFIG_CONSENT_ALWAYS);
    (void)state;
    assert_int_equal(for_signing(&token, CKM_RSA_PKCS_PSS, &params, sizeof(params)),
                     CKR_MECHANISM_INVALID);
    assert_int_equal(for_signing(&token, CKM_SHA256_RSA_PKCS_PSS, &params, sizeof(params)),
                     CKR_MECHANISM_INVALID);
    assert_int_equal(for_signing(&token, CKM_RSA_PKCS, NULL, 0), CKR_OK);
}

static const CK_MECHANISM_TYPE pkcs1[] = {CKM_RSA_PKCS,        CKM_SHA1_RSA_PKCS,
                                          CKM_SHA224_RSA_PKCS, CKM_SHA256_RSA_PKCS,
                                          CKM_SHA384_RSA_PKCS, CKM_SHA512_RSA_PKCS};

static void test_pkcs1(void **state)
{
    char parameter[8] = {0};
    struct token token = token_with(CARD_SIGN, true, CONFIG_CONSENT_ALWAYS);
    (void)state;
    for (size_t i = 0; i < COUNT(pkcs1); i++) {
        assert_int_equal(for_signing(&token, pkcs1[i], NULL, 0), CKR_OK);
        assert_int_equal(for_signing(&token, pkcs1[i], parameter, 0), CKR_OK);
        assert_int_equal(for_signing(&token, pkcs1[i], parameter, sizeof(parameter)),
                         CKR_MECHANISM_PARAM_INVALID);
        assert_int_equal(for_signing(&token, pkcs1[i], NULL, 1), CKR_MECHANISM_PARAM_INVALID);
    }
}

/* The card pads itself and decrypts nothing. */
static void test_never(void **state)
{
    static const CK_MECHANISM_TYPE never[] = {
        CKM_RSA_X_509,    CKM_RSA_PKCS_OAEP,         CKM_RSA_9796,
        CKM_MD5_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS,     CKM_SHA384_RSA_PKCS_PSS,
        CKM_ECDSA,        CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_SHA512_RSA_PKCS_PSS,
        CKM_SHA256,       CKM_SHA256_HMAC,           ~0UL};
    struct token token = token_with(CARD_AUTH, true, CONFIG_CONSENT_SESSION);
    CK_MECHANISM_INFO info;
    (void)state;
    for (size_t i = 0; i < COUNT(never); i++) {
        assert_int_equal(for_signing(&token, never[i], NULL, 0), CKR_MECHANISM_INVALID);
        if (never[i] != CKM_SHA256)
            assert_int_equal(mech_info(&token, never[i], &info), CKR_MECHANISM_INVALID);
    }
}

static bool contains(const CK_MECHANISM_TYPE *list, CK_ULONG count, CK_MECHANISM_TYPE type)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (list[i] == type)
            return true;
    return false;
}

/* The list, the allowed mechanisms and the infos say the same. */
static void check_lists(const struct token *token, bool combined, bool pss)
{
    CK_MECHANISM_TYPE list[MECH_LIST_MAX], allowed[MECH_LIST_MAX];
    CK_ULONG count = mech_list(token, list), allowed_count = mech_allowed(token, allowed);
    CK_MECHANISM_INFO info;
    assert_int_equal(list[0], CKM_RSA_PKCS);
    assert_int_equal(count, 2 + (combined ? 5 : 0) + (pss ? 2 : 0));
    assert_int_equal(contains(list, count, CKM_SHA512_RSA_PKCS), combined);
    assert_int_equal(contains(list, count, CKM_RSA_PKCS_PSS), pss);
    assert_int_equal(contains(list, count, CKM_SHA256_RSA_PKCS_PSS), pss);
    assert_int_equal(allowed_count, count - 1);
    assert_false(contains(allowed, allowed_count, CKM_SHA256));
    for (CK_ULONG i = 0; i < count; i++) {
        bool digest = list[i] == CKM_SHA256;
        assert_int_equal(contains(allowed, allowed_count, list[i]), !digest);
        assert_int_equal(mech_info(token, list[i], &info), CKR_OK);
        assert_int_equal(info.flags, digest ? CKF_DIGEST : CKF_HW | CKF_SIGN);
        assert_int_equal(info.ulMinKeySize, digest ? 0 : 2048);
        assert_int_equal(info.ulMaxKeySize, digest ? 0 : 2048);
    }
    assert_int_equal(mech_info(token, CKM_RSA_PKCS_PSS, &info),
                     pss ? CKR_OK : CKR_MECHANISM_INVALID);
}

static void test_lists(void **state)
{
    (void)state;
    struct token token = token_with(CARD_AUTH, true, CONFIG_CONSENT_ALWAYS);
    check_lists(&token, true, true);
    token = token_with(CARD_AUTH, false, CONFIG_CONSENT_ALWAYS);
    check_lists(&token, true, false);
    token = token_with(CARD_SIGN, true, CONFIG_CONSENT_SESSION);
    check_lists(&token, true, true);
    /* Each signature asks for consent: a program must not be led to the combined ones. */
    token = token_with(CARD_SIGN, true, CONFIG_CONSENT_ALWAYS);
    check_lists(&token, false, false);
}

static void test_digest(void **state)
{
    const struct mech *mech;
    CK_MECHANISM wanted = {CKM_SHA256, NULL, 0};
    (void)state;
    assert_int_equal(mech_for_digest(&wanted, &mech), CKR_OK);
    assert_int_equal(mech->digest, DIGEST_SHA256);
    wanted.ulParameterLen = 1;
    assert_int_equal(mech_for_digest(&wanted, &mech), CKR_MECHANISM_PARAM_INVALID);
    assert_null(mech);
    wanted = (CK_MECHANISM){CKM_SHA256_RSA_PKCS, NULL, 0};
    assert_int_equal(mech_for_digest(&wanted, &mech), CKR_MECHANISM_INVALID);
    assert_null(mech);
    wanted.mechanism = CKM_MD5;
    assert_int_equal(mech_for_digest(&wanted, &mech), CKR_MECHANISM_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pss_parameters), cmocka_unit_test(test_pss_parameter_forms),
        cmocka_unit_test(test_without_pss),    cmocka_unit_test(test_pkcs1),
        cmocka_unit_test(test_never),          cmocka_unit_test(test_lists),
        cmocka_unit_test(test_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

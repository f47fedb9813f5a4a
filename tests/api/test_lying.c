/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Cards that lie: a signature that does not fit the certificate is never handed out once the
 * certificate is known, one of the wrong length never at all. And cards that cannot do PSS, which
 * programs choose by the mechanism list without falling back.
 */
#include "kept.h"
#include "user.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vcard/vcard.h"

#define INS_SIGN 0x2A
#define UNTOUCHED 0xA5

enum lie {
    HONEST,
    FIRST_BIT,
    MIDDLE_BIT,
    LAST_BIT,
    ZEROS,
    ONES,
    OTHER_KEY,
    OTHER_DATA,
    ONE_SHORT,
    ONE_LONG,
    NOTHING,
    HALF,
    LIES
};

/* A virtual card with a spoilt answer to COMPUTE DIGITAL SIGNATURE, and the other holder's. */
static struct {
    struct vcard *own, *other;
    enum lie lie;
    unsigned signatures;
    bool once; /* only the next one is a lie */
} liar;

static const uint8_t data[] = {1, 2, 3, 4, 5};

static size_t sign_with_other(const uint8_t *command, size_t len, uint8_t *response)
{
    static const uint8_t select[] = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                                     0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
    static const uint8_t verify_auth[] = {0x00, 0x20, 0x00, 0x98, 4, '1', '2', '3', '4'};
    static const uint8_t verify_sign[] = {0x00, 0x20, 0x00, 0x9B, 6, 'A', 'B', 'C', '1', '2', '3'};
    vcard_command(liar.other, select, sizeof(select), response);
    vcard_command(liar.other, verify_auth, sizeof(verify_auth), response);
    vcard_command(liar.other, verify_sign, sizeof(verify_sign), response);
    return vcard_command(liar.other, command, len, response);
}

/* The same command over other data: a good signature, of something nobody has asked for. */
static size_t sign_other_data(const uint8_t *command, size_t len, uint8_t *response)
{
    uint8_t copy[300];
    memcpy(copy, command, len);
    copy[5] ^= 1;
    return vcard_command(liar.own, copy, len, response);
}

static size_t status_at(uint8_t *response, size_t len)
{
    response[len] = 0x90;
    response[len + 1] = 0x00;
    return len + 2;
}

static size_t spoil(const uint8_t *command, size_t len, uint8_t *response, size_t n)
{
    switch (liar.lie) {
    case FIRST_BIT:
        response[0] ^= 0x01;
        break;
    case MIDDLE_BIT:
        response[128] ^= 0x10;
        break;
    case LAST_BIT:
        response[255] ^= 0x01;
        break;
    case ZEROS:
        memset(response, 0, SIGNATURE);
        break;
    case ONES:
        memset(response, 0xFF, SIGNATURE);
        break;
    case OTHER_KEY:
        return sign_with_other(command, len, response);
    case OTHER_DATA:
        return sign_other_data(command, len, response);
    case ONE_SHORT:
        return status_at(response, SIGNATURE - 1);
    case ONE_LONG:
        return status_at(response, SIGNATURE + 1);
    case NOTHING:
        return status_at(response, 0);
    case HALF:
        return status_at(response, SIGNATURE / 2);
    case HONEST:
    case LIES:
        break;
    }
    return n;
}

static size_t answer(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    (void)context;
    size_t n = vcard_command(liar.own, command, len, response);
    if (len < 2 || command[1] != INS_SIGN || n != SIGNATURE + 2)
        return n;
    liar.signatures++;
    n = spoil(command, len, response, n);
    if (liar.once)
        liar.lie = HONEST;
    return n;
}

static struct vcard *open_card(int card)
{
    struct problem why = {{0}};
    struct vcard *vcard = vcard_open(world_card(card), NULL, NULL, &why);
    if (vcard == NULL)
        fail_msg("%s", why.text);
    vcard_power_on(vcard);
    return vcard;
}

static void put_liar_in(void)
{
    liar.own = open_card(CARD_1);
    liar.other = open_card(CARD_2);
    liar.lie = HONEST;
    twin_remove(READER_1);
    twin_insert(READER_1, answer, NULL,
                bytes_of(liar.own->settings.atr, liar.own->settings.atr_len));
}

static int begin(void **state)
{
    world_begin(state);
    put_liar_in();
    return 0;
}

static int end(void **state)
{
    int result = world_end(state);
    vcard_free(liar.own);
    vcard_free(liar.other);
    memset(&liar, 0, sizeof(liar));
    return result;
}

static void read_certificate(CK_SESSION_HANDLE session, enum role role)
{
    CK_BYTE value[4096];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
    CK_OBJECT_HANDLE certificate = user_object(session, CKO_CERTIFICATE, role == AUTH ? 1 : 2);
    assert_rv(C_GetAttributeValue(session, certificate, &attribute, 1), CKR_OK);
}

/* Refused, and nothing written. */
static void expect_nothing(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key,
                           const void *of, size_t len)
{
    uint8_t signature[SIGNATURE];
    memset(signature, UNTOUCHED, sizeof(signature));
    CK_RV rv = user_sign(session, type, key, of, len, signature);
    if (rv != CKR_DEVICE_ERROR && rv != CKR_FUNCTION_FAILED && rv != CKR_GENERAL_ERROR)
        fail_msg("lie %d, mechanism 0x%lX: 0x%lX", (int)liar.lie, type, rv);
    for (size_t i = 0; i < sizeof(signature); i++)
        assert_int_equal(signature[i], UNTOUCHED);
}

static void expect_signature(CK_SESSION_HANDLE session, enum role role, CK_MECHANISM_TYPE type)
{
    uint8_t signature[SIGNATURE];
    assert_rv(user_sign(session, type, user_key(session), data, sizeof(data), signature), CKR_OK);
    assert_true(user_verify(CARD_1, role, type, data, sizeof(data), signature));
}

/* ---- PKCS#1 ---- */

static void expect_no_lie(enum role role, CK_MECHANISM_TYPE type)
{
    CK_SESSION_HANDLE session = user_logged_in(role);
    CK_OBJECT_HANDLE key = user_key(session);
    read_certificate(session, role);
    for (int lie = FIRST_BIT; lie < LIES; lie++) {
        unsigned before = liar.signatures;
        liar.lie = (enum lie)lie;
        expect_nothing(session, type, key, data, sizeof(data));
        assert_true(liar.signatures > before); /* it was the card's lie that was refused */
    }
    liar.lie = HONEST;
    expect_signature(session, role, type);
    assert_rv(C_CloseAllSessions(user_first(role)), CKR_OK);
}

static void test_known_certificate(void **state)
{
    (void)state;
    world_initialize("sign.consent=session");
    expect_no_lie(AUTH, CKM_RSA_PKCS);
    expect_no_lie(AUTH, CKM_SHA256_RSA_PKCS);
    expect_no_lie(SIGN, CKM_RSA_PKCS);
    expect_no_lie(SIGN, CKM_SHA512_RSA_PKCS);
}

/* The certificate is not read for it, but the length can be seen. */
static void test_wrong_length(void **state)
{
    static const enum lie lies[] = {ONE_SHORT, ONE_LONG, NOTHING, HALF};
    for (int role = AUTH; role <= SIGN; role++)
        for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
            end(state);
            begin(state);
            world_initialize("sign.consent=session");
            CK_SESSION_HANDLE session = user_logged_in((enum role)role);
            CK_OBJECT_HANDLE key = user_key(session);
            liar.lie = lies[i];
            expect_nothing(session, CKM_RSA_PKCS, key, data, sizeof(data));
        }
}

/* Each lie uses up its consent. */
static void test_consent_is_used(void **state)
{
    (void)state;
    uint8_t signature[SIGNATURE];
    world_initialize(NULL);
    CK_SESSION_HANDLE session = user_logged_in(SIGN);
    CK_OBJECT_HANDLE key = user_key(session);
    read_certificate(session, SIGN);
    liar.lie = MIDDLE_BIT;
    expect_nothing(session, CKM_RSA_PKCS, key, data, sizeof(data));
    liar.lie = HONEST;
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, data, sizeof(data), signature),
              CKR_USER_NOT_LOGGED_IN);
}

/* ---- PSS ---- */

static bool lists_pss(const char *reader)
{
    CK_MECHANISM_TYPE list[32];
    CK_ULONG count = 32;
    bool listed = false;
    CK_SLOT_ID slot = user_slot(reader, AUTH);
    CK_MECHANISM_INFO info;
    assert_rv(C_GetMechanismList(slot, list, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; i++)
        listed |= list[i] == CKM_RSA_PKCS_PSS || list[i] == CKM_SHA256_RSA_PKCS_PSS;
    CK_RV rv = C_GetMechanismInfo(slot, CKM_RSA_PKCS_PSS, &info);
    assert_rv(rv, listed ? CKR_OK : CKR_MECHANISM_INVALID);
    return listed;
}

/* A lie about PSS is found out without the program having read the certificate. */
static void test_pss_lies(void **state)
{
    static const enum lie lies[] = {FIRST_BIT,  MIDDLE_BIT, ZEROS,    OTHER_KEY,
                                    OTHER_DATA, ONE_SHORT,  ONE_LONG, NOTHING};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        for (int role = AUTH; role <= SIGN; role++) {
            end(state);
            begin(state);
            world_initialize(NULL);
            CK_SESSION_HANDLE session = user_logged_in((enum role)role);
            CK_OBJECT_HANDLE key = user_key(session);
            liar.lie = lies[i];
            expect_nothing(session, CKM_SHA256_RSA_PKCS_PSS, key, data, sizeof(data));
        }
}

/* Signs until the module has given PSS up: at most two refusals. */
static unsigned give_up_pss(void)
{
    unsigned tries = 0;
    while (lists_pss(READER_1)) {
        CK_SESSION_HANDLE session = user_logged_in(AUTH);
        expect_nothing(session, CKM_SHA256_RSA_PKCS_PSS, user_key(session), data, sizeof(data));
        tries++;
        assert_in_range(tries, 1, 2);
        C_CloseAllSessions(user_first(AUTH));
    }
    return tries;
}

static void expect_remembered(const char *setting, const char *value)
{
    world_card_set(CARD_1, setting, value);
    world_put(READER_1, CARD_1);
    world_initialize(NULL);
    assert_true(lists_pss(READER_1));
    assert_true(give_up_pss() > 0);
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    assert_rv(user_sign_init(session, CKM_RSA_PKCS_PSS, user_key(session)), CKR_MECHANISM_INVALID);
    uint8_t signature[SIGNATURE];
    assert_rv(
        user_sign(session, CKM_SHA256_RSA_PKCS, user_key(session), data, sizeof(data), signature),
        CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, CKM_SHA256_RSA_PKCS, data, sizeof(data), signature));
    /* In the next process too, and with the card put in again. */
    assert_rv(C_Finalize(NULL), CKR_OK);
    world_initialize(NULL);
    assert_false(lists_pss(READER_1));
    world_put(READER_1, CARD_1);
    assert_false(lists_pss(READER_1));
    /* A card of another model is another story. */
    world_card_set(CARD_2, "model", "E99X99NJ");
    twin_insert_vcard(READER_2, world_card(CARD_2));
    assert_true(lists_pss(READER_2));
}

static void test_pss_as_pkcs1(void **state)
{
    (void)state;
    expect_remembered("pss-as-pkcs1", "yes");
}

static void test_pss_refused(void **state)
{
    (void)state;
    expect_remembered("pss", "no");
}

/* So that NSS reads the list anew; the other token's go on. */
static void test_sessions_end(void **state)
{
    (void)state;
    world_card_set(CARD_1, "pss", "no");
    world_put(READER_1, CARD_1);
    world_initialize(NULL);
    CK_SESSION_HANDLE session = user_logged_in(AUTH), idle = user_open(AUTH);
    CK_SESSION_HANDLE sign = user_logged_in(SIGN);
    for (int i = 0; i < 2 && user_session_state(session) != CK_UNAVAILABLE_INFORMATION; i++)
        expect_nothing(session, CKM_SHA256_RSA_PKCS_PSS, user_key(session), data, sizeof(data));
    assert_int_equal(user_session_state(session), CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(user_session_state(idle), CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(user_session_state(sign), CKS_RW_USER_FUNCTIONS);
    assert_int_equal(user_session_state(user_open(AUTH)), CKS_RW_PUBLIC_SESSION);
}

/* An earlier program has read all certificates, and they are kept. */
static void remember(void)
{
    world_initialize(NULL);
    kept_expect_certificates(CARD_1);
    assert_rv(C_Finalize(NULL), CKR_OK);
}

/* One refusal alone may be an accident: the card does PSS after all. */
static void stays_with_pss(void)
{
    uint8_t signature[SIGNATURE];
    world_initialize(NULL);
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_OBJECT_HANDLE key = user_key(session);
    for (int i = 0; i < 5; i++) {
        liar.once = true;
        liar.lie = MIDDLE_BIT;
        CK_RV rv = user_sign(session, CKM_SHA256_RSA_PKCS_PSS, key, data, sizeof(data), signature);
        if (rv == CKR_OK)
            assert_true(
                user_verify(CARD_1, AUTH, CKM_SHA256_RSA_PKCS_PSS, data, sizeof(data), signature));

        assert_int_equal(liar.lie, HONEST);
        expect_signature(session, AUTH, CKM_SHA256_RSA_PKCS_PSS);
        assert_true(lists_pss(READER_1));
    }
    assert_rv(C_Finalize(NULL), CKR_OK);
}

static void test_one_bad_pss(void **state)
{
    (void)state;
    stays_with_pss();
    remember();
    stays_with_pss();
}

/* Two running are none, whether the certificate was read or remembered: it is noted by the first
 * program that meets it, and no signature is handed out. */
static void test_noted_at_once(void **state)
{
    (void)state;
    world_card_set(CARD_1, "pss-as-pkcs1", "yes");
    world_put(READER_1, CARD_1);
    for (int warm = 0; warm < 2; warm++) {
        world_forget_state();
        world_forget_cache();
        if (warm)
            remember();
        world_initialize(NULL);
        assert_true(lists_pss(READER_1));
        CK_SESSION_HANDLE session = user_logged_in(AUTH);
        expect_nothing(session, CKM_SHA256_RSA_PKCS_PSS, user_key(session), data, sizeof(data));
        assert_rv(C_Finalize(NULL), CKR_OK);
        remember();
        world_initialize(NULL);
        assert_false(lists_pss(READER_1));
        assert_rv(C_Finalize(NULL), CKR_OK);
    }
}

/* A signature that was spoilt ends no login. */
static void test_one_bad_signature(void **state)
{
    (void)state;
    remember();
    world_initialize(NULL);
    kept_expect_certificates(CARD_1); /* so that it is looked at */
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    liar.once = true;
    liar.lie = MIDDLE_BIT;
    expect_nothing(session, CKM_SHA256_RSA_PKCS, user_key(session), data, sizeof(data));
    assert_int_equal(liar.lie, HONEST);
    expect_signature(session, AUTH, CKM_SHA256_RSA_PKCS);
}

/* The memory lasts for a month, and only what it says counts. */
static void test_memory_of_refusals(void **state)
{
    static const struct {
        long days;
        const char *rest;
        bool listed;
    } cases[] = {{0, " E16R01NJ\n", false},
                 {-29, " E16R01NJ\n", false},
                 {-40, " E16R01NJ\n", true},
                 {40, " E16R01NJ\n", true},
                 {0, " E16R01N\n", true},
                 {0, "E16R01NJ\n", true},
                 {0, "", true},
                 {0, " E16R01NJ", false},
                 {0, "\n\n \nrubbish", true}};
    const char *home = getenv("XDG_STATE_HOME");
    assert_non_null(home);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[256], text[64];
        struct tm tm;
        time_t day = time(NULL) + cases[i].days * 86400;
        end(state);
        begin(state);
        mkdir(home, 0700);
        snprintf(path, sizeof(path), "%s/jpki-pkcs11", home);
        mkdir(path, 0700);
        snprintf(path, sizeof(path), "%s/jpki-pkcs11/pss-refused", home);
        strftime(text, sizeof(text), "%Y-%m-%d", gmtime_r(&day, &tm));
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "%s%s", text, cases[i].rest);
        fclose(file);
        world_initialize(NULL);
        if (lists_pss(READER_1) != cases[i].listed)
            fail_msg("case %zu", i);
    }
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_known_certificate),    row(test_wrong_length),
        row(test_consent_is_used),      row(test_pss_lies),
        world_test(test_pss_as_pkcs1),  world_test(test_pss_refused),
        world_test(test_sessions_end),  row(test_one_bad_pss),
        world_test(test_noted_at_once), row(test_one_bad_signature),
        row(test_memory_of_refusals),
    };
    return cmocka_run_group_tests_name("lying", tests, world_setup, world_teardown);
}

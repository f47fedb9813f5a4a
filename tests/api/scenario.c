/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "other.h"
#include "vcard/state.h"
#include "vcard/store.h"

#define CHANGE 0x24

static const uint8_t data[] = {1, 2, 3, 4, 5};
static const char *const other_pin[2] = {"8306", "NEW2PASSWORD"};

static const struct trial *current; /* for what a scenario finds wrong itself */

void trial_complain(const struct trial *trial, const char *what, unsigned long value)
{
    fail_msg("%s, %s, %s: %s: 0x%lX", trial->scenario->name, user_label[trial->role], trial->fault,
             what, value);
    abort(); /* fail_msg() does not come back */
}

/* A certificate of the card, for free(). */
static uint8_t *file_on_card(const char *name, size_t *len)
{
    struct problem why = {{0}};
    uint8_t *der = store_read(world_card(CARD_1), name, len, &why);
    if (der == NULL)
        fail_msg("%s", why.text);
    return der;
}

static bool is_certificate(enum role role, const uint8_t *value, size_t len)
{
    size_t size;
    uint8_t *der = file_on_card(role == AUTH ? "auth.der" : "sign.der", &size);
    bool same = size == len && memcmp(der, value, len) == 0;
    free(der);
    return same;
}

static bool is_ca_subject(enum role role, const uint8_t *value, size_t len)
{
    size_t size;
    uint8_t *der = file_on_card(role == AUTH ? "auth-ca.der" : "sign-ca.der", &size);
    const uint8_t *at = der;
    uint8_t *subject = NULL;
    X509 *certificate = d2i_X509(NULL, &at, (long)size);
    assert_non_null(certificate);
    int got = i2d_X509_NAME(X509_get_subject_name(certificate), &subject);
    bool same = got > 0 && (size_t)got == len && memcmp(subject, value, len) == 0;
    OPENSSL_free(subject);
    X509_free(certificate);
    free(der);
    return same;
}

/* A result that came with CKR_OK. */
static void expect_right(bool right, const char *what)
{
    if (!right && !current->lies)
        trial_complain(current, what, 0);
}

/* ---- steps that may fail ---- */

/* Programs ask for slots in their main loop, and one that fails breaks all modules of p11-kit: it
 * never fails for a reader's reasons, only without memory. */
static void expect_no_failure(CK_RV rv)
{
    if (rv != CKR_OK && rv != CKR_HOST_MEMORY)
        trial_complain(current, "the slots", rv);
}

static CK_RV find_slot(enum role role, CK_SLOT_ID *slot)
{
    CK_SLOT_ID slots[8];
    CK_SLOT_INFO info;
    CK_ULONG count = 0, room = 8;
    CK_RV rv = C_GetSlotList(CK_FALSE, NULL, &count);
    expect_no_failure(rv);
    if (rv == CKR_OK)
        rv = C_GetSlotList(CK_TRUE, slots, &room);
    expect_no_failure(rv);
    if (rv == CKR_OK && room < 2)
        return CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK)
        rv = C_GetSlotInfo(slots[role], &info);
    expect_no_failure(rv);
    *slot = rv == CKR_OK ? slots[role] : 0;
    return rv;
}

static CK_RV token_info(enum role role, CK_SLOT_ID *slot)
{
    CK_TOKEN_INFO info;
    CK_RV rv = find_slot(role, slot);
    if (rv == CKR_OK)
        rv = C_GetTokenInfo(*slot, &info);
    if (rv == CKR_OK)
        expect_right(memcmp(info.label, user_label[role], strlen(user_label[role])) == 0,
                     "the label is wrong");
    return rv;
}

CK_RV scenario_open(enum role role, CK_FLAGS flags, CK_SESSION_HANDLE *session)
{
    CK_SLOT_ID slot;
    CK_RV rv = token_info(role, &slot);
    return rv == CKR_OK ? C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, session) : rv;
}

static CK_RV read_value(CK_SESSION_HANDLE session, enum role role, uint8_t id,
                        CK_ATTRIBUTE_TYPE type)
{
    CK_BYTE value[4096];
    CK_ATTRIBUTE attribute = {type, value, sizeof(value)};
    CK_OBJECT_HANDLE certificate = 0;
    CK_RV rv = user_try_object(session, CKO_CERTIFICATE, id, &certificate);
    if (rv == CKR_OK)
        rv = C_GetAttributeValue(session, certificate, &attribute, 1);
    if (rv == CKR_OK)
        expect_right(type == CKA_VALUE ? is_certificate(role, value, attribute.ulValueLen)
                                       : is_ca_subject(role, value, attribute.ulValueLen),
                     "a certificate is not what is on the card");
    return rv;
}

/* ---- scenarios ---- */

static CK_RV list(enum role role)
{
    CK_SLOT_ID slot;
    CK_MECHANISM_TYPE mechanisms[32];
    CK_ULONG count = 32;
    CK_RV rv = token_info(role, &slot);
    if (rv == CKR_OK)
        rv = C_GetMechanismList(slot, mechanisms, &count);
    if (rv == CKR_OK)
        expect_right(count > 0, "no mechanisms");
    return rv;
}

static CK_RV login(enum role role)
{
    CK_SESSION_HANDLE session;
    CK_RV rv = scenario_open(role, 0, &session);
    if (rv == CKR_OK)
        rv = user_try_login(session, CKU_USER, user_pin[role]);
    expect_right(rv != CKR_USER_NOT_LOGGED_IN, "who logs in is told to log in");
    if (rv == CKR_OK)
        rv = C_Logout(session);
    return rv;
}

static CK_RV read_all(enum role role)
{
    CK_SESSION_HANDLE session;
    CK_RV rv = scenario_open(role, 0, &session);
    if (rv == CKR_OK && role == SIGN)
        rv = user_try_login(session, CKU_USER, SIGN_PIN);
    if (rv == CKR_OK)
        rv = read_value(session, role, role == AUTH ? 1 : 2, CKA_VALUE);
    if (rv == CKR_OK)
        rv = read_value(session, role, role == AUTH ? 3 : 4, CKA_SUBJECT);
    return rv;
}

static CK_RV find_key(enum role role, CK_SESSION_HANDLE *session, CK_OBJECT_HANDLE *key)
{
    CK_RV rv = scenario_open(role, 0, session);
    if (rv == CKR_OK)
        rv = user_try_login(*session, CKU_USER, user_pin[role]);
    if (rv == CKR_OK)
        rv = user_try_object(*session, CKO_PRIVATE_KEY, role == AUTH ? 1 : 2, key);
    return rv;
}

/* A signature is right, or nothing was written. */
static void expect_signature(enum role role, CK_MECHANISM_TYPE type, CK_RV rv,
                             const uint8_t signature[SIGNATURE])
{
    bool believed = current->lies && !current->scenario->checked;
    if (rv == CKR_OK && !believed &&
        !user_verify(CARD_1, role, type, data, sizeof(data), signature))
        trial_complain(current, "a wrong signature was handed out", 0);
    for (size_t i = 0; rv != CKR_OK && i < SIGNATURE; i++)
        if (signature[i] != 0xA5)
            trial_complain(current, "something was written in place of a signature", rv);
}

static CK_RV sign_by(enum role role, CK_MECHANISM_TYPE type)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key = 0;
    uint8_t signature[SIGNATURE];
    CK_RV rv = find_key(role, &session, &key);
    if (rv != CKR_OK)
        return rv;
    memset(signature, 0xA5, sizeof(signature));
    rv = user_sign(session, type, key, data, sizeof(data), signature);
    expect_signature(role, type, rv, signature);
    return rv;
}

static CK_RV sign(enum role role)
{
    return sign_by(role, CKM_RSA_PKCS);
}

static CK_RV sign_pss(enum role role)
{
    return sign_by(role, CKM_SHA256_RSA_PKCS_PSS);
}

/* With the certificate read before, this kind of signature is checked, too. */
static CK_RV sign_in_parts(enum role role)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key = 0;
    uint8_t parts[sizeof(data)], signature[SIGNATURE];
    CK_ULONG len = sizeof(signature);
    CK_RV rv = find_key(role, &session, &key);
    memcpy(parts, data, sizeof(data));
    memset(signature, 0xA5, sizeof(signature));
    if (rv == CKR_OK)
        rv = read_value(session, role, role == AUTH ? 1 : 2, CKA_VALUE);
    if (rv == CKR_OK)
        rv = user_sign_init(session, CKM_SHA512_RSA_PKCS, key);
    if (rv == CKR_OK)
        rv = C_SignUpdate(session, parts, 2);
    if (rv == CKR_OK)
        rv = C_SignUpdate(session, parts + 2, sizeof(data) - 2);
    if (rv == CKR_OK)
        rv = C_SignFinal(session, signature, &len);
    expect_signature(role, CKM_SHA512_RSA_PKCS, rv, signature);
    return rv;
}

/* From the PIN that holds to the other one, which then opens. */
static CK_RV change_in(CK_SESSION_HANDLE session, enum role role)
{
    bool usual = world_pin_is(role, user_pin[role]);
    const char *old = usual ? user_pin[role] : other_pin[role];
    const char *new = usual ? other_pin[role] : user_pin[role];
    CK_RV rv = user_set_pin(session, old, new);
    expect_right(rv != CKR_USER_NOT_LOGGED_IN, "who changes the PIN is told to log in");
    if (rv == CKR_OK)
        expect_right(world_pin_is(role, new), "the PIN was not changed");
    if (rv == CKR_FUNCTION_FAILED)
        expect_right(world_pin_is(role, old), "the PIN was changed");
    if (rv == CKR_OK && user_session_state(session) == CKS_RW_USER_FUNCTIONS)
        rv = C_Logout(session);
    if (rv == CKR_OK)
        rv = user_try_login(session, CKU_USER, new);
    return rv == CKR_OK ? C_Logout(session) : rv;
}

static CK_RV change_pin(enum role role)
{
    CK_SESSION_HANDLE session;
    CK_RV rv = scenario_open(role, CKF_RW_SESSION, &session);
    return rv == CKR_OK ? change_in(session, role) : rv;
}

static CK_RV change_logged_in(enum role role)
{
    CK_SESSION_HANDLE session;
    bool usual = world_pin_is(role, user_pin[role]);
    CK_RV rv = scenario_open(role, CKF_RW_SESSION, &session);
    if (rv == CKR_OK)
        rv = user_try_login(session, CKU_USER, usual ? user_pin[role] : other_pin[role]);
    return rv == CKR_OK ? change_in(session, role) : rv;
}

const struct scenario scenarios[SCENARIOS] = {
    [SCENARIO_LIST] = {"list", list, NULL, {0, 0}, 0, true, false},
    [SCENARIO_LOGIN] = {"login", login, NULL, {1, 1}, 0, true, false},
    [SCENARIO_READ] = {"read", read_all, NULL, {0, 2}, 0, true, false},
    [SCENARIO_SIGN] = {"sign", sign, NULL, {2, 2}, 0, true, false},
    [SCENARIO_SIGN_PSS] = {"sign PSS", sign_pss, NULL, {2, 2}, 0, true, true},
    [SCENARIO_SIGN_IN_PARTS] = {"read, sign in parts", sign_in_parts, NULL, {2, 3}, 0, true, true},
    [SCENARIO_CHANGE] = {"change the PIN", change_pin, NULL, {2, 2}, 1, true, false},
    [SCENARIO_LOGIN_OPEN] = {"login, no isolation", login, "isolation=no", {1, 1}, 0, false, false},
    [SCENARIO_SIGN_OPEN] = {"sign, no isolation", sign, "isolation=no", {1, 1}, 0, false, false},
    /* The card is asked whether it still holds a login: a VERIFY of the new PIN answers that. */
    [SCENARIO_CHANGE_OPEN] =
        {"change the PIN, no isolation", change_logged_in, "isolation=no", {4, 4}, 1, false, false},
};

/* ---- what must hold ---- */

bool scenario_is_honest(CK_RV rv)
{
    switch (rv) {
    case CKR_OK: /* it was not needed, or was done again */
    case CKR_HOST_MEMORY:
    case CKR_FUNCTION_CANCELED:
    case CKR_FUNCTION_FAILED:
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_USER_NOT_LOGGED_IN:
        return true;
    default:
        return false;
    }
}

void trial_begin(void **state, const struct trial *trial)
{
    world_end(state);
    world_begin(state);
    twin_calls_clear();
    current = trial;
}

CK_RV trial_run(const struct trial *trial)
{
    return trial->scenario->run(trial->role);
}

/* One try may be gone where the new PIN was tried to find out whether it holds. */
static void judge_tries(const struct trial *trial)
{
    for (int role = AUTH; role <= SIGN; role++) {
        unsigned full = state_tries_max(role == AUTH ? PIN_AUTH : PIN_SIGN);
        unsigned left = world_tries((enum role)role);
        if (left + (role == (int)trial->role ? trial->scenario->more : 0) < full)
            trial_complain(trial, "tries were spent; left", left);
    }
}

void trial_judge(const struct trial *trial, CK_RV rv, bool struck)
{
    const struct scenario *s = trial->scenario;
    unsigned most = s->verifies[trial->role] + (struck ? s->more : 0);
    if (!scenario_is_honest(rv))
        trial_complain(trial, "an odd code", rv);
    if (!struck && rv != CKR_OK)
        trial_complain(trial, "no fault, but an error", rv);
    if (!struck && twin_verifies() != most)
        trial_complain(trial, "not the VERIFYs that it takes", twin_verifies());
    if (twin_verifies() > most)
        trial_complain(trial, "too many VERIFY", twin_verifies());
    if (twin_commands_of(CHANGE) > 1)
        trial_complain(trial, "the PIN was changed twice", twin_commands_of(CHANGE));
    if (twin_open_transactions() != 0)
        trial_complain(trial, "a transaction was left open", rv);
    judge_tries(trial);
    if (!trial->gone && !trial->lies && s->isolated && !other_finds_closed())
        trial_complain(trial, "the card was left open", rv);
}

void trial_again(const struct trial *trial)
{
    world_clock_add(5000); /* a card that could not be asked is asked again after a while */
    C_CloseAllSessions(0);
    C_CloseAllSessions(1);
    CK_RV rv = trial_run(trial);
    if (rv != CKR_OK)
        trial_complain(trial, "afterwards", rv);
}

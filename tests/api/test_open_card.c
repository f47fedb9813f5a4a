/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Another program has left its login open on a card that then does not count: it answers the
 * question for the tries by 9000. The module makes it forget that login, by selecting another
 * application, before it presents a PIN. Where that goes wrong, no PIN goes to whatever is selected
 * then, and nobody is told that the PIN is locked.
 */
#include "user.h"

#include <string.h>

#define SELECT 0xA4
#define VERIFY 0x20

/* What happens to the SELECT of the issuer domain (its AID begins with A0). */
static enum { ANSWER_LOST, PULLED, REFUSED, JPKI_GONE } fault;
static unsigned selects; /* of the JPKI application, after the fault */
static bool struck;

static bool is_issuer(const uint8_t *command, size_t len)
{
    return command[1] == SELECT && len > 6 && command[5] == 0xA0;
}

static bool answer(uint8_t sw1, uint8_t sw2, uint8_t *response, size_t *received)
{
    response[0] = sw1;
    response[1] = sw2;
    *received = 2;
    return true;
}

static bool left_open(void *context, const uint8_t *command, size_t len, uint8_t *response,
                      size_t *received)
{
    (void)context;
    bool is_jpki = command[1] == SELECT && len > 6 && command[5] == 0xD3;
    selects += struck && is_jpki;
    if (struck && is_jpki && fault == JPKI_GONE)
        return answer(0x6A, 0x82, response, received);
    if (command[1] == VERIFY && len <= 5) {
        if (fault == ANSWER_LOST)
            twin_fail_call((long)twin_calls(), ERR_TRANSPORT, true); /* the next one */
        return answer(0x90, 0x00, response, received);
    }
    if (!is_issuer(command, len))
        return false;
    struck = true;
    if (fault == PULLED)
        twin_remove(READER_1);
    return fault == REFUSED && answer(0x6A, 0x82, response, received);
}

static CK_RV log_in(const char *settings)
{
    world_initialize(settings);
    CK_SESSION_HANDLE session = user_open(AUTH);
    twin_counters_clear();
    selects = 0;
    struck = false;
    twin_set_hook(left_open, NULL);
    CK_RV rv = user_try_login(session, CKU_USER, AUTH_PIN);
    twin_set_hook(NULL, NULL);
    twin_fail_call(-1, ERR_OK, false);
    assert_true(struck);
    return rv;
}

static void test_lost(void **state)
{
    static const char *const settings[] = {"pin.reserve=1", "pin.reserve=0"};
    for (size_t i = 0; i < 2; i++) {
        world_end(state);
        world_begin(state);
        fault = ANSWER_LOST;
        assert_rv(log_in(settings[i]), CKR_DEVICE_ERROR);
        assert_int_equal(twin_verifies(), 0);
    }
}

static void test_pulled(void **state)
{
    (void)state;
    fault = PULLED;
    assert_rv(log_in("pin.reserve=1"), CKR_DEVICE_REMOVED);
    assert_int_equal(twin_verifies(), 0);
}

/* The card's own refusal: JPKI is selected again, and gets the PIN if it may be tried unseen. */
static void test_refused(void **state)
{
    (void)state;
    fault = REFUSED;
    assert_rv(log_in("pin.reserve=0"), CKR_OK);
    assert_int_equal(twin_verifies(), 1);
    assert_true(selects > 0);
}

/* It is the application that is not found then, not the PIN. */
static void test_jpki_gone(void **state)
{
    (void)state;
    fault = JPKI_GONE;
    assert_rv(log_in("pin.reserve=1"), CKR_DEVICE_ERROR);
    assert_int_equal(twin_verifies(), 0);
}

/* A card that never tells its tries. */
static bool silent(void *context, const uint8_t *command, size_t len, uint8_t *response,
                   size_t *received)
{
    (void)context;
    return command[1] == VERIFY && len <= 5 && answer(0x63, 0x00, response, received);
}

static bool lose_verify(void *context, const uint8_t *command, size_t len, uint8_t *response,
                        size_t *received)
{
    if (command[1] == VERIFY && len > 5)
        return answer(0x6F, 0x00, response, received);
    return silent(context, command, len, response, received);
}

/* Nothing can tell afterwards whether it has refused the PIN whose answer was lost. What is held
 * must not go there again by itself. */
static void lose_with_silent(void **state, bool later)
{
    uint8_t signature[SIGNATURE];
    world_end(state);
    world_begin(state);
    twin_set_hook(silent, NULL);
    world_initialize("pin.reserve=0");
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_OBJECT_HANDLE key = user_key(session);
    twin_counters_clear();
    twin_set_hook(lose_verify, NULL);
    if (later) /* than the login's success is taken for a full counter */
        world_clock_add(20000);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_DEVICE_ERROR);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_verifies(), 1);
    assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
    twin_set_hook(silent, NULL);
    user_login(session, AUTH);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_OK);
    twin_set_hook(NULL, NULL);
}

static void test_silent(void **state)
{
    lose_with_silent(state, false);
    lose_with_silent(state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_lost),      world_test(test_pulled), world_test(test_refused),
        world_test(test_jpki_gone), world_test(test_silent),
    };
    return cmocka_run_group_tests_name("open_card", tests, world_setup, world_teardown);
}

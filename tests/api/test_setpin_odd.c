/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C_SetPIN with a card that contradicts itself: no try more than must be is spent to find out, and
 * nobody is told that a PIN holds which does not.
 */
#include "user.h"

#include <string.h>

#define VERIFY 0x20
#define CHANGE 0x24

static bool answer(const uint8_t word[2], uint8_t *response, size_t *received)
{
    memcpy(response, word, 2);
    *received = 2;
    return true;
}

static bool change_nothing(void *context, const uint8_t *command, size_t len, uint8_t *response,
                           size_t *received)
{
    (void)context;
    (void)len;
    return command[1] == CHANGE && answer((const uint8_t[]){0x90, 0x00}, response, received);
}

/* The card says that it changed the PIN, and then refuses the new one, which is presented to a card
 * that keeps the login. */
static void test_change_that_is_none(void **state)
{
    (void)state;
    world_initialize("isolation=no");
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    twin_counters_clear();
    twin_set_hook(change_nothing, NULL);
    assert_rv(user_set_pin(session, AUTH_PIN, "8306"), CKR_DEVICE_ERROR);
    twin_set_hook(NULL, NULL);
    assert_int_equal(twin_verifies(), 2); /* the old one, to change it, and the new one */
    assert_int_equal(world_tries(AUTH), 2);
    assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
    assert_rv(user_try_login(session, CKU_USER, "8306"), CKR_PIN_INVALID);
    assert_int_equal(twin_verifies(), 2);
    assert_rv(user_try_login(session, CKU_USER, AUTH_PIN), CKR_OK);
    assert_int_equal(world_tries(AUTH), 3);
}

static unsigned changes;

/* The change has no sense, and afterwards the PIN that was right before is wrong: somebody else has
 * changed it. */
static bool lose_and_refuse(void *context, const uint8_t *command, size_t len, uint8_t *response,
                            size_t *received)
{
    (void)context;
    if (command[1] == CHANGE) {
        changes++;
        return answer((const uint8_t[]){0x6F, 0x00}, response, received);
    }
    return changes > 0 && command[1] == VERIFY && len > 5 &&
           answer((const uint8_t[]){0x63, 0xC2}, response, received);
}

/* Old and new are the same PIN: it is not presented as the one, and then as the other. */
static void test_same_and_lost(void **state)
{
    (void)state;
    world_initialize(NULL);
    CK_SESSION_HANDLE session = user_open(AUTH);
    twin_counters_clear();
    changes = 0;
    twin_set_hook(lose_and_refuse, NULL);
    assert_rv(user_set_pin(session, AUTH_PIN, AUTH_PIN), CKR_DEVICE_ERROR);
    twin_set_hook(NULL, NULL);
    assert_int_equal(changes, 1);
    assert_int_equal(twin_verifies(), 2); /* before the change, and once afterwards */
    assert_rv(user_try_login(session, CKU_USER, AUTH_PIN), CKR_PIN_INVALID);
    assert_int_equal(twin_verifies(), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_change_that_is_none),
        world_test(test_same_and_lost),
    };
    return cmocka_run_group_tests_name("setpin_odd", tests, world_setup, world_teardown);
}

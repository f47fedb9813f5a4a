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
static enum { ANSWER_LOST, PULLED, REFUSED } fault;
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
    selects += struck && command[1] == SELECT && len > 6 && command[5] == 0xD3;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_lost),
        world_test(test_pulled),
        world_test(test_refused),
    };
    return cmocka_run_group_tests_name("open_card", tests, world_setup, world_teardown);
}

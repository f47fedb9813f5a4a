/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C_WaitForSlotEvent (PKCS#11 3.2, section 5.5). No time is measured: a wait that does not end is
 * ended by an alarm.
 */
#include "user.h"
#include "waiter.h"

#include <time.h>
#include <unistd.h>

#define WATCHDOG_SECONDS 60
#define ROUNDS 30

/* Gives the thread the time to get inside; the tests are right if it does not make use of it. */
static void give_time(long microseconds)
{
    struct timespec t = {.tv_nsec = microseconds * 1000};
    nanosleep(&t, NULL);
}

static void start(struct waiter *waiter)
{
    waiter_start(waiter);
    give_time(20000);
}

static CK_RV poll_event(CK_SLOT_ID *slot)
{
    return C_WaitForSlotEvent(CKF_DONT_BLOCK, slot, NULL);
}

/* Takes all events; whether SLOT was among them. */
static bool drain(CK_SLOT_ID slot)
{
    bool seen = false;
    CK_SLOT_ID id;
    CK_RV rv;
    for (int i = 0; (rv = poll_event(&id)) == CKR_OK; i++) {
        seen |= id == slot;
        assert_true(i < 100); /* one for each slot, not for ever */
    }
    assert_rv(rv, CKR_NO_EVENT);
    return seen;
}

static void test_quiet(void **state)
{
    (void)state;
    CK_SLOT_ID slot = 77;
    assert_rv(poll_event(&slot), CKR_NO_EVENT);
    user_first(AUTH);
    for (int i = 0; i < 5; i++)
        assert_rv(poll_event(&slot), CKR_NO_EVENT);
    twin_service(false);
    drain(0);
    assert_rv(poll_event(&slot), CKR_NO_EVENT);
    assert_rv(C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
    assert_rv(C_WaitForSlotEvent(0, NULL, NULL), CKR_ARGUMENTS_BAD);
    assert_rv(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, &slot), CKR_ARGUMENTS_BAD);
}

static void test_removal_and_insertion(void **state)
{
    (void)state;
    CK_SLOT_ID auth = user_first(AUTH), sign = user_first(SIGN);
    twin_counters_clear();
    twin_remove(READER_1);
    CK_SLOT_ID first = 77, second = 77;
    assert_rv(poll_event(&first), CKR_OK);
    assert_rv(poll_event(&second), CKR_OK);
    assert_true((first == auth && second == sign) || (first == sign && second == auth));
    assert_rv(poll_event(&first), CKR_NO_EVENT);
    assert_int_equal(twin_commands(), 0); /* seen without asking a card */
    world_put(READER_1, CARD_1);
    assert_true(drain(auth));
    twin_remove(READER_1);
    world_put(READER_1, CARD_1); /* both at once: something has happened */
    assert_true(drain(sign));
}

static void test_reader_comes(void **state)
{
    (void)state;
    user_first(AUTH);
    drain(0);
    twin_reader("Twin Reader 02", true);
    drain(0); /* an empty reader may be an event or none */
    twin_insert_vcard("Twin Reader 02", world_card(CARD_1));
    CK_SLOT_ID slot;
    assert_rv(poll_event(&slot), CKR_OK);
    drain(0);
    assert_int_not_equal(user_slot("Twin Reader 02", AUTH), user_first(AUTH));
}

/* Only the slots that the settings show. */
static void test_narrowed(void **state)
{
    (void)state;
    world_initialize("slots=sign");
    CK_SLOT_ID sign = user_first(SIGN), slot = 77;
    twin_remove(READER_1);
    assert_rv(poll_event(&slot), CKR_OK);
    assert_int_equal(slot, sign);
    assert_rv(poll_event(&slot), CKR_NO_EVENT);
}

static void test_blocking(void **state)
{
    (void)state;
    struct waiter waiter;
    CK_SLOT_ID auth = user_first(AUTH), sign = user_first(SIGN);
    start(&waiter);
    twin_remove(READER_1);
    assert_rv(waiter_end(&waiter), CKR_OK);
    assert_true(waiter.slot == auth || waiter.slot == sign);
    drain(0);
    start(&waiter);
    world_put(READER_1, CARD_1);
    assert_rv(waiter_end(&waiter), CKR_OK);
    assert_true(waiter.slot == auth || waiter.slot == sign);
}

/* A wait holds nobody up. */
static void test_others_go_on(void **state)
{
    (void)state;
    struct waiter waiter;
    static const uint8_t data[] = {1, 2, 3};
    uint8_t signature[SIGNATURE];
    user_first(AUTH);
    start(&waiter);
    CK_SESSION_HANDLE session = user_logged_in(SIGN);
    assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), data, 3, signature), CKR_OK);
    assert_true(user_verify(CARD_1, SIGN, CKM_RSA_PKCS, data, 3, signature));
    twin_insert_vcard(READER_2, world_card(CARD_1));
    assert_rv(waiter_end(&waiter), CKR_OK);
}

static void test_blocking_without_service(void **state)
{
    (void)state;
    struct waiter waiter;
    CK_SLOT_ID auth = user_first(AUTH);
    twin_service(false);
    drain(0);
    start(&waiter);
    twin_service(true);
    twin_reader(READER_1, true);
    world_put(READER_1, CARD_1);
    assert_rv(waiter_end(&waiter), CKR_OK);
    user_first(AUTH);
    assert_int_equal(user_first(AUTH), auth);
}

/* At once, wherever the waiter is; with and without a service, before and in the wait. */
static void test_finalize_ends_waits(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct waiter waiters[3];
        if (round % 3 == 1 && round < ROUNDS / 2)
            user_first(AUTH);
        if (round == ROUNDS / 2)
            twin_service(false);
        for (int i = 0; i < 3; i++)
            waiter_start(&waiters[i]);
        give_time((round * 37) % 11 * 1000);
        assert_rv(C_Finalize(NULL), CKR_OK);
        for (int i = 0; i < 3; i++)
            assert_rv(waiter_end(&waiters[i]), CKR_CRYPTOKI_NOT_INITIALIZED);
        world_initialize(NULL);
    }
}

/* Initialised anew, waiting works again. */
static void test_after_finalize(void **state)
{
    test_finalize_ends_waits(state);
    twin_service(true);
    twin_reader(READER_1, true);
    world_put(READER_1, CARD_1);
    assert_rv(C_Finalize(NULL), CKR_OK);
    world_initialize(NULL);
    test_blocking(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test_initialized(test_quiet),
        world_test_initialized(test_removal_and_insertion),
        world_test_initialized(test_reader_comes),
        world_test(test_narrowed),
        world_test_initialized(test_blocking),
        world_test_initialized(test_others_go_on),
        world_test_initialized(test_blocking_without_service),
        world_test_initialized(test_finalize_ends_waits),
        world_test_initialized(test_after_finalize),
    };
    alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("event", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A slow reader is nobody else's: one thread stands still in each of its calls of PC/SC in turn,
 * for as long as it takes others to do what programs do with another reader. No time is measured:
 * what would wait for the slow one waits for ever, and is ended by an alarm. To be run under
 * ThreadSanitizer too.
 */
#include "pcsc/script.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "api/user.h"
#include "pcsc/fixture.h"

#define WATCHDOG_SECONDS 120
#define OTHER 2 /* first slot of the second reader */

static _Thread_local bool is_slow;
static sem_t stands, go_on; /* the slow thread; stands is also posted at its end */
static atomic_ulong seen;   /* calls of the slow thread for its reader */
static unsigned long stop_at;

static int begin(void **state)
{
    script_clear();
    sem_init(&stands, 0, 0);
    sem_init(&go_on, 0, 0);
    return world_begin(state);
}

/* The view of all readers is common to all threads, and asked without a reader at work: its calls
 * are not meant. */
static void stop(unsigned long k, const char *name)
{
    (void)k;
    if (!is_slow || strcmp(name, "SCardListReaders") == 0 ||
        strcmp(name, "SCardGetStatusChange") == 0 || atomic_fetch_add(&seen, 1) != stop_at)
        return;
    sem_post(&stands);
    sem_wait(&go_on);
}

static void list(CK_BBOOL present, CK_ULONG expected)
{
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    assert_rv(C_GetSlotList(present, slots, &count), CKR_OK);
    assert_int_equal(count, expected);
}

static void sign_with_other(CK_SESSION_HANDLE session)
{
    uint8_t signature[SIGNATURE];
    assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), "abc", 3, signature), CKR_OK);
    assert_true(user_verify(CARD_2, AUTH, CKM_RSA_PKCS, "abc", 3, signature));
}

/* All that does not ask the slow reader's card itself. */
static void do_the_usual(void)
{
    CK_SLOT_INFO info;
    CK_SLOT_ID slot;
    list(CK_FALSE, 4);
    list(CK_TRUE, 4);
    for (slot = 0; slot < 4; slot++) {
        assert_rv(C_GetSlotInfo(slot, &info), CKR_OK);
        assert_true((info.flags & CKF_TOKEN_PRESENT) != 0);
    }
    assert_rv(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
    CK_SESSION_HANDLE session = user_open_slot(OTHER + AUTH);
    user_login(session, AUTH);
    sign_with_other(session);
    assert_rv(C_CloseSession(session), CKR_OK);
}

/* ---- a reader whose card is known ---- */

static CK_RV sign_slowly(void)
{
    CK_SESSION_HANDLE session;
    CK_BYTE data[] = {1, 2, 3}, signature[SIGNATURE];
    CK_ULONG len = sizeof(signature);
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    CK_UTF8CHAR pin[] = AUTH_PIN;
    CK_RV rv = C_OpenSession(AUTH, CKF_SERIAL_SESSION, NULL, NULL, &session);
    if (rv == CKR_OK)
        rv = C_Login(session, CKU_USER, pin, sizeof(pin) - 1);
    if (rv == CKR_OK)
        rv = user_try_object(session, CKO_PRIVATE_KEY, 0, &key);
    if (rv == CKR_OK)
        rv = C_SignInit(session, &mechanism, key);
    if (rv == CKR_OK)
        rv = C_Sign(session, data, sizeof(data), signature, &len);
    return rv == CKR_OK ? C_CloseSession(session) : rv;
}

static void *be_slow(void *argument)
{
    CK_RV *rv = argument;
    is_slow = true;
    *rv = sign_slowly();
    sem_post(&stands);
    return NULL;
}

/* False when the slow thread has no call number K any more. */
static bool stand_still(unsigned long k)
{
    pthread_t thread;
    CK_RV rv = CKR_GENERAL_ERROR;
    stop_at = k;
    atomic_store(&seen, 0);
    assert_int_equal(pthread_create(&thread, NULL, be_slow, &rv), 0);
    sem_wait(&stands);
    do_the_usual();
    bool stood = atomic_load(&seen) == k + 1;
    sem_post(&go_on);
    pthread_join(thread, NULL);
    while (sem_trywait(&stands) == 0)
        ;
    while (sem_trywait(&go_on) == 0)
        ;
    assert_rv(rv, CKR_OK);
    return stood && atomic_load(&seen) > k;
}

static void test_slow_at_each_call(void **state)
{
    static const char *const settings[] = {"isolation=yes", "isolation=no"};
    for (size_t i = 0; i < 2; i++) {
        CK_SLOT_ID slot;
        unsigned long k = 0;
        fixture_end(state);
        begin(state);
        twin_insert_vcard(READER_2, world_card(CARD_2));
        world_initialize(settings[i]);
        list(CK_TRUE, 4);
        while (C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL) == CKR_OK)
            ;
        script.before = stop;
        while (stand_still(k))
            k++;
        assert_in_range(k, 10, 100);
    }
}

/* ---- a card that is being asked what it is ---- */

static void *ask_slowly(void *argument)
{
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    CK_RV *rv = argument;
    is_slow = true;
    *rv = C_GetSlotList(CK_TRUE, slots, &count);
    if (*rv == CKR_OK && count != 4)
        *rv = CKR_TOKEN_NOT_PRESENT;
    sem_post(&stands);
    return NULL;
}

/* Its first connection may take as long as another program likes. Whoever has a session with the
 * other reader goes on; C_GetSlotList does not, as it has to know what the card is. */
static void test_slow_at_first(void **state)
{
    bool stood = true;
    for (stop_at = 0; stood; stop_at++) {
        pthread_t thread;
        CK_RV rv = CKR_GENERAL_ERROR;
        fixture_end(state);
        begin(state);
        twin_remove(READER_1);
        twin_insert_vcard(READER_2, world_card(CARD_2));
        world_initialize(NULL);
        list(CK_TRUE, 2);
        CK_SESSION_HANDLE session = user_open_slot(OTHER + AUTH);
        user_login(session, AUTH);
        twin_insert_vcard(READER_1, world_card(CARD_1));
        atomic_store(&seen, 0);
        script.before = stop;
        assert_int_equal(pthread_create(&thread, NULL, ask_slowly, &rv), 0);
        sem_wait(&stands);
        sign_with_other(session);
        assert_int_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
        stood = atomic_load(&seen) == stop_at + 1;
        sem_post(&go_on);
        pthread_join(thread, NULL);
        assert_rv(rv, CKR_OK);
    }
    assert_in_range(stop_at, 5, 100);
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_slow_at_each_call),
        row(test_slow_at_first),
    };
    alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("stalled", tests, world_setup, world_teardown);
}

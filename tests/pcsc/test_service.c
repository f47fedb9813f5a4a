/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The service comes late, goes, and comes back at any moment, with its readers in another order;
 * a process forks while it is being spoken to; and other programs want their turn.
 */
#include "pcsc/script.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api/user.h"
#include "api/waiter.h"
#include "pcsc/fixture.h"

#define WATCHDOG_SECONDS 120

static CK_ULONG slots(CK_BBOOL present)
{
    CK_SLOT_ID list[8];
    CK_ULONG count = 8;
    assert_rv(C_GetSlotList(present, list, &count), CKR_OK);
    return count;
}

static CK_RV sign_in(CK_SLOT_ID slot, int card, enum role role)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key = 0;
    uint8_t signature[SIGNATURE];
    CK_RV rv = C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
    if (rv == CKR_OK)
        rv = user_try_login(session, CKU_USER, user_pin[role]);
    if (rv == CKR_OK)
        rv = user_try_object(session, CKO_PRIVATE_KEY, 0, &key);
    if (rv == CKR_OK)
        rv = user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature);
    if (rv == CKR_OK)
        assert_true(user_verify(card, role, CKM_RSA_PKCS, "abc", 3, signature));
    return rv;
}

/* ---- the service ---- */

static void test_comes_late(void **state)
{
    (void)state;
    twin_service(false);
    world_initialize(NULL);
    assert_int_equal(slots(CK_FALSE), 0);
    assert_int_equal(slots(CK_TRUE), 0);
    assert_int_equal(script_contexts(), 0);
    twin_service(true);
    assert_int_equal(slots(CK_FALSE), 4);
    assert_int_equal(slots(CK_TRUE), 2);
    assert_rv(sign_in(user_first(AUTH), CARD_1, AUTH), CKR_OK);
}

/* While nothing is in the reader, so that nothing is left but the context. */
static void test_restarted_without_card(void **state)
{
    (void)state;
    world_initialize(NULL);
    user_logged_in(AUTH);
    twin_remove(READER_1);
    assert_int_equal(slots(CK_TRUE), 0);
    twin_service(false);
    twin_service(true);
    twin_insert_vcard(READER_1, world_card(CARD_1));
    assert_int_equal(slots(CK_TRUE), 2);
    assert_rv(sign_in(AUTH, CARD_1, AUTH), CKR_OK);
}

static const char *denied; /* a call that is answered so: */
static LONG denial;

static void deny(unsigned long k, const char *name)
{
    if (strcmp(name, denied) == 0)
        script_fail((long)k, denial, false);
}

/* What says nothing of the card, a polkit that denies it to who is away, or memory that is wanted,
 * is no reason to give the card up: it need not be put in anew. */
static void test_denied_for_long(void **state)
{
    static const char *const calls[] = {"SCardEstablishContext", "SCardConnect"};
    static const LONG denials[] = {SCARD_W_SECURITY_VIOLATION, SCARD_E_NO_MEMORY};
    for (size_t i = 0; i < 4; i++) {
        fixture_end(state);
        world_begin(state);
        twin_remove(READER_1);
        world_initialize(NULL);
        assert_int_equal(slots(CK_FALSE), 4); /* the service is connected to, and no card */
        twin_insert_vcard(READER_1, world_card(CARD_1));
        denied = calls[i % 2];
        denial = denials[i / 2];
        script.before = deny;
        for (int look = 0; look < 5; look++) {
            world_clock_add(1500);
            assert_int_equal(slots(CK_TRUE), 0);
        }
        script.before = NULL;
        script_fail(-1, SCARD_S_SUCCESS, false);
        world_clock_add(1500);
        assert_int_equal(slots(CK_TRUE), 2);
    }
}

static const char other_order[] = READER_2 "\0" READER_1 "\0";
static unsigned long restart_at;
static bool restarted, in_other_order;

static void restart(unsigned long k, const char *name)
{
    (void)name;
    if (k != restart_at)
        return;
    restarted = true;
    twin_service(false);
    twin_service(true);
    if (in_other_order) {
        script.names_len = sizeof(other_order);
        script.names_first = script.names_second = sizeof(other_order);
        script.names = other_order;
    }
}

static bool is_honest(CK_RV rv)
{
    return rv == CKR_OK || rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT ||
           rv == CKR_TOKEN_NOT_RECOGNIZED || rv == CKR_SESSION_HANDLE_INVALID;
}

/* Started anew before call K, all contexts and handles dead. False when there is no such call. */
static bool strike(void **state, enum role role, unsigned long k, LONG dead)
{
    fixture_end(state);
    world_begin(state);
    world_initialize(NULL);
    assert_int_equal(slots(CK_TRUE), 2);
    script.dead = dead;
    script.before = restart;
    restarted = false;
    restart_at = k;
    in_other_order = k % 2 == 0;
    twin_calls_clear();
    CK_RV rv = sign_in(role, CARD_1, role);
    if (!is_honest(rv))
        fail_msg("restarted before call %lu (%s): 0x%lX", k, script_call_name(k), rv);
    script.before = NULL;
    assert_in_range(twin_verifies(), 0, 2);
    assert_int_equal(twin_open_transactions(), 0);
    world_clock_add(5000);
    C_CloseAllSessions(role);
    assert_int_equal(slots(CK_FALSE), 4);
    assert_int_equal(user_first(role), (CK_SLOT_ID)role); /* whatever the order is now */
    assert_rv(sign_in(role, CARD_1, role), CKR_OK);
    return restarted;
}

static void test_restarted(void **state)
{
    static const LONG dead[] = {SCARD_E_NO_SERVICE, SCARD_F_COMM_ERROR, SCARD_E_INVALID_HANDLE,
                                SCARD_E_SERVICE_STOPPED};
    world_initialize(NULL);
    for (int role = AUTH; role <= SIGN; role++)
        for (size_t i = 0; i < 4; i++) {
            unsigned long k = 0;
            while (strike(state, (enum role)role, k, dead[i]))
                k++;
            assert_in_range(k, 10, 200);
        }
}

/* A service that is gone at C_Finalize, or was started anew before, leaves nothing behind. */
static void test_gone_at_the_end(void **state)
{
    for (int i = 0; i < 4; i++) {
        fixture_end(state);
        world_begin(state);
        world_initialize(i < 2 ? NULL : "isolation=no");
        user_logged_in(AUTH);
        user_logged_in(SIGN);
        twin_service(false);
        if (i % 2 == 0)
            twin_service(true);
        assert_rv(C_Finalize(NULL), CKR_OK);
        assert_int_equal(script_contexts() + script_handles(), 0);
    }
}

/* ---- fork ---- */

static sem_t inside, go_on;

static bool hold(void *context, const uint8_t *command, size_t len, uint8_t *response,
                 size_t *received)
{
    (void)context;
    (void)response;
    (void)received;
    if (len > 1 && command[1] == 0x2A) {
        sem_post(&inside);
        sem_wait(&go_on);
    }
    return false;
}

static void *sign_slowly(void *argument)
{
    CK_RV *rv = argument;
    *rv = sign_in(AUTH, CARD_1, AUTH);
    return NULL;
}

/* In the child: 0, or the line that went wrong. The parent's contexts are not touched, or the
 * scripted service ends it. */
static int be_child(void)
{
    CK_SLOT_ID list[8];
    CK_ULONG count = 8;
    twin_set_hook(NULL, NULL);
    if (C_GetSlotList(CK_FALSE, list, &count) != CKR_CRYPTOKI_NOT_INITIALIZED)
        return __LINE__;
    if (script_contexts() != 0 || C_Initialize(NULL) != CKR_OK)
        return __LINE__;
    if (C_GetSlotList(CK_FALSE, list, &count) != CKR_OK || count != 4)
        return __LINE__;
    if (script_contexts() == 0 || sign_in(2 + SIGN, CARD_2, SIGN) != CKR_OK)
        return __LINE__;
    if (C_Finalize(NULL) != CKR_OK || script_contexts() + script_handles() != 0)
        return __LINE__;
    return 0;
}

static void expect_child(void)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(WATCHDOG_SECONDS / 2);
        int line = be_child();
        if (line != 0)
            fprintf(stderr, "the child failed in line %d\n", line);
        _exit(line != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* While one thread is in SCardTransmit and another in SCardGetStatusChange. */
static void test_fork(void **state)
{
    pthread_t signer;
    struct waiter waiter;
    CK_RV signed_rv = CKR_GENERAL_ERROR;
    CK_SLOT_ID none;
    (void)state;
    twin_insert_vcard(READER_2, world_card(CARD_2));
    world_initialize(NULL);
    assert_int_equal(slots(CK_TRUE), 4);
    while (C_WaitForSlotEvent(CKF_DONT_BLOCK, &none, NULL) == CKR_OK)
        ;
    sem_init(&inside, 0, 0);
    sem_init(&go_on, 0, 0);
    twin_set_hook(hold, NULL);
    assert_int_equal(pthread_create(&signer, NULL, sign_slowly, &signed_rv), 0);
    sem_wait(&inside);
    waiter_start(&waiter);
    while (script_waiting() == 0)
        usleep(1000);
    expect_child();
    for (int i = 0; i < 4; i++) /* the proof that the card forgets PINs is a command of its own */
        sem_post(&go_on);
    pthread_join(signer, NULL);
    assert_rv(signed_rv, CKR_OK);
    twin_set_hook(NULL, NULL);
    assert_rv(sign_in(2 + SIGN, CARD_2, SIGN), CKR_OK);
    twin_remove(READER_2);
    assert_rv(waiter_end(&waiter), CKR_OK);
}

/* ---- others ---- */

#define BUSY_MS 10000      /* at most; a rest comes after each second */
#define OTHERS_LOOK_MS 100 /* how often pcsc-lite does, for a program that waits for a card */

static struct {
    long ended, rested; /* the last transaction, the last rest, in ms */
    unsigned rests;
} turns;

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void note_turn(unsigned long k, const char *name)
{
    long now = now_ms();
    (void)k;
    if (strcmp(name, "SCardEndTransaction") == 0)
        turns.ended = now;
    /* Two long gaps within a second are a busy machine's. */
    if (strcmp(name, "SCardBeginTransaction") == 0 && now - turns.ended > OTHERS_LOOK_MS &&
        now - turns.rested >= 1000) {
        turns.rests++;
        turns.rested = now;
    }
}

/* A program that signs without a pause leaves the card to others now and then. */
static void test_rests(void **state)
{
    uint8_t signature[SIGNATURE];
    (void)state;
    world_initialize(NULL);
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_OBJECT_HANDLE key = user_key(session);
    long start = turns.ended = turns.rested = now_ms();
    script.before = note_turn;
    while (turns.rests < 2 && now_ms() - start < BUSY_MS)
        assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_OK);
    script.before = NULL;
    assert_int_equal(turns.rests, 2);
}

#define row(function) cmocka_unit_test_setup_teardown(function, world_begin, fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_comes_late),      row(test_restarted),       row(test_restarted_without_card),
        row(test_denied_for_long), row(test_gone_at_the_end), row(test_fork),
        row(test_rests),
    };
    alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("service", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The application's mutexes (PKCS#11 3.2, section 5.4, C_Initialize) when one of its functions
 * fails: call number k, for every k, from C_Initialize to C_Finalize. Nothing is unlocked that is
 * not locked, nothing locked twice, and each mutex is destroyed once; the card sees as many PINs as
 * without the fault, and a signature that comes is right. test_init.c has CreateMutex.
 */
#include "user.h"

#include <stdlib.h>
#include <string.h>

#define MUTEXES 64
#define VERIFIES 4 /* one for a login and one for a signature, with each key */

enum function { LOCK, UNLOCK, UNLOCK_TOO_LATE, DESTROY, FUNCTIONS };

static const char *const names[FUNCTIONS] = {"LockMutex", "UnlockMutex",
                                             "UnlockMutex, which did unlock", "DestroyMutex"};
static const CK_RV failures[] = {CKR_HOST_MEMORY, CKR_GENERAL_ERROR, CKR_MUTEX_BAD,
                                 CKR_MUTEX_NOT_LOCKED};

struct mutex {
    bool exists, locked, stuck; /* stuck: UnlockMutex has failed, it stays locked for ever */
};

static struct {
    struct mutex all[MUTEXES];
    unsigned created, destroyed, locks, unlocks;
    unsigned twice, not_locked, not_there; /* what must never happen */
    enum function failing;
    unsigned calls, at; /* of the function that fails */
    CK_RV failure;
} app;

static bool fails(enum function function)
{
    return function == app.failing && app.calls++ == app.at;
}

/* A mutex that exists, or NULL. */
static struct mutex *existing(void *mutex)
{
    struct mutex *m = mutex;
    if (m != NULL && m->exists)
        return m;
    app.not_there++;
    return NULL;
}

static CK_RV create(void **mutex)
{
    assert_in_range(app.created, 0, MUTEXES - 1);
    struct mutex *m = &app.all[app.created++];
    *m = (struct mutex){.exists = true};
    *mutex = m;
    return CKR_OK;
}

/* One that could not be destroyed is not tried again. */
static CK_RV destroy(void *mutex)
{
    struct mutex *m = existing(mutex);
    if (m == NULL)
        return CKR_MUTEX_BAD;
    app.destroyed++;
    app.not_locked += m->locked && !m->stuck;
    m->exists = false;
    return fails(DESTROY) ? app.failure : CKR_OK;
}

/* In one thread a second lock would wait for ever; of a stuck mutex it must be an error. */
static CK_RV lock(void *mutex)
{
    struct mutex *m = existing(mutex);
    if (m == NULL || m->stuck)
        return CKR_MUTEX_BAD;
    if (fails(LOCK))
        return app.failure;
    app.twice += m->locked;
    m->locked = true;
    app.locks++;
    return CKR_OK;
}

static CK_RV unlock(void *mutex)
{
    struct mutex *m = existing(mutex);
    if (m == NULL)
        return CKR_MUTEX_BAD;
    app.not_locked += !m->locked || m->stuck;
    app.unlocks++;
    if (fails(UNLOCK)) {
        m->stuck = true;
        return app.failure;
    }
    m->locked = false;
    return fails(UNLOCK_TOO_LATE) ? app.failure : CKR_OK;
}

/* ---- a program ---- */

static CK_RV use_key(enum role role)
{
    static const uint8_t data[] = {1, 2, 3};
    uint8_t signature[SIGNATURE];
    CK_SESSION_HANDLE session = user_logged_in(role);
    CK_RV rv = user_sign(session, CKM_RSA_PKCS, user_key(session), data, sizeof(data), signature);
    if (rv == CKR_OK)
        assert_true(user_verify(CARD_1, role, CKM_RSA_PKCS, data, sizeof(data), signature));
    assert_rv(C_Logout(session), CKR_OK);
    assert_rv(C_CloseSession(session), CKR_OK);
    return rv;
}

/* One thread needs no mutex, so that one which fails is no reason to refuse it anything. */
static void run_program(void)
{
    CK_C_INITIALIZE_ARGS args = {create, destroy, lock, unlock, 0, NULL};
    CK_SLOT_ID event;
    assert_rv(C_Initialize(&args), CKR_OK);
    for (int role = AUTH; role <= SIGN; role++)
        assert_rv(use_key((enum role)role), CKR_OK);
    assert_rv(C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL), CKR_NO_EVENT);
    assert_rv(C_Finalize(NULL), CKR_OK);
}

static void complain(const char *what, unsigned long count)
{
    fail_msg("%s, call %u, 0x%lX: %s: %lu", names[app.failing], app.at, app.failure, what, count);
}

static void judge(void)
{
    if (app.not_locked != 0)
        complain("unlocked what was not locked", app.not_locked);
    if (app.twice != 0)
        complain("locked twice", app.twice);
    if (app.not_there != 0)
        complain("used a mutex that is not there", app.not_there);
    if (app.locks != app.unlocks)
        complain("locks without an unlock", app.locks - app.unlocks);
    if (app.created == 0 || app.created != app.destroyed)
        complain("mutexes not destroyed", app.created - app.destroyed);
    if (twin_verifies() != VERIFIES)
        complain("VERIFYs", twin_verifies());
    if (twin_open_transactions() != 0)
        complain("open transactions", twin_open_transactions());
}

/* One run with one fault. False when the function is not called so often. */
static bool strike(void **state, enum function function, unsigned k)
{
    world_end(state);
    world_begin(state);
    memset(&app, 0, sizeof(app));
    app.failing = function;
    app.at = k;
    app.failure = failures[k % (sizeof(failures) / sizeof(failures[0]))];
    run_program();
    judge();
    return app.calls > k;
}

static void strike_all(void **state, enum function function, unsigned least)
{
    unsigned k = 0;
    while (strike(state, function, k))
        k++;
    print_message("%s: %u calls\n", names[function], k);
    assert_in_range(k, least, 2000);
}

static void test_lock(void **state)
{
    strike_all(state, LOCK, 50);
}

static void test_unlock(void **state)
{
    strike_all(state, UNLOCK, 50);
}

static void test_unlock_too_late(void **state)
{
    strike_all(state, UNLOCK_TOO_LATE, 50);
}

static void test_destroy(void **state)
{
    strike_all(state, DESTROY, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_lock),
        world_test(test_unlock),
        world_test(test_unlock_too_late),
        world_test(test_destroy),
    };
    return cmocka_run_group_tests_name("mutex", tests, world_setup, world_teardown);
}

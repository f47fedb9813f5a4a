/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C_Initialize and C_Finalize (PKCS#11 3.2, section 5.4): arguments, mutexes, many rounds.
 */
#include "user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"

/* ---- the application's mutexes ---- */

struct mutex {
    bool locked;
};

static struct {
    unsigned created, destroyed, locked, unlocked, wrong;
    unsigned fail_at; /* the creation that fails, counted from 1; 0: none */
} mutexes;

static CK_RV create(void **mutex)
{
    *mutex = NULL;
    if (mutexes.fail_at != 0 && mutexes.created - mutexes.destroyed + 1 >= mutexes.fail_at)
        return CKR_HOST_MEMORY;
    *mutex = calloc(1, sizeof(struct mutex));
    mutexes.created++;
    return CKR_OK;
}

static CK_RV destroy(void *mutex)
{
    struct mutex *m = mutex;
    mutexes.destroyed++;
    mutexes.wrong += m->locked;
    free(m);
    return CKR_OK;
}

static CK_RV lock(void *mutex)
{
    struct mutex *m = mutex;
    mutexes.locked++;
    mutexes.wrong += m->locked; /* in one thread this would wait for ever */
    m->locked = true;
    return CKR_OK;
}

static CK_RV unlock(void *mutex)
{
    struct mutex *m = mutex;
    mutexes.unlocked++;
    mutexes.wrong += !m->locked;
    m->locked = false;
    return CKR_OK;
}

static CK_C_INITIALIZE_ARGS with_mutexes(CK_FLAGS flags)
{
    CK_C_INITIALIZE_ARGS args = {create, destroy, lock, unlock, flags, NULL};
    memset(&mutexes, 0, sizeof(mutexes));
    return args;
}

static void expect_balance(void)
{
    assert_int_equal(mutexes.created, mutexes.destroyed);
    assert_int_equal(mutexes.locked, mutexes.unlocked);
    assert_int_equal(mutexes.wrong, 0);
}

/* A bit of everything that takes locks. */
static void use_all(void)
{
    static const uint8_t data[] = {1, 2, 3};
    uint8_t signature[SIGNATURE];
    CK_SLOT_ID event;
    for (int role = AUTH; role <= SIGN; role++) {
        CK_SESSION_HANDLE session = user_logged_in((enum role)role);
        assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), data, 3, signature), CKR_OK);
    }
    world_put(READER_2, CARD_1);
    twin_remove(READER_1);
    assert_rv(C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL), CKR_OK);
    user_slot(READER_2, SIGN);
}

static void test_mutexes_counted(void **state)
{
    (void)state;
    CK_C_INITIALIZE_ARGS args = with_mutexes(0);
    assert_rv(C_Initialize(&args), CKR_OK);
    assert_true(mutexes.created > 0);
    use_all();
    assert_true(mutexes.locked > 0);
    assert_rv(C_Finalize(NULL), CKR_OK);
    expect_balance();
}

/* Both allowed: either may be used. */
static void test_mutexes_or_system(void **state)
{
    (void)state;
    CK_C_INITIALIZE_ARGS args =
        with_mutexes(CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS);
    assert_rv(C_Initialize(&args), CKR_OK);
    use_all();
    assert_rv(C_Finalize(NULL), CKR_OK);
    expect_balance();
}

/* Callbacks of one initialisation are not those of the next. */
static void test_mutexes_not_kept(void **state)
{
    (void)state;
    CK_C_INITIALIZE_ARGS args = with_mutexes(0);
    assert_rv(C_Initialize(&args), CKR_OK);
    assert_rv(C_Finalize(NULL), CKR_OK);
    unsigned locked = mutexes.locked;
    world_initialize(NULL);
    use_all();
    assert_rv(C_Finalize(NULL), CKR_OK);
    assert_int_equal(mutexes.locked, locked);
}

/* An application that has no mutex left, at each of them. */
static void test_mutex_refused(void **state)
{
    (void)state;
    CK_SLOT_ID slots[16];
    bool all = false;
    for (unsigned k = 1; !all; k++) {
        CK_C_INITIALIZE_ARGS args = with_mutexes(0);
        mutexes.fail_at = k;
        CK_RV rv = C_Initialize(&args);
        if (rv == CKR_OK) {
            CK_ULONG count = 16;
            rv = C_GetSlotList(CK_TRUE, slots, &count);
            all = rv == CKR_OK;
            mutexes.fail_at = 0; /* there is one now: the next call works */
            count = 16;
            assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
            assert_int_equal(count, 2);
            assert_rv(C_Finalize(NULL), CKR_OK);
        }
        if (!all)
            assert_true(rv == CKR_HOST_MEMORY || rv == CKR_CANT_LOCK || rv == CKR_GENERAL_ERROR);
        assert_rv(C_GetSlotInfo(0, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
        expect_balance();
        assert_true(k < 100);
    }
}

static void test_partial_callbacks(void **state)
{
    (void)state;
    static const CK_FLAGS flags[] = {0, CKF_OS_LOCKING_OK};
    for (unsigned set = 1; set < 15; set++)
        for (size_t i = 0; i < 2; i++) {
            CK_C_INITIALIZE_ARGS args = with_mutexes(flags[i]);
            args.CreateMutex = (set & 1) != 0 ? create : NULL;
            args.DestroyMutex = (set & 2) != 0 ? destroy : NULL;
            args.LockMutex = (set & 4) != 0 ? lock : NULL;
            args.UnlockMutex = (set & 8) != 0 ? unlock : NULL;
            assert_rv(C_Initialize(&args), CKR_ARGUMENTS_BAD);
            assert_rv(C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
        }
}

/* ---- arguments, order ---- */

static void test_accepted(void **state)
{
    (void)state;
    static const CK_FLAGS flags[] = {0, CKF_OS_LOCKING_OK, CKF_LIBRARY_CANT_CREATE_OS_THREADS,
                                     CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS};
    assert_rv(C_Initialize(NULL), CKR_OK);
    user_first(AUTH);
    assert_rv(C_Finalize(NULL), CKR_OK);
    for (size_t i = 0; i < 4; i++) {
        CK_C_INITIALIZE_ARGS args = {.flags = flags[i]};
        assert_rv(C_Initialize(&args), CKR_OK);
        user_first(AUTH);
        assert_rv(C_Finalize(NULL), CKR_OK);
    }
}

static void test_order(void **state)
{
    (void)state;
    int something;
    assert_rv(C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    assert_rv(C_Initialize(NULL), CKR_OK);
    assert_rv(C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_C_INITIALIZE_ARGS args = with_mutexes(0);
    assert_rv(C_Initialize(&args), CKR_CRYPTOKI_ALREADY_INITIALIZED);
    assert_int_equal(mutexes.created, 0);
    assert_rv(C_Finalize(&something), CKR_ARGUMENTS_BAD);
    assert_int_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
    assert_rv(C_Finalize(NULL), CKR_OK);
    assert_rv(C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

/* Programs start with it: no reader, card or service is touched. */
static void test_touches_nothing(void **state)
{
    (void)state;
    twin_calls_clear();
    world_initialize(NULL);
    CK_INFO info;
    assert_rv(C_GetInfo(&info), CKR_OK);
    assert_rv(C_Finalize(NULL), CKR_OK);
    assert_int_equal(twin_calls(), 0);
    assert_int_equal(twin_commands(), 0);
}

/* p11-kit and NSS hand over strings of their own. */
static void test_reserved(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "=",
        "==",
        "isolation",
        "isolation=",
        "isolation=perhaps",
        "configdir='sql:/nowhere' certPrefix='' keyPrefix='' secmod='secmod.db' flags= ",
        "slots=none slots= slots=auth,,sign",
        "\xff\xfe\x01",
        "pin.reserve=99999999999999999999999",
        "'\"\\",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        world_initialize(texts[i]);
        user_first(AUTH);
        assert_rv(C_Finalize(NULL), CKR_OK);
    }
    char *longest = malloc(200000);
    assert_non_null(longest);
    memset(longest, 'x', 199999);
    longest[199999] = '\0';
    world_initialize(longest);
    user_first(AUTH);
    assert_rv(C_Finalize(NULL), CKR_OK);
    for (int i = 0; i < 199999; i += 2)
        longest[i] = i % 4 == 0 ? '=' : ' ';
    world_initialize(longest);
    assert_rv(C_Finalize(NULL), CKR_OK);
    free(longest);
}

/* What it can narrow. */
static void test_reserved_slots(void **state)
{
    (void)state;
    CK_SLOT_ID slots[16];
    static const struct {
        const char *settings;
        enum role role;
    } cases[] = {{"slots=auth", AUTH}, {"slots=sign", SIGN}};
    for (size_t i = 0; i < 2; i++) {
        CK_ULONG count = 16;
        world_initialize(cases[i].settings);
        assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
        assert_int_equal(count, 1);
        assert_int_equal(slots[0], user_first(cases[i].role));
        assert_rv(C_Finalize(NULL), CKR_OK);
    }
}

/* ---- many rounds ---- */

static void round_of_use(void)
{
    CK_ULONG count = 0;
    world_initialize("log.level=off");
    assert_rv(C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
    assert_int_equal(count, 2);
    user_logged_in(AUTH); /* and is left to C_Finalize */
    user_open(SIGN);
    assert_rv(C_Finalize(NULL), CKR_OK);
}

static void test_many_rounds(void **state)
{
    (void)state;
    struct process before, after;
    for (int i = 0; i < 20; i++)
        round_of_use();
    assert_true(process_look(&before));
    for (int i = 0; i < 500; i++)
        round_of_use();
    assert_true(process_look(&after));
    /* A leak of a page for secrets in each round would be 500 mappings or more. */
    assert_true(process_is_flat(&before, &after, 500 * 8, 50, 1 << 20));
}

static void test_many_empty_rounds(void **state)
{
    (void)state;
    struct process before, after;
    assert_rv(C_Initialize(NULL), CKR_OK);
    assert_rv(C_Finalize(NULL), CKR_OK);
    assert_true(process_look(&before));
    for (int i = 0; i < 1000; i++) {
        assert_rv(C_Initialize(NULL), CKR_OK);
        assert_rv(C_Finalize(NULL), CKR_OK);
    }
    assert_true(process_look(&after));
    assert_true(process_is_flat(&before, &after, 1000, 10, 1 << 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_mutexes_counted),
        world_test(test_mutexes_or_system),
        world_test(test_mutexes_not_kept),
        world_test(test_mutex_refused),
        world_test(test_partial_callbacks),
        world_test(test_accepted),
        world_test(test_order),
        world_test(test_touches_nothing),
        world_test(test_reserved),
        world_test(test_reserved_slots),
        world_test(test_many_rounds),
        world_test(test_many_empty_rounds),
    };
    return cmocka_run_group_tests_name("init", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test_api_last_session [ROUNDS]: a token's last session is closed, which ends the login, while
 * another thread opens one and logs in (PKCS#11 3.2, section 5.6). Two threads hand the token over
 * to each other again and again: the one that has it ends its session while the other begins. To be
 * run under ThreadSanitizer too.
 */
#include "user.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "other.h"
#include "random.h"

#define WATCHDOG_SECONDS 240 /* of an everyday run */
#define EVERYDAY 200
#define SPIN 20000    /* the farthest that one of the two runs ahead, in turns of an empty loop */
#define AT_MOST 20000 /* rounds more, until each of the two has come first */
#define CHECKED 16    /* of so many handovers, one ends with a signature */

enum way { BY_CLOSE, BY_CLOSE_ALL, BY_LOGOUT, WAYS };

static unsigned long rounds = EVERYDAY;
static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE key;
static enum role role;
static enum way way;
static pthread_barrier_t together;
static bool more; /* written between two barriers by one of the threads */
static atomic_uint failures, logins, found_logged_in;

struct half {
    pthread_t thread;
    unsigned seed;
    bool begins; /* has the session at the start */
    CK_SESSION_HANDLE session;
};

/* Assertions of cmocka belong to the first thread: the others count. */
static void expect(bool right, const char *what, CK_RV rv)
{
    if (right)
        return;
    print_error("%s: 0x%lX (way %d, role %d)\n", what, rv, (int)way, (int)role);
    atomic_fetch_add(&failures, 1);
}

static void spin(struct half *half)
{
    for (volatile unsigned i = random_below(&half->seed, SPIN); i > 0; i--)
        ;
}

/* ---- one handover ---- */

static void give_up(struct half *half)
{
    CK_RV rv = CKR_OK;
    if (way == BY_LOGOUT)
        rv = C_Logout(half->session);
    expect(rv == CKR_OK, "C_Logout", rv);
    rv = way == BY_CLOSE_ALL ? C_CloseAllSessions(slot) : C_CloseSession(half->session);
    expect(rv == CKR_OK, "closing", rv);
}

/* What C_Login says: CKR_USER_ALREADY_LOGGED_IN where the other session was still there. */
static CK_RV take_over(struct half *half)
{
    CK_RV rv = C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &half->session);
    expect(rv == CKR_OK, "C_OpenSession", rv);
    rv = user_try_login(half->session, CKU_USER, user_pin[role]);
    bool closed = way == BY_CLOSE_ALL && rv == CKR_SESSION_HANDLE_INVALID;
    expect(rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN || closed, "C_Login", rv);
    if (!closed)
        atomic_fetch_add(rv == CKR_OK ? &logins : &found_logged_in, 1);
    return rv;
}

static void sign(struct half *half)
{
    static const uint8_t data[] = {1, 2, 3};
    uint8_t signature[SIGNATURE];
    CK_RV rv = user_sign(half->session, CKM_RSA_PKCS, key, data, sizeof(data), signature);
    expect(rv == CKR_OK, "a signature", rv);
    expect(rv != CKR_OK || user_verify(CARD_1, role, CKM_RSA_PKCS, data, sizeof(data), signature),
           "the signature is wrong", rv);
}

/* Both are done: an open session is logged in, unless the other one has logged out after it. What
 * was lost is begun anew, so that the next round has something to hand over. */
static void look_at_it(struct half *half, CK_RV login)
{
    CK_SESSION_INFO info;
    CK_RV rv = C_GetSessionInfo(half->session, &info);
    bool in = rv == CKR_OK && info.state == CKS_RW_USER_FUNCTIONS;
    bool closed = way == BY_CLOSE_ALL && rv == CKR_SESSION_HANDLE_INVALID;
    bool out = way == BY_LOGOUT && rv == CKR_OK && info.state == CKS_RW_PUBLIC_SESSION &&
               login == CKR_USER_ALREADY_LOGGED_IN;
    expect(in || closed || out, "the login is lost", rv);
    if (closed) {
        rv = C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &half->session);
        expect(rv == CKR_OK, "C_OpenSession anew", rv);
    }
    if (!in) {
        rv = user_try_login(half->session, CKU_USER, user_pin[role]);
        expect(rv == CKR_OK, "C_Login anew", rv);
    }
    if (random_below(&half->seed, CHECKED) == 0)
        sign(half);
}

/* As often as was said, and until each has come first. */
static bool is_wanted(unsigned long round)
{
    bool both = atomic_load(&logins) > 0 && atomic_load(&found_logged_in) > 0;
    return atomic_load(&failures) == 0 && (round < rounds || (!both && round < rounds + AT_MOST));
}

static void *hand_over(void *argument)
{
    struct half *half = argument;
    bool has = half->begins;
    for (unsigned long round = 0;; round++, has = !has) {
        CK_RV login = CKR_OK;
        if (has)
            more = is_wanted(round);
        pthread_barrier_wait(&together);
        if (!more)
            return NULL;
        spin(half);
        if (has)
            give_up(half);
        else
            login = take_over(half);
        pthread_barrier_wait(&together);
        if (!has)
            look_at_it(half, login);
    }
}

/* ---- the tests ---- */

static void run(const char *settings, enum role with, enum way by)
{
    struct half halves[2] = {{.seed = 1, .begins = true}, {.seed = 2}};
    world_initialize(settings);
    role = with;
    way = by;
    slot = user_first(role);
    halves[0].session = user_logged_in(role);
    key = user_key(halves[0].session);
    atomic_store(&logins, 0);
    atomic_store(&found_logged_in, 0);
    assert_int_equal(pthread_barrier_init(&together, NULL, 2), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&halves[i].thread, NULL, hand_over, &halves[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(halves[i].thread, NULL), 0);
    pthread_barrier_destroy(&together);
    assert_int_equal(atomic_load(&failures), 0);
    assert_true(atomic_load(&logins) > 0 && atomic_load(&found_logged_in) > 0);
    assert_rv(C_CloseAllSessions(slot), CKR_OK);
    assert_int_equal(other_signs(role), 0x6982);
    assert_int_equal(other_tries(role), other_full[role]);
    assert_rv(C_Finalize(NULL), CKR_OK);
    print_message("%u logins, %u found logged in\n", atomic_load(&logins),
                  atomic_load(&found_logged_in));
}

static void test_closed(void **state)
{
    (void)state;
    run("isolation=yes", AUTH, BY_CLOSE);
    run("isolation=no", AUTH, BY_CLOSE);
    run("sign.consent=session", SIGN, BY_CLOSE);
}

static void test_all_closed(void **state)
{
    (void)state;
    run("isolation=yes", AUTH, BY_CLOSE_ALL);
    run("isolation=no sign.consent=session", SIGN, BY_CLOSE_ALL);
}

static void test_logged_out(void **state)
{
    (void)state;
    run("isolation=no", AUTH, BY_LOGOUT);
    run("sign.consent=session", SIGN, BY_LOGOUT);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        world_test(test_closed),
        world_test(test_all_closed),
        world_test(test_logged_out),
    };
    if (argc > 1)
        rounds = strtoul(argv[1], NULL, 10);
    else
        alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("last_session", tests, world_setup, world_teardown);
}

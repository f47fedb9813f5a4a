/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * No try is lost in vain: what wrong PINs cost in the end, when what was refused is forgotten, and
 * what is left when a login is broken off. The tries left are what the card tells another program.
 */
#include "login.h"

#include <string.h>

#define LOGGED_OUT CKS_RW_PUBLIC_SESSION
#define NO_SESSION CK_UNAVAILABLE_INFORMATION
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Longer than what the card has said is believed; then C_GetTokenInfo asks anew. */
static void look_at_tries(enum role role)
{
    CK_TOKEN_INFO info;
    world_clock_add(5000);
    assert_rv(C_GetTokenInfo(user_first(role), &info), CKR_OK);
}

/* ---- what a wrong PIN costs ---- */

/* Programs repeat what was refused, in one session or in new ones. */
static void test_wrong_a_hundred_times(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        login_start((enum role)role, NULL);
        assert_rv(login_with(login_wrong((enum role)role, 0)), CKR_PIN_INCORRECT);
        unsigned commands = twin_commands();
        for (unsigned i = 1; i < 100; i++) {
            if (i % 10 == 0) {
                assert_rv(C_CloseSession(login_session), CKR_OK);
                login_session = user_open((enum role)role);
                commands = twin_commands();
            }
            assert_rv(login_with(login_wrong((enum role)role, 0)), CKR_PIN_INVALID);
            assert_int_equal(twin_commands(), commands);
        }
        assert_int_equal(twin_verifies(), 1);
        assert_int_equal(other_tries((enum role)role), other_full[role] - 1);
        user_login(login_session, (enum role)role);
    }
}

static void test_reserve(void **state)
{
    static const char *const settings[] = {"pin.reserve=0", "pin.reserve=1", "pin.reserve=2",
                                           "pin.reserve=3", "pin.reserve=4"};
    (void)state;
    for (int role = AUTH; role <= SIGN; role++)
        for (unsigned reserve = 0; reserve < COUNT(settings); reserve++) {
            unsigned full = other_full[role], kept = reserve < full ? reserve : full;
            login_start((enum role)role, settings[reserve]);
            for (unsigned i = 0; i < 20; i++) {
                CK_RV rv = login_with(login_wrong((enum role)role, i));
                bool last = i + 1 == full; /* only where nothing is kept */
                assert_rv(rv, i < full - kept && !last ? CKR_PIN_INCORRECT : CKR_PIN_LOCKED);
            }
            assert_int_equal(twin_verifies(), full - kept);
            assert_rv(login_with(user_pin[role]), CKR_PIN_LOCKED);
            assert_int_equal(twin_verifies(), full - kept);
            assert_int_equal(other_tries((enum role)role), kept);
        }
}

/* ---- what was refused is forgotten when it may be right ---- */

static void start_refused(enum role role)
{
    login_start(role, "pin.reserve=0");
    assert_rv(login_with(login_wrong(role, 0)), CKR_PIN_INCORRECT);
    look_at_tries(role); /* and the card says what it has said */
    assert_rv(login_with(login_wrong(role, 0)), CKR_PIN_INVALID);
    assert_int_equal(twin_verifies(), 1);
    twin_counters_clear();
}

static void test_forgotten_by_success(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        start_refused((enum role)role);
        user_login(login_session, (enum role)role);
        assert_rv(C_Logout(login_session), CKR_OK);
        assert_rv(login_with(login_wrong((enum role)role, 0)), CKR_PIN_INCORRECT);
        assert_rv(login_with(login_wrong((enum role)role, 0)), CKR_PIN_INVALID);
        assert_int_equal(twin_verifies(), 2);
    }
}

static void other_spends(enum role role)
{
    assert_int_equal(other_verifies(role, login_wrong(role, 7)), 0x63C0 | (other_full[role] - 2));
}

static void other_logs_in(enum role role)
{
    assert_int_equal(other_verifies(role, user_pin[role]), 0x9000);
}

/* The new PIN is the one that was refused. */
static void other_changes_to_refused(enum role role)
{
    other_changes(role, user_pin[role], login_wrong(role, 0));
}

static void test_forgotten_when_moved(void **state)
{
    static void (*const others[])(enum role) = {other_spends, other_logs_in,
                                                other_changes_to_refused};
    (void)state;
    for (int role = AUTH; role <= SIGN; role++)
        for (size_t i = 0; i < COUNT(others); i++) {
            start_refused((enum role)role);
            others[i]((enum role)role);
            bool right = others[i] == other_changes_to_refused;
            bool last = other_tries((enum role)role) == 1;
            look_at_tries((enum role)role);
            assert_rv(login_with(login_wrong((enum role)role, 0)), right  ? CKR_OK
                                                                   : last ? CKR_PIN_LOCKED
                                                                          : CKR_PIN_INCORRECT);
            assert_int_equal(twin_verifies(), 1);
        }
}

/* The counter is read at another PIN's login too. */
static void test_forgotten_at_another_login(void **state)
{
    static void (*const others[])(enum role) = {other_spends, other_logs_in};
    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        start_refused(SIGN);
        others[i](SIGN);
        for (unsigned k = 0; k < 2; k++)
            assert_rv(login_with(login_wrong(SIGN, 1 - k)), CKR_PIN_INCORRECT);
        for (unsigned k = 0; k < 2; k++)
            assert_rv(login_with(login_wrong(SIGN, k)), CKR_PIN_INVALID);
        assert_int_equal(twin_verifies(), 2);
    }
}

/* Another card's PIN is another PIN. The same card again may have got a new one elsewhere, and
 * taking it out and putting it in is somebody's own doing. */
static void test_forgotten_with_other_card(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        start_refused((enum role)role);
        world_put(READER_1, CARD_2);
        login_session = user_open((enum role)role);
        assert_rv(login_with(login_wrong((enum role)role, 0)), CKR_PIN_INCORRECT);
        assert_rv(login_with(login_wrong((enum role)role, 0)), CKR_PIN_INVALID);
        assert_int_equal(twin_verifies(), 1);
        world_put(READER_1, CARD_1);
        login_session = user_open((enum role)role);
        twin_counters_clear();
        assert_rv(login_with(login_wrong((enum role)role, 0)), CKR_PIN_INCORRECT);
        for (int i = 0; i < 10; i++)
            assert_rv(login_with(login_wrong((enum role)role, 0)), CKR_PIN_INVALID);
        assert_int_equal(twin_verifies(), 1);
        user_login(login_session, (enum role)role);
    }
}

/* Locked by another program while we were logged in. A locked card compares nothing: that it does
 * not take the PIN any more says nothing about the PIN. */
static void test_locked_while_logged_in(void **state)
{
    uint8_t signature[SIGNATURE];
    CK_TOKEN_INFO info;
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        login_start((enum role)role, NULL);
        user_login(login_session, (enum role)role);
        CK_OBJECT_HANDLE key = user_key(login_session);
        world_spend_tries(READER_1, (enum role)role, 0);
        twin_counters_clear();
        assert_rv(user_sign(login_session, CKM_RSA_PKCS, key, "abc", 3, signature),
                  CKR_USER_NOT_LOGGED_IN);
        assert_int_equal(twin_verifies(), 1);
        assert_int_equal(user_session_state(login_session), LOGGED_OUT);
        for (int i = 0; i < 3; i++)
            assert_rv(login_with(user_pin[role]), CKR_PIN_LOCKED);
        assert_int_equal(twin_verifies(), 1);
        assert_rv(C_GetTokenInfo(user_first((enum role)role), &info), CKR_OK);
        assert_int_not_equal(info.flags & CKF_USER_PIN_LOCKED, 0);
    }
}

/* ---- trouble in the middle ---- */

struct trouble {
    enum err error;
    bool after; /* the card has acted, only its answer is lost */
};

static const struct trouble troubles[] = {
    {ERR_TRANSPORT, false}, {ERR_TRANSPORT, true}, {ERR_NO_CARD, false},    {ERR_NO_CARD, true},
    {ERR_NO_READER, false}, {ERR_NO_READER, true}, {ERR_NO_SERVICE, false}, {ERR_NO_SERVICE, true},
};

static unsigned verifies_seen; /* by the card */

static bool count_verifies(void *context, const uint8_t *command, size_t len, uint8_t *response,
                           size_t *received)
{
    (void)context;
    (void)response;
    (void)received;
    verifies_seen += command[1] == 0x20 && len > 5;
    return false;
}

static void expect_honest(CK_RV rv, bool right)
{
    bool done = rv == (right ? CKR_OK : CKR_PIN_INCORRECT);
    if (!done && rv != CKR_DEVICE_ERROR && rv != CKR_DEVICE_REMOVED &&
        rv != CKR_SESSION_HANDLE_INVALID)
        fail_msg("a login with a fault: 0x%lX", rv);
}

/* Call K of one login fails. False when there were not so many. */
static bool check_trouble(enum role role, bool right, const struct trouble *trouble, long k)
{
    const char *pin = right ? user_pin[role] : login_wrong(role, 0);
    login_start(role, NULL);
    verifies_seen = 0;
    twin_set_hook(count_verifies, NULL);
    twin_calls_clear();
    twin_fail_call(k, trouble->error, trouble->after);
    CK_RV rv = login_with(pin);
    bool reached = (long)twin_calls() > k;
    twin_fail_call(-1, ERR_OK, false);
    expect_honest(rv, right);
    assert_in_range(twin_verifies(), 0, 1);
    unsigned spent = right ? 0 : verifies_seen;
    assert_int_equal(other_tries(role), other_full[role] - spent);
    CK_STATE state = user_session_state(login_session);
    assert_true(state == (rv == CKR_OK ? CKS_RW_USER_FUNCTIONS : LOGGED_OUT) ||
                (rv != CKR_OK && state == NO_SESSION));
    if (rv == CKR_OK)
        return reached;
    if (state == NO_SESSION)
        login_session = user_open(role);
    user_login(login_session, role); /* and all is well again */
    assert_int_equal(other_tries(role), other_full[role]);
    return reached;
}

static void test_trouble(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++)
        for (size_t i = 0; i < COUNT(troubles); i++)
            for (int right = 0; right < 2; right++) {
                long k = 0;
                while (check_trouble((enum role)role, right == 1, &troubles[i], k))
                    k++;
                assert_true(k > 4);
            }
}

/* The question for tries left is followed by the VERIFY; its answer will be lost. */
static bool lose_next_answer(void *context, const uint8_t *command, size_t len, uint8_t *response,
                             size_t *received)
{
    (void)context;
    (void)response;
    (void)received;
    if (command[1] == 0x20 && len <= 5)
        twin_fail_call((long)twin_calls(), ERR_TRANSPORT, true);
    return false;
}

static bool reset_at_verify(void *context, const uint8_t *command, size_t len, uint8_t *response,
                            size_t *received)
{
    (void)context;
    (void)response;
    (void)received;
    if (command[1] == 0x20 && len > 5)
        twin_warm_reset(READER_1);
    return false;
}

/* Another program's reset comes between the question and the VERIFY: no application is selected. */
static void test_reset_in_verify(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++)
        for (int right = 0; right < 2; right++) {
            login_start((enum role)role, NULL);
            twin_set_hook(reset_at_verify, NULL);
            CK_RV rv = login_with(right ? user_pin[role] : login_wrong((enum role)role, 0));
            twin_set_hook(NULL, NULL);
            assert_rv(rv, CKR_DEVICE_ERROR);
            assert_int_equal(twin_verifies(), 1);
            assert_int_equal(user_session_state(login_session), LOGGED_OUT);
            assert_int_equal(other_tries((enum role)role), other_full[role]);
            user_login(login_session, (enum role)role);
        }
}

static void test_removed_in_verify(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        login_start((enum role)role, NULL);
        twin_set_hook(login_pull_at_verify, NULL);
        assert_rv(login_with(login_wrong((enum role)role, 0)), CKR_DEVICE_REMOVED);
        twin_set_hook(NULL, NULL);
        assert_int_equal(user_session_state(login_session), NO_SESSION);
        world_put(READER_1, CARD_1);
        assert_int_equal(twin_verifies(), 1);
        assert_int_equal(other_tries((enum role)role), other_full[role]);
        login_session = user_open((enum role)role);
        user_login(login_session, (enum role)role);
    }
}

static void test_held_by_other(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        login_start((enum role)role, NULL);
        twin_hold(READER_1, true);
        for (unsigned i = 0; i < 3; i++)
            assert_rv(login_with(i == 0 ? user_pin[role] : login_wrong((enum role)role, i)),
                      CKR_DEVICE_ERROR);
        assert_int_equal(twin_commands(), 0);
        assert_int_equal(user_session_state(login_session), LOGGED_OUT);
        twin_hold(READER_1, false);
        assert_int_equal(other_tries((enum role)role), other_full[role]);
        user_login(login_session, (enum role)role);
    }
}

static CK_RV login_and_lose(const char *pin)
{
    twin_set_hook(lose_next_answer, NULL);
    CK_RV rv = login_with(pin);
    twin_set_hook(NULL, NULL);
    twin_fail_call(-1, ERR_OK, false);
    return rv;
}

/* The answer to a PIN was lost. The counter tells whether the card has refused it, so the next
 * login with it need not present it again; a right one is no such case. */
static void test_lost_answer(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        login_start((enum role)role, "pin.reserve=0");
        assert_rv(login_and_lose(login_wrong((enum role)role, 0)), CKR_DEVICE_ERROR);
        for (int i = 0; i < 10; i++)
            assert_rv(login_with(login_wrong((enum role)role, 0)), CKR_PIN_INVALID);
        assert_int_equal(twin_verifies(), 1);
        assert_int_equal(other_tries((enum role)role), other_full[role] - 1);
        for (int i = 0; i < 3; i++)
            assert_rv(login_and_lose(user_pin[role]), CKR_DEVICE_ERROR);
        assert_int_equal(other_tries((enum role)role), other_full[role]);
        assert_int_equal(user_session_state(login_session), LOGGED_OUT);
        user_login(login_session, (enum role)role);
    }
}

/* In a new session: the wrong PIN is refused without a try, and the right one works. */
static void assert_remembered(enum role role)
{
    CK_SESSION_HANDLE session = user_open(role);
    twin_counters_clear();
    for (int i = 0; i < 10; i++)
        assert_rv(user_try_login(session, CKU_USER, login_wrong(role, 0)), CKR_PIN_INVALID);
    assert_int_equal(twin_verifies(), 0);
    user_login(session, role);
}

/* Cards on contactless readers leave the field in the middle: what was in doubt stays so. */
static void test_lost_answer_and_removal(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        login_start((enum role)role, "pin.reserve=0");
        assert_rv(login_and_lose(login_wrong((enum role)role, 0)), CKR_DEVICE_ERROR);
        world_put(READER_1, CARD_1);
        assert_remembered((enum role)role);
    }
}

/* A service that is restarted takes nothing out of the reader. */
static void test_service_restarted(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        login_start((enum role)role, NULL);
        assert_rv(login_with(login_wrong((enum role)role, 0)), CKR_PIN_INCORRECT);
        twin_service(false);
        CK_SLOT_ID slots[8];
        CK_ULONG count = 8;
        assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
        assert_int_equal(count, 0);
        twin_service(true);
        assert_remembered((enum role)role);
    }
}

/* ---- a PIN that we hold ---- */

/* Logged in, and another program changes the PIN and spends tries: what we hold is wrong now, and
 * must not cost the last one. */
static void test_held_and_changed(void **state)
{
    static const char *const changed[2] = {"8306", "XYZ789"};
    static const char *const wrong[2] = {"5555", "ELSE55"};
    for (int role = AUTH; role <= SIGN; role++) {
        uint8_t signature[SIGNATURE];
        world_end(state);
        world_begin_initialized(state);
        CK_SESSION_HANDLE session = user_logged_in((enum role)role);
        CK_OBJECT_HANDLE key = user_key(session);
        other_changes((enum role)role, user_pin[role], changed[role]);
        for (unsigned left = other_full[role]; left > 1; left--)
            other_verifies((enum role)role, wrong[role]);
        assert_int_equal(other_tries((enum role)role), 1);
        world_clock_add(11000);
        twin_counters_clear();
        assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_PIN_LOCKED);
        assert_int_equal(twin_verifies(), 0);
        assert_int_equal(other_tries((enum role)role), 1);
        /* With tries to spare it costs the one that shows that it is wrong. */
        other_verifies((enum role)role, changed[role]);
        world_clock_add(11000);
        if (role == SIGN) {
            assert_rv(C_Logout(session), CKR_OK);
            continue; /* its consent was used up */
        }
        assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature),
                  CKR_USER_NOT_LOGGED_IN);
        assert_int_equal(other_tries((enum role)role), other_full[role] - 1);
        assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
    }
}

/* The PIN was changed elsewhere while we are logged in, and the answer that would have said so is
 * lost: the next signature looks at the counter, and does not try again. */
static bool lose_verify(void *context, const uint8_t *command, size_t len, uint8_t *response,
                        size_t *received)
{
    (void)context;
    (void)len;
    (void)response;
    (void)received;
    /* The command after the SELECT of the application is the VERIFY. */
    if (command[1] == 0xA4 && command[2] == 0x04 && len > 12)
        twin_fail_call((long)twin_calls(), ERR_TRANSPORT, true);
    return false;
}

static void test_held_and_lost(void **state)
{
    uint8_t signature[SIGNATURE];
    (void)state;
    login_start(AUTH, "pin.reserve=0");
    user_login(login_session, AUTH);
    CK_OBJECT_HANDLE key = user_key(login_session);
    assert_rv(user_sign(login_session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_OK);
    other_changes(AUTH, AUTH_PIN, "8306");
    twin_counters_clear();
    twin_set_hook(lose_verify, NULL);
    assert_rv(user_sign(login_session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_DEVICE_ERROR);
    twin_set_hook(NULL, NULL);
    twin_fail_call(-1, ERR_OK, false);
    assert_int_equal(other_tries(AUTH), 2);
    assert_rv(user_sign(login_session, CKM_RSA_PKCS, key, "abc", 3, signature),
              CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(twin_verifies(), 1);
    assert_int_equal(other_tries(AUTH), 2);
}

/* The card compares a PIN, says nothing, and has one try less. */
static bool say_nothing(void *context, const uint8_t *command, size_t len, uint8_t *response,
                        size_t *received)
{
    (void)context;
    (void)response;
    *received = 0;
    return command[1] == 0x20 && len > 5;
}

static void lose_a_try(enum role role, CK_RV (*present)(void))
{
    twin_set_hook(say_nothing, NULL);
    assert_rv(present(), CKR_DEVICE_ERROR);
    twin_set_hook(NULL, NULL);
    other_verifies(role, login_wrong(role, 0));
    twin_counters_clear();
}

static CK_RV consent(void)
{
    return user_try_login(login_session, CKU_CONTEXT_SPECIFIC, SIGN_PIN);
}

static CK_RV change_pin(void)
{
    return user_set_pin(login_session, AUTH_PIN, "8306");
}

/* A PIN that the card has accepted within the last second is presented without a look at the
 * counter before, but not when its last answer is missing. */
static void test_accepted_and_lost(void **state)
{
    (void)state;
    login_start(SIGN, "pin.reserve=0");
    user_login(login_session, SIGN);
    assert_rv(user_sign_init(login_session, CKM_RSA_PKCS, user_key(login_session)), CKR_OK);
    lose_a_try(SIGN, consent);
    assert_rv(consent(), CKR_PIN_INVALID);
    assert_int_equal(twin_verifies(), 0);
    assert_int_equal(other_tries(SIGN), other_full[SIGN] - 1);
    login_start(AUTH, "pin.reserve=0");
    user_login(login_session, AUTH);
    lose_a_try(AUTH, change_pin);
    assert_rv(change_pin(), CKR_PIN_INCORRECT);
    assert_int_equal(twin_verifies(), 0);
    assert_int_equal(other_tries(AUTH), other_full[AUTH] - 1);
}

static bool say_nothing_after_change(void *context, const uint8_t *command, size_t len,
                                     uint8_t *response, size_t *received)
{
    bool *changed = context;
    *changed |= command[1] == 0x24;
    return *changed && say_nothing(NULL, command, len, response, received);
}

/* Without isolation the new PIN is presented after the change, so that the login goes on. Its
 * answer is lost. */
static void test_changed_and_lost(void **state)
{
    bool changed = false;
    (void)state;
    login_start(AUTH, "pin.reserve=0 isolation=no");
    user_login(login_session, AUTH);
    twin_set_hook(say_nothing_after_change, &changed);
    assert_rv(change_pin(), CKR_OK);
    twin_set_hook(NULL, NULL);
    other_verifies(AUTH, login_wrong(AUTH, 0));
    twin_counters_clear();
    assert_rv(user_set_pin(login_session, "8306", AUTH_PIN), CKR_PIN_INCORRECT);
    assert_int_equal(twin_verifies(), 0);
    assert_int_equal(other_tries(AUTH), other_full[AUTH] - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_wrong_a_hundred_times),
        world_test(test_reserve),
        world_test(test_forgotten_by_success),
        world_test(test_forgotten_when_moved),
        world_test(test_forgotten_at_another_login),
        world_test(test_forgotten_with_other_card),
        world_test(test_locked_while_logged_in),
        world_test(test_trouble),
        world_test(test_reset_in_verify),
        world_test(test_removed_in_verify),
        world_test(test_held_by_other),
        world_test(test_lost_answer),
        world_test(test_lost_answer_and_removal),
        world_test(test_service_restarted),
        world_test(test_held_and_changed),
        world_test(test_held_and_lost),
        world_test(test_accepted_and_lost),
        world_test(test_changed_and_lost),
    };
    return cmocka_run_group_tests_name("tries", tests, world_setup, world_teardown);
}

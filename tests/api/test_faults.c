/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every step fails once: each scenario is run with its reader call number k failing, for all k, for
 * each error that a reader can give, instead of being done or after it. Whatever happens: an honest
 * code, no wrong signature, no PIN shown to the card twice, nothing left open; and once the fault
 * is gone the same scenario works.
 */
#include "scenario.h"

#include <stdio.h>

/* ---- all faults ---- */

static const enum err errors[] = {ERR_NO_SERVICE, ERR_NO_READER, ERR_NO_CARD,
                                  ERR_BUSY,       ERR_TRANSPORT, ERR_MEMORY};

struct fault {
    long k;
    enum err error;
    bool after;
};

/* One run with one fault. False when the scenario has fewer calls than that. */
static bool strike(void **state, struct trial *trial, const struct fault *fault)
{
    snprintf(trial->fault, sizeof(trial->fault), "call %ld, error %d%s", fault->k,
             (int)fault->error, fault->after ? " after" : "");
    trial->gone = fault->error == ERR_NO_SERVICE || fault->error == ERR_NO_READER ||
                  fault->error == ERR_NO_CARD;
    trial_begin(state, trial);
    world_initialize(trial->scenario->settings);
    twin_fail_call(fault->k, fault->error, fault->after);
    CK_RV rv = trial_run(trial);
    bool struck = twin_calls() > (unsigned long)fault->k;
    twin_fail_call(-1, ERR_OK, false);
    trial_judge(trial, rv, struck);
    trial_again(trial);
    return struck;
}

static void strike_all(void **state, const struct scenario *scenario)
{
    unsigned runs = 0;
    for (int role = AUTH; role <= SIGN; role++)
        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
            for (int after = 0; after < 2; after++) {
                struct trial trial = {.scenario = scenario, .role = (enum role)role};
                struct fault fault = {0, errors[i], after != 0};
                while (strike(state, &trial, &fault))
                    fault.k++;
                runs += (unsigned)fault.k;
                assert_in_range(fault.k, 5, 500);
            }
    print_message("%s: %u runs\n", scenario->name, runs);
}

static void test_scenario(void **state)
{
    strike_all(state, *state);
}

/* ---- a wrong PIN and a fault ---- */

static CK_RV login_wrongly(enum role role)
{
    CK_SESSION_HANDLE session;
    CK_RV rv = scenario_open(role, 0, &session);
    return rv == CKR_OK ? user_try_login(session, CKU_USER, "9999") : rv;
}

/* Of three tries at most one is gone, whatever is lost on the way. */
static void test_wrong_pin(void **state)
{
    const struct scenario scenario = {.name = "a wrong PIN", .run = login_wrongly};
    struct trial trial = {.scenario = &scenario, .role = AUTH};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        for (int after = 0; after < 2; after++) {
            bool struck = true;
            for (long k = 0; struck; k++) {
                trial_begin(state, &trial);
                world_initialize(NULL);
                twin_fail_call(k, errors[i], after != 0);
                CK_RV rv = trial_run(&trial);
                struck = twin_calls() > (unsigned long)k;
                twin_fail_call(-1, ERR_OK, false);
                assert_int_not_equal(rv, CKR_OK);
                assert_true(scenario_is_honest(rv) || rv == CKR_PIN_INCORRECT);
                assert_in_range(twin_verifies(), 0, 1);
                assert_in_range(world_tries(AUTH), 2, 3);
            }
        }
}

/* C_Finalize under fire: whatever fails, it ends, and the next C_Initialize starts afresh. */
static void test_finalize(void **state)
{
    uint8_t signature[SIGNATURE];
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        for (long k = 0; k < 12; k++) {
            world_end(state);
            world_begin(state);
            world_initialize("isolation=no");
            user_logged_in(AUTH);
            user_logged_in(SIGN);
            twin_calls_clear();
            twin_fail_call(k, errors[i], false);
            assert_rv(C_Finalize(NULL), CKR_OK);
            twin_fail_call(-1, ERR_OK, false);
            assert_int_equal(twin_open_transactions(), 0);
            world_initialize(NULL);
            CK_SESSION_HANDLE session = user_logged_in(AUTH);
            assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), "abc", 3, signature),
                      CKR_OK);
        }
}

int main(void)
{
    struct CMUnitTest tests[SCENARIOS + 2] = {
        world_test(test_wrong_pin),
        world_test(test_finalize),
    };
    for (size_t i = 0; i < SCENARIOS; i++)
        tests[2 + i] = scenario_test(test_scenario, i);
    return cmocka_run_group_tests_name("faults", tests, world_setup, world_teardown);
}

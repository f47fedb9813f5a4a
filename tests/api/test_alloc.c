/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every piece of memory is refused once, and every call to OpenSSL fails once: each scenario is
 * run, from C_Initialize on, with call number k failing. Whatever happens: an honest code, no wrong
 * signature, no PIN shown to the card twice, nothing left open and nothing left allocated; and once
 * there is memory again the same scenario works.
 */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "failing.h"
#include "twin/stage.h"

static const char *const names[FAILING_KINDS] = {"memory", "OpenSSL", "memory in OpenSSL"};
static unsigned long struck_calls[FAILING_KINDS];

static CK_RV initialize(const char *settings)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK,
                                 .pReserved = (void *)(uintptr_t)settings};
    return C_Initialize(&args);
}

/* One run. False when the scenario has fewer calls than that. */
static bool strike(void **state, struct trial *trial, enum failing kind, long k)
{
    snprintf(trial->fault, sizeof(trial->fault), "%s, call %ld", names[kind], k);
    trial_begin(state, trial);
    size_t kept = failing_kept();
    failing_at(kind, k);
    CK_RV rv = initialize(trial->scenario->settings);
    bool initialized = rv == CKR_OK;
    if (initialized)
        rv = trial_run(trial);
    else if (rv != CKR_HOST_MEMORY)
        trial_complain(trial, "C_Initialize", rv);
    bool struck = failing_calls(kind) > (unsigned long)k;
    failing_at(kind, -1);
    trial_judge(trial, rv, struck);
    if (!initialized)
        assert_rv(initialize(trial->scenario->settings), CKR_OK);
    trial_again(trial);
    assert_rv(C_Finalize(NULL), CKR_OK);
    if (failing_kept() != kept)
        trial_complain(trial, "memory was not freed", failing_kept() - kept);
    return struck;
}

static void test_scenario(void **state)
{
    struct trial trial = {.scenario = *state};
    for (int role = AUTH; role <= SIGN; role++)
        for (int kind = 0; kind < FAILING_KINDS; kind++) {
            long k = 0;
            trial.role = (enum role)role;
            while (strike(state, &trial, (enum failing)kind, k))
                k++;
            assert_in_range(k, 0, 1000);
            struck_calls[kind] += (unsigned long)k;
        }
}

/* Most scenarios let OpenSSL allocate nothing. */
static void test_something_was_struck(void **state)
{
    (void)state;
    for (int kind = 0; kind < FAILING_KINDS; kind++) {
        print_message("%s: %lu calls failed\n", names[kind], struck_calls[kind]);
        assert_true(struck_calls[kind] >= 50);
    }
}

/* The card's signatures come with one bit changed. */
static bool spoil(void *context, const uint8_t *command, size_t len, uint8_t *response,
                  size_t *received)
{
    (void)context;
    if (len < 4 || command[1] != 0x2A)
        return false;
    stage_take();
    *received = stage_run_card(stage_must_find(READER_1), command, len, response);
    stage_give();
    response[0] ^= *received > 2 ? 1 : 0;
    return true;
}

/* A signature that could not be checked is not handed out, either. */
static void test_wrong_signature(void **state)
{
    static const size_t checked[] = {SCENARIO_SIGN_PSS, SCENARIO_SIGN_IN_PARTS};
    for (size_t i = 0; i < sizeof(checked) / sizeof(checked[0]); i++)
        for (int kind = 0; kind < FAILING_KINDS; kind++) {
            struct trial trial = {.scenario = &scenarios[checked[i]]};
            bool struck = true;
            for (long k = 0; struck; k++) {
                snprintf(trial.fault, sizeof(trial.fault), "%s, call %ld", names[kind], k);
                trial_begin(state, &trial);
                world_initialize(NULL);
                twin_set_hook(spoil, NULL);
                failing_at((enum failing)kind, k);
                CK_RV rv = trial_run(&trial);
                struck = failing_calls((enum failing)kind) > (unsigned long)k;
                failing_at((enum failing)kind, -1);
                twin_set_hook(NULL, NULL);
                if (rv == CKR_OK || !scenario_is_honest(rv))
                    trial_complain(&trial, "a wrong signature", rv);
            }
        }
}

static bool refuse_pss(void *context, const uint8_t *command, size_t len, uint8_t *response,
                       size_t *received)
{
    (void)context;
    if (len < 4 || command[1] != 0x2A || command[2] != 0x04)
        return false;
    memcpy(response, "\x6A\x86", 2);
    *received = 2;
    return true;
}

/* A card that turns out not to do PSS gets its token anew. Where there is no memory for that, it is
 * asked what it is once more, and need not be taken out. */
static void test_renewed_token(void **state)
{
    struct trial trial = {.scenario = &scenarios[SCENARIO_SIGN]};
    bool struck = true;
    for (long k = 0; struck; k++) {
        uint8_t signature[SIGNATURE];
        snprintf(trial.fault, sizeof(trial.fault), "%s, call %ld", names[FAILING_MEMORY], k);
        trial_begin(state, &trial);
        world_forget_state();
        size_t kept = failing_kept();
        world_initialize(NULL);
        CK_SESSION_HANDLE session = user_logged_in(AUTH);
        CK_OBJECT_HANDLE key = user_key(session);
        twin_set_hook(refuse_pss, NULL);
        failing_at(FAILING_MEMORY, k);
        CK_RV rv = user_sign(session, CKM_SHA256_RSA_PKCS_PSS, key, "abc", 3, signature);
        struck = failing_calls(FAILING_MEMORY) > (unsigned long)k;
        failing_at(FAILING_MEMORY, -1);
        if (rv == CKR_OK || !scenario_is_honest(rv))
            trial_complain(&trial, "a card without PSS", rv);
        trial_again(&trial);
        assert_rv(C_Finalize(NULL), CKR_OK);
        if (failing_kept() != kept)
            trial_complain(&trial, "memory was not freed", failing_kept() - kept);
    }
    world_forget_state();
}

/* C_Finalize ends, and makes the card forget, without memory, too. */
static void test_finalize(void **state)
{
    const struct scenario scenario = {.name = "C_Finalize", .isolated = true};
    struct trial trial = {.scenario = &scenario};
    for (int kind = 0; kind < FAILING_KINDS; kind++) {
        bool struck = true;
        for (long k = 0; struck; k++) {
            snprintf(trial.fault, sizeof(trial.fault), "%s, call %ld", names[kind], k);
            trial_begin(state, &trial);
            size_t kept = failing_kept();
            world_initialize("isolation=no");
            user_logged_in(AUTH);
            user_logged_in(SIGN);
            twin_counters_clear();
            failing_at((enum failing)kind, k);
            CK_RV rv = C_Finalize(NULL);
            struck = failing_calls((enum failing)kind) > (unsigned long)k;
            failing_at((enum failing)kind, -1);
            trial_judge(&trial, rv, false);
            if (failing_kept() != kept)
                trial_complain(&trial, "memory was not freed", failing_kept() - kept);
        }
    }
}

/* The holder's own settings. */
static void write_settings(const char *text)
{
    char path[256];
    const char *dir = getenv("XDG_CONFIG_HOME");
    assert_non_null(dir);
    snprintf(path, sizeof(path), "%s/jpki-pkcs11.conf", dir);
    mkdir(dir, 0700);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Settings that cannot be kept are not left out: C_Initialize fails. */
static void test_settings(void **state)
{
    static const char text[] = "slots = auth\nno.such = setting\nreader.ignore = nothing*\n";
    bool struck = true;
    long k;
    write_settings(text);
    for (k = 0; struck; k++) {
        CK_ULONG count = 0;
        world_end(state);
        world_begin(state);
        size_t kept = failing_kept();
        failing_at(FAILING_MEMORY, k);
        CK_RV rv = initialize("log.level=off other.such=setting");
        struck = failing_calls(FAILING_MEMORY) > (unsigned long)k;
        failing_at(FAILING_MEMORY, -1);
        if (rv == CKR_OK) {
            assert_rv(C_GetSlotList(CK_FALSE, NULL, &count), CKR_OK);
            assert_int_equal(count, 2); /* of two readers */
            assert_rv(C_Finalize(NULL), CKR_OK);
        } else {
            assert_rv(rv, CKR_HOST_MEMORY);
            assert_rv(C_GetSlotList(CK_TRUE, NULL, &count), CKR_CRYPTOKI_NOT_INITIALIZED);
        }
        assert_int_equal(failing_kept(), kept);
    }
    assert_in_range(k, 10, 1000);
    write_settings("");
}

int main(void)
{
    struct CMUnitTest tests[SCENARIOS + 5];
    if (!failing_setup())
        return 1;
    for (size_t i = 0; i < SCENARIOS; i++)
        tests[i] = scenario_test(test_scenario, i);
    tests[SCENARIOS] = (struct CMUnitTest)cmocka_unit_test(test_something_was_struck);
    tests[SCENARIOS + 1] = (struct CMUnitTest)world_test(test_finalize);
    tests[SCENARIOS + 2] = (struct CMUnitTest)world_test(test_settings);
    tests[SCENARIOS + 3] = (struct CMUnitTest)world_test(test_wrong_signature);
    tests[SCENARIOS + 4] = (struct CMUnitTest)world_test(test_renewed_token);
    return cmocka_run_group_tests_name("alloc", tests, world_setup, world_teardown);
}

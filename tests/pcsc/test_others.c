/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Other programs reset the card, take its power, and begin transactions, at the moments that only
 * the functions of PC/SC know.
 */
#include "pcsc/script.h"

#include <string.h>
#include <unistd.h>

#include "api/user.h"
#include "pcsc/fixture.h"
#include "twin/stage.h"

#define WATCHDOG_SECONDS 120
#define PROTOCOLS (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)

/* The other program, connected since before the test. */
static SCARDCONTEXT context;
static SCARDHANDLE card;

/* What it does before the module calls this function for the NTH time, which counts from 0. */
static struct {
    const char *call;
    unsigned nth, calls;
    void (*act)(void);
    bool acting;
} plan;

static void before(unsigned long k, const char *name)
{
    (void)k;
    if (plan.acting || plan.call == NULL || strcmp(name, plan.call) != 0)
        return;
    plan.acting = true;
    if (plan.calls++ == plan.nth)
        plan.act();
    plan.acting = false;
}

static void plan_for(const char *call, unsigned nth, void (*act)(void))
{
    plan.call = call;
    plan.nth = nth;
    plan.act = act;
    plan.calls = 0;
}

static void begin_transaction(void)
{
    assert_int_equal(SCardBeginTransaction(card), SCARD_S_SUCCESS);
}

static void connect_other(void)
{
    DWORD protocol;
    assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context),
                     SCARD_S_SUCCESS);
    assert_int_equal(
        SCardConnect(context, READER_1, SCARD_SHARE_SHARED, PROTOCOLS, &card, &protocol),
        SCARD_S_SUCCESS);
}

static void take_power(void)
{
    SCARDHANDLE second;
    DWORD protocol;
    assert_int_equal(
        SCardConnect(context, READER_1, SCARD_SHARE_SHARED, PROTOCOLS, &second, &protocol),
        SCARD_S_SUCCESS);
    assert_int_equal(SCardDisconnect(second, SCARD_UNPOWER_CARD), SCARD_S_SUCCESS);
}

/* The other program has seen the reset, and can go on with the card. */
static void renew_other(void)
{
    DWORD protocol;
    assert_int_equal(
        SCardReconnect(card, SCARD_SHARE_SHARED, PROTOCOLS, SCARD_LEAVE_CARD, &protocol),
        SCARD_S_SUCCESS);
}

static int begin(void **state)
{
    script_clear();
    memset(&plan, 0, sizeof(plan));
    int result = world_begin(state);
    connect_other();
    script.before = before;
    return result;
}

static int end(void **state)
{
    script_clear();
    SCardReleaseContext(context);
    return fixture_end(state);
}

/* A signature that counts: it is the one PIN command, and others can have the card afterwards. */
static void signs(CK_SESSION_HANDLE session)
{
    uint8_t signature[SIGNATURE];
    assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), "abc", 3, signature), CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, CKM_RSA_PKCS, "abc", 3, signature));
    assert_int_equal(twin_open_transactions(), 0);
}

static CK_SESSION_HANDLE logged_in(void)
{
    world_initialize(NULL);
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    user_key(session);
    twin_counters_clear();
    return session;
}

static void reset_and_begin(void)
{
    twin_warm_reset(READER_1);
    renew_other();
    begin_transaction();
}

/* Before it begins a transaction, the module looks whether the card is free. After a reset it
 * renews its connection, and looks again, before and after that: whoever has begun a transaction
 * meanwhile, or reset the card once more, is waited for as long as anybody else is, and no longer.
 */
static void test_transaction_after_reset(void **state)
{
    static const struct {
        const char *call;
        unsigned nth;
        void (*act)(void);
    } rows[] = {{"SCardGetAttrib", 1, begin_transaction},
                {"SCardGetAttrib", 2, begin_transaction},
                {"SCardBeginTransaction", 1, reset_and_begin}};
    uint8_t signature[SIGNATURE];
    (void)state;
    CK_SESSION_HANDLE session = logged_in();
    CK_OBJECT_HANDLE key = user_key(session);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        twin_warm_reset(READER_1);
        renew_other();
        plan_for(rows[i].call, rows[i].nth, rows[i].act);
        assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_DEVICE_ERROR);
        plan.call = NULL;
        assert_int_equal(twin_verifies(), 0);
        assert_int_equal(SCardEndTransaction(card, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
        signs(session);
        assert_int_equal(twin_verifies(), 1);
        twin_counters_clear();
    }
}

static void reset_again(void)
{
    plan.calls = 0; /* before each */
    twin_warm_reset(READER_1);
}

/* pcscd may grant a reset just as the module's transaction begins, and the program goes on with a
 * transaction of its own before the module does. */
static void reset_inside(unsigned long k, const char *name)
{
    (void)k;
    if (plan.acting)
        return;
    plan.acting = true;
    bool begins = strcmp(name, "SCardConnect") == 0 || strcmp(name, "SCardGetAttrib") == 0;
    if (plan.calls == 0 && strcmp(name, "SCardTransmit") == 0) {
        twin_warm_reset(READER_1);
        plan.calls++;
    } else if (plan.calls == 1 && begins) {
        renew_other();
        begin_transaction();
        plan.calls++;
    }
    plan.acting = false;
}

/* The connection is kept: only with it can be seen whether the card is free. */
static void test_reset_inside(void **state)
{
    uint8_t signature[SIGNATURE];
    (void)state;
    CK_SESSION_HANDLE session = logged_in();
    CK_OBJECT_HANDLE key = user_key(session);
    script.before = reset_inside;
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_DEVICE_ERROR);
    script.before = before;
    assert_int_equal(plan.calls, 2);
    assert_int_equal(twin_verifies(), 0);
    assert_int_equal(SCardEndTransaction(card, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
    signs(session);
}

static void reset(void)
{
    twin_warm_reset(READER_1);
}

/* Nor is it given up for a reset at the end, or at the beginning of a transaction. */
static void test_reset_at_the_end(void **state)
{
    static const char *const calls[] = {"SCardTransmit", "SCardEndTransaction"};
    (void)state;
    CK_SESSION_HANDLE session = logged_in();
    twin_calls_clear();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        plan_for(calls[i], 0, reset);
        signs(session);
        assert_true(plan.calls > 0);
        plan.call = NULL;
        signs(session);
    }
    for (unsigned long k = 0; k < twin_calls(); k++)
        assert_string_not_equal(script_call_name(k), "SCardConnect");
    assert_int_equal(twin_verifies(), 4);
}

static void without_power(void)
{
    stage_take();
    stage_must_find(READER_1)->powered = false;
    stage_give();
}

/* pcscd tells of a reset before it takes the power: who is quick finds the power still there. */
static void test_power_taken_later(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = logged_in();
    twin_warm_reset(READER_1);
    plan_for("SCardTransmit", 0, without_power);
    signs(session);
}

/* A program that resets the card each time is busy with it. */
static void test_resets_without_end(void **state)
{
    uint8_t signature[SIGNATURE];
    (void)state;
    CK_SESSION_HANDLE session = logged_in();
    CK_OBJECT_HANDLE key = user_key(session);
    plan_for("SCardBeginTransaction", 0, reset_again);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_DEVICE_ERROR);
    plan.call = NULL;
    assert_int_equal(twin_verifies(), 0);
    signs(session);
}

/* Nobody gives a card its power back that a program has taken, if not the module. */
static void test_power_taken(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = logged_in();
    take_power();
    signs(session);
    assert_int_equal(twin_verifies(), 1);
}

/* The same for a connection that is new. */
static void test_power_taken_before(void **state)
{
    (void)state;
    world_initialize(NULL);
    take_power();
    signs(user_logged_in(AUTH));
}

/* The reset that gives it back falls into nobody's transaction. */
static void test_power_and_transaction(void **state)
{
    uint8_t signature[SIGNATURE];
    (void)state;
    CK_SESSION_HANDLE session = logged_in();
    CK_OBJECT_HANDLE key = user_key(session);
    take_power();
    renew_other();
    begin_transaction();
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, "abc", 3, signature), CKR_DEVICE_ERROR);
    assert_int_equal(SCardEndTransaction(card, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
    signs(session);
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_transaction_after_reset),
        row(test_reset_inside),
        row(test_reset_at_the_end),
        row(test_resets_without_end),
        row(test_power_taken),
        row(test_power_taken_before),
        row(test_power_taken_later),
        row(test_power_and_transaction),
    };
    alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("others", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One card takes its time, as a real one may take seconds, and in whatever it is doing: everybody
 * else goes on meanwhile. The card answers when the test says so, after the others are done: so no
 * time is measured, and a call that waits for the slow card is ended by an alarm. To be run under
 * ThreadSanitizer too.
 */
#include "user.h"
#include "waiter.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "vcard/vcard.h"

#define WATCHDOG_SECONDS 200
#define OTHERS 3
#define ROUNDS 4

#define READ_BINARY 0xB0
#define VERIFY 0x20
#define SIGN_COMMAND 0x2A

static const uint8_t data[] = {1, 2, 3};
static atomic_uint failures;

/* Assertions of cmocka belong to the first thread: the others count. */
static void expect(bool right, const char *what, CK_RV rv)
{
    if (right)
        return;
    print_error("%s: 0x%lX\n", what, rv);
    atomic_fetch_add(&failures, 1);
}

/* ---- the slow card, in READER_1 ---- */

static struct vcard *slow;
static atomic_int slow_ins; /* this command takes its time, once; 0: none */
static sem_t at_work, go_on;

static size_t slow_card(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    (void)context;
    int ins = len > 1 ? command[1] : 0;
    /* A question for tries left is no VERIFY. */
    bool counts = ins != VERIFY || len > 5;
    if (counts && ins != 0 && atomic_compare_exchange_strong(&slow_ins, &ins, 0)) {
        sem_post(&at_work);
        sem_wait(&go_on);
    }
    return vcard_command(slow, command, len, response);
}

static int begin(void **state)
{
    struct problem why;
    world_begin(state);
    slow = vcard_open(world_card(CARD_1), NULL, NULL, &why);
    assert_non_null(slow);
    vcard_power_on(slow);
    twin_remove(READER_1);
    twin_insert(READER_1, slow_card, NULL, bytes_of(slow->settings.atr, slow->settings.atr_len));
    twin_insert_vcard(READER_2, world_card(CARD_2));
    world_initialize("sign.consent=session");
    sem_init(&at_work, 0, 0);
    sem_init(&go_on, 0, 0);
    atomic_store(&slow_ins, 0);
    atomic_store(&failures, 0);
    return 0;
}

static int end(void **state)
{
    int result = world_end(state);
    vcard_free(slow);
    return result;
}

/* ---- what is done with it ---- */

struct job {
    pthread_t thread;
    enum role role;
    int ins; /* the command that is slow */
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    CK_RV rv;
};

static void prepare(struct job *job)
{
    job->session = user_open(job->role);
    if (job->ins != VERIFY)
        user_login(job->session, job->role);
    if (job->ins == SIGN_COMMAND)
        job->object = user_key(job->session);
    if (job->ins == READ_BINARY)
        job->object = user_object(job->session, CKO_CERTIFICATE, job->role == AUTH ? 1 : 2);
}

static void *do_slowly(void *argument)
{
    struct job *job = argument;
    uint8_t room[4096];
    CK_ATTRIBUTE value = {CKA_VALUE, room, sizeof(room)};
    if (job->ins == VERIFY)
        job->rv = user_try_login(job->session, CKU_USER, user_pin[job->role]);
    else if (job->ins == SIGN_COMMAND)
        job->rv = user_sign(job->session, CKM_RSA_PKCS, job->object, data, sizeof(data), room);
    else
        job->rv = C_GetAttributeValue(job->session, job->object, &value, 1);
    return NULL;
}

/* Comes back when the card is at work. */
static void start_slowly(struct job *job)
{
    prepare(job);
    atomic_store(&slow_ins, job->ins);
    assert_int_equal(pthread_create(&job->thread, NULL, do_slowly, job), 0);
    sem_wait(&at_work);
}

/* ---- what all others do meanwhile ---- */

static CK_SLOT_ID others_slot[2];
static CK_OBJECT_HANDLE others_key[2];

static void use_other_card(enum role role)
{
    CK_SESSION_HANDLE session = 0;
    CK_TOKEN_INFO token;
    uint8_t signature[SIGNATURE];
    CK_SLOT_ID slot = others_slot[role];
    CK_RV rv = C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
    expect(rv == CKR_OK, "C_OpenSession", rv);
    rv = C_GetTokenInfo(slot, &token);
    expect(rv == CKR_OK, "C_GetTokenInfo", rv);
    rv = user_try_login(session, CKU_USER, user_pin[role]);
    expect(rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN, "C_Login", rv);
    rv = user_sign(session, CKM_RSA_PKCS, others_key[role], data, sizeof(data), signature);
    expect(rv == CKR_OK, "C_Sign", rv);
    expect(user_verify(CARD_2, role, CKM_RSA_PKCS, data, sizeof(data), signature),
           "the signature is wrong", rv);
    rv = C_CloseSession(session);
    expect(rv == CKR_OK, "C_CloseSession", rv);
}

/* Both readers, as far as it is not the slow card that is asked. */
static void look_around(void)
{
    CK_SLOT_ID slots[8], event;
    CK_SLOT_INFO info;
    CK_ULONG count = 8;
    CK_RV rv = C_GetSlotList(CK_TRUE, slots, &count);
    expect(rv == CKR_OK && count == 4, "C_GetSlotList", rv);
    for (CK_ULONG i = 0; i < count; i++) {
        rv = C_GetSlotInfo(slots[i], &info);
        expect(rv == CKR_OK && (info.flags & CKF_TOKEN_PRESENT) != 0, "C_GetSlotInfo", rv);
    }
    rv = C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL);
    expect(rv == CKR_NO_EVENT, "C_WaitForSlotEvent", rv);
}

static void *live(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        use_other_card(i % 2 == 0 ? AUTH : SIGN);
        look_around();
    }
    return NULL;
}

/* A session of ours keeps the other card's tokens logged in, so that no thread ends it for another.
 */
static void everybody_lives(void)
{
    pthread_t threads[OTHERS];
    for (int role = AUTH; role <= SIGN; role++) {
        others_slot[role] = user_slot(READER_2, (enum role)role);
        CK_SESSION_HANDLE session = user_open_slot(others_slot[role]);
        user_login(session, (enum role)role);
        others_key[role] = user_key(session);
    }
    for (int i = 0; i < OTHERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, live, NULL), 0);
    for (int i = 0; i < OTHERS; i++)
        pthread_join(threads[i], NULL);
    for (int role = AUTH; role <= SIGN; role++)
        assert_rv(C_CloseAllSessions(others_slot[role]), CKR_OK);
    assert_int_equal(atomic_load(&failures), 0);
}

/* ---- waits for events ---- */

static void an_event_is_told(void)
{
    struct waiter waiter;
    waiter_start(&waiter);
    twin_remove(READER_2);
    assert_rv(waiter_end(&waiter), CKR_OK);
    assert_true(waiter.slot == others_slot[AUTH] || waiter.slot == others_slot[SIGN]);
}

static void *finalize(void *argument)
{
    CK_RV *rv = argument;
    *rv = C_Finalize(NULL);
    return NULL;
}

/* The wait ends while C_Finalize itself has to wait for the slow card. */
static void finalize_ends_the_wait(struct job *job)
{
    struct waiter waiter;
    pthread_t thread;
    CK_RV rv = CKR_GENERAL_ERROR;
    CK_SLOT_ID event;
    while (C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL) == CKR_OK)
        ;
    waiter_start(&waiter);
    assert_int_equal(pthread_create(&thread, NULL, finalize, &rv), 0);
    assert_rv(waiter_end(&waiter), CKR_CRYPTOKI_NOT_INITIALIZED);
    assert_rv(C_GetSlotList(CK_TRUE, NULL, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    sem_post(&go_on);
    assert_int_equal(pthread_join(job->thread, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_rv(job->rv, CKR_OK); /* what was under way comes to its end */
    assert_rv(rv, CKR_OK);
}

/* ---- the tests ---- */

static void slow_in(enum role role, int ins)
{
    struct job job = {.role = role, .ins = ins};
    everybody_lives();
    start_slowly(&job);
    everybody_lives();
    an_event_is_told();
    finalize_ends_the_wait(&job);
}

static void test_login(void **state)
{
    (void)state;
    slow_in(AUTH, VERIFY);
}

static void test_signature(void **state)
{
    (void)state;
    slow_in(SIGN, SIGN_COMMAND);
}

static void test_certificate(void **state)
{
    (void)state;
    slow_in(SIGN, READ_BINARY);
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_login),
        row(test_signature),
        row(test_certificate),
    };
    alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("slow", tests, world_setup, world_teardown);
}

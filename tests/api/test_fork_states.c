/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A fork in each state that a process may be in, and while another thread holds each of the
 * module's locks. The child finds nothing initialised and nothing of a PIN, and can begin anew; the
 * parent goes on with what it had begun.
 */
#include "child.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "waiter.h"

#define WATCHDOG_SECONDS 200
#define OBJECTS 16
#define CUT 5 /* bytes of the message that come before the fork */

static const uint8_t message[] = "A message, to be signed.";

/* What the parent has when it forks. */
static struct {
    enum role role;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    CK_OBJECT_HANDLE found[OBJECTS];
    CK_ULONG found_count;
    struct waiter waiter;
} parent;

static void expect_signature(CK_MECHANISM_TYPE type, const void *data, size_t len,
                             const uint8_t *signature)
{
    assert_true(user_verify(CARD_1, parent.role, type, data, len, signature));
}

static void sign(void)
{
    uint8_t signature[SIGNATURE];
    assert_rv(user_sign(parent.session, CKM_RSA_PKCS, parent.key, message, 3, signature), CKR_OK);
    expect_signature(CKM_RSA_PKCS, message, 3, signature);
}

/* ---- the states: how the parent comes into them, and goes on afterwards ---- */

static void nothing(void)
{
}

static void opened(void)
{
    parent.slot = user_first(parent.role);
    parent.session = user_open_slot(parent.slot);
}

static void log_in_and_sign(void)
{
    if (parent.session == 0)
        opened();
    user_login(parent.session, parent.role);
    parent.key = user_key(parent.session);
    sign();
}

static void logged_in(void)
{
    opened();
    user_login(parent.session, parent.role);
    parent.key = user_key(parent.session);
}

static void signing(void)
{
    logged_in();
    assert_rv(user_sign_init(parent.session, CKM_RSA_PKCS, parent.key), CKR_OK);
}

static void finish_signing(void)
{
    uint8_t signature[SIGNATURE];
    assert_rv(user_sign_data(parent.session, message, 3, signature), CKR_OK);
    expect_signature(CKM_RSA_PKCS, message, 3, signature);
}

/* After the login's own consent is used up. */
static void consented(void)
{
    logged_in();
    sign();
    assert_rv(user_sign_init(parent.session, CKM_RSA_PKCS, parent.key), CKR_OK);
    assert_rv(user_try_login(parent.session, CKU_CONTEXT_SPECIFIC, SIGN_PIN), CKR_OK);
}

static void updated(void)
{
    logged_in();
    assert_rv(user_sign_init(parent.session, CKM_SHA256_RSA_PKCS, parent.key), CKR_OK);
    assert_rv(C_SignUpdate(parent.session, (CK_BYTE *)(uintptr_t)message, CUT), CKR_OK);
}

static void finish_update(void)
{
    uint8_t signature[SIGNATURE];
    CK_ULONG len = sizeof(signature);
    assert_rv(
        C_SignUpdate(parent.session, (CK_BYTE *)(uintptr_t)message + CUT, sizeof(message) - CUT),
        CKR_OK);
    assert_rv(C_SignFinal(parent.session, signature, &len), CKR_OK);
    assert_int_equal(len, SIGNATURE);
    expect_signature(CKM_SHA256_RSA_PKCS, message, sizeof(message), signature);
}

static void digesting(void)
{
    CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
    opened();
    assert_rv(C_DigestInit(parent.session, &mechanism), CKR_OK);
    assert_rv(C_DigestUpdate(parent.session, (CK_BYTE *)(uintptr_t)message, CUT), CKR_OK);
}

static void finish_digest(void)
{
    uint8_t hash[32], expected[32];
    CK_ULONG len = sizeof(hash);
    assert_rv(
        C_DigestUpdate(parent.session, (CK_BYTE *)(uintptr_t)message + CUT, sizeof(message) - CUT),
        CKR_OK);
    assert_rv(C_DigestFinal(parent.session, hash, &len), CKR_OK);
    assert_int_equal(len, sizeof(hash));
    check_sha256(message, sizeof(message), expected);
    assert_memory_equal(hash, expected, sizeof(hash));
}

/* One object has been handed out. */
static void finding(void)
{
    CK_OBJECT_HANDLE object;
    CK_ULONG count = 0;
    logged_in();
    parent.found_count = user_find(parent.session, NULL, 0, parent.found, OBJECTS);
    assert_true(parent.found_count > 2);
    assert_rv(C_FindObjectsInit(parent.session, NULL, 0), CKR_OK);
    assert_rv(C_FindObjects(parent.session, &object, 1, &count), CKR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(object, parent.found[0]);
}

static void finish_finding(void)
{
    CK_OBJECT_HANDLE objects[OBJECTS];
    CK_ULONG count = 0;
    assert_rv(C_FindObjects(parent.session, objects, OBJECTS, &count), CKR_OK);
    assert_int_equal(count, parent.found_count - 1);
    assert_memory_equal(objects, parent.found + 1, count * sizeof(*objects));
    assert_rv(C_FindObjectsFinal(parent.session), CKR_OK);
    sign();
}

/* The wait may have begun when the fork comes, or not: both must be right. */
static void waiting(void)
{
    logged_in();
    waiter_start(&parent.waiter);
    usleep(20000);
}

static void finish_waiting(void)
{
    sign();
    world_put(READER_2, CARD_2);
    assert_rv(waiter_end(&parent.waiter), CKR_OK);
    assert_true(parent.waiter.slot == user_slot(READER_2, AUTH) ||
                parent.waiter.slot == user_slot(READER_2, SIGN));
}

static const struct fork_state {
    const char *name;
    void (*reach)(void);
    void (*finish)(void);
    bool logged_in;
    bool sign_only;
} states[] = {
    {"initialised", nothing, log_in_and_sign, false, false},
    {"a session is open", opened, log_in_and_sign, false, false},
    {"logged in", logged_in, sign, true, false},
    {"signing has begun", signing, finish_signing, true, false},
    {"the signature has its consent", consented, finish_signing, true, true},
    {"half of the message is there", updated, finish_update, true, false},
    {"half of the digest is made", digesting, finish_digest, false, false},
    {"a search is half done", finding, finish_finding, true, false},
    {"another thread waits for an event", waiting, finish_waiting, true, false},
};

/* ---- what the children do ---- */

static void look_around(void)
{
    child_is_wiped();
    child_is_uninitialized(parent.session, parent.key);
}

static void live_anew(void)
{
    uint8_t signature[SIGNATURE];
    CK_SESSION_HANDLE session = 0;
    CHILD_MUST(C_Initialize(NULL) == CKR_OK);
    CHILD_MUST(C_OpenSession(user_first(parent.role), CKF_SERIAL_SESSION, NULL, NULL, &session) ==
               CKR_OK);
    CHILD_MUST(user_session_state(session) == CKS_RO_PUBLIC_SESSION);
    CHILD_MUST(user_try_login(session, CKU_USER, user_pin[parent.role]) == CKR_OK);
    CHILD_MUST(user_sign(session, CKM_RSA_PKCS, user_key(session), message, 3, signature) ==
               CKR_OK);
    CHILD_MUST(user_verify(CARD_1, parent.role, CKM_RSA_PKCS, message, 3, signature));
    CHILD_MUST(C_Finalize(NULL) == CKR_OK);
}

/* ---- a fork in each state ---- */

static void fork_in(const struct fork_state *s, enum role role, const char *settings)
{
    bool isolated = strstr(settings, "isolation=yes") != NULL;
    print_message("%s, %s, %s\n", s->name, user_label[role], settings);
    memset(&parent, 0, sizeof(parent));
    parent.role = role;
    world_initialize(settings);
    s->reach();
    size_t wiped = child_find_wiped();
    if (s->logged_in)
        assert_true(wiped > 0);
    /* Or it would prove nothing that the child's are empty. */
    assert_int_equal(child_wiped_have(user_pin[role]), s->logged_in && isolated);
    child_run(look_around);
    child_run(live_anew);
    s->finish();
    assert_rv(C_Finalize(NULL), CKR_OK);
}

static void test_each_state(void **state)
{
    static const char *const settings[] = {"isolation=yes", "isolation=no"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        for (int role = AUTH; role <= SIGN; role++)
            for (size_t k = 0; k < 2; k++) {
                if (states[i].sign_only && role != SIGN)
                    continue;
                world_end(state);
                world_begin(state);
                fork_in(&states[i], (enum role)role, settings[k]);
            }
}

/* ---- a fork while another thread holds a lock ---- */

static sem_t held, go_on;
static unsigned locks, stop_at; /* the lock taken as the stop_at-th is held over the fork */

static CK_RV create(void **mutex)
{
    pthread_mutex_t *m = calloc(1, sizeof(*m));
    *mutex = m;
    return m != NULL && pthread_mutex_init(m, NULL) == 0 ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV destroy(void *mutex)
{
    pthread_mutex_destroy(mutex);
    free(mutex);
    return CKR_OK;
}

static CK_RV lock(void *mutex)
{
    pthread_mutex_lock(mutex);
    if (++locks == stop_at) { /* one thread only calls the module */
        sem_post(&held);
        sem_wait(&go_on);
    }
    return CKR_OK;
}

static CK_RV unlock(void *mutex)
{
    pthread_mutex_unlock(mutex);
    return CKR_OK;
}

/* Its own world: here the parent's transaction would be waited for. */
static void begin_anew(void)
{
    child_is_uninitialized(parent.session, parent.key);
    twin_clear();
    twin_reader(READER_1, true);
    twin_insert_vcard(READER_1, world_card(CARD_1));
    CHILD_MUST(C_Initialize(NULL) == CKR_OK);
    CHILD_MUST(user_session_state(user_open(AUTH)) == CKS_RW_PUBLIC_SESSION);
    CHILD_MUST(C_Finalize(NULL) == CKR_OK);
}

/* What is done with the module; assertions belong to the first thread. */
static void *live(void *argument)
{
    uint8_t signature[SIGNATURE];
    CK_C_INITIALIZE_ARGS args = {create, destroy, lock, unlock, 0, NULL};
    CK_SLOT_ID slots[4], event;
    CK_ULONG count = 4;
    CK_OBJECT_HANDLE key = 0;
    CK_RV *rv = argument;
    *rv = C_Initialize(&args);
    if (*rv == CKR_OK)
        *rv = C_GetSlotList(CK_TRUE, slots, &count);
    if (*rv == CKR_OK)
        *rv = C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &parent.session);
    if (*rv == CKR_OK)
        *rv = user_try_login(parent.session, CKU_USER, AUTH_PIN);
    if (*rv == CKR_OK)
        *rv = user_try_object(parent.session, CKO_PRIVATE_KEY, 0, &key);
    if (*rv == CKR_OK)
        *rv = user_sign(parent.session, CKM_RSA_PKCS, key, message, 3, signature);
    if (*rv == CKR_OK && !user_verify(CARD_1, AUTH, CKM_RSA_PKCS, message, 3, signature))
        *rv = CKR_SIGNATURE_INVALID;
    if (*rv == CKR_OK && C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL) != CKR_NO_EVENT)
        *rv = CKR_GENERAL_ERROR;
    if (*rv == CKR_OK)
        *rv = C_CloseSession(parent.session);
    CK_RV finalized = C_Finalize(NULL);
    sem_post(&held); /* when there were not so many locks */
    if (*rv == CKR_OK)
        *rv = finalized;
    return NULL;
}

static void test_each_lock(void **state)
{
    (void)state;
    bool more = true;
    world_card(CARD_1);
    memset(&parent, 0, sizeof(parent));
    for (stop_at = 1; more; stop_at++) {
        pthread_t thread;
        CK_RV rv = CKR_GENERAL_ERROR;
        locks = 0;
        assert_int_equal(sem_init(&held, 0, 0), 0);
        assert_int_equal(sem_init(&go_on, 0, 0), 0);
        assert_int_equal(pthread_create(&thread, NULL, live, &rv), 0);
        sem_wait(&held);
        more = locks == stop_at;
        child_run(begin_anew);
        sem_post(&go_on);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_rv(rv, CKR_OK);
    }
    print_message("%u locks\n", locks);
    assert_true(locks > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_each_state),
        world_test(test_each_lock),
    };
    alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("fork_states", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A forked child has a copy of everything and may use none of it (PKCS#11 3.2, section 5.4; "This
 * function applies to one process"). The twin ends a child that uses its parent's reader handles.
 */
#include "child.h"

#include <pthread.h>
#include <semaphore.h>

static CK_SESSION_HANDLE parents_session;
static CK_OBJECT_HANDLE parents_key;
static const uint8_t data[] = {1, 2, 3};

static void parent_logs_in(void)
{
    parents_session = user_logged_in(AUTH);
    parents_key = user_key(parents_session);
}

static void expect_parent_signs(void)
{
    uint8_t signature[SIGNATURE];
    assert_int_equal(user_session_state(parents_session), CKS_RW_USER_FUNCTIONS);
    assert_rv(user_sign(parents_session, CKM_RSA_PKCS, parents_key, data, 3, signature), CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, CKM_RSA_PKCS, data, 3, signature));
}

/* ---- what children do ---- */

static void expect_uninitialized(void)
{
    child_is_uninitialized(parents_session, parents_key);
}

static void initialize_and_sign(void)
{
    uint8_t signature[SIGNATURE];
    CK_SESSION_INFO info;
    CK_SESSION_HANDLE session = 0;
    CHILD_MUST(C_Initialize(NULL) == CKR_OK);
    CHILD_MUST(C_GetSessionInfo(parents_session, &info) == CKR_SESSION_HANDLE_INVALID);
    CHILD_MUST(C_OpenSession(user_first(AUTH), CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK);
    CHILD_MUST(C_GetSessionInfo(session, &info) == CKR_OK);
    CHILD_MUST(info.state == CKS_RO_PUBLIC_SESSION);
    CHILD_MUST(user_sign_init(session, CKM_RSA_PKCS, parents_key) != CKR_OK);
    CHILD_MUST(user_try_login(session, CKU_USER, AUTH_PIN) == CKR_OK);
    CHILD_MUST(user_sign(session, CKM_RSA_PKCS, user_key(session), data, 3, signature) == CKR_OK);
    CHILD_MUST(user_verify(CARD_1, AUTH, CKM_RSA_PKCS, data, 3, signature));
    CHILD_MUST(C_Finalize(NULL) == CKR_OK);
    CHILD_MUST(C_Finalize(NULL) == CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void finalize_first(void)
{
    CHILD_MUST(C_Finalize(NULL) == CKR_CRYPTOKI_NOT_INITIALIZED);
    initialize_and_sign();
    CHILD_MUST(C_Initialize(NULL) == CKR_OK);
    CHILD_MUST(C_Initialize(NULL) == CKR_CRYPTOKI_ALREADY_INITIALIZED);
}

static void grandchild(void)
{
    CHILD_MUST(C_Initialize(NULL) == CKR_OK);
    parents_session = user_logged_in(SIGN);
    parents_key = user_key(parents_session);
    child_run(expect_uninitialized);
    child_run(initialize_and_sign);
    CHILD_MUST(user_session_state(parents_session) == CKS_RW_USER_FUNCTIONS);
}

/* ---- tests ---- */

static void test_child_knows_nothing(void **state)
{
    (void)state;
    parent_logs_in();
    child_run(expect_uninitialized);
    expect_parent_signs();
}

static void test_child_initializes(void **state)
{
    (void)state;
    parent_logs_in();
    child_run(initialize_and_sign);
    expect_parent_signs();
    child_run(finalize_first);
    expect_parent_signs();
    child_run(grandchild);
    expect_parent_signs();
}

static void test_child_of_nothing(void **state)
{
    (void)state;
    child_run(expect_uninitialized);
    child_run(initialize_and_sign);
    assert_rv(C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

/* The login of the child is not the parent's, and ends with the child: nothing is left verified. */
static void login_and_die(void)
{
    CHILD_MUST(C_Initialize(NULL) == CKR_OK);
    user_logged_in(SIGN);
}

static void test_child_dies_logged_in(void **state)
{
    (void)state;
    parent_logs_in();
    child_run(login_and_die);
    CK_SESSION_HANDLE sign = user_open(SIGN);
    assert_int_equal(user_session_state(sign), CKS_RW_PUBLIC_SESSION);
    expect_parent_signs();
}

/* ---- the PIN ---- */

static void test_pin_is_not_inherited(void **state)
{
    (void)state;
    parent_logs_in();
    child_find_wiped();
    assert_true(child_wiped_have(AUTH_PIN)); /* or this test would prove nothing */
    child_run(child_is_wiped);
    expect_parent_signs();
    assert_rv(C_Logout(parents_session), CKR_OK);
    child_find_wiped();
    assert_false(child_wiped_have(AUTH_PIN));
}

/* ---- a fork while other threads are inside ---- */

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
    uint8_t signature[SIGNATURE];
    CK_RV *rv = argument;
    *rv = user_sign(parents_session, CKM_RSA_PKCS, parents_key, data, 3, signature);
    return NULL;
}

static void initialize_at_least(void)
{
    CK_ULONG count = 0;
    expect_uninitialized();
    twin_clear(); /* the parent's transaction would be waited for */
    twin_reader(READER_1, true);
    twin_reader(READER_2, true);
    twin_insert_vcard(READER_2, world_card(CARD_1));
    CHILD_MUST(C_Initialize(NULL) == CKR_OK);
    CHILD_MUST(C_GetSlotList(CK_FALSE, NULL, &count) == CKR_OK);
    CHILD_MUST(count == 4);
    CHILD_MUST(C_Finalize(NULL) == CKR_OK);
}

static void test_fork_in_the_middle(void **state)
{
    (void)state;
    pthread_t thread;
    CK_RV rv = CKR_GENERAL_ERROR;
    parent_logs_in();
    sem_init(&inside, 0, 0);
    sem_init(&go_on, 0, 0);
    twin_set_hook(hold, NULL);
    assert_int_equal(pthread_create(&thread, NULL, sign_slowly, &rv), 0);
    sem_wait(&inside);
    child_run(initialize_at_least);
    sem_post(&go_on);
    /* The proof that the card forgets PINs may be a signing command of its own. */
    sem_post(&go_on);
    pthread_join(thread, NULL);
    twin_set_hook(NULL, NULL);
    assert_rv(rv, CKR_OK);
    expect_parent_signs();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test_initialized(test_child_knows_nothing),
        world_test_initialized(test_child_initializes),
        world_test(test_child_of_nothing),
        world_test_initialized(test_child_dies_logged_in),
        world_test_initialized(test_pin_is_not_inherited),
        world_test_initialized(test_fork_in_the_middle),
    };
    return cmocka_run_group_tests_name("fork", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A forked child has a copy of everything and may use none of it (PKCS#11 3.2, section 5.4; "This
 * function applies to one process"). The twin ends a child that uses its parent's reader handles.
 */
#include "user.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 60 /* a child that hangs is ended by its alarm */

static CK_SESSION_HANDLE parents_session;
static CK_OBJECT_HANDLE parents_key;
static const uint8_t data[] = {1, 2, 3};

/* In a child: ends it with the line's number, which the parent shows. */
#define CHILD_MUST(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            child_fails(__LINE__);                                                                 \
    } while (0)

__attribute__((noreturn)) static void child_fails(int line)
{
    fprintf(stderr, "the child failed in line %d\n", line);
    _exit(1);
}

static void in_child(void (*function)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(CHILD_SECONDS);
        function();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

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
    CK_ULONG count = 0;
    CK_SESSION_INFO info;
    CK_INFO general;
    CK_BYTE out[SIGNATURE];
    CK_ULONG len = sizeof(out);
    CHILD_MUST(C_GetInfo(&general) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_GetSlotList(CK_TRUE, NULL, &count) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_GetSessionInfo(parents_session, &info) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(user_sign_init(parents_session, CKM_RSA_PKCS, parents_key) ==
               CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_Sign(parents_session, out, 1, out, &len) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_CloseSession(parents_session) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_Logout(parents_session) == CKR_CRYPTOKI_NOT_INITIALIZED);
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
    in_child(expect_uninitialized);
    in_child(initialize_and_sign);
    CHILD_MUST(user_session_state(parents_session) == CKS_RW_USER_FUNCTIONS);
}

/* ---- tests ---- */

static void test_child_knows_nothing(void **state)
{
    (void)state;
    parent_logs_in();
    in_child(expect_uninitialized);
    expect_parent_signs();
}

static void test_child_initializes(void **state)
{
    (void)state;
    parent_logs_in();
    in_child(initialize_and_sign);
    expect_parent_signs();
    in_child(finalize_first);
    expect_parent_signs();
    in_child(grandchild);
    expect_parent_signs();
}

static void test_child_of_nothing(void **state)
{
    (void)state;
    in_child(expect_uninitialized);
    in_child(initialize_and_sign);
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
    in_child(login_and_die);
    CK_SESSION_HANDLE sign = user_open(SIGN);
    assert_int_equal(user_session_state(sign), CKS_RW_PUBLIC_SESSION);
    expect_parent_signs();
}

/* ---- the PIN ---- */

struct area {
    uint8_t *at;
    size_t len;
};
static struct area areas[64];
static size_t area_count;

/* Mappings that the kernel wipes in a child (VmFlags: wf). */
static void find_wiped_areas(void)
{
    char line[512];
    unsigned long from = 0, to = 0;
    FILE *file = fopen("/proc/self/smaps", "r");
    assert_non_null(file);
    area_count = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        unsigned long a, b;
        if (sscanf(line, "%lx-%lx ", &a, &b) == 2) {
            from = a;
            to = b;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " wf") != NULL) {
            assert_true(area_count < sizeof(areas) / sizeof(areas[0]));
            areas[area_count++] = (struct area){(uint8_t *)from, to - from};
        }
    }
    fclose(file);
}

static bool pin_is_in_areas(void)
{
    for (size_t i = 0; i < area_count; i++)
        if (memmem(areas[i].at, areas[i].len, AUTH_PIN, 4) != NULL)
            return true;
    return false;
}

static void expect_wiped(void)
{
    CHILD_MUST(!pin_is_in_areas());
    for (size_t i = 0; i < area_count; i++)
        for (size_t k = 0; k < areas[i].len; k++)
            CHILD_MUST(areas[i].at[k] == 0);
}

static void test_pin_is_not_inherited(void **state)
{
    (void)state;
    parent_logs_in();
    find_wiped_areas();
    assert_true(pin_is_in_areas()); /* or this test would prove nothing */
    in_child(expect_wiped);
    expect_parent_signs();
    assert_rv(C_Logout(parents_session), CKR_OK);
    find_wiped_areas();
    assert_false(pin_is_in_areas());
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
    twin_set_hook(NULL, NULL);
    expect_uninitialized();
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
    in_child(initialize_at_least);
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

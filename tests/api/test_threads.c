/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Any thread may call anything (PKCS#11 3.2, section 5.4: CKF_OS_LOCKING_OK). To be run under
 * ThreadSanitizer too. JPKI_SEED repeats a run; JPKI_ROUNDS makes it longer.
 */
#include "user.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define THREADS 6
#define WATCHDOG_SECONDS 240

static const char *const readers[2] = {READER_1, READER_2};
static CK_SLOT_ID slots[2][2]; /* by reader and role */
static X509 *certificates[2][2];
static unsigned rounds, seed;
static atomic_bool strict; /* nothing may go wrong; else only honestly */
static atomic_uint failures, signatures;

struct worker {
    pthread_t thread;
    unsigned random;
    unsigned number;
};

static unsigned pick(struct worker *w, unsigned choices)
{
    w->random = w->random * 1103515245U + 12345U;
    return (w->random >> 16) % choices;
}

static bool is_honest(CK_RV rv)
{
    switch (rv) {
    case CKR_OK:
    case CKR_USER_ALREADY_LOGGED_IN:
        return true;
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_KEY_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_OPERATION_NOT_INITIALIZED: /* another thread has logged out */
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_DEVICE_REMOVED:
    case CKR_DEVICE_ERROR:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
        return !atomic_load(&strict);
    default:
        return false;
    }
}

/* Assertions of cmocka belong to the first thread: the others count. */
static CK_RV note(const char *what, CK_RV rv)
{
    if (!is_honest(rv)) {
        print_error("%s: 0x%lX (seed %u)\n", what, rv, seed);
        atomic_fetch_add(&failures, 1);
    }
    return rv;
}

static void wrong(const char *what)
{
    print_error("%s (seed %u)\n", what, seed);
    atomic_fetch_add(&failures, 1);
}

/* ---- what a thread does ---- */

static void list_slots(void)
{
    CK_SLOT_ID list[16];
    CK_ULONG count = 16;
    CK_RV rv = note("C_GetSlotList", C_GetSlotList(CK_FALSE, list, &count));
    if (rv == CKR_OK && count != 4)
        wrong("not four slots");
    count = 16;
    rv = note("C_GetSlotList", C_GetSlotList(CK_TRUE, list, &count));
    if (rv == CKR_OK && atomic_load(&strict) && count != 4)
        wrong("not four tokens");
}

static void look_at_token(struct worker *w)
{
    unsigned reader = pick(w, 2), role = pick(w, 2);
    CK_SLOT_INFO slot;
    CK_TOKEN_INFO info;
    note("C_GetSlotInfo", C_GetSlotInfo(slots[reader][role], &slot));
    CK_RV rv = note("C_GetTokenInfo", C_GetTokenInfo(slots[reader][role], &info));
    if (rv == CKR_OK && memcmp(info.label, user_label[role], strlen(user_label[role])) != 0)
        wrong("another token's label");
}

static void read_certificate(CK_SESSION_HANDLE session, unsigned reader, unsigned role)
{
    CK_BYTE value[4096];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
    CK_OBJECT_HANDLE object = 0;
    if (note("the search",
             user_try_object(session, CKO_CERTIFICATE, role == AUTH ? 1 : 2, &object)) != CKR_OK ||
        note("CKA_VALUE", C_GetAttributeValue(session, object, &attribute, 1)) != CKR_OK)
        return;
    const unsigned char *at = value;
    X509 *x = d2i_X509(NULL, &at, (long)attribute.ulValueLen);
    if (x == NULL || X509_cmp(x, certificates[reader][role]) != 0)
        wrong("another certificate");
    X509_free(x);
}

static void sign(struct worker *w, CK_SESSION_HANDLE session, unsigned reader, unsigned role)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS,
                                              CKM_SHA512_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS};
    CK_BYTE data[16], signature[SIGNATURE];
    CK_ULONG len = sizeof(signature);
    CK_OBJECT_HANDLE key = 0;
    CK_MECHANISM_TYPE type = types[pick(w, 4)];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (CK_BYTE)pick(w, 256);
    if (note("the search", user_try_object(session, CKO_PRIVATE_KEY, role == AUTH ? 1 : 2, &key)) !=
            CKR_OK ||
        note("C_SignInit", user_sign_init(session, type, key)) != CKR_OK ||
        note("C_Sign", C_Sign(session, data, sizeof(data), signature, &len)) != CKR_OK)
        return;
    atomic_fetch_add(&signatures, 1);
    if (!check_mechanism(certificates[reader][role], type, data, sizeof(data), signature, len))
        wrong("a wrong signature");
}

static void use_token(struct worker *w)
{
    unsigned reader = pick(w, 2), role = pick(w, 2);
    CK_SESSION_HANDLE session = 0;
    CK_SESSION_INFO info;
    CK_RV rv = C_OpenSession(slots[reader][role], CKF_SERIAL_SESSION, NULL, NULL, &session);
    if (note("C_OpenSession", rv) != CKR_OK)
        return;
    note("C_GetSessionInfo", C_GetSessionInfo(session, &info));
    note("C_Login", user_try_login(session, CKU_USER, user_pin[role]));
    if (pick(w, 2) == 0)
        read_certificate(session, reader, role);
    else
        sign(w, session, reader, role);
    if (!atomic_load(&strict) && pick(w, 4) == 0)
        note("C_Logout", C_Logout(session));
    if (!atomic_load(&strict) && pick(w, 16) == 0)
        note("C_CloseAllSessions", C_CloseAllSessions(slots[reader][role]));
    note("C_CloseSession", C_CloseSession(session));
}

static void *work(void *argument)
{
    struct worker *w = argument;
    for (unsigned i = 0; i < rounds; i++)
        switch (pick(w, 4)) {
        case 0:
            list_slots();
            break;
        case 1:
            look_at_token(w);
            break;
        default:
            use_token(w);
            break;
        }
    return NULL;
}

static void start(struct worker workers[THREADS])
{
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.random = seed + i * 7919, .number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
}

static void finish(struct worker workers[THREADS])
{
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    assert_int_equal(atomic_load(&failures), 0);
}

static int begin(void **state)
{
    world_begin(state);
    twin_insert_vcard(READER_2, world_card(CARD_2));
    world_initialize("sign.consent=session");
    for (int r = 0; r < 2; r++)
        for (int role = AUTH; role <= SIGN; role++) {
            slots[r][role] = user_slot(readers[r], (enum role)role);
            certificates[r][role] =
                check_load(world_card(r), role == AUTH ? "auth.pem" : "sign.pem");
            assert_non_null(certificates[r][role]);
        }
    atomic_store(&strict, true);
    atomic_store(&failures, 0);
    atomic_store(&signatures, 0);
    return 0;
}

static int end(void **state)
{
    int result = world_end(state);
    for (int r = 0; r < 2; r++)
        for (int role = 0; role < 2; role++)
            X509_free(certificates[r][role]);
    return result;
}

/* ---- tests ---- */

/* A session of ours keeps each token logged in: then everything has to work. */
static void test_all_right(void **state)
{
    (void)state;
    struct worker workers[THREADS];
    for (int r = 0; r < 2; r++)
        for (int role = AUTH; role <= SIGN; role++)
            user_login(user_open_slot(slots[r][role]), (enum role)role);
    start(workers);
    finish(workers);
    assert_true(atomic_load(&signatures) > 0);
}

/* Logouts and last sessions in between: honest answers, and no wrong signature. */
static void test_logins_and_logouts(void **state)
{
    (void)state;
    struct worker workers[THREADS];
    atomic_store(&strict, false);
    start(workers);
    finish(workers);
    assert_true(atomic_load(&signatures) > 0);
}

static void nap(long microseconds)
{
    struct timespec t = {.tv_nsec = microseconds * 1000};
    nanosleep(&t, NULL);
}

/* Cards, readers and resets in between. */
static void test_comings_and_goings(void **state)
{
    (void)state;
    struct worker workers[THREADS];
    struct worker chance = {.random = seed ^ 0x5555};
    atomic_store(&strict, false);
    start(workers);
    for (unsigned i = 0; i < rounds / 2; i++) {
        unsigned r = pick(&chance, 2);
        switch (pick(&chance, 3)) {
        case 0:
            twin_warm_reset(readers[r]);
            break;
        case 1:
            twin_remove(readers[r]);
            nap(2000);
            twin_insert_vcard(readers[r], world_card((int)r));
            break;
        default:
            nap(5000);
            break;
        }
    }
    finish(workers);
    assert_true(atomic_load(&signatures) > 0);
}

/* C_Finalize waits for the calls that are under way; all others are refused. */
static void test_finalize_in_the_middle(void **state)
{
    (void)state;
    atomic_store(&strict, false);
    for (unsigned i = 0; i < 5; i++) {
        struct worker workers[THREADS];
        start(workers);
        nap((long)i * 7000);
        assert_rv(C_Finalize(NULL), CKR_OK);
        finish(workers);
        world_initialize("sign.consent=session");
        user_slot(READER_1, AUTH);
        user_slot(READER_2, AUTH);
    }
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_all_right),
        row(test_logins_and_logouts),
        row(test_comings_and_goings),
        row(test_finalize_in_the_middle),
    };
    const char *text = getenv("JPKI_SEED");
    seed = text != NULL ? (unsigned)strtoul(text, NULL, 10) : (unsigned)time(NULL);
    text = getenv("JPKI_ROUNDS");
    rounds = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 60;
    print_message("seed %u\n", seed);
    alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("threads", tests, world_setup, world_teardown);
}

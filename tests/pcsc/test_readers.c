/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the service says of its readers: names of every form, lists that do not hold what they
 * promise, any number of readers that come and go, states and events.
 */
#include "pcsc/script.h"

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/user.h"
#include "api/waiter.h"
#include "pcsc/fixture.h"

#define WATCHDOG_SECONDS 120
#define SLOTS 160
#define MANY 64
#define LOOKS 8 /* questions, two a look: one look that does not wait, and three of the thread */

static CK_ULONG list(CK_BBOOL present, CK_SLOT_ID *slots)
{
    CK_ULONG count = SLOTS;
    assert_rv(C_GetSlotList(present, slots, &count), CKR_OK);
    return count;
}

/* A slot's description without its padding. */
static void describe(CK_SLOT_ID slot, char text[65])
{
    CK_SLOT_INFO info;
    assert_rv(C_GetSlotInfo(slot, &info), CKR_OK);
    memcpy(text, info.slotDescription, 64);
    text[64] = '\0';
    for (size_t i = 64; i > 0 && text[i - 1] == ' '; i--)
        text[i - 1] = '\0';
}

static void name_of(char name[32], unsigned i)
{
    snprintf(name, 32, "Reader %02u of many", i);
}

static void many(unsigned count, bool there)
{
    char name[32];
    for (unsigned i = 0; i < count; i++) {
        name_of(name, i);
        twin_reader(name, there);
    }
}

/* ---- lists that are not as they should be ---- */

/* The readers that a list shows, each as two slots. */
static void expect_list(const char *bytes, size_t len, DWORD first, DWORD second,
                        const char *const *names)
{
    CK_SLOT_ID slots[SLOTS];
    char text[65];
    size_t expected = 0;
    assert_rv(C_Finalize(NULL), CKR_OK);
    world_initialize(NULL);
    script.names = bytes;
    script.names_len = len;
    script.names_first = first;
    script.names_second = second;
    CK_ULONG count = list(CK_FALSE, slots);
    for (; names[expected] != NULL; expected++) {
        assert_true(count > 2 * expected);
        describe(slots[2 * expected], text);
        assert_string_equal(text, names[expected]);
    }
    assert_int_equal(count, 2 * expected);
    script.names = NULL;
}

#define LIST(bytes, first, second, ...)                                                            \
    expect_list(bytes, sizeof(bytes) - 1, first, second, (const char *const[]){__VA_ARGS__})

static void test_odd_lists(void **state)
{
    (void)state;
    LIST("A\0B\0\0", 5, 5, "A", "B", NULL);
    LIST("A\0B\0", 4, 4, "A", "B", NULL); /* without the last zero */
    LIST("A\0BC", 4, 4, "A", "BC", NULL); /* and without that of the name */
    LIST("A\0A\0B\0A\0\0", 9, 9, "A", "B", NULL);
    LIST("\0", 1, 1, NULL);
    LIST("\0A\0\0", 4, 4, NULL); /* an empty name is the end */
    LIST("A\0\0B\0\0", 6, 6, "A", NULL);
    LIST("A\0B\0\0", 5, 2, "A", NULL); /* it has become shorter */
    LIST("A\0B\0\0", 5, 0, NULL);
    LIST("A\0B\0\0", 0, 0, NULL);
}

/* More is claimed than there was room for: nothing is read beyond it. */
static void test_claims(void **state)
{
    static const DWORD claims[] = {6, 7, 8, 64, 4096, 0x7FFFFFFF, (DWORD)-1, (DWORD)-2};
    (void)state;
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
        LIST("A\0B\0\0", 5, claims[i], "A", "B", NULL);
    /* A list of a size that no service has is none. */
    LIST("A\0B\0\0", (DWORD)-1, 5, NULL);
    LIST("A\0B\0\0", (DWORD)-2, 5, NULL);
    LIST("A\0B\0\0", 0x40000000, 5, NULL);
}

static unsigned grow_at, grown;

static void grow(unsigned long k, const char *name)
{
    char reader[32];
    if (strcmp(name, "SCardListReaders") != 0 || k % 2 == grow_at)
        return;
    if (grown >= 3)
        return;
    snprintf(reader, sizeof(reader), "Late Reader %u", grown++);
    twin_reader(reader, true);
}

/* A reader comes between the question for the length and that for the names: the others' sessions
 * and logins do not notice. */
static void test_growing_list(void **state)
{
    CK_SLOT_ID slots[SLOTS];
    (void)state;
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    for (grow_at = 0; grow_at < 2; grow_at++) {
        unsigned long before = list(CK_FALSE, slots);
        grown = 0;
        twin_calls_clear();
        script.before = grow;
        list(CK_FALSE, slots);
        script.before = NULL;
        assert_true(grown > 0);
        assert_true(list(CK_FALSE, slots) >= before);
        assert_int_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
        for (unsigned i = 0; i < 3; i++) {
            char reader[32];
            snprintf(reader, sizeof(reader), "Late Reader %u", i);
            twin_reader(reader, false);
        }
    }
}

/* ---- names ---- */

static void expect_usable(const char *name)
{
    CK_SLOT_ID slots[SLOTS];
    twin_reader(READER_1, false);
    twin_reader(READER_2, false);
    twin_reader(name, true);
    twin_insert_vcard(name, world_card(CARD_1));
    CK_ULONG count = list(CK_TRUE, slots);
    assert_int_equal(count, 2);
    CK_SESSION_HANDLE session = user_open_slot(slots[AUTH]);
    user_login(session, AUTH);
    uint8_t signature[SIGNATURE];
    assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), "abc", 3, signature), CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, CKM_RSA_PKCS, "abc", 3, signature));
    assert_rv(C_CloseSession(session), CKR_OK);
    twin_reader(name, false);
}

static void test_names(void **state)
{
    char name[1024];
    static const size_t sizes[] = {1, 63, 64, 65, 126, 127, 128, 129, 1000};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(name, 'x', sizes[i]);
        name[sizes[i]] = '\0';
        expect_usable(name);
    }
    expect_usable("カードリーダー 00 00");
    expect_usable("\xE3\x82");
    expect_usable("a\nb\r\x1B[31m\x7F");
    expect_usable("../../etc/x");
    expect_usable("%s%n%s");
    expect_usable(" ");
}

/* Two readers whose descriptions are the same, as their names differ behind the last byte of it:
 * what is done with one has nothing to do with the other. */
static void test_same_description(void **state)
{
    static const size_t at[] = {64, 65, 100, 126};
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        char one[128], other[128], text[2][65];
        CK_SLOT_ID slots[SLOTS];
        fixture_end(state);
        world_begin_initialized(state);
        memset(one, 'x', sizeof(one) - 1);
        one[sizeof(one) - 1] = '\0';
        strcpy(other, one);
        other[at[i]] = 'y';
        twin_reader(READER_1, false);
        twin_reader(READER_2, false);
        twin_reader(one, true);
        twin_reader(other, true);
        assert_int_equal(list(CK_FALSE, slots), 4);
        describe(0, text[0]);
        describe(2, text[1]);
        assert_string_equal(text[0], text[1]);
        twin_insert_vcard(one, world_card(CARD_1));
        twin_insert_vcard(other, world_card(CARD_2));
        assert_int_equal(list(CK_TRUE, slots), 4);
        CK_SESSION_HANDLE first = user_open_slot(0), second = user_open_slot(2);
        user_login(second, AUTH);
        assert_int_equal(user_session_state(first), CKS_RW_PUBLIC_SESSION);
        uint8_t signature[SIGNATURE];
        assert_rv(user_sign(second, CKM_RSA_PKCS, user_key(second), "abc", 3, signature), CKR_OK);
        assert_true(user_verify(CARD_2, AUTH, CKM_RSA_PKCS, "abc", 3, signature));
        twin_remove(one);
        assert_int_equal(user_session_state(first), CK_UNAVAILABLE_INFORMATION);
        assert_int_equal(user_session_state(second), CKS_RW_USER_FUNCTIONS);
    }
}

/* A name of many bytes is cut at the end of a character. */
static void test_description(void **state)
{
    CK_SLOT_ID slots[SLOTS];
    char name[128] = "x", text[65];
    (void)state;
    for (int i = 0; i < 30; i++)
        strcat(name, "\xE3\x82\xAB");
    twin_reader(name, true);
    CK_ULONG count = list(CK_FALSE, slots);
    describe(slots[count - 2], text);
    assert_int_equal(strlen(text), 64); /* 1 + 21 * 3: whole characters */
    assert_memory_equal(text, name, 64);
}

/* ---- how many ---- */

/* pcsc-lite takes questions for 16 readers at a time; a table of slots may hold more names. */
static void test_any_number(void **state)
{
    static const unsigned counts[] = {0, 1, 15, 16, 17, 31, 32, 33, MANY};
    CK_SLOT_ID slots[SLOTS];
    char name[32], text[65];
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        unsigned n = counts[i];
        fixture_end(state);
        world_begin_initialized(state);
        twin_reader(READER_1, false);
        twin_reader(READER_2, false);
        many(n, true);
        assert_int_equal(list(CK_FALSE, slots), 2 * n);
        for (unsigned k = 0; k < n; k++) {
            name_of(name, k);
            describe(slots[2 * k], text);
            assert_string_equal(text, name);
        }
        if (n == 0)
            continue;
        twin_insert_vcard(name, world_card(CARD_1)); /* in the last one */
        assert_int_equal(list(CK_TRUE, slots), 2);
        assert_int_equal(slots[0], 2 * (n - 1));
        CK_SESSION_HANDLE session = user_open_slot(slots[0]);
        user_login(session, AUTH);
        assert_int_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
    }
}

/* Those that have left are no reason not to see those that are there. */
static void test_many_have_left(void **state)
{
    CK_SLOT_ID slots[SLOTS];
    (void)state;
    many(40, true);
    list(CK_FALSE, slots);
    many(40, false);
    assert_int_equal(list(CK_FALSE, slots), 2 * 42);
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    assert_int_equal(list(CK_TRUE, slots), 2);
    assert_int_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
}

/* ---- events ---- */

static void start(struct waiter *w)
{
    CK_SLOT_ID none;
    while (C_WaitForSlotEvent(CKF_DONT_BLOCK, &none, NULL) == CKR_OK)
        ;
    waiter_start(w);
}

static void until_waiting(unsigned threads)
{
    while (script_waiting() < threads)
        usleep(1000);
}

/* With as many readers as there can be, and with as many names of others that have left: an event
 * in any of them ends the wait. One more than there can be is seen by the next look, a second
 * later.
 */
static void test_events_of_many(void **state)
{
    static const unsigned counts[] = {1, 13, 14, 15}; /* and two that are there in any case */
    struct waiter w;
    CK_SLOT_ID slots[SLOTS];
    char name[32];
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        for (int first = 0; first < 2; first++) {
            fixture_end(state);
            world_begin_initialized(state);
            if (counts[i] < 15) {
                many(40, true);
                list(CK_FALSE, slots);
                many(40, false);
            }
            many(counts[i], true);
            list(CK_FALSE, slots);
            start(&w);
            until_waiting(1);
            name_of(name, first != 0 ? 0 : counts[i] - 1);
            twin_insert_vcard(name, world_card(CARD_2));
            assert_rv(waiter_end(&w), CKR_OK);
            char text[65];
            describe(w.slot, text);
            assert_string_equal(text, name);
        }
}

/* The counter in the upper half of the state: out and in again, while nobody looked. */
static void test_event_counter(void **state)
{
    CK_SESSION_INFO info;
    (void)state;
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_1));
    assert_int_not_equal(C_GetSessionInfo(session, &info), CKR_OK);
}

static sem_t looks;

static void tell_look(unsigned long k, const char *name)
{
    (void)k;
    if (strcmp(name, "SCardListReaders") == 0)
        sem_post(&looks);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Whatever a wait gets, the thread goes on waiting, but does not spin; and it sees the event, and
 * C_Finalize ends it. */
static void test_odd_waits(void **state)
{
    static const LONG answers[] = {SCARD_E_TIMEOUT,       SCARD_E_UNKNOWN_READER,
                                   SCARD_E_CANCELLED,     SCARD_E_INVALID_PARAMETER,
                                   SCARD_E_NO_SERVICE,    SCARD_F_COMM_ERROR,
                                   SCARD_E_INVALID_HANDLE};
    struct waiter w;
    CK_SLOT_ID slots[SLOTS];
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        fixture_end(state);
        world_begin_initialized(state);
        list(CK_FALSE, slots);
        script.wait = answers[i];
        script.before = tell_look;
        sem_init(&looks, 0, 0);
        double since = seconds();
        start(&w);
        for (int n = 0; n < LOOKS; n++)
            sem_wait(&looks);
        if (answers[i] != SCARD_E_TIMEOUT) /* which only a wait that has waited gets */
            assert_true(seconds() - since > 0.09);
        twin_insert_vcard(READER_2, world_card(CARD_2));
        assert_rv(waiter_end(&w), CKR_OK);
        start(&w);
        assert_rv(C_Finalize(NULL), CKR_OK);
        assert_rv(waiter_end(&w), CKR_CRYPTOKI_NOT_INITIALIZED);
    }
}

/* A state that the module has no name for is no card, and no end of the world. */
static void test_flags(void **state)
{
    static const DWORD no_card[] = {SCARD_STATE_MUTE, SCARD_STATE_UNAVAILABLE, SCARD_STATE_UNKNOWN,
                                    SCARD_STATE_IGNORE | SCARD_STATE_UNKNOWN};
    CK_SLOT_ID slots[SLOTS];
    (void)state;
    for (size_t i = 0; i < sizeof(no_card) / sizeof(no_card[0]); i++) {
        script.flags = no_card[i];
        assert_int_equal(list(CK_TRUE, slots), 0);
        script.flags = 0;
        assert_int_equal(list(CK_TRUE, slots), 2);
    }
    script.flags = SCARD_STATE_ATRMATCH | SCARD_STATE_UNPOWERED | SCARD_STATE_INUSE | 0x8000;
    assert_int_equal(list(CK_TRUE, slots), 2);
}

/* ---- comings and goings ---- */

static atomic_bool stop;
static char wrong; /* what a thread returns that has seen something odd */

static void *keep_listing(void *argument)
{
    CK_SLOT_ID slots[SLOTS];
    (void)argument;
    while (!atomic_load(&stop)) {
        CK_ULONG count = SLOTS;
        if (C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK || count > SLOTS)
            return &wrong;
    }
    return NULL;
}

static void *keep_waiting(void *argument)
{
    CK_SLOT_ID slot;
    CK_RV rv = CKR_OK;
    (void)argument;
    while (rv == CKR_OK)
        rv = C_WaitForSlotEvent(0, &slot, NULL);
    return rv == CKR_CRYPTOKI_NOT_INITIALIZED ? NULL : &wrong;
}

static void come_and_go(unsigned rounds)
{
    char name[32];
    for (unsigned i = 0; i < rounds; i++) {
        name_of(name, i % 32);
        twin_reader(name, i / 32 % 2 == 0);
        if (i / 32 % 2 == 0 && i % 5 == 0)
            twin_insert_vcard(name, world_card((int)i % 2));
    }
}

/* What the waiting threads hold just then comes and goes as well; a leak grows each time. */
static bool stops_growing(void)
{
    CK_SLOT_ID slots[SLOTS];
    size_t before, after;
    unsigned i = 0;
    do {
        before = mallinfo2().uordblks;
        come_and_go(320);
        list(CK_FALSE, slots);
        after = mallinfo2().uordblks;
    } while (after > before + 20000 && ++i < 8);
    return i < 8;
}

/* 32 readers appear and vanish while threads list slots and wait for events: a slot keeps its
 * number, and nothing grows with the rounds. */
static void test_comings_and_goings(void **state)
{
    pthread_t threads[4];
    CK_SLOT_ID slots[SLOTS];
    char name[32], text[65];
    (void)state;
    many(32, true);
    CK_ULONG count = list(CK_FALSE, slots);
    assert_int_equal(count, 2 * 34);
    many(32, false);
    atomic_store(&stop, false);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < 2 ? keep_listing : keep_waiting, NULL), 0);
    come_and_go(640);
    atomic_store(&stop, true);
    void *failed;
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_true(stops_growing());
    assert_int_equal(list(CK_FALSE, slots), count);
    for (unsigned i = 0; i < 32; i++) {
        name_of(name, i);
        describe(4 + 2 * i, text);
        assert_string_equal(text, name);
    }
    assert_rv(C_Finalize(NULL), CKR_OK);
    for (size_t i = 2; i < 4; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

#define row(function)                                                                              \
    cmocka_unit_test_setup_teardown(function, world_begin_initialized, fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_odd_lists),          row(test_claims),
        row(test_growing_list),       row(test_names),
        row(test_same_description),   row(test_description),
        row(test_any_number),         row(test_many_have_left),
        row(test_events_of_many),     row(test_event_counter),
        row(test_odd_waits),          row(test_flags),
        row(test_comings_and_goings),
    };
    alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("readers", tests, world_setup, world_teardown);
}

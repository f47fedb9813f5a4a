/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 32 readers that vanish and come back while they are used: a slot keeps its number and its reader,
 * sessions end with their reader and with no other, and no signature is another card's. To be run
 * under ThreadSanitizer too.
 */
#include "pcsc/script.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/user.h"
#include "pcsc/fixture.h"

#define WATCHDOG_SECONDS 150
#define READERS 32U
#define SLOTS 80
#define THREADS 4
#define MOVES 48
#define STAY 4 /* so many moves are made before a signature is waited for */

static void name_of(char name[32], unsigned i)
{
    snprintf(name, 32, "Reader %02u of a crowd", i);
}

static void reader(unsigned i, bool there)
{
    char name[32];
    name_of(name, i);
    twin_reader(name, there);
}

static void insert(unsigned i, int card)
{
    char name[32];
    name_of(name, i);
    twin_insert_vcard(name, world_card(card));
}

static CK_SLOT_ID slot_of(unsigned i, enum role role)
{
    return 2 * i + (CK_SLOT_ID)role;
}

/* Reader number i has slots 2i and 2i + 1 from now on. */
static int begin(void **state)
{
    CK_SLOT_ID slots[SLOTS];
    CK_ULONG count = SLOTS;
    script_clear();
    if (world_begin_initialized(state) != 0)
        return -1;
    twin_reader(READER_1, false);
    twin_reader(READER_2, false);
    for (unsigned i = 0; i < READERS; i++)
        reader(i, true);
    return C_GetSlotList(CK_FALSE, slots, &count) == CKR_OK && count == 2 * READERS ? 0 : -1;
}

static void check_slots(void)
{
    CK_SLOT_ID slots[SLOTS];
    CK_ULONG count = SLOTS;
    assert_rv(C_GetSlotList(CK_FALSE, slots, &count), CKR_OK);
    assert_int_equal(count, 2 * READERS);
    for (unsigned i = 0; i < READERS; i++) {
        CK_SLOT_INFO info;
        char name[32];
        name_of(name, i);
        assert_int_equal(slots[2 * i], slot_of(i, AUTH));
        assert_rv(C_GetSlotInfo(slots[2 * i], &info), CKR_OK);
        assert_memory_equal(info.slotDescription, name, strlen(name));
    }
}

/* ---- one after the other ---- */

static bool has_token(unsigned i)
{
    CK_SLOT_INFO info;
    assert_rv(C_GetSlotInfo(slot_of(i, AUTH), &info), CKR_OK);
    return (info.flags & CKF_TOKEN_PRESENT) != 0;
}

static CK_SESSION_HANDLE log_in(unsigned i)
{
    CK_SESSION_HANDLE session = user_open_slot(slot_of(i, AUTH));
    user_login(session, AUTH);
    return session;
}

static void check_signs(CK_SESSION_HANDLE session, int card)
{
    uint8_t signature[SIGNATURE];
    assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), "abc", 3, signature), CKR_OK);
    assert_true(user_verify(card, AUTH, CKM_RSA_PKCS, "abc", 3, signature));
}

/* Of two readers in use, the first vanishes, and comes back with the same card. */
static void vanish(unsigned i, unsigned other)
{
    CK_SESSION_HANDLE none;
    insert(i, CARD_1);
    insert(other, CARD_2);
    CK_SESSION_HANDLE gone = log_in(i), stays = log_in(other);
    CK_OBJECT_HANDLE key = user_key(gone);
    reader(i, false);
    assert_false(has_token(i));
    assert_int_equal(user_session_state(gone), CK_UNAVAILABLE_INFORMATION);
    assert_rv(C_OpenSession(slot_of(i, AUTH), CKF_SERIAL_SESSION, NULL, NULL, &none),
              CKR_TOKEN_NOT_PRESENT);
    check_signs(stays, CARD_2);
    reader(i, true);
    insert(i, CARD_1);
    assert_true(has_token(i));
    twin_counters_clear();
    assert_int_equal(user_session_state(gone), CK_UNAVAILABLE_INFORMATION);
    assert_rv(user_sign_init(gone, CKM_RSA_PKCS, key), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(twin_verifies(), 0);
    CK_SESSION_HANDLE fresh = user_open_slot(slot_of(i, AUTH));
    assert_int_equal(user_session_state(fresh), CKS_RW_PUBLIC_SESSION);
    user_login(fresh, AUTH);
    check_signs(fresh, CARD_1);
    assert_int_equal(user_session_state(stays), CKS_RW_USER_FUNCTIONS);
    reader(i, false);
    reader(other, false);
    reader(i, true);
    reader(other, true);
}

static void test_one_after_the_other(void **state)
{
    (void)state;
    for (unsigned i = 0; i < READERS; i++)
        vanish(i, (i + 1) % READERS);
    check_slots();
}

/* The service is started anew, and knows half of them, in another order: each reader has its old
 * slots, and those that come back later have theirs. */
static void test_after_a_restart(void **state)
{
    char list[READERS * 32], *at = list;
    (void)state;
    insert(3, CARD_1);
    CK_SESSION_HANDLE session = log_in(3);
    twin_service(false);
    for (unsigned i = 0; i < READERS; i++)
        reader(i, i % 2 == 1);
    twin_service(true);
    insert(31, CARD_2);
    for (unsigned i = READERS; i-- > 0;)
        if (i % 2 == 1) {
            name_of(at, i);
            at += strlen(at) + 1;
        }
    *at++ = '\0';
    script.names_len = (size_t)(at - list);
    script.names_first = script.names_second = (DWORD)(at - list);
    script.names = list;
    check_slots();
    assert_int_equal(user_session_state(session), CK_UNAVAILABLE_INFORMATION);
    check_signs(log_in(3), CARD_1);
    check_signs(log_in(31), CARD_2);
    script.names = NULL;
    for (unsigned i = 0; i < READERS; i += 2)
        reader(i, true);
    insert(4, CARD_1);
    check_slots();
    check_signs(log_in(4), CARD_1);
}

/* ---- many threads ---- */

static atomic_bool stop;
static atomic_uint signatures, failures, moves;

static bool is_honest(CK_RV rv)
{
    return rv == CKR_OK || rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_TOKEN_NOT_RECOGNIZED ||
           rv == CKR_DEVICE_REMOVED || rv == CKR_SESSION_HANDLE_INVALID ||
           rv == CKR_USER_ALREADY_LOGGED_IN || rv == CKR_USER_NOT_LOGGED_IN ||
           rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID ||
           rv == CKR_OPERATION_NOT_INITIALIZED;
}

/* cmocka's assertions belong to the first thread: the others count. */
static void wrong(const char *what, CK_SLOT_ID slot, CK_RV rv)
{
    print_error("slot %lu, %s: 0x%lX\n", slot, what, rv);
    atomic_fetch_add(&failures, 1);
}

static CK_RV sign(CK_SESSION_HANDLE session, const uint8_t *data, CK_ULONG len, uint8_t *signature)
{
    CK_UTF8CHAR pin[] = AUTH_PIN;
    CK_BYTE text[16];
    CK_ULONG size = SIGNATURE;
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    memcpy(text, data, len);
    CK_RV rv = C_Login(session, CKU_USER, pin, sizeof(pin) - 1);
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
        rv = user_try_object(session, CKO_PRIVATE_KEY, 0, &key);
    if (rv == CKR_OK)
        rv = C_SignInit(session, &mechanism, key);
    return rv == CKR_OK ? C_Sign(session, text, len, signature, &size) : rv;
}

/* Readers of even numbers have the first card, if any, and the others the second. */
static void use(CK_SLOT_ID slot, unsigned number)
{
    const uint8_t data[] = {1, (uint8_t)number, (uint8_t)slot};
    uint8_t signature[SIGNATURE];
    CK_SESSION_HANDLE session;
    CK_RV rv = C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
    if (rv == CKR_OK) {
        rv = sign(session, data, sizeof(data), signature);
        if (rv == CKR_OK && !user_verify(slot / 2 % 2 == 0 ? CARD_1 : CARD_2, AUTH, CKM_RSA_PKCS,
                                         data, sizeof(data), signature))
            wrong("a wrong signature", slot, rv);
        atomic_fetch_add(&signatures, rv == CKR_OK ? 1 : 0);
        CK_RV closed = C_CloseSession(session);
        if (!is_honest(closed))
            wrong("C_CloseSession", slot, closed);
    }
    if (!is_honest(rv))
        wrong("a signature", slot, rv);
}

static void *keep_signing(void *argument)
{
    CK_SLOT_ID slots[SLOTS];
    (void)argument;
    for (unsigned number = 0; !atomic_load(&stop); number++) {
        CK_ULONG count = SLOTS;
        unsigned before = atomic_load(&moves);
        CK_RV rv = C_GetSlotList(CK_TRUE, slots, &count);
        /* A card that is moved meanwhile may be seen where it was and where it is. */
        if (rv != CKR_OK || count > 4 + 2UL * (atomic_load(&moves) - before))
            wrong("C_GetSlotList", count, rv);
        for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
            if (slots[i] % 2 == AUTH)
                use(slots[i], number);
    }
    return NULL;
}

/* One of the two cards goes with its reader, and is in another one then. */
static void move(unsigned round, unsigned at[2])
{
    unsigned card = round % 2;
    atomic_fetch_add(&moves, 1);
    reader(at[card], false);
    at[card] = (at[card] + 2 * (1 + round % 7)) % READERS;
    reader(at[card], true);
    insert(at[card], (int)card);
    unsigned before = atomic_load(&signatures);
    while (round % STAY == 0 && atomic_load(&signatures) == before && atomic_load(&failures) == 0)
        usleep(1000);
}

static void test_all_at_once(void **state)
{
    pthread_t threads[THREADS];
    unsigned at[2] = {0, 1};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        insert(i, (int)i);
        check_signs(log_in(i), (int)i); /* also: certificates are read by one thread */
    }
    assert_rv(C_CloseAllSessions(slot_of(0, AUTH)), CKR_OK);
    assert_rv(C_CloseAllSessions(slot_of(1, AUTH)), CKR_OK);
    for (unsigned i = 2; i < READERS; i++)
        reader(i, false);
    atomic_store(&stop, false);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_signing, NULL), 0);
    for (unsigned round = 0; round < MOVES; round++)
        move(round, at);
    atomic_store(&stop, true);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&failures), 0);
    assert_in_range(atomic_load(&signatures), MOVES / STAY, 1000000);
    assert_int_equal(twin_open_transactions(), 0);
    check_slots();
}

#define row(function) cmocka_unit_test_setup_teardown(function, begin, fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(test_one_after_the_other),
        row(test_after_a_restart),
        row(test_all_at_once),
    };
    alarm(WATCHDOG_SECONDS);
    return cmocka_run_group_tests_name("crowd", tests, world_setup, world_teardown);
}

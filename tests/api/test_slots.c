/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Slots (PKCS#11 3.2, section 5.5): two for each reader, whose numbers never change their meaning;
 * cards, readers and the service that come and go; cards that are not ours.
 */
#include "user.h"

#include <stdio.h>
#include <string.h>

#include "vcard/vcard.h"

#define MOST 64

struct slots {
    CK_SLOT_ID id[MOST];
    CK_ULONG count;
};

static struct slots get_slots(CK_BBOOL present)
{
    struct slots s = {.count = 0};
    CK_ULONG size = 0;
    assert_rv(C_GetSlotList(present, NULL, &size), CKR_OK);
    assert_in_range(size, 0, MOST);
    s.count = size;
    assert_rv(C_GetSlotList(present, s.id, &s.count), CKR_OK);
    assert_int_equal(s.count, size);
    for (CK_ULONG i = 0; i < s.count; i++)
        for (CK_ULONG k = 0; k < i; k++)
            assert_int_not_equal(s.id[i], s.id[k]);
    return s;
}

static bool holds(const struct slots *s, CK_SLOT_ID id)
{
    for (CK_ULONG i = 0; i < s->count; i++)
        if (s->id[i] == id)
            return true;
    return false;
}

static void expect_kept(const struct slots *before, const struct slots *after)
{
    for (CK_ULONG i = 0; i < before->count; i++)
        assert_true(holds(after, before->id[i]));
}

static CK_SLOT_INFO slot_info(CK_SLOT_ID id)
{
    CK_SLOT_INFO info;
    memset(&info, 0xA5, sizeof(info));
    assert_rv(C_GetSlotInfo(id, &info), CKR_OK);
    /* Without these NSS takes an empty slot for one that stays empty. */
    assert_int_equal(info.flags & ~(CK_FLAGS)CKF_TOKEN_PRESENT, CKF_REMOVABLE_DEVICE | CKF_HW_SLOT);
    return info;
}

static bool is_present(CK_SLOT_ID id)
{
    return (slot_info(id).flags & CKF_TOKEN_PRESENT) != 0;
}

/* ---- readers ---- */

static void test_two_for_each_reader(void **state)
{
    (void)state;
    struct slots all = get_slots(CK_FALSE), present = get_slots(CK_TRUE);
    unsigned of_first = 0;
    assert_int_equal(all.count, 4);
    assert_int_equal(present.count, 2);
    expect_kept(&present, &all);
    for (CK_ULONG i = 0; i < all.count; i++) {
        CK_SLOT_INFO info = slot_info(all.id[i]);
        char name[65] = {0};
        memcpy(name, info.slotDescription, 64);
        assert_true(strncmp(name, READER_1, strlen(READER_1)) == 0 ||
                    strncmp(name, READER_2, strlen(READER_2)) == 0);
        bool first = strncmp(name, READER_1, strlen(READER_1)) == 0;
        of_first += first;
        assert_int_equal(name[63], ' '); /* blank padded */
        assert_int_equal(holds(&present, all.id[i]), first);
        assert_int_equal(is_present(all.id[i]), first);
    }
    assert_int_equal(of_first, 2);
}

static void test_only_grow(void **state)
{
    (void)state;
    struct slots before = get_slots(CK_FALSE);
    CK_SLOT_ID auth = user_first(AUTH), sign = user_first(SIGN);
    twin_reader("Twin Reader 02", true);
    struct slots more = get_slots(CK_FALSE);
    assert_int_equal(more.count, 6);
    expect_kept(&before, &more);
    twin_reader(READER_2, false);
    struct slots less = get_slots(CK_FALSE);
    assert_int_equal(less.count, 6);
    expect_kept(&more, &less);
    twin_reader(READER_1, false);
    assert_int_equal(get_slots(CK_FALSE).count, 6);
    assert_int_equal(get_slots(CK_TRUE).count, 0);
    assert_false(is_present(auth));
    twin_reader(READER_1, true);
    twin_insert_vcard(READER_1, world_card(CARD_1));
    assert_int_equal(get_slots(CK_FALSE).count, 6);
    assert_int_equal(user_first(AUTH), auth);
    assert_int_equal(user_first(SIGN), sign);
}

static void test_many_readers(void **state)
{
    (void)state;
    struct slots before = get_slots(CK_FALSE);
    for (int i = 2; i < 16; i++) {
        char name[32];
        snprintf(name, sizeof(name), "Twin Reader %02d", i);
        twin_reader(name, true);
        struct slots after = get_slots(CK_FALSE);
        assert_int_equal(after.count, 2 * (i + 1));
        expect_kept(&before, &after);
        before = after;
    }
}

/* Names are the reader's business: empty ones are no reader, long ones and UTF-8 are cut cleanly.
 */
static void test_odd_names(void **state)
{
    (void)state;
    char longest[128];
    memset(longest, 'R', sizeof(longest) - 1);
    longest[127] = '\0';
    twin_reader(longest, true);
    twin_reader("カードリーダーカードリーダーカードリーダーカードリーダー", true);
    struct slots all = get_slots(CK_FALSE);
    assert_int_equal(all.count, 8);
    for (CK_ULONG i = 4; i < 8; i++) {
        CK_SLOT_INFO info = slot_info(all.id[i]);
        const uint8_t *end = info.slotDescription + 63;
        size_t continued = 0;
        while (*end == ' ')
            end--;
        while ((*end & 0xC0) == 0x80) {
            continued++;
            end--;
        }
        /* The last character is whole: ASCII, or three bytes. */
        assert_true((*end < 0x80 && continued == 0) || ((*end & 0xF0) == 0xE0 && continued == 2));
    }
}

static void test_size_and_fetch_agree(void **state)
{
    (void)state;
    CK_SLOT_ID slots[MOST];
    CK_ULONG size = 0, count;
    assert_rv(C_GetSlotList(CK_FALSE, NULL, &size), CKR_OK);
    assert_int_equal(size, 4);
    twin_reader("Twin Reader 02", true);
    count = size;
    assert_rv(C_GetSlotList(CK_FALSE, slots, &count), CKR_OK);
    assert_int_equal(count, size);
    assert_rv(C_GetSlotList(CK_FALSE, NULL, &size), CKR_OK);
    assert_int_equal(size, 6);
    twin_remove(READER_1);
    assert_rv(C_GetSlotList(CK_TRUE, NULL, &size), CKR_OK);
    assert_int_equal(size, 0);
    twin_insert_vcard(READER_1, world_card(CARD_1));
    count = size;
    assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(get_slots(CK_TRUE).count, 2);
}

/* A size that was asked for long ago says nothing of what is there now. */
static void test_size_grows_old(void **state)
{
    (void)state;
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    twin_remove(READER_1);
    world_initialize(NULL);
    assert_rv(C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
    assert_int_equal(count, 0);
    world_put(READER_1, CARD_1);
    world_clock_add(2000);
    count = 8;
    assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    assert_int_equal(count, 2);
}

static void test_short_room(void **state)
{
    (void)state;
    CK_SLOT_ID slots[4] = {77, 77, 77, 77};
    for (CK_ULONG room = 0; room < 4; room++) {
        CK_ULONG count = room;
        assert_rv(C_GetSlotList(CK_FALSE, slots, &count), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(count, 4);
        assert_int_equal(slots[0], 77);
    }
    CK_ULONG count = 4;
    assert_rv(C_GetSlotList(CK_FALSE, slots, &count), CKR_OK);
    assert_int_equal(count, 4);
}

/* ---- the service ---- */

static void test_without_service(void **state)
{
    (void)state;
    twin_service(false);
    world_initialize(NULL);
    assert_int_equal(get_slots(CK_FALSE).count, 0);
    assert_int_equal(get_slots(CK_TRUE).count, 0);
    twin_service(true);
    twin_reader(READER_1, true);
    world_put(READER_1, CARD_1);
    assert_true(get_slots(CK_FALSE).count >= 2);
    assert_int_equal(get_slots(CK_TRUE).count, 2);
}

static void test_service_restarts(void **state)
{
    (void)state;
    CK_SLOT_ID auth = user_first(AUTH);
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    twin_service(false);
    assert_int_equal(get_slots(CK_FALSE).count, 4);
    assert_int_equal(get_slots(CK_TRUE).count, 0);
    assert_false(is_present(auth));
    assert_int_equal(user_session_state(session), CK_UNAVAILABLE_INFORMATION);
    twin_service(true);
    twin_reader(READER_1, true);
    world_put(READER_1, CARD_1);
    assert_int_equal(get_slots(CK_TRUE).count, 2);
    assert_int_equal(user_first(AUTH), auth);
    assert_int_equal(user_session_state(session), CK_UNAVAILABLE_INFORMATION);
    session = user_logged_in(AUTH);
    assert_int_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
}

/* Down and up again between two calls, with another card in: nothing of before may live on. */
static void test_service_restarts_unseen(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_OBJECT_HANDLE key = user_key(session);
    uint8_t data[3] = {0}, signature[SIGNATURE];
    twin_service(false);
    twin_service(true);
    twin_reader(READER_1, true);
    world_put(READER_1, CARD_2);
    twin_counters_clear();
    assert_int_not_equal(user_sign(session, CKM_RSA_PKCS, key, data, 3, signature), CKR_OK);
    assert_int_equal(twin_verifies(), 0); /* the PIN of one card is not for another */
    get_slots(CK_TRUE);
    assert_int_equal(user_session_state(session), CK_UNAVAILABLE_INFORMATION);
}

/* ---- cards ---- */

static void test_card_exchanged(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_logged_in(SIGN);
    CK_OBJECT_HANDLE key = user_key(session);
    uint8_t data[3] = {0}, signature[SIGNATURE];
    world_put(READER_1, CARD_2);
    twin_counters_clear();
    CK_RV rv = user_sign(session, CKM_RSA_PKCS, key, data, 3, signature);
    assert_true(rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_DEVICE_REMOVED);
    session = user_open(SIGN);
    assert_int_equal(user_session_state(session), CKS_RW_PUBLIC_SESSION);
    assert_int_equal(twin_verifies(), 0);
    user_login(session, SIGN);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, data, 3, signature), CKR_KEY_HANDLE_INVALID);
    assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), data, 3, signature), CKR_OK);
    assert_true(user_verify(CARD_2, SIGN, CKM_RSA_PKCS, data, 3, signature));
}

static void test_card_removed_and_back(void **state)
{
    (void)state;
    CK_SLOT_ID slot = user_first(AUTH);
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_TOKEN_INFO info;
    twin_remove(READER_1);
    assert_false(is_present(slot));
    assert_rv(C_GetTokenInfo(slot, &info), CKR_TOKEN_NOT_PRESENT);
    world_put(READER_1, CARD_1);
    assert_true(is_present(slot));
    assert_rv(C_GetTokenInfo(slot, &info), CKR_OK);
    assert_int_equal(info.ulSessionCount, 0);
    assert_int_equal(user_session_state(session), CK_UNAVAILABLE_INFORMATION);
}

/* A reset by another program is no removal. */
static void test_reset_by_others(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_OBJECT_HANDLE key = user_key(session);
    uint8_t data[3] = {0}, signature[SIGNATURE];
    for (int i = 0; i < 3; i++) {
        twin_warm_reset(READER_1);
        assert_int_equal(user_session_state(session), CKS_RW_USER_FUNCTIONS);
        assert_rv(user_sign(session, CKM_RSA_PKCS, key, data, 3, signature), CKR_OK);
        assert_true(user_verify(CARD_1, AUTH, CKM_RSA_PKCS, data, 3, signature));
    }
    assert_int_equal(get_slots(CK_TRUE).count, 2);
}

/* A card that another one can take the place of while the reader sees no more than a reset. */
static struct vcard *face;

static size_t faced(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    (void)context;
    return vcard_command(face, command, len, response);
}

static struct vcard *open_face(int card)
{
    struct problem why = {{0}};
    struct vcard *vcard = vcard_open(world_card(card), NULL, NULL, &why);
    if (vcard == NULL)
        fail_msg("%s", why.text);
    vcard_power_on(vcard);
    return vcard;
}

/* The PIN of one card is never shown to another. */
static void test_exchanged_behind_a_reset(void **state)
{
    (void)state;
    struct vcard *first = open_face(CARD_1), *second = open_face(CARD_2);
    uint8_t data[3] = {0}, signature[SIGNATURE];
    face = first;
    twin_remove(READER_1);
    twin_insert(READER_1, faced, NULL, bytes_of(first->settings.atr, first->settings.atr_len));
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_OBJECT_HANDLE key = user_key(session);
    assert_rv(user_sign(session, CKM_RSA_PKCS, key, data, 3, signature), CKR_OK);
    face = second;
    twin_warm_reset(READER_1);
    twin_counters_clear();
    CK_RV rv = user_sign(session, CKM_RSA_PKCS, key, data, 3, signature);
    assert_true(rv == CKR_DEVICE_REMOVED || rv == CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(twin_verifies(), 0);
    assert_int_equal(user_session_state(session), CK_UNAVAILABLE_INFORMATION);
    session = user_logged_in(AUTH);
    assert_rv(user_sign(session, CKM_RSA_PKCS, user_key(session), data, 3, signature), CKR_OK);
    assert_true(user_verify(CARD_2, AUTH, CKM_RSA_PKCS, data, 3, signature));
    assert_rv(C_Finalize(NULL), CKR_OK);
    vcard_free(first);
    vcard_free(second);
}

/* ---- cards that are not ours ---- */

static size_t not_found(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    unsigned *asked = context;
    (void)command;
    (void)len;
    ++*asked;
    response[0] = 0x6A;
    response[1] = 0x82;
    return 2;
}

static const uint8_t some_atr[] = {0x3B, 0x65, 0x00, 0x00, 0x20, 0x63, 0xCB, 0xA0, 0x00};
/* PC/SC part 3, supplement 2: a contactless memory card, as transport tickets are. */
static const uint8_t ticket_atr[] = {0x3B, 0x8F, 0x80, 0x01, 0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00,
                                     0x03, 0x06, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x6A};

static void look_around(void)
{
    struct slots all = get_slots(CK_FALSE);
    get_slots(CK_TRUE);
    for (CK_ULONG i = 0; i < all.count; i++) {
        CK_TOKEN_INFO info;
        CK_SESSION_HANDLE session;
        CK_SLOT_INFO slot = slot_info(all.id[i]);
        bool first = strncmp((char *)slot.slotDescription, READER_1, strlen(READER_1)) == 0;
        CK_RV expected = first ? CKR_TOKEN_NOT_RECOGNIZED : CKR_TOKEN_NOT_PRESENT;
        assert_int_equal(slot.flags & CKF_TOKEN_PRESENT, 0);
        assert_rv(C_GetTokenInfo(all.id[i], &info), expected);
        assert_rv(C_OpenSession(all.id[i], CKF_SERIAL_SESSION, NULL, NULL, &session), expected);
        assert_rv(C_CloseAllSessions(all.id[i]), CKR_OK);
    }
}

static void test_foreign_card(void **state)
{
    (void)state;
    unsigned asked = 0;
    twin_remove(READER_1);
    twin_insert(READER_1, not_found, &asked, bytes_of(some_atr, sizeof(some_atr)));
    assert_int_equal(get_slots(CK_TRUE).count, 0);
    assert_in_range(asked, 1, 2); /* a SELECT, perhaps a second one */
    unsigned first = asked;
    for (int i = 0; i < 20; i++) {
        look_around();
        world_clock_add(10000);
    }
    assert_int_equal(asked, first);
    twin_remove(READER_1);
    assert_int_equal(get_slots(CK_TRUE).count, 0);
    /* The same answer to reset once more: it may be another card. */
    twin_insert(READER_1, not_found, &asked, bytes_of(some_atr, sizeof(some_atr)));
    assert_int_equal(get_slots(CK_TRUE).count, 0);
    assert_int_equal(asked, 2 * first);
    look_around();
    assert_int_equal(asked, 2 * first);
    world_put(READER_1, CARD_1);
    assert_int_equal(get_slots(CK_TRUE).count, 2);
}

static void test_known_foreign_card(void **state)
{
    (void)state;
    unsigned asked = 0;
    twin_remove(READER_1);
    twin_insert(READER_1, not_found, &asked, bytes_of(ticket_atr, sizeof(ticket_atr)));
    look_around();
    world_clock_add(10000);
    look_around();
    assert_int_equal(asked, 0);
    assert_int_equal(twin_commands(), 0);
}

/* The answer is a status word, or nothing, one byte, or more than can be asked for. */
enum { ANSWER_NOTHING = 0x10000, ANSWER_BYTE, ANSWER_TOO_MUCH };

static size_t unhelpful(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    const unsigned *kind = context;
    (void)command;
    (void)len;
    memset(response, 0, 300);
    response[0] = (uint8_t)(*kind >> 8);
    response[1] = (uint8_t)*kind;
    if (*kind == ANSWER_NOTHING)
        return 0;
    if (*kind == ANSWER_BYTE)
        return 1;
    return *kind == ANSWER_TOO_MUCH ? 300 : 2;
}

/* Whatever a foreign card answers, it is left alone after a few questions. */
static void test_strange_cards(void **state)
{
    (void)state;
    static const unsigned kinds[] = {
        0x6A82, 0x6D00, 0x6E00, 0x6F00,         0x6982,      0x6985,         0x6700, 0x6B00,
        0x63C0, 0x9000, 0x6100, 0x61FF,         0x6C00,      0x6C10,         0x0000, 0xFFFF,
        0x6281, 0x6881, 0x6999, ANSWER_NOTHING, ANSWER_BYTE, ANSWER_TOO_MUCH};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        unsigned kind = kinds[i];
        twin_remove(READER_1);
        twin_insert(READER_1, unhelpful, &kind, bytes_of(some_atr, sizeof(some_atr)));
        twin_counters_clear();
        for (int k = 0; k < 30; k++) {
            assert_int_equal(get_slots(CK_TRUE).count, 0);
            world_clock_add(5000);
            if (k == 9) {
                assert_in_range(twin_commands(), 1, 200);
                twin_counters_clear();
            }
        }
        assert_int_equal(twin_commands(), 0);
        assert_int_equal(twin_verifies(), 0);
        twin_remove(READER_1);
    }
}

/* Held by another program when it is put in: seen as soon as it is free. */
static void test_held_card(void **state)
{
    (void)state;
    twin_hold(READER_1, true);
    twin_counters_clear();
    assert_int_equal(get_slots(CK_FALSE).count, 4);
    assert_int_equal(get_slots(CK_TRUE).count, 0);
    assert_int_equal(twin_commands(), 0);
    twin_hold(READER_1, false);
    world_clock_add(2000);
    assert_int_equal(get_slots(CK_TRUE).count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test_initialized(test_two_for_each_reader),
        world_test_initialized(test_only_grow),
        world_test_initialized(test_many_readers),
        world_test_initialized(test_odd_names),
        world_test_initialized(test_size_and_fetch_agree),
        world_test(test_size_grows_old),
        world_test_initialized(test_short_room),
        world_test(test_without_service),
        world_test_initialized(test_service_restarts),
        world_test_initialized(test_service_restarts_unseen),
        world_test_initialized(test_card_exchanged),
        world_test_initialized(test_card_removed_and_back),
        world_test_initialized(test_reset_by_others),
        world_test_initialized(test_exchanged_behind_a_reset),
        world_test_initialized(test_foreign_card),
        world_test_initialized(test_known_foreign_card),
        world_test_initialized(test_strange_cards),
        world_test_initialized(test_held_card),
    };
    return cmocka_run_group_tests_name("slots", tests, world_setup, world_teardown);
}

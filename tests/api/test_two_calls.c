/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Outputs of variable length (PKCS#11 3.2, section 5.2): the length asked for, room that is exact,
 * too small and too large. C_GetAttributeValue has rules of its own: test_objects.c.
 */
#include "contract.h"
#include "user.h"

#include <string.h>

#include "check.h"

#define ROOM 1024 /* bytes, more than any of these outputs has */
#define GUARD 0xA5

static CK_SLOT_ID slot;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE key;
static CK_BYTE data[] = {1, 2, 3, 4, 5};

static void nothing(void)
{
}

static void begin_digest(void)
{
    CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
    assert_rv(C_DigestInit(session, &sha256), CKR_OK);
}

static void begin_digest_of_parts(void)
{
    begin_digest();
    assert_rv(C_DigestUpdate(session, data, sizeof(data)), CKR_OK);
}

static void begin_sign(void)
{
    assert_rv(user_sign_init(session, CKM_SHA256_RSA_PKCS, key), CKR_OK);
}

static void begin_sign_of_parts(void)
{
    begin_sign();
    assert_rv(C_SignUpdate(session, data, sizeof(data)), CKR_OK);
}

/* ---- the outputs ---- */

static CK_RV slot_list(void *out, CK_ULONG *len)
{
    return C_GetSlotList(CK_TRUE, out, len);
}

static CK_RV all_slots(void *out, CK_ULONG *len)
{
    return C_GetSlotList(CK_FALSE, out, len);
}

static CK_RV mechanism_list(void *out, CK_ULONG *len)
{
    return C_GetMechanismList(slot, out, len);
}

static CK_RV interface_list(void *out, CK_ULONG *len)
{
    return C_GetInterfaceList(out, len);
}

static CK_RV digest(void *out, CK_ULONG *len)
{
    return C_Digest(session, data, sizeof(data), out, len);
}

static CK_RV digest_final(void *out, CK_ULONG *len)
{
    return C_DigestFinal(session, out, len);
}

static CK_RV sign(void *out, CK_ULONG *len)
{
    return C_Sign(session, data, sizeof(data), out, len);
}

static CK_RV sign_final(void *out, CK_ULONG *len)
{
    return C_SignFinal(session, out, len);
}

static bool is_digest(const uint8_t *out)
{
    uint8_t expected[32];
    check_sha256(data, sizeof(data), expected);
    return memcmp(out, expected, sizeof(expected)) == 0;
}

static bool is_signature(const uint8_t *out)
{
    return user_verify(CARD_1, AUTH, CKM_SHA256_RSA_PKCS, data, sizeof(data), out);
}

static bool is_two_slots(const uint8_t *out)
{
    CK_SLOT_ID ids[2];
    memcpy(ids, out, sizeof(ids));
    return ids[0] == user_first(AUTH) && ids[1] == user_first(SIGN);
}

/* PKCS#11 for this card has these sizes: two tokens and two slots in each of two readers; the
 * mechanisms of jpki-pkcs11(7); 2.40, 3.0 and 3.2; SHA-256; RSA-2048. */
static const struct output {
    const char *function;
    void (*begin)(void);
    CK_RV (*call)(void *out, CK_ULONG *len);
    CK_ULONG count;
    size_t size; /* of one */
    bool (*right)(const uint8_t *out);
    bool ends; /* the operation, when it gives its output */
} outputs[] = {
    {"C_GetSlotList", nothing, slot_list, 2, sizeof(CK_SLOT_ID), is_two_slots, false},
    {"C_GetSlotList", nothing, all_slots, 4, sizeof(CK_SLOT_ID), is_two_slots, false},
    {"C_GetMechanismList", nothing, mechanism_list, 9, sizeof(CK_MECHANISM_TYPE), NULL, false},
    {"C_GetInterfaceList", nothing, interface_list, 3, sizeof(CK_INTERFACE), NULL, false},
    {"C_Digest", begin_digest, digest, 32, 1, is_digest, true},
    {"C_DigestFinal", begin_digest_of_parts, digest_final, 32, 1, is_digest, true},
    {"C_Sign", begin_sign, sign, SIGNATURE, 1, is_signature, true},
    {"C_SignFinal", begin_sign_of_parts, sign_final, SIGNATURE, 1, is_signature, true},
};
#define OUTPUTS (sizeof(outputs) / sizeof(outputs[0]))

static int begin(void **state)
{
    world_begin_initialized(state);
    slot = user_first(AUTH);
    session = user_logged_in(AUTH);
    key = user_key(session);
    return 0;
}

/* One call with room for COUNT, which is given back too small or filled. */
static void expect_call(const struct output *o, CK_ULONG count)
{
    uint8_t out[ROOM];
    bool enough = count >= o->count;
    CK_ULONG len = count;
    memset(out, GUARD, sizeof(out));
    CK_RV rv = o->call(out, &len);
    if (rv != (enough ? CKR_OK : CKR_BUFFER_TOO_SMALL))
        fail_msg("%s, room for %lu of %lu: 0x%lX", o->function, count, o->count, rv);
    assert_int_equal(len, o->count);
    for (size_t i = enough ? o->count * o->size : 0; i < sizeof(out); i++)
        assert_int_equal(out[i], GUARD);
    assert_true(!enough || o->right == NULL || o->right(out));
}

static void test_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < OUTPUTS; i++) {
        const struct output *o = &outputs[i];
        static const int more[] = {0, 1, 20};
        assert_true((o->count + 20) * o->size <= ROOM);
        for (size_t k = 0; k < sizeof(more) / sizeof(more[0]); k++) {
            CK_ULONG len = 12345;
            o->begin();
            assert_rv(o->call(NULL, &len), CKR_OK);
            assert_int_equal(len, o->count);
            expect_call(o, 0); /* too small, and the operation goes on */
            expect_call(o, 1);
            expect_call(o, o->count - 1);
            assert_int_equal(twin_commands_of(0x2A), 0);
            expect_call(o, o->count + (CK_ULONG)more[k]);
            twin_counters_clear();
            if (o->ends)
                assert_rv(o->call(NULL, &len), CKR_OPERATION_NOT_INITIALIZED);
        }
    }
}

/* Functions of contract.h that give an output whose length the caller asks for, but none here: what
 * they would need is not offered, and they end before it. */
static bool has_no_output(const char *name, enum answer answer)
{
    static const char *const others[] = {"C_GetOperationState", "C_FindObjects", "C_GetObjectSize"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(name, others[i]) == 0)
            return true; /* always refused; a number of handles; one number */
    bool offered = strncmp(name, "C_Sign", 6) == 0 || strncmp(name, "C_Digest", 8) == 0;
    bool combined = strstr(name, "Encrypt") != NULL || strstr(name, "Recover") != NULL ||
                    strstr(name, "Message") != NULL;
    return answer == ANSWER_UNSUPPORTED || answer == ANSWER_UNSUPPORTED_NOW ||
           (answer == ANSWER_NO_OPERATION && (!offered || combined));
}

static bool is_listed(const char *name)
{
    for (size_t i = 0; i < OUTPUTS; i++)
        if (strcmp(outputs[i].function, name) == 0)
            return true;
    return false;
}

static void test_none_left_out(void **state)
{
    (void)state;
#define ROW(name, by, must, says, list) {#name, must, says},
    static const struct {
        const char *name;
        unsigned needs;
        enum answer answer;
    } rows[] = {CONTRACT_2_40(ROW) CONTRACT_3_0(ROW) CONTRACT_3_2(ROW)};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if ((rows[i].needs & NEEDS_OUT_LEN) != 0 && !is_listed(rows[i].name) &&
            !has_no_output(rows[i].name, rows[i].answer))
            fail_msg("%s gives an output that nobody asks the length of", rows[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lengths, begin, world_end),
        cmocka_unit_test(test_none_left_out),
    };
    return cmocka_run_group_tests_name("two calls", tests, world_setup, world_teardown);
}

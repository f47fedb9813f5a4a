/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Certificates that one program keeps for the next, and that are not the card's: what somebody has
 * put there, and what was read wrongly.
 */
#include "kept.h"
#include "user.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "crypto/x509.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- what is kept, and wrong ---- */

/* Puts what CHANGE makes of the holder's certificate into its file, which stays sound. */
static void forge(const char *path, void (*change)(uint8_t *der, size_t len), struct bytes original)
{
    uint8_t room[KEPT_ROOM], hash[DIGEST_MAX];
    size_t len = kept_contents(path, room);
    if (len < KEPT_BEGINNING || memcmp(room, original.data, KEPT_BEGINNING) != 0)
        return;
    change(room, len - 32);
    assert_int_equal(digest_once(DIGEST_SHA256, bytes_of(room, len - 32), hash), ERR_OK);
    memcpy(room + len - 32, hash, 32);
    kept_replace(path, room, len);
}

static void another_key(uint8_t *der, size_t len)
{
    (void)len;
    der[KEPT_BEGINNING + 100] ^= 1; /* in the modulus */
}

static void no_der(uint8_t *der, size_t len)
{
    memset(der + KEPT_BEGINNING, 0xFF, len - KEPT_BEGINNING);
}

static void forge_key(const char *path, void *context)
{
    forge(path, another_key, *(const struct bytes *)context);
}

static void forge_structure(const char *path, void *context)
{
    forge(path, no_der, *(const struct bytes *)context);
}

static CK_RV read_holder(CK_SESSION_HANDLE session, uint8_t value[VALUE_MAX])
{
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, VALUE_MAX};
    return C_GetAttributeValue(session, user_object(session, CKO_CERTIFICATE, 1), &attribute, 1);
}

static CK_RV sign_data(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type,
                       uint8_t signature[SIGNATURE])
{
    return user_sign(session, type, user_key(session), "data", 4, signature);
}

/* A program that was told of another certificate gets no signature, which would fit the card's own
 * alone; and at its next login both are the card's. */
static void expect_mend(CK_MECHANISM_TYPE type, struct bytes der)
{
    uint8_t value[VALUE_MAX], signature[SIGNATURE];
    CK_SESSION_INFO info;
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    assert_rv(read_holder(session, value), CKR_OK);
    assert_memory_not_equal(value, der.data, der.len); /* so the test is one */
    assert_rv(sign_data(session, type, signature), CKR_DEVICE_ERROR);
    assert_rv(C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
    session = user_logged_in(AUTH);
    assert_rv(read_holder(session, value), CKR_OK);
    assert_memory_equal(value, der.data, der.len);
    assert_rv(sign_data(session, type, signature), CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, type, "data", 4, signature));
    assert_int_equal(world_tries(AUTH), 3);
}

static const CK_MECHANISM_TYPE both_types[] = {CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS};

static void test_forged(void **state)
{
    uint8_t *room;
    struct bytes der = kept_on_card("auth.der", &room);
    (void)state;
    for (size_t i = 0; i < COUNT(both_types); i++) {
        kept_program(CARD_1, NULL);
        kept_each(forge_key, &der);
        world_initialize(NULL);
        expect_mend(both_types[i], der);
        kept_expect_certificates(CARD_1);
        assert_rv(C_Finalize(NULL), CKR_OK);
        assert_int_equal(kept_program(CARD_1, NULL), KEPT_READS); /* what was read is kept */
    }
    free(room);
}

/* Nor is a refusal of PSS made of it. */
static void test_forged_is_no_refusal(void **state)
{
    uint8_t *room, signature[SIGNATURE];
    struct bytes der = kept_on_card("auth.der", &room);
    CK_MECHANISM_INFO info;
    CK_SLOT_ID slots[2];
    CK_ULONG count = COUNT(slots);
    (void)state;
    kept_program(CARD_1, NULL);
    kept_each(forge_key, &der);
    world_initialize(NULL);
    assert_rv(sign_data(user_logged_in(AUTH), CKM_SHA256_RSA_PKCS_PSS, signature),
              CKR_DEVICE_ERROR);
    assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    assert_rv(C_GetMechanismInfo(slots[AUTH], CKM_SHA256_RSA_PKCS_PSS, &info), CKR_OK);
    assert_rv(C_Finalize(NULL), CKR_OK);
    world_initialize(NULL); /* and the next program does not meet it any more */
    assert_rv(sign_data(user_logged_in(AUTH), CKM_SHA256_RSA_PKCS_PSS, signature), CKR_OK);
    free(room);
}

/* Root may write into any folder; this gives up that right, or takes it back. */
static void privileged(bool may)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {{0}};
    assert_int_equal(syscall(SYS_capget, &head, sets), 0);
    unsigned right = 1U << CAP_DAC_OVERRIDE & sets[0].permitted;
    sets[0].effective = may ? sets[0].effective | right : sets[0].effective & ~right;
    assert_int_equal(syscall(SYS_capset, &head, sets), 0);
}

static void writable(bool may)
{
    assert_int_equal(chmod(kept_folder(), may ? 0700 : 0500), 0);
    privileged(may);
}

/* The same where what is wrong cannot be taken away. */
static void test_forged_for_ever(void **state)
{
    uint8_t *room;
    struct bytes der = kept_on_card("auth.der", &room);
    (void)state;
    kept_program(CARD_1, NULL);
    kept_each(forge_key, &der);
    writable(false);
    world_initialize(NULL);
    expect_mend(CKM_SHA256_RSA_PKCS_PSS, der);
    kept_expect_certificates(CARD_1);
    assert_int_equal(kept_each(NULL, NULL), 3);
    writable(true);
    free(room);
}

/* The right beginning, the right digest, and no certificate: the card is read, and the file put
 * right if that can be. */
static void test_forged_structure(void **state)
{
    uint8_t *room;
    struct bytes der = kept_on_card("auth.der", &room);
    (void)state;
    unsigned cold = kept_program(CARD_1, NULL);
    for (int may = 1; may >= 0; may--) {
        uint8_t value[VALUE_MAX], signature[SIGNATURE];
        kept_each(forge_structure, &der);
        writable(may);
        world_initialize(NULL);
        CK_SESSION_HANDLE session = user_logged_in(AUTH);
        assert_rv(sign_data(session, CKM_SHA256_RSA_PKCS_PSS, signature), CKR_OK);
        assert_rv(read_holder(session, value), CKR_OK);
        assert_memory_equal(value, der.data, der.len);
        assert_rv(C_Finalize(NULL), CKR_OK);
        assert_in_range(kept_program(CARD_1, NULL), KEPT_READS, cold - 1);
        if (may)
            assert_int_equal(kept_program(CARD_1, NULL), KEPT_READS);
        writable(true);
    }
    free(room);
}

static void another_name(uint8_t *der, size_t len)
{
    uint8_t *country = memmem(der, len, "JP", 2);
    assert_non_null(country);
    assert_in_range(country + 2 - der, 0, KEPT_BEGINNING); /* of the issuer, in its first block */
    country[1]++;
}

static void forge_beginning(const char *path, void *context)
{
    uint8_t room[KEPT_ROOM];
    (void)context;
    kept_contents(path, room);
    forge(path, another_name, bytes_of(room, KEPT_BEGINNING));
}

/* What does not begin as the card's file does is another certificate, however sound. */
static void test_another_beginning(void **state)
{
    (void)state;
    unsigned cold = kept_program(CARD_1, NULL);
    assert_int_equal(kept_each(forge_beginning, NULL), 3);
    assert_int_equal(kept_program(CARD_1, NULL), cold);
    assert_int_equal(kept_program(CARD_1, NULL), KEPT_READS);
}

/* ---- what was read wrongly ---- */

struct glitch {
    uint8_t file; /* short identifier */
    struct bytes der;
    size_t at; /* which byte of it comes wrong, once; not one that is read by short identifier */
    bool struck;
};

/* READ BINARY by short identifier begins a file; the others go on with it. */
static bool spoil(void *context, const uint8_t *command, size_t len, uint8_t *response,
                  size_t *received)
{
    static uint8_t file;
    struct glitch *glitch = context;
    if (len != 5 || command[1] != READ_BINARY)
        return false;
    if ((command[2] & 0x80) != 0)
        file = command[2] & 0x1F;
    size_t offset = (size_t)command[2] << 8 | command[3];
    size_t wanted = command[4] == 0 ? 256 : command[4];
    if (glitch->struck || file != glitch->file || glitch->at < offset ||
        glitch->at >= offset + wanted)
        return false;
    assert_true(offset + wanted <= glitch->der.len);
    memcpy(response, glitch->der.data + offset, wanted);
    response[glitch->at - offset] ^= 1;
    memcpy(response + wanted, "\x90\x00", 2);
    *received = wanted + 2;
    glitch->struck = true;
    return true;
}

static void expect_right_next_time(uint8_t file, struct bytes der, size_t at)
{
    static const uint8_t ids[] = {1, 3};
    struct glitch glitch = {file, der, at, false};
    world_forget_cache();
    world_forget_card();
    world_initialize(NULL);
    twin_set_hook(spoil, &glitch);
    CK_SESSION_HANDLE session = user_open(AUTH);
    for (size_t i = 0; i < COUNT(ids); i++) {
        uint8_t value[VALUE_MAX];
        CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
        CK_OBJECT_HANDLE object = user_object(session, CKO_CERTIFICATE, ids[i]);
        assert_rv(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
    }
    assert_rv(C_Finalize(NULL), CKR_OK);
    twin_set_hook(NULL, NULL);
    assert_true(glitch.struck);
    world_initialize(NULL);
    kept_expect_certificates(CARD_1);
    assert_rv(C_Finalize(NULL), CKR_OK);
}

/* A byte that came wrong once, in what the holder's certificate says besides its key, in its CA's
 * key, or in a signature, must not outlive the program. */
static void test_read_wrongly(void **state)
{
    uint8_t *room, *ca_room;
    struct bytes der = kept_on_card("auth.der", &room), ca = kept_on_card("auth-ca.der", &ca_room);
    (void)state;
    expect_right_next_time(0x0A, der, 1000);
    expect_right_next_time(0x0A, der, der.len - 10);
    expect_right_next_time(0x0B, ca, 700);
    expect_right_next_time(0x0B, ca, ca.len - 10);
    free(room);
    free(ca_room);
}

/* The place of a byte of the holder's key that is not read by short identifier. */
static size_t in_the_key(struct bytes der)
{
    struct x509 x = {0};
    assert_int_equal(x509_parse(der, &x), ERR_OK);
    const uint8_t *modulus = memmem(der.data, der.len, x.modulus.data, x.modulus.len);
    assert_non_null(modulus);
    size_t at = (size_t)(modulus - der.data) + x.modulus.len - 2;
    x509_clear(&x);
    assert_true(at >= 512);
    return at;
}

/* Nor is anything made of it but an error: the card does PSS, and the next login has it. */
static void test_read_wrongly_and_signed(void **state)
{
    uint8_t *room, signature[SIGNATURE], value[VALUE_MAX];
    struct bytes der = kept_on_card("auth.der", &room);
    (void)state;
    for (size_t i = 0; i < COUNT(both_types); i++) {
        struct glitch glitch = {0x0A, der, in_the_key(der), false};
        CK_SESSION_INFO info;
        world_forget_cache();
        world_initialize(NULL);
        twin_set_hook(spoil, &glitch);
        CK_SESSION_HANDLE session = user_logged_in(AUTH);
        assert_rv(read_holder(session, value), CKR_OK);
        assert_memory_not_equal(value, der.data, der.len);
        assert_rv(sign_data(session, both_types[i], signature), CKR_DEVICE_ERROR);
        twin_set_hook(NULL, NULL);
        assert_rv(C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
        session = user_logged_in(AUTH);
        assert_rv(read_holder(session, value), CKR_OK);
        assert_memory_equal(value, der.data, der.len);
        assert_rv(sign_data(session, CKM_SHA256_RSA_PKCS_PSS, signature), CKR_OK);
        assert_int_equal(world_tries(AUTH), 3);
        assert_rv(C_Finalize(NULL), CKR_OK);
    }
    free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_forged),
        world_test(test_forged_is_no_refusal),
        world_test(test_forged_for_ever),
        world_test(test_forged_structure),
        world_test(test_another_beginning),
        world_test(test_read_wrongly),
        world_test(test_read_wrongly_and_signed),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}

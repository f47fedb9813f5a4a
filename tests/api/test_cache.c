/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Certificates that one program keeps for the next: what is read then, that it is right, and that
 * nothing is kept which wants a PIN.
 */
#include "other.h"
#include "user.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "vcard/state.h"
#include "vcard/store.h"

#define READ_BINARY 0xB0
#define VALUE_MAX 4096
#define BEGINNING 256 /* bytes of a first block */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The public ones, by token and CKA_ID. */
static const struct {
    enum role role;
    uint8_t id;
    const char *file;
} public[] = {{AUTH, 1, "auth.der"}, {AUTH, 3, "auth-ca.der"}, {SIGN, 4, "sign-ca.der"}};

/* The certificates of this card are what it has. */
static void expect_certificates(int card)
{
    for (size_t i = 0; i < COUNT(public); i++) {
        struct problem why = {{0}};
        size_t len;
        uint8_t *der = store_read(world_card(card), public[i].file, &len, &why);
        uint8_t value[VALUE_MAX];
        CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
        CK_SESSION_HANDLE session = user_open(public[i].role);
        CK_OBJECT_HANDLE object = user_object(session, CKO_CERTIFICATE, public[i].id);
        assert_non_null(der);
        assert_rv(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
        assert_int_equal(attribute.ulValueLen, len);
        assert_memory_equal(value, der, len);
        free(der);
    }
}

/* A program's life. How many READ BINARY it has sent. */
static unsigned program(int card, const char *settings)
{
    world_forget_card(); /* its certificates alone are what this is about */
    world_initialize(settings);
    twin_counters_clear();
    expect_certificates(card);
    unsigned reads = twin_commands_of(READ_BINARY);
    assert_rv(C_Finalize(NULL), CKR_OK);
    return reads;
}

/* EF 0006 and the first block of three files. */
#define READS_WHEN_KEPT 4

/* ---- what is kept ---- */

static const char *folder(void)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/jpki-pkcs11", getenv("XDG_CACHE_HOME"));
    return path;
}

/* Calls EACH for each file, and returns how many there are. */
static unsigned each_kept(void (*each)(const char *path, void *context), void *context)
{
    char path[1024];
    unsigned count = 0;
    struct dirent *entry;
    DIR *dir = opendir(folder());
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        snprintf(path, sizeof(path), "%s/%s", folder(), entry->d_name);
        if (each != NULL)
            each(path, context);
    }
    if (dir != NULL)
        closedir(dir);
    return count;
}

static size_t contents(const char *path, uint8_t room[2 * VALUE_MAX])
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    size_t n = fread(room, 1, (size_t)2 * VALUE_MAX, in);
    fclose(in);
    return n;
}

static void replace(const char *path, const void *data, size_t len)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

static void test_kept(void **state)
{
    (void)state;
    unsigned cold = program(CARD_1, NULL);
    assert_true(cold > 10); /* 15 blocks of 256 bytes, and EF 0006 */
    assert_int_equal(each_kept(NULL, NULL), 3);
    assert_int_equal(program(CARD_1, NULL), READS_WHEN_KEPT);
    world_forget_cache();
    assert_int_equal(program(CARD_1, NULL), cold);
}

static void for_their_owner(const char *path, void *context)
{
    struct stat st;
    (void)context;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_modes(void **state)
{
    struct stat st;
    (void)state;
    program(CARD_1, NULL);
    each_kept(for_their_owner, NULL);
    assert_int_equal(stat(folder(), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_another_card(void **state)
{
    (void)state;
    unsigned cold = program(CARD_1, NULL);
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_2));
    assert_in_range(program(CARD_2, NULL), cold - 2, cold + 2); /* as many, but for their sizes */
    assert_int_equal(program(CARD_2, NULL), READS_WHEN_KEPT);
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_1));
    assert_int_equal(program(CARD_1, NULL), READS_WHEN_KEPT);
}

static void test_switched_off(void **state)
{
    (void)state;
    unsigned cold = program(CARD_1, "certificates.cache=no");
    assert_int_equal(each_kept(NULL, NULL), 0);
    program(CARD_1, NULL);
    assert_int_equal(program(CARD_1, "certificates.cache=no"),
                     cold); /* what is there is not looked at */
}

/* ---- what is not ---- */

static void without_the_holder(const char *path, void *context)
{
    struct bytes der = *(const struct bytes *)context;
    uint8_t room[2 * VALUE_MAX];
    size_t len = contents(path, room);
    assert_null(memmem(room, len, der.data, BEGINNING));
    assert_null(memmem(room, len, der.data + der.len - 64, 64));
}

/* A certificate of the card is read. */
static void expect_read(CK_SESSION_HANDLE session, uint8_t id, struct bytes der)
{
    uint8_t value[VALUE_MAX];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
    CK_OBJECT_HANDLE object = user_object(session, CKO_CERTIFICATE, id);
    assert_rv(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
    assert_int_equal(attribute.ulValueLen, der.len);
    assert_memory_equal(value, der.data, der.len);
}

/* The file NAME of the first card, for free(). */
static struct bytes on_card(const char *name, uint8_t **der)
{
    struct problem why = {{0}};
    size_t len;
    *der = store_read(world_card(CARD_1), name, &len, &why);
    assert_non_null(*der);
    return bytes_of(*der, len);
}

static void test_never_behind_a_pin(void **state)
{
    uint8_t *room;
    struct bytes der = on_card("sign.der", &room);
    (void)state;
    world_initialize(NULL);
    expect_read(user_logged_in(SIGN), 2, der);
    expect_certificates(CARD_1);
    assert_rv(C_Finalize(NULL), CKR_OK);
    assert_int_equal(each_kept(without_the_holder, &der), 3);
    free(room);
}

/* On a telephone the authentication certificate wants its PIN, too. */
static void test_telephone(void **state)
{
    uint8_t *room, *ca_room;
    struct bytes der = on_card("auth.der", &room), ca = on_card("auth-ca.der", &ca_room);
    (void)state;
    world_card_set(CARD_1, "label", "JPKIAPGPSETOKEN");
    world_card_set(CARD_1, "auth-cert-pin", "yes");
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_1));
    world_initialize(NULL);
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    expect_read(session, 1, der);
    expect_read(session, 3, ca);
    assert_rv(C_Finalize(NULL), CKR_OK);
    assert_int_equal(each_kept(without_the_holder, &der), 1); /* its CA's */
    free(room);
    free(ca_room);
}

/* ---- what was damaged ---- */

enum damage { EMPTY, CUT, LONGER, ONE_BIT, ANOTHER, GONE, FOLDER, PIPE, LINK, DAMAGES };

static void damage(const char *path, void *context)
{
    uint8_t room[2 * VALUE_MAX] = {0};
    size_t len = contents(path, room);
    switch (*(const enum damage *)context) {
    case EMPTY:
        replace(path, "", 0);
        break;
    case CUT:
        replace(path, room, len - 1);
        break;
    case LONGER:
        replace(path, room, len + 1);
        break;
    case ONE_BIT:
        room[len / 2] ^= 1;
        replace(path, room, len);
        break;
    case ANOTHER:
        memset(room, 0x30, sizeof(room));
        replace(path, room, sizeof(room));
        break;
    case GONE:
        assert_int_equal(unlink(path), 0);
        break;
    case FOLDER:
        assert_int_equal(unlink(path) | mkdir(path, 0700), 0);
        break;
    case PIPE:
        assert_int_equal(unlink(path) | mkfifo(path, 0600), 0);
        break;
    case LINK:
        assert_int_equal(unlink(path) | symlink("/etc/passwd", path), 0);
        break;
    case DAMAGES:
        break;
    }
}

static void test_damaged(void **state)
{
    (void)state;
    unsigned cold = program(CARD_1, NULL);
    for (int i = 0; i < DAMAGES; i++) {
        enum damage how = (enum damage)i;
        assert_int_equal(each_kept(damage, &how), 3);
        assert_int_equal(program(CARD_1, NULL), cold);
        if (how == FOLDER) { /* in whose place nothing can be put */
            world_forget_cache();
            program(CARD_1, NULL);
        }
        assert_int_equal(each_kept(NULL, NULL), 3);
        assert_int_equal(program(CARD_1, NULL), READS_WHEN_KEPT);
    }
}

/* The public key of another card, in a file that is sound. */
static void forge(const char *path, void *context)
{
    struct bytes der = *(const struct bytes *)context;
    uint8_t room[2 * VALUE_MAX], hash[DIGEST_MAX];
    size_t len = contents(path, room);
    if (len < BEGINNING || memcmp(room, der.data, BEGINNING) != 0)
        return;
    room[BEGINNING + 100] ^= 1; /* in the modulus */
    assert_int_equal(digest_once(DIGEST_SHA256, bytes_of(room, len - 32), hash), ERR_OK);
    memcpy(room + len - 32, hash, 32);
    replace(path, room, len);
}

/* A signature that does not fit what was remembered: the card's own certificate decides. */
static void test_forged(void **state)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS};
    static const uint8_t data[] = "data";
    struct problem why = {{0}};
    size_t len;
    (void)state;
    uint8_t *der = store_read(world_card(CARD_1), "auth.der", &len, &why);
    struct bytes original = bytes_of(der, len);
    for (size_t i = 0; i < COUNT(types); i++) {
        uint8_t signature[SIGNATURE], value[VALUE_MAX];
        CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
        program(CARD_1, NULL);
        each_kept(forge, &original);
        world_initialize(NULL);
        CK_SESSION_HANDLE session = user_logged_in(AUTH);
        CK_OBJECT_HANDLE object = user_object(session, CKO_CERTIFICATE, 1);
        assert_rv(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
        assert_memory_not_equal(value, der, len); /* so the test is one */
        assert_rv(user_sign(session, types[i], user_key(session), data, sizeof(data), signature),
                  CKR_OK);
        assert_true(user_verify(CARD_1, AUTH, types[i], data, sizeof(data), signature));
        assert_int_equal(world_tries(AUTH), 3);
        expect_certificates(CARD_1);
        assert_rv(C_Finalize(NULL), CKR_OK);
        assert_int_equal(program(CARD_1, NULL), READS_WHEN_KEPT); /* what was read is kept */
    }
    free(der);
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

/* The same where what is wrong cannot be taken away. */

static void test_forged_for_ever(void **state)
{
    static const uint8_t data[] = "data";
    struct problem why = {{0}};
    uint8_t signature[SIGNATURE], value[VALUE_MAX];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
    size_t len;
    (void)state;
    uint8_t *der = store_read(world_card(CARD_1), "auth.der", &len, &why);
    struct bytes original = bytes_of(der, len);
    program(CARD_1, NULL);
    each_kept(forge, &original);
    assert_int_equal(chmod(folder(), 0500), 0);
    privileged(false);
    world_initialize(NULL);
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    CK_OBJECT_HANDLE object = user_object(session, CKO_CERTIFICATE, 1);
    CK_RV read = C_GetAttributeValue(session, object, &attribute, 1);
    CK_RV rv = user_sign(session, CKM_SHA256_RSA_PKCS_PSS, user_key(session), data, sizeof(data),
                         signature);
    unsigned kept = each_kept(NULL, NULL);
    privileged(true);
    assert_int_equal(chmod(folder(), 0700), 0);
    assert_int_equal(kept, 3);
    assert_memory_not_equal(value, der, len); /* it was remembered */
    assert_rv(read, CKR_OK);
    assert_rv(rv, CKR_OK);
    assert_true(user_verify(CARD_1, AUTH, CKM_SHA256_RSA_PKCS_PSS, data, sizeof(data), signature));
    free(der);
}

/* Neither does a folder that cannot be made, or that everybody may write to. */
static void test_no_folder(void **state)
{
    (void)state;
    unsigned cold = program(CARD_1, NULL);
    assert_int_equal(chmod(folder(), 0777), 0);
    assert_int_equal(program(CARD_1, NULL), cold);
    world_forget_cache();
    replace(getenv("XDG_CACHE_HOME"), "", 0);
    assert_int_equal(program(CARD_1, NULL), cold);
    assert_int_equal(unlink(getenv("XDG_CACHE_HOME")), 0);
}

static const char *left_over(unsigned number)
{
    static char path[1024];
    snprintf(path, sizeof(path), "%s/certificate-%u.%u", folder(), number, number);
    return path;
}

/* However many cards there were, and whatever programs have left that were killed: no more than 96
 * files, and the newest of them. */
static void test_many_cards(void **state)
{
    (void)state;
    program(CARD_1, NULL);
    for (unsigned i = 0; i < 93; i++) {
        const struct timespec old[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
        replace(left_over(i), "", 0);
        assert_int_equal(utimensat(AT_FDCWD, left_over(i), old, 0), 0);
    }
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_2));
    program(CARD_2, NULL);
    assert_int_equal(each_kept(NULL, NULL), 96);
    assert_int_equal(access(left_over(2), F_OK), -1);
    assert_int_equal(access(left_over(3), F_OK), 0);
    assert_int_equal(program(CARD_2, NULL), READS_WHEN_KEPT);
}

/* Every step fails once while certificates are remembered: what is shown is right, or an error. */
static void test_faults(void **state)
{
    struct problem why = {{0}};
    size_t len;
    uint8_t *der = store_read(world_card(CARD_1), "auth-ca.der", &len, &why);
    program(CARD_1, NULL);
    bool struck = true;
    for (long k = 0; struck; k++) {
        uint8_t value[VALUE_MAX];
        CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
        world_initialize(NULL);
        CK_SESSION_HANDLE session = user_open(AUTH);
        CK_OBJECT_HANDLE object = user_object(session, CKO_CERTIFICATE, 3);
        twin_calls_clear();
        twin_fail_call(k, ERR_TRANSPORT, (k & 1) != 0);
        CK_RV rv = C_GetAttributeValue(session, object, &attribute, 1);
        struck = twin_calls() > (unsigned long)k;
        twin_fail_call(-1, ERR_OK, false);
        if (rv == CKR_OK)
            assert_memory_equal(value, der, len);
        else
            assert_true(struck);
        assert_int_equal(twin_open_transactions(), 0);
        expect_certificates(CARD_1);
        world_end(state);
        twin_reader(READER_1, true);
        twin_insert_vcard(READER_1, world_card(CARD_1));
    }
    free(der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_kept),
        world_test(test_modes),
        world_test(test_another_card),
        world_test(test_switched_off),
        world_test(test_never_behind_a_pin),
        world_test(test_telephone),
        world_test(test_damaged),
        world_test(test_forged),
        world_test(test_forged_for_ever),
        world_test(test_many_cards),
        world_test(test_no_folder),
        world_test(test_faults),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Certificates that one program keeps for the next: what is read then, that it is right, and that
 * nothing is kept which wants a PIN.
 */
#include "kept.h"
#include "user.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_kept(void **state)
{
    (void)state;
    unsigned cold = kept_program(CARD_1, NULL);
    assert_true(cold > 10); /* 15 blocks of 256 bytes, and EF 0006 */
    assert_int_equal(kept_each(NULL, NULL), 3);
    assert_int_equal(kept_program(CARD_1, NULL), KEPT_READS);
    world_forget_cache();
    assert_int_equal(kept_program(CARD_1, NULL), cold);
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
    kept_program(CARD_1, NULL);
    kept_each(for_their_owner, NULL);
    assert_int_equal(stat(kept_folder(), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_another_card(void **state)
{
    (void)state;
    unsigned cold = kept_program(CARD_1, NULL);
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_2));
    assert_in_range(kept_program(CARD_2, NULL), cold - 2,
                    cold + 2); /* as many, but for their sizes */
    assert_int_equal(kept_program(CARD_2, NULL), KEPT_READS);
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_1));
    assert_int_equal(kept_program(CARD_1, NULL), KEPT_READS);
}

static void test_switched_off(void **state)
{
    (void)state;
    unsigned cold = kept_program(CARD_1, "certificates.cache=no");
    assert_int_equal(kept_each(NULL, NULL), 0);
    kept_program(CARD_1, NULL);
    assert_int_equal(kept_program(CARD_1, "certificates.cache=no"),
                     cold); /* what is there is not looked at */
}

/* A program that wants the holder's certificate alone: how many READ BINARY it has sent. */
static unsigned short_program(struct bytes der)
{
    uint8_t value[VALUE_MAX];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
    world_forget_card();
    world_initialize(NULL);
    twin_counters_clear();
    CK_SESSION_HANDLE session = user_open(AUTH);
    assert_rv(C_GetAttributeValue(session, user_object(session, CKO_CERTIFICATE, 1), &attribute, 1),
              CKR_OK);
    assert_int_equal(attribute.ulValueLen, der.len);
    assert_memory_equal(value, der.data, der.len);
    unsigned reads = twin_commands_of(READ_BINARY);
    assert_rv(C_Finalize(NULL), CKR_OK);
    return reads;
}

static void remove_if_holders(const char *path, void *context)
{
    uint8_t room[KEPT_ROOM];
    size_t len = kept_contents(path, room);
    if (len > KEPT_BEGINNING &&
        memcmp(room, ((const struct bytes *)context)->data, KEPT_BEGINNING) == 0)
        assert_int_equal(unlink(path), 0);
}

/* What has signed it must be known, from this program or an earlier one. */
static void test_holder_alone(void **state)
{
    uint8_t *room;
    struct bytes der = kept_on_card("auth.der", &room);
    (void)state;
    unsigned cold = short_program(der);
    assert_int_equal(kept_each(NULL, NULL), 0);
    assert_int_equal(short_program(der), cold);
    kept_program(CARD_1, NULL);
    kept_each(remove_if_holders, &der);
    assert_int_equal(kept_each(NULL, NULL), 2);
    assert_int_equal(short_program(der), cold);
    assert_int_equal(kept_each(NULL, NULL), 3);
    assert_int_equal(short_program(der), 2); /* EF 0006, and the first block */
    free(room);
}

/* ---- what is not ---- */

static void without_the_holder(const char *path, void *context)
{
    struct bytes der = *(const struct bytes *)context;
    uint8_t room[KEPT_ROOM];
    size_t len = kept_contents(path, room);
    assert_null(memmem(room, len, der.data, KEPT_BEGINNING));
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

static void test_never_behind_a_pin(void **state)
{
    uint8_t *room;
    struct bytes der = kept_on_card("sign.der", &room);
    (void)state;
    world_initialize(NULL);
    expect_read(user_logged_in(SIGN), 2, der);
    kept_expect_certificates(CARD_1);
    assert_rv(C_Finalize(NULL), CKR_OK);
    assert_int_equal(kept_each(without_the_holder, &der), 3);
    free(room);
}

/* On a telephone the authentication certificate wants its PIN, too. */
static void test_telephone(void **state)
{
    uint8_t *room, *ca_room;
    struct bytes der = kept_on_card("auth.der", &room), ca = kept_on_card("auth-ca.der", &ca_room);
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
    assert_int_equal(kept_each(without_the_holder, &der), 1); /* its CA's */
    free(room);
    free(ca_room);
}

/* ---- what was damaged ---- */

enum damage { EMPTY, CUT, LONGER, ONE_BIT, ANOTHER, GONE, FOLDER, PIPE, LINK, DAMAGES };

static void damage(const char *path, void *context)
{
    uint8_t room[KEPT_ROOM] = {0};
    size_t len = kept_contents(path, room);
    switch (*(const enum damage *)context) {
    case EMPTY:
        kept_replace(path, "", 0);
        break;
    case CUT:
        kept_replace(path, room, len - 1);
        break;
    case LONGER:
        kept_replace(path, room, len + 1);
        break;
    case ONE_BIT:
        room[len / 2] ^= 1;
        kept_replace(path, room, len);
        break;
    case ANOTHER:
        memset(room, 0x30, sizeof(room));
        kept_replace(path, room, sizeof(room));
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
    unsigned cold = kept_program(CARD_1, NULL);
    for (int i = 0; i < DAMAGES; i++) {
        enum damage how = (enum damage)i;
        assert_int_equal(kept_each(damage, &how), 3);
        assert_int_equal(kept_program(CARD_1, NULL), cold);
        if (how == FOLDER) { /* in whose place nothing can be put */
            world_forget_cache();
            kept_program(CARD_1, NULL);
        }
        assert_int_equal(kept_each(NULL, NULL), 3);
        assert_int_equal(kept_program(CARD_1, NULL), KEPT_READS);
    }
}

/* ---- when ---- */

/* A disk may take its time, and another program waits for the card: so nothing on the disks where
 * homes are is touched while it is held. */
struct watch {
    int fd;
    unsigned inside, outside; /* how often something was */
};

static struct watch watch_homes(void)
{
    const uint32_t what = IN_OPEN | IN_CREATE | IN_MOVED_TO | IN_DELETE;
    struct watch watch = {.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    char state[512];
    snprintf(state, sizeof(state), "%s/jpki-pkcs11", getenv("XDG_STATE_HOME"));
    assert_true(watch.fd >= 0);
    assert_true(inotify_add_watch(watch.fd, kept_folder(), what) >= 0);
    assert_true(inotify_add_watch(watch.fd, state, what) >= 0);
    return watch;
}

static void look_inside(void *context, bool inside)
{
    struct watch *watch = context;
    char events[4096];
    bool touched = read(watch->fd, events, sizeof(events)) > 0;
    watch->inside += touched && inside;
    watch->outside += touched && !inside;
}

static CK_RV sign_once(uint8_t signature[SIGNATURE])
{
    CK_SESSION_HANDLE session = user_logged_in(AUTH);
    return user_sign(session, CKM_SHA256_RSA_PKCS_PSS, user_key(session), "data", 4, signature);
}

/* PSS needs the key, which a program that only signs has not asked for. */
static void test_signing_alone(void **state)
{
    uint8_t signature[SIGNATURE];
    (void)state;
    kept_program(CARD_1, NULL);
    world_forget_card();
    world_initialize(NULL);
    twin_counters_clear();
    assert_rv(sign_once(signature), CKR_OK);
    assert_int_equal(twin_commands_of(READ_BINARY), 2); /* EF 0006, and the first block */
}

/* What is looked up is not enough, so that it is read, and kept; and a card that refuses PSS is
 * noted. */
static void test_not_inside_transactions(void **state)
{
    enum damage cut = CUT;
    uint8_t signature[SIGNATURE];
    (void)state;
    kept_program(CARD_1, NULL);
    world_initialize(NULL);
    assert_rv(sign_once(signature), CKR_OK); /* which makes the history's folder */
    assert_rv(C_Finalize(NULL), CKR_OK);
    kept_each(damage, &cut);
    world_card_set(CARD_1, "pss", "no");
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_1));
    struct watch watch = watch_homes();
    world_initialize(NULL);
    twin_set_watch(look_inside, &watch);
    assert_rv(sign_once(signature), CKR_DEVICE_ERROR);
    kept_expect_certificates(CARD_1);
    assert_rv(C_Finalize(NULL), CKR_OK);
    twin_set_watch(NULL, NULL);
    close(watch.fd);
    assert_int_equal(kept_program(CARD_1, NULL), KEPT_READS);
    assert_true(watch.outside > 0); /* so the watch is one */
    assert_int_equal(watch.inside, 0);
}

/* Neither does a folder that cannot be made, or that everybody may write to. */
static void test_no_folder(void **state)
{
    (void)state;
    unsigned cold = kept_program(CARD_1, NULL);
    assert_int_equal(chmod(kept_folder(), 0777), 0);
    assert_int_equal(kept_program(CARD_1, NULL), cold);
    world_forget_cache();
    kept_replace(getenv("XDG_CACHE_HOME"), "", 0);
    assert_int_equal(kept_program(CARD_1, NULL), cold);
    assert_int_equal(unlink(getenv("XDG_CACHE_HOME")), 0);
}

static const char *left_over(unsigned number)
{
    static char path[1024];
    snprintf(path, sizeof(path), "%s/certificate-%u.%u", kept_folder(), number, number);
    return path;
}

/* However many cards there were, and whatever programs have left that were killed: no more than 96
 * files, and the newest of them. */
static void test_many_cards(void **state)
{
    (void)state;
    kept_program(CARD_1, NULL);
    for (unsigned i = 0; i < 93; i++) {
        const struct timespec old[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
        kept_replace(left_over(i), "", 0);
        assert_int_equal(utimensat(AT_FDCWD, left_over(i), old, 0), 0);
    }
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_2));
    kept_program(CARD_2, NULL);
    assert_int_equal(kept_each(NULL, NULL), 96);
    assert_int_equal(access(left_over(2), F_OK), -1);
    assert_int_equal(access(left_over(3), F_OK), 0);
    assert_int_equal(kept_program(CARD_2, NULL), KEPT_READS);
}

/* Every step fails once while certificates are remembered: what is shown is right, or an error. */
static void test_faults(void **state)
{
    uint8_t *room;
    struct bytes der = kept_on_card("auth-ca.der", &room);
    kept_program(CARD_1, NULL);
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
            assert_memory_equal(value, der.data, der.len);
        else
            assert_true(struck);
        assert_int_equal(twin_open_transactions(), 0);
        kept_expect_certificates(CARD_1);
        world_end(state);
        twin_reader(READER_1, true);
        twin_insert_vcard(READER_1, world_card(CARD_1));
    }
    free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_kept),          world_test(test_holder_alone),
        world_test(test_modes),         world_test(test_another_card),
        world_test(test_switched_off),  world_test(test_never_behind_a_pin),
        world_test(test_telephone),     world_test(test_damaged),
        world_test(test_signing_alone), world_test(test_not_inside_transactions),
        world_test(test_many_cards),    world_test(test_no_folder),
        world_test(test_faults),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}

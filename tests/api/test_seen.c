/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What one program finds out about a card, for the next one: commands that are not sent again while
 * the card stays in, and are sent again as soon as it may be another one.
 */
#include "other.h"
#include "user.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t data[] = "data";

/* A program that signs once. How many commands it has sent. */
static unsigned program(enum role role)
{
    uint8_t signature[SIGNATURE];
    world_initialize(NULL);
    twin_counters_clear();
    CK_SESSION_HANDLE session = user_logged_in(role);
    assert_rv(
        user_sign(session, CKM_SHA256_RSA_PKCS, user_key(session), data, sizeof(data), signature),
        CKR_OK);
    assert_true(user_verify(CARD_1, role, CKM_SHA256_RSA_PKCS, data, sizeof(data), signature));
    assert_rv(C_Finalize(NULL), CKR_OK);
    assert_true(other_finds_closed());
    return twin_commands();
}

/* EF 0006, and the proof that the card forgets: the application is selected once more, and
 * something is asked that needs a PIN. */
static const unsigned saved[] = {[AUTH] = 1 + 2, [SIGN] = 1 + 2};

static void test_saved(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        world_forget_card();
        unsigned first = program((enum role)role);
        assert_int_equal(program((enum role)role), first - saved[role]);
        world_forget_card();
        assert_int_equal(program((enum role)role), first);
    }
}

/* Whatever may have brought another card: all is found out again, though its certificates are the
 * same. This one keeps the PIN in spite of all, and its power must be taken. */
static void swap_card(void)
{
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_1));
}

static void restart_service(void)
{
    twin_service(false);
    swap_card();
    twin_service(true);
}

static void test_found_out_again(void **state)
{
    static void (*const ways[])(void) = {swap_card, restart_service};
    (void)state;
    for (size_t i = 0; i < COUNT(ways); i++)
        for (int role = AUTH; role <= SIGN; role++) {
            world_card_set(CARD_1, "ignore-isd", "no");
            ways[i]();
            program((enum role)role);
            program((enum role)role);
            assert_int_equal(twin_power_offs(), 0);
            world_card_set(CARD_1, "ignore-isd", "yes");
            ways[i]();
            program((enum role)role); /* which looks whether the card is closed */
            assert_true(twin_power_offs() > 0);
        }
}

/* A card that keeps its login until another application is selected in earnest, or a wrong PIN
 * comes: should another program have done that between our login and our signature, its not being
 * logged in proves nothing of us, and must not be noted for all. */
static void select_another(void)
{
    assert_int_equal(world_other_program(READER_1, "00A4040C0AD3921000310001010408"), 0x9000);
}

static void guess_wrong(void)
{
    assert_int_equal(world_other_program(READER_1, "00A4040C0AD392F000260100000001"), 0x9000);
    assert_int_equal(world_other_program(READER_1, "002000980430303030"), 0x63C2);
}

static void test_ended_by_others(void **state)
{
    static void (*const ways[])(void) = {select_another, guess_wrong};
    (void)state;
    world_card_set(CARD_1, "ignore-isd", "yes");
    for (size_t i = 0; i < COUNT(ways); i++) {
        uint8_t signature[SIGNATURE];
        swap_card();
        world_initialize(NULL);
        CK_SESSION_HANDLE session = user_logged_in(AUTH);
        ways[i]();
        CK_RV rv = user_sign(session, CKM_SHA256_RSA_PKCS, user_key(session), data, sizeof(data),
                             signature);
        assert_true(rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN);
        assert_rv(C_Finalize(NULL), CKR_OK);
        for (int role = AUTH; role <= SIGN; role++)
            program((enum role)role); /* which looks whether the card is closed */
    }
}

/* What the card answers to the selection of the issuer domain: SW the first time, and itself from
 * then on, unless it is to be asked each time. */
struct domain {
    uint16_t sw;
    bool always;
    unsigned asked;
};

static bool answer_domain(void *context, const uint8_t *command, size_t len, uint8_t *response,
                          size_t *received)
{
    struct domain *domain = context;
    if (len < 6 || command[1] != 0xA4 || command[5] != 0xA0)
        return false;
    if (domain->asked++ > 0 && !domain->always)
        return false;
    response[0] = (uint8_t)(domain->sw >> 8);
    response[1] = (uint8_t)domain->sw;
    *received = 2;
    return true;
}

/* One odd answer may have been spoilt on its way, and must not cost all later programs the card's
 * power; a clear refusal spares them the question. */
static void test_domain_refused(void **state)
{
    struct domain odd = {0x6F01, false, 0}, refused = {0x6A82, true, 0};
    (void)state;
    twin_set_hook(answer_domain, &odd);
    program(AUTH);
    assert_true(twin_power_offs() > 0);
    program(AUTH);
    assert_int_equal(twin_power_offs(), 0);
    swap_card();
    twin_set_hook(answer_domain, &refused);
    program(AUTH);
    assert_true(twin_power_offs() > 0);
    assert_int_equal(refused.asked, 1);
    program(AUTH);
    assert_true(twin_power_offs() > 0);
    assert_int_equal(refused.asked, 1);
    twin_set_hook(NULL, NULL);
}

/* Another program that has the card for a while says nothing of the card. */
static void test_busy(void **state)
{
    (void)state;
    unsigned first = program(AUTH);
    for (long k = 0; k < 4; k++) {
        CK_SLOT_ID slots[8];
        CK_TOKEN_INFO info;
        CK_ULONG count = 8;
        world_initialize(NULL);
        twin_calls_clear();
        twin_fail_call(k, ERR_BUSY, false);
        if (C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK && count > 0)
            C_GetTokenInfo(slots[0], &info);
        assert_true(twin_calls() > (unsigned long)k);
        twin_fail_call(-1, ERR_OK, false);
        assert_rv(C_Finalize(NULL), CKR_OK);
        assert_int_equal(program(AUTH), first - saved[AUTH]);
    }
}

/* ---- what was damaged ---- */

/* How many notes there are, and the last one's path. */
static unsigned notes(char path[1024])
{
    char folder[512];
    unsigned count = 0;
    struct dirent *entry;
    snprintf(folder, sizeof(folder), "%s/jpki-pkcs11", getenv("XDG_RUNTIME_DIR"));
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        if (strncmp(entry->d_name, "seen-", 5) == 0) {
            snprintf(path, 1024, "%s/%s", folder, entry->d_name);
            count++;
        }
    closedir(dir);
    return count;
}

static void the_note(void (*change)(const char *path, void *context), void *context)
{
    char path[1024];
    assert_int_equal(notes(path), 1);
    change(path, context);
}

static void overwrite(const char *path, void *context)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(context, out);
    fclose(out);
}

/* The line with this number, from 0 on, becomes TEXT, with its end. */
struct line {
    int number;
    const char *text;
};

static void replace_line(const char *path, void *context)
{
    const struct line *change = context;
    char line[512];
    int number = 0;
    FILE *in = fopen(path, "r");
    char *text = calloc(1, 2048);
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL)
        strcat(text, number++ == change->number ? change->text : line);
    fclose(in);
    assert_true(change->number < number);
    overwrite(path, text);
    free(text);
}

static void test_damaged(void **state)
{
    static const char *const texts[] = {"", "\n\n\n\n\n\n", "x", "\xff\xfe\n1\n2\n3\n4\n5\n"};
    (void)state;
    unsigned first = program(AUTH);
    for (size_t i = 0; i < COUNT(texts); i++) {
        the_note(overwrite, (void *)(uintptr_t)texts[i]);
        assert_int_equal(program(AUTH), first);
        assert_int_equal(program(AUTH), first - saved[AUTH]);
    }
    for (int number = 0; number < 6; number++) {
        struct line none = {number, ""};
        the_note(replace_line, &none);
        assert_int_equal(program(AUTH), first);
    }
}

#define BYTES_16 "00112233445566778899AABBCCDDEEFF"

/* Each line but that with the model, which may be any text, must be what the module itself writes.
 */
static void test_changed(void **state)
{
    static const struct line lines[] = {
        {0, "1-2-3.000000000\n"},
        {1, "65535\n"},
        {2, BYTES_16 BYTES_16 "00\n"},
        {2, BYTES_16 "00112233445566778899AABBCCDDEEFG\n"},
        {2, BYTES_16 "00112233445566778899AABBCCDDEE+1\n"},
        {2, BYTES_16 BYTES_16 "\n"}, /* of another card */
        {3, "perhaps\n"},
        {3, "Yes\n"},
        {4, "JPKIAP\n"},
        {5, "A model of seventeen\n"},
        {5, "E16R01NJ\x07\n"},
        {5, "E16R01NJ\n\n"},
    };
    (void)state;
    unsigned first = program(AUTH);
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct line line = lines[i];
        the_note(replace_line, &line);
        /* That of another card costs a selection and a first block until it is known for that. */
        assert_in_range(program(AUTH), first, first + 2);
        assert_int_equal(program(AUTH), first - saved[AUTH]);
    }
}

/* The note, as if the service had counted neither the removal nor the insertion. */
static void overlook(const char *path, void *context)
{
    char run[128], rest[512] = "", text[1024];
    unsigned events;
    FILE *in = fopen(path, "r");
    (void)context;
    assert_non_null(in);
    assert_int_equal(fscanf(in, "%127s %u", run, &events), 2);
    size_t n = fread(rest, 1, sizeof(rest) - 1, in);
    rest[n] = '\0';
    fclose(in);
    snprintf(text, sizeof(text), "%s\n%u%s", run, events + 2, rest);
    overwrite(path, text);
}

/* Two cards that were exchanged within one look of the service: the certificates tell them apart.
 */
static void test_another_identity(void **state)
{
    CK_TOKEN_INFO info;
    (void)state;
    program(AUTH);
    world_initialize(NULL);
    assert_rv(C_GetTokenInfo(user_first(AUTH), &info), CKR_OK);
    assert_memory_equal(info.model, "E16R01NJ", 8);
    assert_rv(C_Finalize(NULL), CKR_OK);
    world_card_set(CARD_2, "model", "OTHER");
    twin_remove(READER_1);
    twin_insert_vcard(READER_1, world_card(CARD_2));
    the_note(overlook, NULL);
    world_initialize(NULL);
    assert_rv(C_GetTokenInfo(user_first(AUTH), &info), CKR_OK);
    assert_memory_equal(info.model, "OTHER   ", 8);
    assert_rv(C_Finalize(NULL), CKR_OK);
}

/* So does the note by itself: the same card is then believed to be the same. */
static void test_overlooked(void **state)
{
    (void)state;
    unsigned first = program(AUTH);
    swap_card();
    the_note(overlook, NULL);
    assert_int_equal(program(AUTH), first - saved[AUTH]);
}

static size_t not_found(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    (void)context;
    (void)command;
    (void)len;
    memcpy(response, "\x6A\x82", 2);
    return 2;
}

/* A card that is none of ours came without the service's noticing: it makes no sense of the note,
 * and that is gone. */
static void test_foreign_card(void **state)
{
    static const uint8_t atr[] = {0x3B, 0x80, 0x80, 0x01, 0x01};
    char path[1024];
    CK_SLOT_ID slots[8];
    CK_ULONG count = COUNT(slots);
    CK_TOKEN_INFO info;
    (void)state;
    program(AUTH);
    twin_remove(READER_1);
    twin_insert(READER_1, not_found, NULL, bytes_of(atr, sizeof(atr)));
    the_note(overlook, NULL);
    world_initialize(NULL);
    assert_rv(C_GetSlotList(CK_FALSE, slots, &count), CKR_OK);
    assert_rv(C_GetTokenInfo(slots[0], &info), CKR_TOKEN_NOT_RECOGNIZED);
    assert_rv(C_Finalize(NULL), CKR_OK);
    assert_int_equal(notes(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_saved),
        world_test(test_found_out_again),
        world_test(test_another_identity),
        world_test(test_overlooked),
        world_test(test_ended_by_others),
        world_test(test_domain_refused),
        world_test(test_busy),
        world_test(test_damaged),
        world_test(test_changed),
        world_test(test_foreign_card),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}

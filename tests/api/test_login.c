/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C_Login and C_LoginUser: what each situation answers, and what it costs. The cost is the number
 * of commands on the wire and the tries left, as the card tells them to another program.
 *
 * A login that presents a PIN takes four commands: SELECT of JPKI, the question for tries left,
 * VERIFY, SELECT of the issuer's domain, which ends the verification. One that stops at the counter
 * takes the first two. What is found out once per card is found out before the counting begins.
 */
#include "login.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the decision table ---- */

static void logged_in(enum role role)
{
    user_login(login_session, role);
}

static void begin_signature(void)
{
    assert_rv(user_sign_init(login_session, CKM_RSA_PKCS, user_key(login_session)), CKR_OK);
}

/* The consent of the login is used up, and an operation waits for its own. */
static void waiting(enum role role)
{
    uint8_t signature[SIGNATURE];
    user_login(login_session, role);
    begin_signature();
    assert_rv(user_sign_data(login_session, "abc", 3, signature), CKR_OK);
    begin_signature();
    world_clock_add(2000); /* a PIN that was right within a second is presented unasked */
}

/* It has the login's consent, if it needs one. */
static void with_operation(enum role role)
{
    user_login(login_session, role);
    begin_signature();
    world_clock_add(2000);
}

static void consented(enum role role)
{
    waiting(role);
    assert_rv(user_try_login(login_session, CKU_CONTEXT_SPECIFIC, user_pin[role]), CKR_OK);
    world_clock_add(2000);
}

static void refused_once(enum role role)
{
    assert_rv(login_with(login_wrong(role, 1)), CKR_PIN_INCORRECT);
}

static void refused_twice(enum role role)
{
    refused_once(role);
    if (role == SIGN)
        assert_rv(login_with(login_wrong(role, 2)), CKR_PIN_INCORRECT);
}

static void waiting_refused(enum role role)
{
    waiting(role);
    assert_rv(user_try_login(login_session, CKU_CONTEXT_SPECIFIC, login_wrong(role, 1)),
              CKR_PIN_INCORRECT);
}

static void locked(enum role role)
{
    world_spend_tries(READER_1, role, 0);
}

static void waiting_locked(enum role role)
{
    waiting(role);
    locked(role);
}

static void one_left(enum role role)
{
    world_spend_tries(READER_1, role, 1);
}

static void locked_no_reserve(enum role role)
{
    login_start(role, "pin.reserve=0");
    locked(role);
}

static void one_left_no_reserve(enum role role)
{
    login_start(role, "pin.reserve=0");
    one_left(role);
}

static void waiting_one_left(enum role role)
{
    waiting(role);
    one_left(role);
}

static void pulled(enum role role)
{
    (void)role;
    twin_remove(READER_1);
}

static void pulled_at_verify(enum role role)
{
    (void)role;
    twin_set_hook(login_pull_at_verify, NULL);
}

/* What is offered, by role; NULL is a NULL pointer. */
enum offer {
    RIGHT,
    RIGHT_SMALL,
    WRONG,
    WRONG_SMALL,
    ANOTHER,
    EMPTY,
    NONE,
    NONE_4,
    NONE_6,
    SWAPPED,
    CHARACTERS
};
static const char *const offers[][2] = {
    [RIGHT] = {AUTH_PIN, SIGN_PIN},
    [RIGHT_SMALL] = {AUTH_PIN, "abc123"},
    [WRONG] = {"9001", "WRONG001"},
    [WRONG_SMALL] = {"9001", "wrong001"},
    [ANOTHER] = {"9009", "WRONG009"},
    [EMPTY] = {"", ""},
    [NONE] = {NULL, NULL},
    [SWAPPED] = {SIGN_PIN, AUTH_PIN},
    [CHARACTERS] = {"12a4", "ABC-123"},
};

/* For which tokens: bits (1 << enum role). */
#define A 1
#define S 2
#define AS 3
#define USER CKU_USER
#define CONTEXT CKU_CONTEXT_SPECIFIC
#define NOTHING_WAITS CKR_OPERATION_NOT_INITIALIZED
#define ALL (-1)
#define BUT_ONE (-2) /* all but one */
#define SENT 4
#define ASKED 2

/* The session's state; and when logged in, how many signatures the signature key makes then
 * without another login. The authentication key makes as many as one likes. */
enum ending { OUT, IN_FOR_NONE, IN_FOR_ONE, DEAD };

struct row {
    unsigned tokens;
    const char *name;
    void (*prepare)(enum role role);
    CK_USER_TYPE type;
    enum offer offer;
    CK_RV rv;
    unsigned verifies, commands;
    int spent; /* tries fewer than all in the end */
    enum ending ending;
};

/* The answer, and: VERIFYs, commands, tries spent, state. */
static const struct row rows[] = {
    /* user types */
    {AS, "SO", NULL, CKU_SO, RIGHT, CKR_USER_TYPE_INVALID, 0, 0, 0, OUT},
    {AS, "SO, logged in", logged_in, CKU_SO, RIGHT, CKR_USER_TYPE_INVALID, 0, 0, 0, IN_FOR_ONE},
    {AS, "type 3", NULL, 3, RIGHT, CKR_USER_TYPE_INVALID, 0, 0, 0, OUT},
    {AS, "vendor's type", NULL, 0x80000000UL, RIGHT, CKR_USER_TYPE_INVALID, 0, 0, 0, OUT},
    {AS, "no type", NULL, CK_UNAVAILABLE_INFORMATION, RIGHT, CKR_USER_TYPE_INVALID, 0, 0, 0, OUT},
    /* already logged in, whatever is offered */
    {AS, "again, right", logged_in, USER, RIGHT, CKR_USER_ALREADY_LOGGED_IN, 0, 0, 0, IN_FOR_ONE},
    {AS, "again, wrong", logged_in, USER, WRONG, CKR_USER_ALREADY_LOGGED_IN, 0, 0, 0, IN_FOR_ONE},
    {AS, "again, no PIN", logged_in, USER, NONE, CKR_USER_ALREADY_LOGGED_IN, 0, 0, 0, IN_FOR_ONE},
    /* a context login that nothing waits for */
    {AS, "context, not logged in", NULL, CONTEXT, RIGHT, NOTHING_WAITS, 0, 0, 0, OUT},
    {AS, "context, no operation", logged_in, CONTEXT, RIGHT, NOTHING_WAITS, 0, 0, 0, IN_FOR_ONE},
    {AS, "context, nothing, wrong", logged_in, CONTEXT, WRONG, NOTHING_WAITS, 0, 0, 0, IN_FOR_ONE},
    {A, "context, needless", with_operation, CONTEXT, RIGHT, NOTHING_WAITS, 0, 0, 0, IN_FOR_NONE},
    /* a context login although there is a consent: asked again, and still one signature */
    {S, "context after login", with_operation, CONTEXT, RIGHT, CKR_OK, 1, SENT, 0, IN_FOR_ONE},
    {S, "context twice", consented, CONTEXT, RIGHT, CKR_OK, 1, SENT, 0, IN_FOR_ONE},
    {S, "context, waited for", waiting, CONTEXT, RIGHT, CKR_OK, 1, SENT, 0, IN_FOR_ONE},
    /* what cannot be a PIN */
    {AS, "empty", NULL, USER, EMPTY, CKR_PIN_LEN_RANGE, 0, 0, 0, OUT},
    {AS, "NULL", NULL, USER, NONE, CKR_PIN_LEN_RANGE, 0, 0, 0, OUT},
    {AS, "NULL of 4", NULL, USER, NONE_4, CKR_PIN_LEN_RANGE, 0, 0, 0, OUT},
    {AS, "NULL of 6", NULL, USER, NONE_6, CKR_PIN_LEN_RANGE, 0, 0, 0, OUT},
    {AS, "the other token's", NULL, USER, SWAPPED, CKR_PIN_LEN_RANGE, 0, 0, 0, OUT},
    {AS, "characters", NULL, USER, CHARACTERS, CKR_PIN_LEN_RANGE, 0, 0, 0, OUT},
    {S, "context, empty", waiting, CONTEXT, EMPTY, CKR_PIN_LEN_RANGE, 0, 0, 0, IN_FOR_NONE},
    {S, "context, NULL", waiting, CONTEXT, NONE, CKR_PIN_LEN_RANGE, 0, 0, 0, IN_FOR_NONE},
    {S, "context, length", waiting, CONTEXT, SWAPPED, CKR_PIN_LEN_RANGE, 0, 0, 0, IN_FOR_NONE},
    /* refused before */
    {AS, "the last one refused", refused_once, USER, WRONG, CKR_PIN_INVALID, 0, 0, 1, OUT},
    {S, "in small letters", refused_once, USER, WRONG_SMALL, CKR_PIN_INVALID, 0, 0, 1, OUT},
    {S, "the last but one", refused_twice, USER, WRONG, CKR_PIN_INVALID, 0, 0, 2, OUT},
    {S, "context, refused before", waiting_refused, CONTEXT, WRONG, CKR_PIN_INVALID, 0, 0, 1,
     IN_FOR_NONE},
    /* locked since we last looked */
    {AS, "locked, right", locked, USER, RIGHT, CKR_PIN_LOCKED, 0, ASKED, ALL, OUT},
    {AS, "locked, wrong", locked, USER, WRONG, CKR_PIN_LOCKED, 0, ASKED, ALL, OUT},
    {AS, "locked, no reserve", locked_no_reserve, USER, RIGHT, CKR_PIN_LOCKED, 0, ASKED, ALL, OUT},
    {S, "context, locked", waiting_locked, CONTEXT, RIGHT, CKR_PIN_LOCKED, 0, ASKED, ALL,
     IN_FOR_NONE},
    /* the last try is kept */
    {AS, "one left, right", one_left, USER, RIGHT, CKR_PIN_LOCKED, 0, ASKED, BUT_ONE, OUT},
    {AS, "one left, wrong", one_left, USER, WRONG, CKR_PIN_LOCKED, 0, ASKED, BUT_ONE, OUT},
    {S, "context, one left", waiting_one_left, CONTEXT, RIGHT, CKR_PIN_LOCKED, 0, ASKED, BUT_ONE,
     IN_FOR_NONE},
    {AS, "one left, no reserve, right", one_left_no_reserve, USER, RIGHT, CKR_OK, 1, SENT, 0,
     IN_FOR_ONE},
    /* the card refuses */
    {AS, "wrong", NULL, USER, WRONG, CKR_PIN_INCORRECT, 1, SENT, 1, OUT},
    {S, "another wrong one", refused_once, USER, ANOTHER, CKR_PIN_INCORRECT, 1, SENT, 2, OUT},
    {S, "context, wrong", waiting, CONTEXT, WRONG, CKR_PIN_INCORRECT, 1, SENT, 1, IN_FOR_NONE},
    {S, "wrong after login", with_operation, CONTEXT, WRONG, CKR_PIN_INCORRECT, 1, SENT, 1,
     IN_FOR_NONE},
    {AS, "one left, no reserve", one_left_no_reserve, USER, WRONG, CKR_PIN_LOCKED, 1, SENT, ALL,
     OUT},
    /* the card agrees */
    {AS, "right", NULL, USER, RIGHT, CKR_OK, 1, SENT, 0, IN_FOR_ONE},
    {AS, "right after a wrong one", refused_once, USER, RIGHT, CKR_OK, 1, SENT, 0, IN_FOR_ONE},
    {S, "right in small letters", NULL, USER, RIGHT_SMALL, CKR_OK, 1, SENT, 0, IN_FOR_ONE},
    /* the card is gone; before the VERIFY or in it */
    {AS, "gone", pulled, USER, RIGHT, CKR_SESSION_HANDLE_INVALID, 0, 0, 0, DEAD},
    {AS, "gone under way", pulled_at_verify, USER, RIGHT, CKR_DEVICE_REMOVED, 1, SENT - 1, 0, DEAD},
};

static unsigned left_of(const struct row *row, enum role role)
{
    if (row->spent == ALL)
        return 0;
    return row->spent == BUT_ONE ? 1 : other_full[role] - (unsigned)row->spent;
}

static CK_RV log_in(const struct row *row, enum role role, bool user)
{
    uint8_t room[32], *pin = NULL;
    const char *text = offers[row->offer][role];
    size_t len = row->offer == NONE_4 ? 4 : row->offer == NONE_6 ? 6 : 0;
    if (text != NULL) {
        len = strlen(text);
        pin = memcpy(room, text, len);
    }
    return user ? C_LoginUser(login_session, row->type, pin, len, NULL, 0)
                : C_Login(login_session, row->type, pin, len);
}

/* How many signatures of three that are tried; the first one's operation may be under way. */
static int signatures_made(void)
{
    int made = 0;
    uint8_t signature[SIGNATURE];
    for (int i = 0; i < 3; i++) {
        CK_RV rv = user_sign_init(login_session, CKM_RSA_PKCS, user_key(login_session));
        assert_true(rv == CKR_OK || rv == CKR_OPERATION_ACTIVE);
        made += user_sign_data(login_session, "abc", 3, signature) == CKR_OK;
    }
    return made;
}

static void check_ending(const struct row *row, enum role role)
{
    static const CK_STATE states[] = {CKS_RW_PUBLIC_SESSION, CKS_RW_USER_FUNCTIONS,
                                      CKS_RW_USER_FUNCTIONS, CK_UNAVAILABLE_INFORMATION};
    assert_int_equal(user_session_state(login_session), states[row->ending]);
    if (row->ending == IN_FOR_NONE || row->ending == IN_FOR_ONE)
        assert_int_equal(signatures_made(), role == AUTH ? 3 : row->ending == IN_FOR_ONE);
}

static void check_row(const struct row *row, enum role role, bool user)
{
    print_message("%s, %s\n", row->name, user_label[role]);
    login_start(role, NULL);
    if (row->prepare != NULL)
        row->prepare(role);
    twin_counters_clear();
    assert_rv(log_in(row, role, user), row->rv);
    assert_int_equal(twin_verifies(), row->verifies);
    assert_int_equal(twin_commands(), row->commands);
    twin_set_hook(NULL, NULL);
    if (row->ending == DEAD)
        world_put(READER_1, CARD_1);
    assert_int_equal(other_tries(role), left_of(row, role));
    check_ending(row, role);
}

static void check_rows(bool user)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int role = AUTH; role <= SIGN; role++)
            if ((rows[i].tokens & 1U << role) != 0)
                check_row(&rows[i], (enum role)role, user);
}

static void test_decisions(void **state)
{
    (void)state;
    check_rows(false);
}

static void test_decisions_with_user(void **state)
{
    (void)state;
    check_rows(true);
}

/* The card knows no user names. */
static void test_user_name(void **state)
{
    CK_UTF8CHAR pin[] = AUTH_PIN, name[] = "name";
    (void)state;
    login_start(AUTH, NULL);
    assert_rv(C_LoginUser(login_session, CKU_USER, pin, 4, name, 4), CKR_ARGUMENTS_BAD);
    assert_int_equal(twin_commands(), 0);
    assert_int_equal(user_session_state(login_session), CKS_RW_PUBLIC_SESSION);
    assert_rv(C_LoginUser(login_session, CKU_USER, pin, 4, name, 0), CKR_OK);
}

/* Cards that answer the question for a locked PIN with 63C0, not 6984. */
static void test_locked_old_answer(void **state)
{
    for (int role = AUTH; role <= SIGN; role++) {
        world_end(state);
        world_begin(state);
        world_card_set(CARD_1, "old-lock", "yes");
        world_put(READER_1, CARD_1);
        world_initialize("pin.reserve=0");
        login_session = user_open((enum role)role);
        user_login(login_session, (enum role)role);
        assert_rv(C_Logout(login_session), CKR_OK);
        locked((enum role)role);
        twin_counters_clear();
        for (unsigned i = 0; i < 3; i++)
            assert_rv(login_with(i == 0 ? user_pin[role] : login_wrong((enum role)role, i)),
                      CKR_PIN_LOCKED);
        assert_int_equal(twin_verifies(), 0);
        assert_int_equal(twin_commands(), 3 * ASKED);
    }
}

/* ---- the form ---- */

/* With four tries to be kept and not more left, a PIN of good form is looked at, but not sent. */
static void start_without_tries(enum role role)
{
    login_start(role, "pin.reserve=4");
    if (role == SIGN)
        assert_int_equal(other_verifies(SIGN, "WRONG999"), 0x63C4);
}

static void expect_form(enum role role, const void *pin, size_t len, bool good)
{
    twin_counters_clear();
    CK_RV rv = login_bytes(pin, len);
    if (rv != (good ? CKR_PIN_LOCKED : CKR_PIN_LEN_RANGE))
        fail_msg("%s, %zu bytes: 0x%lX", user_label[role], len, rv);
    assert_int_equal(twin_verifies(), 0);
    assert_int_equal(twin_commands(), good ? ASKED : 0);
}

static void test_lengths(void **state)
{
    static const CK_ULONG absurd[] = {1UL << 31, (1UL << 31) + 4, ~0UL, ~0UL - 1, ~0UL / 2};
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        size_t min = role == AUTH ? 4 : 6, max = role == AUTH ? 4 : 16;
        start_without_tries((enum role)role);
        expect_form((enum role)role, "1234", 4, role == AUTH);
        for (size_t len = 0; len <= 20; len++) {
            expect_form((enum role)role, "12345678901234567890", len, len >= min && len <= max);
            assert_rv(C_Login(login_session, CKU_USER, NULL, len), CKR_PIN_LEN_RANGE);
        }
        twin_counters_clear();
        for (size_t i = 0; i < COUNT(absurd); i++)
            assert_rv(C_Login(login_session, CKU_USER, NULL, absurd[i]), CKR_PIN_LEN_RANGE);
        assert_int_equal(twin_commands(), 0);
        assert_int_equal(other_tries((enum role)role), role == AUTH ? 3 : 4);
    }
}

/* Every byte at every place; 0 among them. */
static void test_characters(void **state)
{
    static const struct {
        enum role role;
        const char *good;
    } pins[] = {{AUTH, "1234"}, {SIGN, "ABC123"}, {SIGN, "ABCDEFGH12345678"}};
    (void)state;
    for (size_t i = 0; i < COUNT(pins); i++) {
        uint8_t pin[16];
        size_t len = strlen(pins[i].good);
        start_without_tries(pins[i].role);
        for (size_t at = 0; at < len; at++)
            for (unsigned c = 0; c <= 0xFF; c++) {
                bool digit = c >= '0' && c <= '9';
                bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
                memcpy(pin, pins[i].good, len);
                pin[at] = (uint8_t)c;
                expect_form(pins[i].role, pin, len, digit || (pins[i].role == SIGN && letter));
            }
    }
}

/* What a holder or a file may add. All of a length that would be right. */
static void test_texts(void **state)
{
    static const struct {
        enum role role;
        const char *pin;
    } pins[] = {
        {AUTH, "123\n"},
        {AUTH, "1234\n"},
        {AUTH, "123 "},
        {AUTH, " 123"},
        {AUTH, "1234 "},
        {AUTH, "1234\r\n"},
        {AUTH, "\xEF\xBC\x91\x31"}, /* a full-width 1, and 1 */
        {AUTH, "\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x93\xEF\xBC\x94"},
        {AUTH, "\xC2\xB2\xC2\xB3"}, /* small 2 and 3 above the line */
        {SIGN, "ABC123\n"},
        {SIGN, "ABC123\r\n"},
        {SIGN, "ABC123 "},
        {SIGN, " ABC123"},
        {SIGN, "ABC 123"},
        {SIGN, "\xEF\xBC\xA1\xEF\xBC\xA2\xEF\xBC\xA3"
               "123"}, /* full-width A, B, C */
        {SIGN, "ABC\xC3\xA4"
               "123"},
        {SIGN, "\xE3\x83\x9E\xE3\x82\xA4\xE3\x83\x8A"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(pins); i++) {
        start_without_tries(pins[i].role);
        expect_form(pins[i].role, pins[i].pin, strlen(pins[i].pin), false);
    }
    start_without_tries(SIGN);
    expect_form(SIGN, "ABC123\0", 7, false); /* with the terminator */
    expect_form(SIGN, "ABC\000123", 7, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_decisions), world_test(test_decisions_with_user),
        world_test(test_user_name), world_test(test_locked_old_answer),
        world_test(test_lengths),   world_test(test_characters),
        world_test(test_texts),
    };
    return cmocka_run_group_tests_name("login", tests, world_setup, world_teardown);
}

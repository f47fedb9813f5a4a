/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Random walks over everything that a program can do with PINs, with a little model beside them.
 * Whatever the order: in one process, one and the same wrong PIN costs at most one try between two
 * moments at which the counter was filled, by us, or moved, by somebody else; and we never take the
 * counter below pin.reserve.
 *
 * What one step does is chosen by a generator that starts from a fixed number, so a walk that fails
 * fails again.
 */
#include "other.h"
#include "user.h"

#include <stdio.h>
#include <string.h>

#define POOL 6
#define SESSIONS 4
#define EPISODES 60 /* of one walk: each with a new card, and settings of its own */
#define STEPS 80    /* of one episode */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What may happen besides logins, logouts, sessions and signatures. */
enum {
    RESTARTS = 1,     /* C_Finalize and C_Initialize */
    INTERFERENCE = 2, /* another program presents and changes PINs */
};

static const struct {
    const char *text;
    int same;  /* index of the PIN that this one is, as the card sees it */
    bool form; /* it could be a PIN */
} pool[2][POOL] = {
    {{"1234", 0, true},
     {"0000", 1, true},
     {"9999", 2, true},
     {"4321", 3, true},
     {"12345", 4, false},
     {"12a4", 5, false}},
    {{"ABC123", 0, true},
     {"WRONG1", 1, true},
     {"wrong1", 1, true},
     {"OTHER22", 3, true},
     {"ABC", 4, false},
     {"ABC-123", 5, false}},
};

/* One token, and what has happened to it. */
struct model {
    enum role role;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE sessions[SESSIONS];
    int count;
    int right;            /* index of the PIN */
    unsigned tries;       /* left */
    unsigned spent[POOL]; /* on each PIN since the counter was last filled or moved by others */
    bool refused[POOL];   /* since the card last accepted one of ours */
};

static struct walk {
    unsigned kinds;
    unsigned number, episode, step; /* for messages */
    uint32_t random;
    unsigned reserve;
    bool isolation;
    struct model tokens[2];
    unsigned logins, refusals, signatures; /* that were, so that a walk proves something */
} walk;

static uint32_t random_below(uint32_t limit)
{
    walk.random ^= walk.random << 13; /* xorshift32 */
    walk.random ^= walk.random >> 17;
    walk.random ^= walk.random << 5;
    return walk.random % limit;
}

#define must(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("walk %u, episode %u, step %u: %s", walk.number, walk.episode, walk.step,     \
                     #condition);                                                                  \
    } while (0)

static bool alone(void)
{
    return (walk.kinds & INTERFERENCE) == 0;
}

static bool is_logged_in(const struct model *m)
{
    return m->count > 0 && user_session_state(m->sessions[0]) == CKS_RW_USER_FUNCTIONS;
}

/* ---- the model ---- */

static void filled(struct model *m)
{
    memset(m->spent, 0, sizeof(m->spent));
    memset(m->refused, 0, sizeof(m->refused));
}

/* After any step: what it may have cost. PIN is the one that was offered, or -1. */
static void check_tries(struct model *m, int pin, CK_RV rv)
{
    unsigned before = m->tries, after = other_tries(m->role), verifies = twin_verifies();
    m->tries = after;
    if (after >= before)
        return;
    must(before - after == 1 && verifies == 1);
    must(before > walk.reserve);
    must(pin >= 0 && pool[m->role][pin].same != m->right);
    must(rv == (after == 0 ? CKR_PIN_LOCKED : CKR_PIN_INCORRECT));
    int same = pool[m->role][pin].same;
    must(++m->spent[same] == 1);
    m->refused[same] = true;
    if (after == 0) /* "locked" is what is answered from then on */
        memset(m->refused, 0, sizeof(m->refused));
}

/* What a login has to answer that reaches the PIN's rules. */
static CK_RV expected(const struct model *m, int pin)
{
    int same = pool[m->role][pin].same;
    if (!pool[m->role][pin].form)
        return CKR_PIN_LEN_RANGE;
    if (m->refused[same])
        return CKR_PIN_INVALID;
    if (m->tries <= walk.reserve || m->tries == 0)
        return CKR_PIN_LOCKED;
    if (same == m->right)
        return CKR_OK;
    return m->tries == 1 ? CKR_PIN_LOCKED : CKR_PIN_INCORRECT;
}

/* With another program at work, what we have seen of the counter decides; so only this is sure. */
static bool is_possible(const struct model *m, int pin, CK_RV rv)
{
    int same = pool[m->role][pin].same;
    if (!pool[m->role][pin].form)
        return rv == CKR_PIN_LEN_RANGE;
    if (rv == CKR_PIN_INVALID)
        return m->refused[same];
    if (m->tries <= walk.reserve || m->tries == 0)
        return rv == CKR_PIN_LOCKED;
    if (same == m->right)
        return rv == CKR_OK;
    return rv == (m->tries == 1 ? CKR_PIN_LOCKED : CKR_PIN_INCORRECT);
}

static void check_login(struct model *m, int pin, CK_RV rv)
{
    unsigned verifies = twin_verifies(), before = m->tries;
    must(alone() ? rv == expected(m, pin) : is_possible(m, pin, rv));
    check_tries(m, pin, rv);
    must(verifies == (rv == CKR_OK || m->tries < before ? 1 : 0));
    if (rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID)
        must(twin_commands() == 0);
    walk.refusals += rv == CKR_PIN_INCORRECT;
    if (rv != CKR_OK)
        return;
    walk.logins++;
    must(m->tries == other_full[m->role]);
    filled(m);
}

/* ---- steps ---- */

static void open_session(struct model *m)
{
    if (m->count < SESSIONS)
        m->sessions[m->count++] = user_open_slot(m->slot);
}

static void close_session(struct model *m)
{
    if (m->count == 0)
        return;
    int i = (int)random_below((uint32_t)m->count);
    assert_rv(C_CloseSession(m->sessions[i]), CKR_OK);
    m->sessions[i] = m->sessions[--m->count];
}

static void log_in(struct model *m)
{
    int pin = random_below(4) == 0 ? m->right : (int)random_below(POOL);
    if (m->count == 0)
        open_session(m);
    bool already = is_logged_in(m);
    CK_RV rv = user_try_login(m->sessions[0], CKU_USER, pool[m->role][pin].text);
    if (!already) {
        check_login(m, pin, rv);
        must(is_logged_in(m) == (rv == CKR_OK));
        return;
    }
    must(rv == CKR_USER_ALREADY_LOGGED_IN && twin_commands() == 0);
}

static void log_out(struct model *m)
{
    if (m->count == 0)
        return;
    CK_RV expect = is_logged_in(m) ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
    assert_rv(C_Logout(m->sessions[0]), expect);
    must(twin_verifies() == 0);
}

/* With a context login for the signature key, most of the time. */
static void sign(struct model *m)
{
    uint8_t signature[SIGNATURE];
    if (!is_logged_in(m))
        return;
    CK_SESSION_HANDLE session = m->sessions[random_below((uint32_t)m->count)];
    CK_RV consent = CKR_PIN_LEN_RANGE; /* which leaves everything as it was */
    CK_RV rv = user_sign_init(session, CKM_RSA_PKCS, user_key(session));
    must(rv == CKR_OK || rv == CKR_OPERATION_ACTIVE);
    if (m->role == SIGN && random_below(4) != 0) {
        int pin = random_below(3) != 0 ? m->right : (int)random_below(POOL);
        if (random_below(2) == 0)
            world_clock_add(2000); /* a PIN that was right within a second is presented unasked */
        consent = user_try_login(session, CKU_CONTEXT_SPECIFIC, pool[SIGN][pin].text);
        check_login(m, pin, consent);
    }
    twin_counters_clear();
    rv = user_sign_data(session, "abc", 3, signature);
    /* Tries that somebody else has spent down to the reserve are kept from a held PIN too. */
    bool kept = !alone() && m->tries <= walk.reserve;
    must(rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN || (kept && rv == CKR_PIN_LOCKED));
    if (alone() && (m->role == AUTH || consent == CKR_OK))
        must(rv == CKR_OK);
    if (consent == CKR_PIN_INCORRECT || (consent == CKR_PIN_LOCKED && m->tries == 0))
        must(rv != CKR_OK);
    check_tries(m, -1, rv);
    if (rv != CKR_OK)
        return;
    walk.signatures++;
    if (walk.isolation) { /* the PIN was presented */
        must(m->tries == other_full[m->role]);
        filled(m);
    }
}

/* Programs look at the flags, and the module at the counter. */
static void look(struct model *m)
{
    CK_TOKEN_INFO info;
    assert_rv(C_GetTokenInfo(m->slot, &info), CKR_OK); /* may be what was read with the card */
    world_clock_add(5000);
    assert_rv(C_GetTokenInfo(m->slot, &info), CKR_OK);
    must(twin_verifies() == 0);
    if (m->tries == 0)
        must((info.flags & CKF_USER_PIN_LOCKED) != 0);
}

static void initialize(void)
{
    char settings[64];
    CK_SLOT_ID slots[4];
    CK_ULONG count = 4;
    snprintf(settings, sizeof(settings), "pin.reserve=%u isolation=%s", walk.reserve,
             walk.isolation ? "yes" : "no");
    world_initialize(settings);
    assert_rv(C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    must(count == 2);
    for (int role = AUTH; role <= SIGN; role++) {
        walk.tokens[role].slot = slots[role];
        walk.tokens[role].count = 0;
    }
}

static void restart(struct model *m)
{
    (void)m;
    if ((walk.kinds & RESTARTS) == 0)
        return;
    assert_rv(C_Finalize(NULL), CKR_OK);
    initialize();
    must(twin_verifies() == 0);
}

/* The new PIN is of the pool. Not while we hold the old one: a signature would present that, and
 * the card count it, which no program can know beforehand. */
static void change_elsewhere(struct model *m)
{
    int pin = (int)random_below(POOL);
    if (m->tries == 0 || !pool[m->role][pin].form || pool[m->role][pin].same != pin ||
        is_logged_in(m))
        return;
    other_changes(m->role, pool[m->role][m->right].text, pool[m->role][pin].text);
    m->right = pin;
}

static void interfere(struct model *m)
{
    if ((walk.kinds & INTERFERENCE) == 0)
        return;
    switch (random_below(3)) {
    case 0:
        if (m->tries > 0)
            other_verifies(m->role, m->role == AUTH ? "5555" : "ELSE55");
        break;
    case 1:
        if (m->tries > 0)
            other_verifies(m->role, pool[m->role][m->right].text);
        break;
    default:
        change_elsewhere(m);
        break;
    }
    m->tries = other_tries(m->role);
    memset(m->spent, 0, sizeof(m->spent));
}

/* ---- walks ---- */

static void one_step(void)
{
    static void (*const steps[])(struct model *) = {
        log_in,       log_in, log_in,        log_in, log_in, log_out, log_out,
        open_session, look,   close_session, sign,   sign,   restart, interfere};
    struct model *m = &walk.tokens[random_below(2)];
    struct model *other = &walk.tokens[1 - m->role];
    twin_counters_clear();
    steps[random_below(COUNT(steps))](m);
    /* What one token does costs the other one nothing. */
    must(other_tries(other->role) == other->tries);
    must(other_tries(m->role) == m->tries);
}

static void one_episode(void)
{
    static const unsigned reserves[] = {0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 4};
    world_end(NULL);
    world_begin(NULL);
    walk.reserve = reserves[random_below(COUNT(reserves))];
    /* Without isolation, another program's SELECT ends the login: no model for that is worth it. */
    walk.isolation = alone() || random_below(2) == 0;
    for (int role = AUTH; role <= SIGN; role++)
        walk.tokens[role] = (struct model){.role = (enum role)role, .tries = other_full[role]};
    initialize();
    for (walk.step = 0; walk.step < STEPS; walk.step++)
        one_step();
}

static void one_walk(uint32_t number, unsigned kinds)
{
    walk = (struct walk){.kinds = kinds, .number = number, .random = number * 2654435761U};
    for (walk.episode = 0; walk.episode < EPISODES; walk.episode++)
        one_episode();
    print_message("walk %u: %u logins, %u refusals, %u signatures\n", walk.number, walk.logins,
                  walk.refusals, walk.signatures);
    must(walk.logins > 100 && walk.refusals > 50 && walk.signatures > 50);
}

static void test_alone(void **state)
{
    (void)state;
    for (uint32_t number = 1; number <= 3; number++)
        one_walk(number, 0);
}

static void test_with_interference(void **state)
{
    (void)state;
    for (uint32_t number = 4; number <= 6; number++)
        one_walk(number, INTERFERENCE);
}

static void test_with_restarts(void **state)
{
    (void)state;
    for (uint32_t number = 7; number <= 8; number++)
        one_walk(number, RESTARTS);
}

static void test_with_everything(void **state)
{
    (void)state;
    for (uint32_t number = 9; number <= 10; number++)
        one_walk(number, RESTARTS | INTERFERENCE);
}

/* ---- over C_Finalize ---- */

static const char *wrong_pin(enum role role, unsigned i)
{
    static char text[16];
    snprintf(text, sizeof(text), role == AUTH ? "9%03u" : "WRONG%03u", i);
    return text;
}

/* Programs that begin anew for each attempt, NSS and libp11 among them. */
static void test_refused_over_finalize(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++) {
        world_end(NULL);
        world_begin(NULL);
        for (int i = 0; i < 5; i++) {
            world_initialize(NULL);
            assert_rv(
                user_try_login(user_open((enum role)role), CKU_USER, wrong_pin((enum role)role, 0)),
                i == 0 ? CKR_PIN_INCORRECT : CKR_PIN_INVALID);
            assert_rv(C_Finalize(NULL), CKR_OK);
        }
        assert_int_equal(twin_verifies(), 1);
        assert_int_equal(other_tries((enum role)role), other_full[role] - 1);
    }
}

/* Different wrong PINs, a new start for each: what is to be kept is kept. */
static void test_reserve_over_finalize(void **state)
{
    (void)state;
    for (int role = AUTH; role <= SIGN; role++)
        for (unsigned reserve = 1; reserve <= 4; reserve++) {
            char settings[32];
            unsigned full = other_full[role], kept = reserve < full ? reserve : full;
            snprintf(settings, sizeof(settings), "pin.reserve=%u", reserve);
            world_end(NULL);
            world_begin(NULL);
            for (unsigned i = 0; i < 20; i++) {
                world_initialize(settings);
                assert_rv(user_try_login(user_open((enum role)role), CKU_USER,
                                         wrong_pin((enum role)role, i)),
                          i < full - kept ? CKR_PIN_INCORRECT : CKR_PIN_LOCKED);
                assert_rv(C_Finalize(NULL), CKR_OK);
            }
            assert_int_equal(twin_verifies(), full - kept);
            assert_int_equal(other_tries((enum role)role), kept);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_alone),
        world_test(test_with_interference),
        world_test(test_with_restarts),
        world_test(test_with_everything),
        world_test(test_refused_over_finalize),
        world_test(test_reserve_over_finalize),
    };
    return cmocka_run_group_tests_name("walk", tests, world_setup, world_teardown);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A card that makes no sense: each scenario is run with the answer to command number k being
 * absurd, for all k, whether the card has done the command before or not. Whatever happens: an
 * honest code, no wrong result, no PIN shown to the card twice, nothing left open, an end; and once
 * the card makes sense again the same scenario works. Usually each command gets a part of the
 * answers, another one in each place; with the argument "all", all.
 */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twin/stage.h"
#include "vcard/store.h"

#define VERIFY 0x20
#define CHANGE 0x24
#define SELECT 0xA4
#define READ 0xB0
#define GET_RESPONSE 0xC0
#define QUESTION 5       /* bytes: of a VERIFY that only asks for the tries left, at most */
#define PART 8           /* one answer in so many, in the everyday run */
#define COMMANDS_MAX 200 /* of any scenario: what goes on for ever has no end here */
#define MORE 257         /* bytes: no command asks for so many */
#define LONGEST 65536    /* more than any reader gives */

enum shape {
    SHAPE_NOTHING,  /* no byte at all */
    SHAPE_ONE_BYTE, /* half a status word */
    SHAPE_STATUS,   /* this status word alone */
    SHAPE_DATA,     /* the right data with this status word */
    SHAPE_FOR_EVER, /* this status word, and again to whatever is asked on account of it */
    SHAPE_LONGER,   /* more than were asked for */
    SHAPE_SHORTER,  /* half of them */
    SHAPE_LONGEST,
    SHAPE_OTHER /* as long as the right answer, from another card's certificate */
};

static const struct absurd {
    const char *name;
    enum shape shape;
    uint16_t sw;
} answers[] = {
    {"nothing", SHAPE_NOTHING, 0},
    {"one byte", SHAPE_ONE_BYTE, 0},
    {"9000 alone", SHAPE_STATUS, 0x9000},
    {"6100", SHAPE_STATUS, 0x6100},
    {"6282", SHAPE_STATUS, 0x6282},
    {"63C2", SHAPE_STATUS, 0x63C2},
    {"6581", SHAPE_STATUS, 0x6581},
    {"6700", SHAPE_STATUS, 0x6700},
    {"6881", SHAPE_STATUS, 0x6881},
    {"6982", SHAPE_STATUS, 0x6982},
    {"6983", SHAPE_STATUS, 0x6983},
    {"6985", SHAPE_STATUS, 0x6985},
    {"6A80", SHAPE_STATUS, 0x6A80},
    {"6A82", SHAPE_STATUS, 0x6A82},
    {"6B00", SHAPE_STATUS, 0x6B00},
    {"6D00", SHAPE_STATUS, 0x6D00},
    {"6E00", SHAPE_STATUS, 0x6E00},
    {"6F00", SHAPE_STATUS, 0x6F00},
    {"0000", SHAPE_STATUS, 0x0000},
    {"FFFF", SHAPE_STATUS, 0xFFFF},
    {"the data with 6282", SHAPE_DATA, 0x6282},
    {"the data with 6A82", SHAPE_DATA, 0x6A82},
    {"the data with 6110", SHAPE_DATA, 0x6110},
    {"6C10 for ever", SHAPE_FOR_EVER, 0x6C10},
    {"6C00 for ever", SHAPE_FOR_EVER, 0x6C00},
    {"6110 for ever", SHAPE_FOR_EVER, 0x6110},
    {"6100 for ever", SHAPE_FOR_EVER, 0x6100},
    {"longer", SHAPE_LONGER, 0},
    {"shorter", SHAPE_SHORTER, 0},
    {"the longest", SHAPE_LONGEST, 0},
    {"another card's data", SHAPE_OTHER, 0},
};
#define ANSWERS (sizeof(answers) / sizeof(answers[0]))

/* The fault under way. */
static struct {
    struct trial *trial;
    const struct absurd *answer;
    bool after; /* the card has done the command */
    long at;
    long commands;
    uint8_t ins;    /* of the command that was struck */
    bool presented; /* it had a PIN with it */
} fault;
static bool all;
static bool short_ids = true; /* the card takes them */

/* ---- the answers ---- */

static size_t put_sw(uint8_t *response, size_t len, uint16_t sw)
{
    response[len] = (uint8_t)(sw >> 8);
    response[len + 1] = (uint8_t)sw;
    return len + 2;
}

/* Data in the place of what is there, as long as that. */
static size_t put_other(uint8_t *response, size_t received)
{
    size_t size;
    struct problem why = {{0}};
    uint8_t *der = store_read(world_card(CARD_2), "auth.der", &size, &why);
    assert_non_null(der);
    if (received > 2 && received - 2 <= size)
        memcpy(response, der, received - 2);
    free(der);
    return received;
}

/* RECEIVED bytes of the card's own answer are there; 2, 9000, if it was not asked. */
static size_t spoil(uint8_t *response, size_t received)
{
    size_t data = received >= 2 ? received - 2 : 0;
    switch (fault.answer->shape) {
    case SHAPE_NOTHING:
        return 0;
    case SHAPE_ONE_BYTE:
        response[0] = 0x90;
        return 1;
    case SHAPE_STATUS:
    case SHAPE_FOR_EVER:
        return put_sw(response, 0, fault.answer->sw);
    case SHAPE_DATA:
        return put_sw(response, data, fault.answer->sw);
    case SHAPE_LONGER:
        memset(response + data, 0x30, MORE);
        return put_sw(response, data + MORE, 0x9000);
    case SHAPE_SHORTER:
        return put_sw(response, data / 2, 0x9000);
    case SHAPE_LONGEST:
        memset(response, 0x30, LONGEST - 2);
        return put_sw(response, LONGEST - 2, 0x9000);
    case SHAPE_OTHER:
        return put_other(response, received);
    }
    return 0;
}

/* Refused, and nothing was changed, says ISO/IEC 7816-4, 5.1.3. */
static bool is_refusal(uint16_t sw)
{
    return sw >> 8 == 0x63 || (sw >= 0x6700 && sw < 0x6F00 && sw >> 8 != 0x6C);
}

/* Whether nobody can see that this answer is untrue: a success that has not been, a refusal to
 * change a PIN that was changed, data as they might be. */
static bool is_lie(uint8_t ins)
{
    const struct absurd *a = fault.answer;
    bool success = a->sw == 0x9000 || a->shape == SHAPE_SHORTER || a->shape == SHAPE_OTHER;
    bool alone = ins == SELECT || ins == VERIFY || ins == CHANGE; /* wants no data */
    if (alone && success && !fault.after)
        return true;
    if (ins == CHANGE && fault.after && is_refusal(a->sw))
        return true;
    return a->shape == SHAPE_OTHER && fault.after;
}

static bool answer(void *context, const uint8_t *command, size_t len, uint8_t *response,
                   size_t *received)
{
    (void)context;
    uint8_t ins = len > 1 ? command[1] : 0;
    long number = fault.commands++;
    bool first = number == fault.at;
    bool again = fault.answer->shape == SHAPE_FOR_EVER && fault.at >= 0 && number > fault.at &&
                 (ins == GET_RESPONSE || (ins == fault.ins && ins != VERIFY && ins != CHANGE));
    if (number > COMMANDS_MAX)
        fail_msg("%s for ever", fault.answer->name);
    if (!first && !again)
        return false;
    if (first) {
        fault.ins = ins;
        fault.presented = ins == VERIFY && len > QUESTION;
        fault.trial->lies = is_lie(ins);
    }
    *received = put_sw(response, 0, 0x9000);
    if (fault.after && first) {
        stage_take();
        *received = stage_run_card(stage_must_find(READER_1), command, len, response);
        stage_give();
    }
    *received = spoil(response, *received);
    return true;
}

/* ---- one run ---- */

/* What the card says of a PIN cannot be seen to be untrue: it is believed. */
static bool is_verdict(const struct absurd *a)
{
    return a->shape == SHAPE_STATUS && (a->sw == 0x63C2 || a->sw == 0x6983);
}

/* A PIN can be wrong only where one was presented; where tries were asked for, it can be locked. */
static bool is_told_of_pin(CK_RV rv)
{
    if (fault.ins != VERIFY || !is_verdict(fault.answer))
        return false;
    if (rv == CKR_PIN_LOCKED)
        return fault.presented || fault.answer->sw == 0x6983;
    return fault.presented && (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID);
}

/* A card that says that it has no such application or file, or that it has changed a PIN. */
static CK_RV believe(CK_RV rv)
{
    bool without = fault.answer->sw == 0x6A82 && rv == CKR_USER_PIN_NOT_INITIALIZED;
    bool unchanged = fault.ins == CHANGE && (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID);
    return without || unchanged || is_told_of_pin(rv) ? CKR_DEVICE_ERROR : rv;
}

/* What the card says of itself is believed until it is put in again: that it is no card of ours,
 * that a certificate's file is empty, that a PIN is wrong or locked. */
static bool is_believed(CK_RV rv)
{
    bool foreign = rv == CKR_TOKEN_NOT_RECOGNIZED || rv == CKR_TOKEN_NOT_PRESENT;
    bool file = fault.ins == SELECT || fault.ins == READ;
    return (foreign && file) || (rv == CKR_OBJECT_HANDLE_INVALID && file) ||
           (fault.ins == VERIFY && is_verdict(fault.answer));
}

static void put_in_again(const struct trial *trial)
{
    world_clock_add(5000);
    C_CloseAllSessions(0);
    C_CloseAllSessions(1);
    CK_RV rv = trial_run(trial);
    if (rv != CKR_OK && !trial->lies && !is_believed(rv))
        trial_complain(trial, "the same again", rv);
    if (rv != CKR_OK)
        world_put(READER_1, CARD_1);
}

/* False when the scenario has fewer commands than that. */
static bool strike(void **state, struct trial *trial)
{
    snprintf(trial->fault, sizeof(trial->fault), "command %ld: %s%s", fault.at, fault.answer->name,
             fault.after ? ", done" : "");
    fault.commands = 0;
    fault.ins = 0;
    fault.presented = false;
    fault.trial = trial;
    trial->lies = false;
    trial_begin(state, trial);
    if (!short_ids) {
        world_card_set(CARD_1, "sfi", "no");
        world_put(READER_1, CARD_1);
    }
    world_initialize(trial->scenario->settings);
    twin_set_hook(answer, NULL);
    CK_RV rv = trial_run(trial);
    bool struck = fault.commands > fault.at;
    size_t end = strlen(trial->fault);
    snprintf(trial->fault + end, sizeof(trial->fault) - end, ", INS %02X", fault.ins);
    twin_set_hook(NULL, NULL);
    trial_judge(trial, believe(rv), struck);
    put_in_again(trial);
    trial_again(trial);
    return struck;
}

/* Whether this answer has its turn at this place. */
static bool has_turn(size_t number, unsigned place)
{
    return all || (number + place) % PART == 0;
}

static void test_scenario(void **state)
{
    struct trial trial = {.scenario = *state};
    unsigned runs = 0;
    for (int role = AUTH; role <= SIGN; role++)
        for (int after = 0; after < 2; after++) {
            bool struck = true;
            trial.role = (enum role)role;
            fault.after = after != 0;
            for (fault.at = 0; struck; fault.at++)
                for (size_t i = 0; struck && i < ANSWERS; i++) {
                    fault.answer = &answers[i];
                    if (!has_turn(i, (unsigned)fault.at + (unsigned)role * 3 + (unsigned)after * 5))
                        continue;
                    struck = strike(state, &trial);
                    runs++;
                }
            assert_in_range(fault.at, 5, COMMANDS_MAX);
        }
    print_message("%s: %u runs\n", trial.scenario->name, runs);
}

/* There each file is selected first: a card has one more place to say something of a PIN where
 * nobody has asked. */
static void test_without_short_ids(void **state)
{
    short_ids = false;
    test_scenario(state);
    short_ids = true;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[SCENARIOS + 2];
    all = argc > 1 && strcmp(argv[1], "all") == 0;
    for (size_t i = 0; i < SCENARIOS; i++)
        tests[i] = scenario_test(test_scenario, i);
    tests[SCENARIOS] = scenario_test(test_without_short_ids, SCENARIO_LOGIN);
    tests[SCENARIOS + 1] = scenario_test(test_without_short_ids, SCENARIO_SIGN);
    return cmocka_run_group_tests_name("absurd", tests, world_setup, world_teardown);
}

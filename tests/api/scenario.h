/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What programs do with a card, as scenarios in which any step may fail, and what must hold
 * whatever failed: an honest code, no wrong result, no PIN shown to the card twice, no try spent,
 * nothing left open; and once the fault is gone the same scenario works.
 */
#ifndef JPKI_TESTS_API_SCENARIO_H
#define JPKI_TESTS_API_SCENARIO_H

#include "user.h"

struct scenario {
    const char *name;
    CK_RV (*run)(enum role role); /* CKR_OK, or what the first step that failed has returned */
    const char *settings;
    unsigned verifies[2]; /* by role: as many as it takes without faults */
    unsigned more;        /* that a lost answer may cost: to find out which of two PINs holds */
    bool isolated;        /* nothing stays open on the card when it is over */
    bool checked;         /* there is a certificate to check the signature with */
};

enum {
    SCENARIO_LIST,
    SCENARIO_LOGIN,
    SCENARIO_READ,
    SCENARIO_SIGN,
    SCENARIO_SIGN_PSS,
    SCENARIO_SIGN_IN_PARTS,
    SCENARIO_CHANGE,
    SCENARIO_LOGIN_OPEN, /* these three without isolation */
    SCENARIO_SIGN_OPEN,
    SCENARIO_CHANGE_OPEN,
    SCENARIOS
};
extern const struct scenario scenarios[SCENARIOS];

/* The row of a table of tests: FUNCTION finds scenario number I in its state. */
#define scenario_test(function, i)                                                                 \
    ((struct CMUnitTest){scenarios[i].name, function, world_begin, world_end,                      \
                         (void *)(uintptr_t)&scenarios[i]})

/* The first steps of most: the slots, the token, a session. */
CK_RV scenario_open(enum role role, CK_FLAGS flags, CK_SESSION_HANDLE *session);

/* Whether RV may be the answer to something that failed outside of the module. */
bool scenario_is_honest(CK_RV rv);

/* One run of a scenario with one fault. */
struct trial {
    const struct scenario *scenario;
    enum role role;
    char fault[80]; /* in words, for the complaint */
    bool gone;      /* the fault says that the card is no longer there */
    bool lies;      /* the card may say things that nobody can see to be untrue */
};

/* Fails the test, and says where. */
__attribute__((noreturn)) void trial_complain(const struct trial *trial, const char *what,
                                              unsigned long value);

/* Everything as new, the counters 0; the module is not initialised. */
void trial_begin(void **state, const struct trial *trial);

/* Runs the scenario. */
CK_RV trial_run(const struct trial *trial);

/* What must hold after it: RV is what it returned; without a fault (STRUCK is false) only CKR_OK
 * will do. */
void trial_judge(const struct trial *trial, CK_RV rv, bool struck);

/* The fault is gone: the sessions are closed, time passes, and the same scenario works. */
void trial_again(const struct trial *trial);

#endif

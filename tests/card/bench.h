/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One token on the virtual card, without slots and sessions around it.
 */
#ifndef JPKI_TESTS_CARD_BENCH_H
#define JPKI_TESTS_CARD_BENCH_H

#include "common.h"

#include "support/config.h"
#include "token/pin.h"
#include "token/token.h"

#define INS_VERIFY 0x20
#define INS_SIGN 0x2A

struct bench {
    struct config config; /* as the settings are by default */
    struct reader *reader;
    struct insertion in;
    struct token token;
    enum card_role role;
    const char *right;  /* PIN */
    uint8_t verify[32]; /* the last VERIFY with a PIN that was sent */
    size_t verify_len;
};

extern struct bench bench;

/* Fixtures of a test. */
int bench_setup(void **state);
int bench_teardown(void **state);

/* A card with all tries left and LINES added to its settings is put in, in place of the one before,
 * and its token made. Counters are 0 then. bench.config is to be set before. */
void bench_start(enum card_role role, const char *lines);

CK_RV bench_login(const char *text);

/* The tries left, asked by another program. */
unsigned bench_tries(void);

/* Another program presents TEXT, or changes the PIN from OLD to TEXT; it leaves no PIN verified. */
unsigned bench_other_verifies(const char *text);
void bench_other_changes(const char *old, const char *text);

/* That another program can neither sign nor read what a PIN protects. */
void bench_assert_closed(void);

#endif

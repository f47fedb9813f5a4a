/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The world of a test in this process: readers of the twin, virtual cards in folders of their own,
 * a home folder without settings, and a clock that the test moves.
 */
#ifndef JPKI_TESTS_API_WORLD_H
#define JPKI_TESTS_API_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include <pkcs11-3.h>

#include "twin/twin.h"

#define READER_1 "Twin Reader 00"
#define READER_2 "Twin Reader 01"

/* PINs of both cards. */
#define AUTH_PIN "1234"
#define SIGN_PIN "ABC123"

/* Two cards of two holders. */
#define CARD_1 0
#define CARD_2 1

enum role { AUTH, SIGN };

/* A group's fixtures: make the folders and the first card; remove everything. */
int world_setup(void **state);
int world_teardown(void **state);

/* A test's fixtures. Before: the first reader with the first card in it, as new, and an empty
 * second reader; the module not initialised. After: the module finalised, no transaction open. */
int world_begin(void **state);
int world_end(void **state);

/* As world_begin(), and C_Initialize. */
int world_begin_initialized(void **state);

/* The folder of a card, which is made when it is first asked for. */
const char *world_card(int card);

/* Changes how a card behaves (a key of its card.conf); seen when it is put in the next time. */
void world_card_set(int card, const char *key, const char *value);

/* What CARD_1 itself has in memory of a PIN, without a command: whether it is this one, and the
 * tries left. */
bool world_pin_is(enum role role, const char *pin);
unsigned world_tries(enum role role);

/* Takes out whatever is in READER and puts this card in. */
void world_put(const char *reader, int card);

/* CARD_1 announces extended lengths, and the first reader that it takes them; whether the card does
 * what it says. It is put in anew. */
void world_announce_extended(bool takes_them);

/* The module's clock: real time and what was added here. */
void world_clock_add(uint64_t milliseconds);

/* C_Initialize with settings in pReserved ("key=value key=value"), or NULL. */
void world_initialize(const char *settings);

/* Removes what the module remembers over processes. */
void world_forget_state(void);

/* Certificates that were kept for the next program; world_begin() does so, too. */
void world_forget_cache(void);

/* What was found out about a card that is still in. */
void world_forget_card(void);

/* One command in hexadecimal from another program: its status word. */
unsigned world_other_program(const char *reader, const char *hex);

/* Spends tries of a PIN from outside, leaving LEFT of them. */
void world_spend_tries(const char *reader, enum role role, unsigned left);

/* Fails the test unless RV is what CALL returns. */
#define assert_rv(call, rv) assert_int_equal((call), (rv))

/* One row of a table of tests with the two fixtures above. */
#define world_test(function) cmocka_unit_test_setup_teardown(function, world_begin, world_end)
#define world_test_initialized(function)                                                           \
    cmocka_unit_test_setup_teardown(function, world_begin_initialized, world_end)

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A card in a folder of its own, for the tests of the virtual card.
 */
#ifndef JPKI_TESTS_VCARD_COMMON_H
#define JPKI_TESTS_VCARD_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vcard/issue.h"
#include "vcard/vcard.h"

#define SELECT_JPKI "00A4040C0AD392F000260100000001"
#define SELECT_ISD "00A4040C07A0000001510000"
#define SELECT_KENMEN "00A4040C0AD3921000310001010402"
#define VERIFY_AUTH "002000980431323334"
#define VERIFY_SIGN "0020009B06414243313233"

/* The folder of this program's card; made by common_setup(), removed by common_teardown(), which
 * are a group's fixtures. */
extern char common_dir[];
int common_setup(void **state);
int common_teardown(void **state);

/* A test's fixtures: *STATE is the card with its first settings and all tries, powered on. */
int common_card(void **state);
int common_card_end(void **state);

/* Sends a command in hexadecimal. Returns the status word; the data stays in common_data. */
extern uint8_t common_data[VCARD_RESPONSE_MAX];
extern size_t common_len;
unsigned common_send(struct vcard *card, const char *hex);

/* Sends and compares the status word. */
#define assert_sw(card, hex, sw) assert_int_equal(common_send(card, hex), sw)

/* The file common_dir/NAME; the caller frees. */
uint8_t *common_file(const char *name, size_t *len);

#endif

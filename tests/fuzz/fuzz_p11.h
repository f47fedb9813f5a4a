/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The target fuzz_p11: what a program and the world around it may do, each as one call, and what
 * record_p11.c wants to know of it.
 */
#ifndef JPKI_TESTS_FUZZ_P11_H
#define JPKI_TESTS_FUZZ_P11_H

#include "fuzz.h"

#include <pkcs11-3.h>

#define P11_READER "Twin Reader 00"

/* The first byte of each call. The order is part of the corpus: new ones go to the end. */
enum p11_call {
    P11_SLOTS,
    P11_SLOT_INFO,
    P11_TOKEN_INFO,
    P11_MECHANISMS,
    P11_MECHANISM_INFO,
    P11_OPEN,
    P11_CLOSE,
    P11_CLOSE_ALL,
    P11_SESSION_INFO,
    P11_LOGIN,
    P11_LOGOUT,
    P11_FIND_INIT,
    P11_FIND,
    P11_FIND_FINAL,
    P11_ATTRIBUTES,
    P11_SIGN_INIT,
    P11_SIGN,
    P11_SIGN_UPDATE,
    P11_SIGN_FINAL,
    P11_DIGEST,
    P11_SET_PIN,
    P11_WAIT,
    P11_RESTART,
    P11_CARD,
    P11_CLOCK,
    P11_CANCEL,
    P11_FAULT,
    P11_OTHER,
    P11_CALLS
};

/* PINs that a login may offer, by their index; what is none of them comes from the input. */
enum { P11_PIN_AUTH, P11_PIN_SIGN, P11_PIN_AUTH_WRONG, P11_PIN_SIGN_WRONG };

/* Mechanisms, by their index. */
enum { P11_RSA_PKCS, P11_SHA256_RSA_PKCS, P11_SHA256_RSA_PKCS_PSS, P11_RSA_PKCS_PSS };

/* One row for each call, in p11_calls.c: what it does, how many VERIFYs it may send at most, and
 * how many before any login. */
struct p11_row {
    const char *name;
    void (*run)(void);
    unsigned verifies, before_login;
};
extern const struct p11_row p11_rows[P11_CALLS];

/* What the calls share; all 0 at the beginning of an input. */
struct p11_world {
    CK_SESSION_HANDLE sessions[4];
    CK_OBJECT_HANDLE objects[8];
    bool reader, card, serving; /* there, in it, running */
    bool logged_in;             /* a login was taken since the last C_Initialize */
    uint64_t clock;             /* milliseconds */
};
extern struct p11_world p11_world;

/* C_Initialize with one of the settings, which the input chooses. */
void p11_initialize(void);

/* The calls of the world around, in p11_world.c. */
void p11_restart(void);
void p11_move(void);
void p11_pass_time(void);
void p11_fail(void);
void p11_other_program(void);

/* Puts the card in whose answers the input chooses. The reader must be there and empty. */
void p11_insert(void);

#endif

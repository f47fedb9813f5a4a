/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Calls that fail when the module makes them, and only then: the module is linked with the names in
 * failing.list changed to those here. For one thread.
 */
#ifndef JPKI_TESTS_API_FAILING_H
#define JPKI_TESTS_API_FAILING_H

#include <stdbool.h>
#include <stddef.h>

enum failing {
    FAILING_MEMORY,  /* malloc(3) and what else gives memory, for the module itself */
    FAILING_OPENSSL, /* the functions of OpenSSL that the module calls */
    FAILING_INSIDE,  /* what these allocate */
    FAILING_KINDS
};

/* Before OpenSSL has allocated anything in this process. */
bool failing_setup(void);

/* Call number K of this kind fails, counted from 0 from now on; K < 0: none. */
void failing_at(enum failing kind, long k);

/* Calls of this kind since failing_at(). */
unsigned long failing_calls(enum failing kind);

/* Pieces of memory that the module has got and not given back. */
size_t failing_kept(void);

#endif

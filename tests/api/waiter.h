/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A thread that waits in C_WaitForSlotEvent.
 */
#ifndef JPKI_TESTS_API_WAITER_H
#define JPKI_TESTS_API_WAITER_H

#include <pthread.h>

#include "world.h"

struct waiter {
    pthread_t thread;
    CK_RV rv;
    CK_SLOT_ID slot; /* where the event was, when RV is CKR_OK */
};

/* Begins to wait; the thread may not be inside yet. */
void waiter_start(struct waiter *waiter);

/* What the call has returned, when it has. */
CK_RV waiter_end(struct waiter *waiter);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Mutexes: the operating system's, or the application's own when it asked for that in
 * C_Initialize (PKCS#11 3.2, section 5.4, C_Initialize, the four cases of locking).
 */
#ifndef JPKI_SUPPORT_LOCK_H
#define JPKI_SUPPORT_LOCK_H

#include <stdbool.h>

/* The application's functions. Each returns true on success. All four or none. */
struct lock_calls {
    bool (*create)(void **mutex);
    bool (*destroy)(void *mutex);
    bool (*take)(void *mutex);
    bool (*give)(void *mutex);
};

struct lock; /* not recursive */

/* A new lock by CALLS, which is copied, or by the operating system when CALLS is NULL. NULL when
 * none could be made. lock_free() accepts NULL; the lock must not be held. */
struct lock *lock_new(const struct lock_calls *calls);
void lock_free(struct lock *lock);

/* When the application's functions cannot lock, the caller goes on without; lock_give() then leaves
 * the mutex alone. */
void lock_take(struct lock *lock);
void lock_give(struct lock *lock);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/lock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "support/log.h"

struct lock {
    bool foreign; /* made by the application's functions */
    struct lock_calls calls;
    void *mutex;      /* the application's */
    atomic_bool held; /* with the application's functions: by HOLDER */
    _Atomic(pthread_t) holder;
    pthread_mutex_t own;
};

static bool calls_complete(const struct lock_calls *calls)
{
    return calls->create != NULL && calls->destroy != NULL && calls->take != NULL &&
           calls->give != NULL;
}

static bool make_foreign(struct lock *lock, const struct lock_calls *calls)
{
    lock->foreign = true;
    lock->calls = *calls;
    return calls_complete(calls) && calls->create(&lock->mutex);
}

struct lock *lock_new(const struct lock_calls *calls)
{
    struct lock *lock = calloc(1, sizeof(*lock));
    bool made;

    if (lock == NULL)
        return NULL;
    made = calls != NULL ? make_foreign(lock, calls) : pthread_mutex_init(&lock->own, NULL) == 0;
    if (!made) {
        free(lock);
        return NULL;
    }
    return lock;
}

void lock_free(struct lock *lock)
{
    if (lock == NULL)
        return;
    if (!lock->foreign)
        pthread_mutex_destroy(&lock->own);
    else if (!lock->calls.destroy(lock->mutex))
        log_write(LOG_ERROR, "the application could not destroy its mutex");
    free(lock);
}

/* Whoever could not lock must not unlock either: it might be another thread that has the mutex, and
 * who unlocks what is not locked does anything at all (PKCS#11 3.2, section 5.4, UnlockMutex). */
static bool take_foreign(struct lock *lock)
{
    if (!lock->calls.take(lock->mutex))
        return false;
    atomic_store(&lock->holder, pthread_self());
    atomic_store(&lock->held, true);
    return true;
}

static bool give_foreign(struct lock *lock)
{
    if (!atomic_load(&lock->held) || !pthread_equal(atomic_load(&lock->holder), pthread_self()))
        return true; /* what was not taken: lock_take() has said so */
    atomic_store(&lock->held, false);
    return lock->calls.give(lock->mutex);
}

void lock_take(struct lock *lock)
{
    bool ok = lock->foreign ? take_foreign(lock) : pthread_mutex_lock(&lock->own) == 0;

    /* Nobody above could do anything about it, and the host must not be ended from in here. */
    if (!ok)
        log_write(LOG_ERROR, "a mutex could not be locked");
}

void lock_give(struct lock *lock)
{
    bool ok = lock->foreign ? give_foreign(lock) : pthread_mutex_unlock(&lock->own) == 0;

    if (!ok)
        log_write(LOG_ERROR, "a mutex could not be unlocked");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/secret.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "support/log.h"

/* SIZE rounded up to whole pages; 0 when there is no such size. */
static size_t page_size(size_t size)
{
    long page = sysconf(_SC_PAGESIZE);
    size_t mask;

    if (page <= 0 || size == 0)
        return 0;
    mask = (size_t)page - 1;
    return size > SIZE_MAX - mask ? 0 : (size + mask) & ~mask;
}

/* A weaker protection is a property of the machine: said once, not at each PIN. */
static void warn_once(atomic_flag *said, const char *what)
{
    if (!log_on(LOG_WARNING) || atomic_flag_test_and_set(said))
        return;
    log_write(LOG_WARNING, "memory for secrets: %s (errno %d)", what, errno);
}

static void protect(void *p, size_t whole)
{
    static atomic_flag lock_said = ATOMIC_FLAG_INIT;
    static atomic_flag dump_said = ATOMIC_FLAG_INIT;
    static atomic_flag fork_said = ATOMIC_FLAG_INIT;

    if (mlock(p, whole) != 0)
        warn_once(&lock_said, "it may be swapped out");
    if (madvise(p, whole, MADV_DONTDUMP) != 0)
        warn_once(&dump_said, "it may be in core dumps");
    if (madvise(p, whole, MADV_WIPEONFORK) != 0)
        warn_once(&fork_said, "a forked child inherits it");
}

void *secret_new(size_t size)
{
    int saved = errno;
    size_t whole = page_size(size);
    void *p = MAP_FAILED;

    if (whole > 0)
        p = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED)
        protect(p, whole);
    errno = saved;
    return p == MAP_FAILED ? NULL : p;
}

void secret_free(void *p, size_t size)
{
    int saved = errno;
    size_t whole = page_size(size);

    if (p == NULL || whole == 0)
        return;
    secret_wipe(p, whole);
    munmap(p, whole); /* also unlocks */
    errno = saved;
}

void secret_wipe(void *p, size_t size)
{
    if (p != NULL && size > 0)
        explicit_bzero(p, size);
}

bool secret_equal(const void *a, const void *b, size_t size)
{
    /* volatile: the compiler may not leave the loop at the first difference. */
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    volatile uint8_t difference = 0;

    for (size_t i = 0; i < size; i++)
        difference = (uint8_t)(difference | (x[i] ^ y[i]));
    return difference == 0;
}

bool secret_random(void *p, size_t size)
{
    int saved = errno;
    uint8_t *at = p;
    size_t left = size;

    while (left > 0) {
        ssize_t got = getrandom(at, left, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        at += got;
        left -= (size_t)got;
    }
    if (left > 0)
        secret_wipe(p, size);
    errno = saved;
    return left == 0;
}

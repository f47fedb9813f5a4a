/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Allocations that fail. The linker sends the calls of our objects here (--wrap), and with them
 * fsync(2): nothing that a fuzzer writes has to outlive a power cut, and a disk is slow.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ONE_IN 400

/* Names that the linker makes. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_fsync(int fd);

static unsigned generator; /* 0: no faults */
static unsigned paused;

void fuzz_faults(unsigned seed)
{
    generator = seed * 2654435761U;
    paused = 0;
}

void fuzz_faults_pause(void)
{
    paused++;
}

void fuzz_faults_resume(void)
{
    paused--;
}

void *fuzz_alloc(size_t size)
{
    void *p = __real_malloc(size > 0 ? size : 1);
    fuzz_must(p != NULL);
    return p;
}

static bool fails(void)
{
    if (generator == 0 || paused > 0)
        return false;
    generator ^= generator << 13; /* xorshift32 */
    generator ^= generator >> 17;
    generator ^= generator << 5;
    if (generator % ONE_IN != 0)
        return false;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

int __wrap_fsync(int fd)
{
    (void)fd;
    return 0;
}

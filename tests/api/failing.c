/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "failing.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/sha.h>

#define KEPT_MAX 4096

static struct {
    unsigned long calls;
    long at;
} kinds[FAILING_KINDS] = {{0, -1}, {0, -1}, {0, -1}};

static void *kept[KEPT_MAX];
static size_t kept_count;
static bool inside; /* OpenSSL, on behalf of the module */

void failing_at(enum failing kind, long k)
{
    kinds[kind].calls = 0;
    kinds[kind].at = k;
}

unsigned long failing_calls(enum failing kind)
{
    return kinds[kind].calls;
}

size_t failing_kept(void)
{
    return kept_count;
}

static bool fails(enum failing kind)
{
    return (long)kinds[kind].calls++ == kinds[kind].at;
}

static bool memory_fails(void)
{
    if (!fails(FAILING_MEMORY))
        return false;
    errno = ENOMEM;
    return true;
}

/* ---- memory ---- */

static void *keep(void *p)
{
    if (p == NULL)
        return NULL;
    if (kept_count == KEPT_MAX)
        abort();
    kept[kept_count++] = p;
    return p;
}

/* What the module frees may be the twin's. */
static void drop(const void *p)
{
    for (size_t i = 0; i < kept_count; i++)
        if (kept[i] == p) {
            kept[i] = kept[--kept_count];
            return;
        }
}

void *failing_malloc(size_t size);
void *failing_calloc(size_t count, size_t size);
void *failing_realloc(void *p, size_t size);
void failing_free(void *p);
char *failing_strdup(const char *text);
char *failing_strndup(const char *text, size_t max);
__attribute__((format(printf, 2, 3))) int failing_asprintf(char **out, const char *format, ...);
__attribute__((format(printf, 3, 4))) int failing_asprintf_chk(char **out, int flag,
                                                               const char *format, ...);
__attribute__((format(printf, 2, 0))) int failing_vasprintf(char **out, const char *format,
                                                            va_list arguments);
__attribute__((format(printf, 3, 0))) int
failing_vasprintf_chk(char **out, int flag, const char *format, va_list arguments);
void *failing_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *failing_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
DIR *failing_fdopendir(int fd);
int failing_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);

void *failing_malloc(size_t size)
{
    return memory_fails() ? NULL : keep(malloc(size));
}

void *failing_calloc(size_t count, size_t size)
{
    return memory_fails() ? NULL : keep(calloc(count, size));
}

void *failing_realloc(void *p, size_t size)
{
    if (memory_fails())
        return NULL;
    drop(p);
    return keep(realloc(p, size));
}

void failing_free(void *p)
{
    drop(p);
    free(p);
}

char *failing_strdup(const char *text)
{
    return memory_fails() ? NULL : keep(strdup(text));
}

char *failing_strndup(const char *text, size_t max)
{
    return memory_fails() ? NULL : keep(strndup(text, max));
}

/* After a failure the text is undefined (asprintf(3)): whoever frees it is found out. */
int failing_vasprintf(char **out, const char *format, va_list arguments)
{
    int len = -1;
    *out = (char *)16;
    if (!memory_fails())
        len = vasprintf(out, format, arguments);
    if (len >= 0)
        keep(*out);
    return len;
}

int failing_vasprintf_chk(char **out, int flag, const char *format, va_list arguments)
{
    (void)flag;
    return failing_vasprintf(out, format, arguments);
}

int failing_asprintf(char **out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = failing_vasprintf(out, format, arguments);
    va_end(arguments);
    return len;
}

int failing_asprintf_chk(char **out, int flag, const char *format, ...)
{
    va_list arguments;
    (void)flag;
    va_start(arguments, format);
    int len = failing_vasprintf(out, format, arguments);
    va_end(arguments);
    return len;
}

void *failing_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return memory_fails() ? MAP_FAILED : mmap(address, size, protection, flags, fd, offset);
}

void *failing_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return failing_mmap(address, size, protection, flags, fd, offset);
}

DIR *failing_fdopendir(int fd)
{
    return memory_fails() ? NULL : fdopendir(fd);
}

int failing_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    return memory_fails() ? ENOMEM : pthread_mutex_init(mutex, attributes);
}

/* ---- OpenSSL ---- */

#define CALL(type, name, parameters, arguments, failure)                                           \
    type failing_##name parameters;                                                                \
    type failing_##name parameters                                                                 \
    {                                                                                              \
        if (fails(FAILING_OPENSSL))                                                                \
            return failure;                                                                        \
        inside = true;                                                                             \
        type result = name arguments;                                                              \
        inside = false;                                                                            \
        return result;                                                                             \
    }

CALL(BIGNUM *, BN_new, (void), (), NULL)
CALL(BN_CTX *, BN_CTX_new, (void), (), NULL)
CALL(BIGNUM *, BN_bin2bn, (const unsigned char *s, int len, BIGNUM *n), (s, len, n), NULL)
CALL(int, BN_mod_exp_mont,
     (BIGNUM * r, const BIGNUM *a, const BIGNUM *p, const BIGNUM *m, BN_CTX *ctx,
      BN_MONT_CTX *mont),
     (r, a, p, m, ctx, mont), 0)
CALL(int, BN_bn2binpad, (const BIGNUM *n, unsigned char *to, int len), (n, to, len), -1)
CALL(int, ERR_set_mark, (void), (), 0)
CALL(int, ERR_pop_to_mark, (void), (), 0)
CALL(int, SHA1_Init, (SHA_CTX * c), (c), 0)
CALL(int, SHA1_Update, (SHA_CTX * c, const void *data, size_t len), (c, data, len), 0)
CALL(int, SHA1_Final, (unsigned char *out, SHA_CTX *c), (out, c), 0)
CALL(int, SHA224_Init, (SHA256_CTX * c), (c), 0)
CALL(int, SHA256_Init, (SHA256_CTX * c), (c), 0)
CALL(int, SHA256_Update, (SHA256_CTX * c, const void *data, size_t len), (c, data, len), 0)
CALL(int, SHA256_Final, (unsigned char *out, SHA256_CTX *c), (out, c), 0)
CALL(int, SHA384_Init, (SHA512_CTX * c), (c), 0)
CALL(int, SHA512_Init, (SHA512_CTX * c), (c), 0)
CALL(int, SHA512_Update, (SHA512_CTX * c, const void *data, size_t len), (c, data, len), 0)
CALL(int, SHA512_Final, (unsigned char *out, SHA512_CTX *c), (out, c), 0)

static void *inside_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return inside && fails(FAILING_INSIDE) ? NULL : malloc(size);
}

static void *inside_realloc(void *p, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return inside && fails(FAILING_INSIDE) ? NULL : realloc(p, size);
}

static void inside_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

bool failing_setup(void)
{
    return CRYPTO_set_mem_functions(inside_malloc, inside_realloc, inside_free) == 1;
}

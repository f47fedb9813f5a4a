/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/log.h"
#include "support/secret.h"

static bool all_zero(const uint8_t *p, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

/* The sanitizers take mlock() away from the program: nothing is locked then. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
    __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define FLAGS_MAX 1024

/* The flags that the kernel shows for the mapping with P in it, between spaces. */
static void flags_of(const void *p, char flags[FLAGS_MAX])
{
    char line[FLAGS_MAX];
    FILE *f = fopen("/proc/self/smaps", "re");
    bool here = false;

    assert_non_null(f);
    flags[0] = '\0';
    while (flags[0] == '\0' && fgets(line, sizeof(line), f) != NULL) {
        unsigned long start, end;

        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            here = start <= (uintptr_t)p && (uintptr_t)p < end;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            memcpy(flags, line + 8, sizeof(line) - 8);
    }
    fclose(f);
    flags[strcspn(flags, "\n")] = ' ';
}

static void test_new(void **state)
{
    uint8_t *p = secret_new(100);

    (void)state;
    assert_non_null(p);
    assert_true(all_zero(p, 100));
    assert_int_equal((uintptr_t)p % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
    memset(p, 0x5a, 100);
    secret_free(p, 100);
    secret_free(NULL, 100);
    assert_null(secret_new(0));
    assert_null(secret_new(SIZE_MAX));
    assert_null(secret_new(SIZE_MAX - 65536)); /* what no process has room for */
}

static void test_kernel_flags(void **state)
{
    const size_t pages = 3 * (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *p = secret_new(pages - 10);
    char flags[FLAGS_MAX] = "";

    (void)state;
    assert_non_null(p);
    memset(p, 1, pages - 10);
    flags_of(p, flags);
    assert_non_null(strstr(flags, " dd ")); /* not in core dumps */
    assert_non_null(strstr(flags, " wf ")); /* wiped on fork */
    if (!SANITIZED)
        assert_non_null(strstr(flags, " lo ")); /* locked */
    secret_free(p, pages - 10);
}

/* Address space that is gone cannot be looked at: mincore() tells. */
static void test_free_unmaps(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char there;
    void *p = secret_new(page + 1);

    (void)state;
    assert_int_equal(mincore(p, page, &there), 0);
    secret_free(p, page + 1);
    assert_int_equal(mincore(p, page, &there), -1);
}

static void test_fork(void **state)
{
    char *p = secret_new(16);
    int status = 0;
    pid_t child;

    (void)state;
    assert_non_null(p);
    memcpy(p, "TESTING 1234567", 16);
    child = fork();
    if (child == 0)
        _exit(all_zero((const uint8_t *)p, 16) ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_string_equal(p, "TESTING 1234567");
    secret_free(p, 16);
}

/* In a child without the right to lock memory: there is memory all the same, and one warning. */
static void limited_child(int log)
{
    const struct rlimit nothing = {0};
    void *a, *b;

    dup2(log, STDERR_FILENO);
    if (setrlimit(RLIMIT_MEMLOCK, &nothing) != 0 || (geteuid() == 0 && setuid(65534) != 0))
        _exit(77);
    log_open(LOG_WARNING, NULL);
    a = secret_new(10);
    b = secret_new(10);
    if (a == NULL || b == NULL)
        _exit(1);
    secret_free(a, 10);
    secret_free(b, 10);
    _exit(0);
}

static void test_no_right_to_lock(void **state)
{
    char text[1024] = "";
    int ends[2];
    int status;
    pid_t child;
    ssize_t n;

    (void)state;
    if (SANITIZED)
        skip();
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0)
        limited_child(ends[1]);
    close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    n = read(ends[0], text, sizeof(text) - 1);
    close(ends[0]);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(n > 0);
    assert_non_null(strstr(text, "warning: memory for secrets: it may be swapped out"));
    assert_ptr_equal(strchr(text, '\n'), text + n - 1); /* one line */
}

static void test_wipe(void **state)
{
    uint8_t text[8] = "secret!";

    (void)state;
    secret_wipe(text, 4);
    assert_true(all_zero(text, 4));
    assert_memory_equal(text + 4, "et!", 4);
    secret_wipe(NULL, 0);
    secret_wipe(text, 0);
    assert_int_equal(text[4], 'e');
}

static void test_equal(void **state)
{
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};

    (void)state;
    assert_true(secret_equal(a, b, 32));
    assert_true(secret_equal(NULL, NULL, 0));
    for (size_t i = 0; i < 32 * 8; i++) {
        b[i / 8] = (uint8_t)(1u << (i % 8));
        assert_false(secret_equal(a, b, 32));
        assert_true(secret_equal(a, b, i / 8)); /* beyond SIZE nothing counts */
        b[i / 8] = 0;
    }
}

static void test_random(void **state)
{
    uint8_t a[600] = {0};
    uint8_t b[600] = {0};

    (void)state;
    assert_true(secret_random(a, sizeof(a)));
    assert_true(secret_random(b, sizeof(b)));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_false(all_zero(a + 580, 20)); /* up to the end */
    assert_true(secret_random(a, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_kernel_flags),
        cmocka_unit_test(test_free_unmaps),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_no_right_to_lock),
        cmocka_unit_test(test_wipe),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

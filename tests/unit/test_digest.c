/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include "crypto/digest.h"

static const enum digest_kind kinds[] = {DIGEST_SHA1, DIGEST_SHA224, DIGEST_SHA256, DIGEST_SHA384,
                                         DIGEST_SHA512};
static const size_t sizes[] = {20, 28, 32, 48, 64};

/* The examples of NIST for FIPS 180: "abc", and the 56 bytes below. */
static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

static const struct vector {
    enum digest_kind kind;
    const char *input;
    const char *expected;
} vectors[] = {
    {DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {DIGEST_SHA1, two_blocks, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    {DIGEST_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {DIGEST_SHA224, "abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
    {DIGEST_SHA224, two_blocks, "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525"},
    {DIGEST_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {DIGEST_SHA256, two_blocks, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {DIGEST_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {DIGEST_SHA384, "abc",
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
     "8086072ba1e7cc2358baeca134c825a7"},
    {DIGEST_SHA384, two_blocks,
     "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6"
     "b0455a8520bc4e6f5fe95b1fe3c8452b"},
    {DIGEST_SHA512, "abc",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {DIGEST_SHA512, two_blocks,
     "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
     "96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445"},
};

static void assert_hex(const uint8_t *got, size_t len, const char *expected)
{
    char text[2 * DIGEST_INFO_MAX + 1] = "";

    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", got[i]);
    assert_string_equal(text, expected);
}

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(digest_size(kinds[i]), sizes[i]);
    assert_int_equal(digest_size((enum digest_kind)99), 0);
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const struct vector *v = &vectors[i];
        uint8_t out[DIGEST_MAX];

        assert_int_equal(digest_once(v->kind, bytes_of_text(v->input), out), ERR_OK);
        assert_hex(out, digest_size(v->kind), v->expected);
    }
}

static void test_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const struct vector *v = &vectors[i];
        struct digest *d = digest_new(v->kind);
        uint8_t out[DIGEST_MAX];

        assert_non_null(d);
        for (const char *c = v->input; *c != '\0'; c++) {
            assert_int_equal(digest_update(d, bytes_of(c, 1)), ERR_OK);
            assert_int_equal(digest_update(d, (struct bytes){0}), ERR_OK);
        }
        assert_int_equal(digest_final(d, out), ERR_OK);
        assert_hex(out, digest_size(v->kind), v->expected);
        digest_free(d);
    }
}

/* A million times "a", the third example. */
static void test_long_input(void **state)
{
    struct digest *d = digest_new(DIGEST_SHA256);
    uint8_t out[DIGEST_MAX];
    char part[1000];

    (void)state;
    memset(part, 'a', sizeof(part));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(digest_update(d, bytes_of(part, sizeof(part))), ERR_OK);
    assert_int_equal(digest_final(d, out), ERR_OK);
    assert_hex(out, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    digest_free(d);
}

static void test_ended(void **state)
{
    struct digest *d = digest_new(DIGEST_SHA1);
    uint8_t out[DIGEST_MAX];

    (void)state;
    assert_int_equal(digest_final(d, out), ERR_OK);
    assert_int_equal(digest_update(d, bytes_of_text("a")), ERR_ARGUMENT);
    assert_int_equal(digest_final(d, out), ERR_ARGUMENT);
    assert_hex(out, 20, "0000000000000000000000000000000000000000");
    digest_free(d);
    digest_free(NULL);
}

static void test_no_such_kind(void **state)
{
    uint8_t out[DIGEST_MAX];
    struct writer w;

    (void)state;
    writer_init(&w, out, sizeof(out));
    assert_null(digest_new((enum digest_kind)99));
    assert_int_equal(digest_once((enum digest_kind)99, bytes_of_text(""), out), ERR_ARGUMENT);
    assert_int_equal(digest_info((enum digest_kind)99, bytes_of(out, 20), &w), ERR_ARGUMENT);
}

/* As RFC 8017 prints them, section 9.2, note 1. */
static const char *const prefixes[] = {
    "3021300906052b0e03021a05000414",         "302d300d06096086480165030402040500041c",
    "3031300d060960864801650304020105000420", "3041300d060960864801650304020205000430",
    "3051300d060960864801650304020305000440",
};

static void test_info(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        uint8_t out[DIGEST_INFO_MAX];
        uint8_t hash[DIGEST_MAX];
        struct writer w;
        size_t prefix = strlen(prefixes[i]) / 2;

        memset(hash, 0xa5, sizeof(hash));
        writer_init(&w, out, sizeof(out));
        assert_int_equal(digest_info(kinds[i], bytes_of(hash, sizes[i]), &w), ERR_OK);
        assert_int_equal(writer_result(&w).len, prefix + sizes[i]);
        assert_hex(out, prefix, prefixes[i]);
        assert_memory_equal(out + prefix, hash, sizes[i]);
    }
}

static void test_info_refused(void **state)
{
    uint8_t out[DIGEST_INFO_MAX];
    uint8_t hash[DIGEST_MAX + 1] = {0};
    struct writer w;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        for (size_t len = 0; len <= sizeof(hash); len++) {
            writer_init(&w, out, sizeof(out));
            assert_int_equal(digest_info(kinds[i], bytes_of(hash, len), &w),
                             len == sizes[i] ? ERR_OK : ERR_ARGUMENT);
        }
        writer_init(&w, out, strlen(prefixes[i]) / 2 + sizes[i] - 1);
        assert_int_equal(digest_info(kinds[i], bytes_of(hash, sizes[i]), &w), ERR_ARGUMENT);
        assert_int_equal(writer_result(&w).len, 0);
    }
}

static void *digest_many(void *failed)
{
    for (int i = 0; i < 100; i++) {
        uint8_t out[DIGEST_MAX];

        if (digest_once(DIGEST_SHA1, bytes_of_text("abc"), out) != ERR_OK || out[0] != 0xa9)
            *(bool *)failed = true;
    }
    return NULL;
}

/* Several threads at once, each with digests of its own. */
static void test_threads(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        pthread_t threads[4];
        bool failed[4] = {false};

        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, digest_many, &failed[i]), 0);
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
            assert_false(failed[i]);
        }
    }
}

static int status_of(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_child(void **state)
{
    uint8_t out[DIGEST_MAX];
    pid_t child;

    (void)state;
    assert_int_equal(digest_once(DIGEST_SHA1, bytes_of_text("abc"), out), ERR_OK);
    child = fork();
    if (child == 0) {
        enum err e;
        e = digest_once(DIGEST_SHA1, bytes_of_text("abc"), out);
        _exit(e == ERR_OK && out[0] == 0xa9 ? 0 : 1);
    }
    assert_int_equal(status_of(child), 0);
}

/* The host has shut OpenSSL down and only then finalizes the module. */
static void test_after_cleanup(void **state)
{
    uint8_t out[DIGEST_MAX];
    pid_t child;

    (void)state;
    assert_int_equal(digest_once(DIGEST_SHA1, bytes_of_text("abc"), out), ERR_OK);
    child = fork();
    if (child == 0) {
        OPENSSL_cleanup();
        if (digest_once(DIGEST_SHA1, bytes_of_text("abc"), out) != ERR_OK || out[0] != 0xa9)
            _exit(1);
        _exit(0);
    }
    assert_int_equal(status_of(child), 0);
}

/* The queue is the host's: what was in it stays, and nothing is added, even when something fails.
 */
static void test_error_queue(void **state)
{
    uint8_t out[DIGEST_MAX];

    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 42);
    assert_int_equal(digest_once(DIGEST_SHA512, bytes_of_text("abc"), out), ERR_OK);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 42);
    assert_int_equal(ERR_get_error(), 0);
}

/* Whether the process has read the configuration file that main() names. */
static bool configuration_loaded(void)
{
    /* From here on it is not read any more, so that the question does not answer itself. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    return OSSL_PROVIDER_available(NULL, "null") == 1;
}

static void test_configuration_not_loaded(void **state)
{
    uint8_t out[DIGEST_MAX];
    pid_t child;

    (void)state;
    child = fork(); /* the question itself can be asked: a host that loads it gets "yes" */
    if (child == 0) {
        OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
        _exit(configuration_loaded() ? 0 : 1);
    }
    assert_int_equal(status_of(child), 0);
    child = fork();
    if (child == 0) {
        if (digest_once(DIGEST_SHA512, bytes_of_text("abc"), out) != ERR_OK)
            _exit(1);
        _exit(configuration_loaded() ? 2 : 0);
    }
    assert_int_equal(status_of(child), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configuration_not_loaded), /* first: nothing has used OpenSSL yet */
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_long_input),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_no_such_kind),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_info_refused),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_after_cleanup),
        cmocka_unit_test(test_error_queue),
    };
    static const char configuration[] =
        "openssl_conf = init\n[init]\nproviders = all\n[all]\nnull = one\n[one]\nactivate = 1\n";
    char file[] = "/tmp/jpki-test-openssl-XXXXXX";
    int fd = mkstemp(file);
    int failed;

    if (fd < 0 || write(fd, configuration, sizeof(configuration) - 1) < 0)
        return 1;
    setenv("OPENSSL_CONF", file, 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    close(fd);
    unlink(file);
    return failed;
}

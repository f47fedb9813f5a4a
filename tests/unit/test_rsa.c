/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/rsa.h"

#define SIZE 256 /* bytes of a signature by KEY */

static EVP_PKEY *key, *other;
static struct buffer spki, other_spki, ec_spki;

static int take_spki(EVP_PKEY *of, struct buffer *out)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(of, &der);
    int failed = len > 0 && buffer_set(out, bytes_of(der, (size_t)len)) ? 0 : -1;

    OPENSSL_free(der);
    return failed;
}

static int make_keys(void **state)
{
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    int failed;

    (void)state;
    key = EVP_RSA_gen(8 * SIZE);
    other = EVP_RSA_gen(8 * SIZE);
    if (key == NULL || other == NULL || ec == NULL)
        return -1;
    failed = take_spki(ec, &ec_spki);
    EVP_PKEY_free(ec);
    return failed + take_spki(key, &spki) + take_spki(other, &other_spki);
}

static int free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    buffer_clear(&spki);
    buffer_clear(&other_spki);
    buffer_clear(&ec_spki);
    return 0;
}

static void save(const char *file, const void *data, size_t len)
{
    FILE *f = fopen(file, "we");

    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0)
        _exit(12);
}

/* PADDED, as long as the modulus, is put through the private key: any padding, right or wrong. */
static void sign_raw(const uint8_t *padded, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t len = SIZE;

    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, out, &len, padded, SIZE), 1);
    assert_int_equal(len, SIZE);
    EVP_PKEY_CTX_free(ctx);
}

/* RFC 8017, section 9.2: 00 01 FF... 00 T */
static void sign_pkcs1(struct bytes t, uint8_t *out)
{
    uint8_t padded[SIZE];

    memset(padded, 0xff, sizeof(padded));
    padded[0] = 0;
    padded[1] = 1;
    padded[SIZE - 1 - t.len] = 0;
    if (t.len > 0)
        memcpy(padded + SIZE - t.len, t.data, t.len);
    sign_raw(padded, out);
}

static void sign_pss(const uint8_t *hash, int salt, const EVP_MD *mgf1, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t len = (size_t)EVP_PKEY_get_size(key);

    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mgf1), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, out, &len, hash, 32), 1);
    EVP_PKEY_CTX_free(ctx);
}

static struct bytes ours(void)
{
    return buffer_view(&spki);
}

static void test_pkcs1(void **state)
{
    uint8_t t[SIZE - 11];
    uint8_t signature[SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(t); i++)
        t[i] = (uint8_t)i;
    for (size_t len = 1; len <= sizeof(t); len += 61) { /* 1 to 245 */
        struct bytes in = bytes_of(t, len);

        sign_pkcs1(in, signature);
        assert_int_equal(rsa_check_pkcs1(ours(), in, bytes_of(signature, SIZE)), ERR_OK);
    }
}

static void test_pkcs1_wrong_bytes(void **state)
{
    const uint8_t t[] = {0x30, 0x31, 0x32, 0x33};
    uint8_t changed[SIZE] = {0x30, 0x31, 0x32, 0x33, 0x00};
    uint8_t signature[SIZE] = {0};
    struct bytes s = bytes_of(signature, SIZE);

    (void)state;
    sign_pkcs1(bytes_of(t, 4), signature);
    assert_int_equal(rsa_check_pkcs1(ours(), bytes_of(changed, 4), s), ERR_OK);
    assert_int_equal(rsa_check_pkcs1(ours(), bytes_of(changed, 3), s), ERR_BAD_SIGNATURE);
    assert_int_equal(rsa_check_pkcs1(ours(), bytes_of(changed, 5), s), ERR_BAD_SIGNATURE);
    for (size_t i = 0; i < 4; i++) {
        changed[i] ^= 1;
        assert_int_equal(rsa_check_pkcs1(ours(), bytes_of(changed, 4), s), ERR_BAD_SIGNATURE);
        changed[i] ^= 1;
    }
    assert_int_equal(rsa_check_pkcs1(ours(), (struct bytes){0}, s), ERR_BAD_SIGNATURE);
    sign_pkcs1((struct bytes){0}, signature);
    assert_int_equal(rsa_check_pkcs1(ours(), (struct bytes){0}, s), ERR_OK);
    assert_int_equal(rsa_check_pkcs1(ours(), bytes_of(changed, SIZE - 10), s), ERR_BAD_SIGNATURE);
}

static void test_pkcs1_wrong_padding(void **state)
{
    const struct bytes t = bytes_of_text("data");
    uint8_t padded[SIZE];
    uint8_t signature[SIZE];
    static const struct {
        size_t at;
        uint8_t value;
    } faults[] = {{1, 2}, {1, 0}, {2, 0}, {100, 0xfe}, {SIZE - 5, 0xff}, {8, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        memset(padded, 0xff, sizeof(padded));
        padded[0] = 0;
        padded[1] = 1;
        padded[SIZE - 5] = 0;
        memcpy(padded + SIZE - 4, t.data, 4);
        padded[faults[i].at] = faults[i].value;
        sign_raw(padded, signature);
        assert_int_equal(rsa_check_pkcs1(ours(), t, bytes_of(signature, SIZE)), ERR_BAD_SIGNATURE);
    }
}

static void test_wrong_length(void **state)
{
    const struct bytes t = bytes_of_text("0123456789abcdef0123456789ABCDEF");
    uint8_t signature[SIZE + 2] = {0};

    (void)state;
    sign_pkcs1(t, signature + 1);
    for (size_t len = 0; len <= SIZE; len++) {
        enum err expected = len == SIZE ? ERR_OK : ERR_BAD_SIGNATURE;

        assert_int_equal(rsa_check_pkcs1(ours(), t, bytes_of(signature + 1, len)), expected);
        assert_int_equal(rsa_check_pss_sha256(ours(), t, bytes_of(signature + 1, len)),
                         ERR_BAD_SIGNATURE);
    }
    /* the same number with a zero byte before it, or with one after it */
    assert_int_equal(rsa_check_pkcs1(ours(), t, bytes_of(signature, SIZE + 1)), ERR_BAD_SIGNATURE);
    assert_int_equal(rsa_check_pkcs1(ours(), t, bytes_of(signature + 1, SIZE + 1)),
                     ERR_BAD_SIGNATURE);
}

static void test_wrong_signature(void **state)
{
    const struct bytes t = bytes_of_text("0123456789abcdef0123456789ABCDEF");
    uint8_t signature[SIZE] = {0};
    struct bytes s = bytes_of(signature, SIZE);

    (void)state;
    sign_pkcs1(t, signature);
    for (size_t i = 0; i < SIZE; i += 15) {
        signature[i] ^= 0x10;
        assert_int_equal(rsa_check_pkcs1(ours(), t, s), ERR_BAD_SIGNATURE);
        signature[i] ^= 0x10;
    }
    assert_int_equal(rsa_check_pkcs1(buffer_view(&other_spki), t, s), ERR_BAD_SIGNATURE);
    assert_int_equal(rsa_check_pss_sha256(ours(), t, s), ERR_BAD_SIGNATURE);
    memset(signature, 0xff, sizeof(signature)); /* above the modulus */
    assert_int_equal(rsa_check_pkcs1(ours(), t, s), ERR_BAD_SIGNATURE);
    assert_int_equal(rsa_check_pss_sha256(ours(), t, s), ERR_BAD_SIGNATURE);
    memset(signature, 0, sizeof(signature));
    assert_int_equal(rsa_check_pkcs1(ours(), t, s), ERR_BAD_SIGNATURE);
    assert_int_equal(rsa_check_pss_sha256(ours(), t, s), ERR_BAD_SIGNATURE);
}

static void test_pss(void **state)
{
    uint8_t hash[33];
    uint8_t signature[SIZE] = {0};
    struct bytes s = bytes_of(signature, SIZE);

    (void)state;
    memset(hash, 0x3c, sizeof(hash));
    sign_pss(hash, 32, EVP_sha256(), signature);
    assert_int_equal(rsa_check_pss_sha256(ours(), bytes_of(hash, 32), s), ERR_OK);
    assert_int_equal(rsa_check_pss_sha256(buffer_view(&other_spki), bytes_of(hash, 32), s),
                     ERR_BAD_SIGNATURE);
    assert_int_equal(rsa_check_pkcs1(ours(), bytes_of(hash, 32), s), ERR_BAD_SIGNATURE);
    assert_int_equal(rsa_check_pss_sha256(ours(), bytes_of(hash, 31), s), ERR_ARGUMENT);
    assert_int_equal(rsa_check_pss_sha256(ours(), bytes_of(hash, 33), s), ERR_ARGUMENT);
    assert_int_equal(rsa_check_pss_sha256(ours(), (struct bytes){0}, s), ERR_ARGUMENT);
    hash[31] ^= 1;
    assert_int_equal(rsa_check_pss_sha256(ours(), bytes_of(hash, 32), s), ERR_BAD_SIGNATURE);
}

static void test_pss_other_parameters(void **state)
{
    static const int salts[] = {0, 20, 31, 33, 64, 222};
    uint8_t hash[32] = {0};
    uint8_t signature[SIZE] = {0};
    struct bytes s = bytes_of(signature, SIZE);

    (void)state;
    for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]); i++) {
        sign_pss(hash, salts[i], EVP_sha256(), signature);
        assert_int_equal(rsa_check_pss_sha256(ours(), bytes_of(hash, 32), s), ERR_BAD_SIGNATURE);
    }
    sign_pss(hash, 32, EVP_sha1(), signature);
    assert_int_equal(rsa_check_pss_sha256(ours(), bytes_of(hash, 32), s), ERR_BAD_SIGNATURE);
    sign_pss(hash, 32, EVP_sha512(), signature);
    assert_int_equal(rsa_check_pss_sha256(ours(), bytes_of(hash, 32), s), ERR_BAD_SIGNATURE);
}

/* The encoded message under SIGNATURE, whatever it is. */
static void recover_raw(const uint8_t *signature, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t len = SIZE;

    assert_int_equal(EVP_PKEY_verify_recover_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_verify_recover(ctx, out, &len, signature, SIZE), 1);
    EVP_PKEY_CTX_free(ctx);
}

/* One bit of the encoded message is wrong: of its zeros, the 01, the salt, the hash, the BC. (A bit
 * of the masked part is the same bit under the mask.) */
static void test_pss_wrong_encoding(void **state)
{
    static const size_t places[] = {0, 1, 100, 189, 190, 191, 222, 223, 254, 255};
    const uint8_t hash[32] = {5};
    uint8_t signature[SIZE] = {0};
    uint8_t message[SIZE] = {0};
    struct bytes s = bytes_of(signature, SIZE);

    (void)state;
    sign_pss(hash, 32, EVP_sha256(), signature);
    recover_raw(signature, message);
    sign_raw(message, signature);
    assert_int_equal(rsa_check_pss_sha256(ours(), bytes_of(hash, 32), s), ERR_OK);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        message[places[i]] ^= 1;
        sign_raw(message, signature);
        assert_int_equal(rsa_check_pss_sha256(ours(), bytes_of(hash, 32), s), ERR_BAD_SIGNATURE);
        message[places[i]] ^= 1;
    }
}

/* Keys whose modulus does not fill its bytes: the encoded message is shorter, or has fewer bits. */
static void test_pss_odd_sizes(void **state)
{
    (void)state;
    for (unsigned bits = 2041; bits <= 2047; bits++) {
        EVP_PKEY *usual = key;
        struct buffer odd = {0};
        uint8_t hash[32] = {1};
        uint8_t signature[SIZE] = {0};
        struct bytes s = bytes_of(signature, SIZE);

        key = EVP_RSA_gen(bits);
        assert_non_null(key);
        assert_int_equal(EVP_PKEY_get_bits(key), bits);
        assert_int_equal(take_spki(key, &odd), 0);
        sign_pss(hash, 32, EVP_sha256(), signature);
        assert_int_equal(rsa_check_pss_sha256(buffer_view(&odd), bytes_of(hash, 32), s), ERR_OK);
        hash[0] = 2;
        assert_int_equal(rsa_check_pss_sha256(buffer_view(&odd), bytes_of(hash, 32), s),
                         ERR_BAD_SIGNATURE);
        EVP_PKEY_free(key);
        key = usual;
        buffer_clear(&odd);
    }
}

/* 512 bits: room for PKCS #1, but not for a hash and a salt of 32 bytes each. */
static void test_small_key(void **state)
{
    EVP_PKEY *small = EVP_RSA_gen(512);
    struct buffer tiny = {0};
    const uint8_t signature[64] = {0, 1};

    (void)state;
    assert_int_equal(take_spki(small, &tiny), 0);
    assert_int_equal(
        rsa_check_pss_sha256(buffer_view(&tiny), bytes_of(signature, 32), bytes_of(signature, 64)),
        ERR_BAD_SIGNATURE);
    EVP_PKEY_free(small);
    buffer_clear(&tiny);
}

static void assert_no_key(struct bytes what)
{
    const uint8_t hash[32] = {0};
    const uint8_t signature[SIZE] = {0};

    assert_int_equal(rsa_check_pkcs1(what, bytes_of_text("t"), bytes_of(signature, SIZE)),
                     ERR_CRYPTO);
    assert_int_equal(rsa_check_pss_sha256(what, bytes_of(hash, 32), bytes_of(signature, SIZE)),
                     ERR_CRYPTO);
}

static void test_no_key(void **state)
{
    struct bytes good = ours();
    uint8_t longer[1024] = {0};

    (void)state;
    assert_no_key((struct bytes){0});
    assert_no_key(bytes_of_text("nonsense"));
    assert_no_key(buffer_view(&ec_spki));
    for (size_t len = 1; len < good.len; len++)
        assert_no_key(bytes_of(good.data, len));
    assert_true(good.len < sizeof(longer));
    memcpy(longer, good.data, good.len);
    longer[good.len - 6] &= 0xfe; /* the last byte of the modulus */
    assert_no_key(bytes_of(longer, good.len));
    longer[good.len - 6] |= 1;
    longer[good.len - 1] = 2; /* of the exponent */
    assert_no_key(bytes_of(longer, good.len));
    longer[good.len - 1] = 1;
    assert_no_key(bytes_of(longer, good.len + 1));
}

/* The algorithm: another identifier, other parameters. */
static void test_other_algorithm(void **state)
{
    struct buffer copy = {0};
    uint8_t *oid;

    (void)state;
    assert_true(buffer_set(&copy, ours()));
    oid = memmem(copy.data, copy.len, "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", 13);
    assert_non_null(oid);
    oid[10] = 0x0a; /* RSASSA-PSS */
    assert_no_key(buffer_view(&copy));
    oid[10] = 0x01;
    oid[11] = 0x04;
    assert_no_key(buffer_view(&copy));
    buffer_clear(&copy);
}

static void test_error_queue(void **state)
{
    const struct bytes t = bytes_of_text("t");
    uint8_t signature[SIZE] = {0};

    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 42);
    assert_int_equal(rsa_check_pkcs1(ours(), t, bytes_of(signature, SIZE)), ERR_BAD_SIGNATURE);
    assert_no_key(bytes_of_text("nonsense"));
    sign_pkcs1(t, signature);
    assert_int_equal(rsa_check_pkcs1(ours(), t, bytes_of(signature, SIZE)), ERR_OK);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 42);
    assert_int_equal(ERR_get_error(), 0);
}

/* In a process that has not used OpenSSL yet, with a configuration that would be noticed. */
static void test_configuration_not_loaded(void **state)
{
    static const char configuration[] =
        "openssl_conf = init\n[init]\nproviders = all\n[all]\nnull = one\n[one]\nactivate = 1\n";
    static const char *const files[] = {"spki", "hash", "pkcs1", "pss", "openssl.cnf"};
    char folder[] = "/tmp/jpki-test-rsa-XXXXXX";
    const uint8_t hash[32] = {7};
    uint8_t pkcs1[SIZE], pss[SIZE];
    int status;
    pid_t child;

    (void)state;
    sign_pkcs1(bytes_of(hash, 32), pkcs1);
    sign_pss(hash, 32, EVP_sha256(), pss);
    assert_non_null(mkdtemp(folder));
    child = fork();
    if (child == 0) {
        if (chdir(folder) != 0)
            _exit(10);
        save(files[0], spki.data, spki.len);
        save(files[1], hash, sizeof(hash));
        save(files[2], pkcs1, SIZE);
        save(files[3], pss, SIZE);
        save(files[4], configuration, sizeof(configuration) - 1);
        setenv("OPENSSL_CONF", files[4], 1);
        execl("/proc/self/exe", "test_rsa", files[0], files[1], files[2], files[3], NULL);
        _exit(11);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < 5; i++)
        unlink(files[i]);
    assert_int_equal(chdir("/"), 0);
    rmdir(folder);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static struct bytes load(const char *file, uint8_t *room, size_t size)
{
    FILE *f = fopen(file, "re");
    size_t len = f == NULL ? 0 : fread(room, 1, size, f);

    if (f != NULL)
        fclose(f);
    return bytes_of(room, len);
}

/* The other process: FILES are key, hash and two signatures. */
static int check_files(char **files)
{
    static uint8_t rooms[4][1024];
    struct bytes in[4];

    for (size_t i = 0; i < 4; i++)
        in[i] = load(files[i], rooms[i], sizeof(rooms[i]));
    if (rsa_check_pkcs1(in[0], in[1], in[2]) != ERR_OK ||
        rsa_check_pss_sha256(in[0], in[1], in[3]) != ERR_OK)
        return 1;
    if (rsa_check_pkcs1(in[0], in[1], in[3]) != ERR_BAD_SIGNATURE)
        return 3;
    /* From here on it is not read any more, so that the question does not answer itself. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    return OSSL_PROVIDER_available(NULL, "null") == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pkcs1),
        cmocka_unit_test(test_pkcs1_wrong_bytes),
        cmocka_unit_test(test_pkcs1_wrong_padding),
        cmocka_unit_test(test_wrong_length),
        cmocka_unit_test(test_wrong_signature),
        cmocka_unit_test(test_pss),
        cmocka_unit_test(test_pss_other_parameters),
        cmocka_unit_test(test_pss_wrong_encoding),
        cmocka_unit_test(test_pss_odd_sizes),
        cmocka_unit_test(test_small_key),
        cmocka_unit_test(test_no_key),
        cmocka_unit_test(test_other_algorithm),
        cmocka_unit_test(test_error_queue),
        cmocka_unit_test(test_configuration_not_loaded),
    };

    if (argc == 5)
        return check_files(argv + 1);
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}

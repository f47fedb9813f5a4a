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

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/x509.h"

static EVP_PKEY *rsa, *ec, *rsa_pss;

static int make_keys(void **state)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);

    (void)state;
    rsa = EVP_RSA_gen(2048);
    ec = EVP_EC_gen("P-256");
    if (EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1)
        EVP_PKEY_keygen(ctx, &rsa_pss);
    EVP_PKEY_CTX_free(ctx);
    return rsa != NULL && ec != NULL && rsa_pss != NULL ? 0 : -1;
}

static int free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa_pss);
    return 0;
}

static void add(X509_NAME *name, const char *field, const char *value)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                                (const unsigned char *)value, -1, -1, 0),
                     1);
}

/* Like the card's, with more in it. */
static X509_NAME *make_name(const char *common_name)
{
    X509_NAME *name = X509_NAME_new();

    add(name, "C", "JP");
    add(name, "O", "JPKI");
    add(name, "OU", "JPKI for user authentication");
    for (int i = 0; i < 10; i++)
        add(name, "OU", "\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd a rather long organizational unit");
    add(name, "CN", common_name);
    return name;
}

struct recipe {
    EVP_PKEY *key;
    const uint8_t *serial;
    int serial_len;
    const char *not_before;
    const char *not_after;
    const EVP_MD *digest; /* NULL: SHA-256 */
};

static const uint8_t plain_serial[] = {0x01, 0x02, 0x03, 0x04, 0x05};

static struct recipe plain(void)
{
    return (struct recipe){
        rsa, plain_serial, sizeof(plain_serial), "20210401123456Z", "20310331235959Z", NULL};
}

/* The certificate of RECIPE in DER, for the caller to OPENSSL_free(). */
static struct bytes make(const struct recipe *recipe)
{
    X509 *x = X509_new();
    BIGNUM *serial = BN_bin2bn(recipe->serial, recipe->serial_len, NULL);
    X509_NAME *subject = make_name("1234567890ABCDEFGHIJKLMNOPQRST01234567A");
    X509_NAME *issuer = make_name("issuer");
    unsigned char *der = NULL;
    int len;

    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x));
    assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notBefore(x), recipe->not_before), 1);
    assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notAfter(x), recipe->not_after), 1);
    X509_set_subject_name(x, subject);
    X509_set_issuer_name(x, issuer);
    X509_set_pubkey(x, recipe->key);
    assert_true(X509_sign(x, recipe->key, recipe->digest != NULL ? recipe->digest : EVP_sha256()) >
                0);
    len = i2d_X509(x, &der);
    assert_true(len > 0);
    X509_NAME_free(subject);
    X509_NAME_free(issuer);
    BN_free(serial);
    X509_free(x);
    return bytes_of(der, (size_t)len);
}

static void drop(struct bytes der)
{
    union {
        const uint8_t *given;
        void *ours;
    } p = {.given = der.data};

    OPENSSL_free(p.ours);
}

static void save(const char *file, const void *data, size_t len)
{
    FILE *f = fopen(file, "we");

    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0)
        _exit(12);
}

static void assert_empty(const struct x509 *x)
{
    const struct x509 empty = {0};

    assert_memory_equal(x, &empty, sizeof(empty));
}

static void assert_buffer(const struct buffer *b, const void *expected, size_t len)
{
    assert_true(bytes_equal(buffer_view(b), bytes_of(expected, len)));
}

static void assert_number(const struct buffer *b, const char *which)
{
    uint8_t raw[512];
    BIGNUM *n = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(rsa, which, &n), 1);
    assert_true(BN_num_bytes(n) <= (int)sizeof(raw));
    BN_bn2bin(n, raw);
    assert_buffer(b, raw, (size_t)BN_num_bytes(n));
    BN_free(n);
}

static void assert_name(const struct buffer *b, const char *common_name)
{
    X509_NAME *name = make_name(common_name);
    unsigned char *der = NULL;
    int len = i2d_X509_NAME(name, &der);

    assert_true(len > 512);
    assert_buffer(b, der, (size_t)len);
    OPENSSL_free(der);
    X509_NAME_free(name);
}

static void test_parse(void **state)
{
    const uint8_t serial[] = {0x02, 0x05, 0x01, 0x02, 0x03, 0x04, 0x05};
    const uint8_t exponent[] = {0x01, 0x00, 0x01};
    struct recipe recipe = plain();
    struct bytes der = make(&recipe);
    struct x509 x = {0};
    unsigned char *spki = NULL;
    int len;

    (void)state;
    assert_int_equal(x509_parse(der, &x), ERR_OK);
    assert_buffer(&x.der, der.data, der.len);
    assert_ptr_not_equal(x.der.data, der.data);
    assert_name(&x.subject, "1234567890ABCDEFGHIJKLMNOPQRST01234567A");
    assert_name(&x.issuer, "issuer");
    assert_buffer(&x.serial, serial, sizeof(serial));
    len = i2d_PUBKEY(rsa, &spki);
    assert_buffer(&x.spki, spki, (size_t)len);
    OPENSSL_free(spki);
    assert_int_equal(x.modulus.len, 256);
    assert_number(&x.modulus, OSSL_PKEY_PARAM_RSA_N);
    assert_buffer(&x.exponent, exponent, sizeof(exponent));
    assert_memory_equal(x.not_before, "20210401", 8);
    assert_memory_equal(x.not_after, "20310331", 8);
    x509_clear(&x);
    assert_empty(&x);
    x509_clear(&x);
    drop(der);
}

/* A number whose first bit is set has a zero byte before it. */
static void test_serial_with_high_bit(void **state)
{
    const uint8_t raw[] = {0x80, 0x01};
    const uint8_t serial[] = {0x02, 0x03, 0x00, 0x80, 0x01};
    struct recipe recipe = plain();
    struct bytes der;
    struct x509 x = {0};

    (void)state;
    recipe.serial = raw;
    recipe.serial_len = sizeof(raw);
    der = make(&recipe);
    assert_int_equal(x509_parse(der, &x), ERR_OK);
    assert_buffer(&x.serial, serial, sizeof(serial));
    x509_clear(&x);
    drop(der);
}

static void test_dates(void **state)
{
    struct recipe recipe = plain();
    struct bytes der;
    struct x509 x = {0};

    (void)state;
    recipe.not_before = "19991231235959Z";
    recipe.not_after = "20500101000000Z"; /* from 2050 on in the other form, GeneralizedTime */
    der = make(&recipe);
    assert_int_equal(x509_parse(der, &x), ERR_OK);
    assert_memory_equal(x.not_before, "19991231", 8);
    assert_memory_equal(x.not_after, "20500101", 8);
    x509_clear(&x);
    drop(der);
}

/* Dates put into the DER by hand, in the place of "210401123456Z". */
static void test_date_forms(void **state)
{
    static const struct {
        const char *text;
        const char *expected; /* NULL: refused */
    } forms[] = {
        {"240229000000Z", "20240229"}, {"230229000000Z", NULL},       {"000229000000Z", "20000229"},
        {"491231235959Z", "20491231"}, {"500101000000Z", "19500101"}, {"211301000000Z", NULL},
        {"210001000000Z", NULL},       {"210431000000Z", NULL},       {"210400000000Z", NULL},
        {"210132000000Z", NULL},       {"210401240000Z", NULL},       {"210401006000Z", NULL},
        {"210401000060Z", NULL},       {"210401000000z", NULL},       {"2104010000000", NULL},
        {"21040100+0900", NULL},       {"2104 1000000Z", NULL},       {"21040100000ZZ", NULL},
    };
    struct recipe recipe = plain();
    struct bytes der = make(&recipe);
    struct buffer copy = {0};
    uint8_t *at;

    (void)state;
    assert_true(buffer_set(&copy, der));
    at = memmem(copy.data, copy.len, "210401123456Z", 13);
    assert_non_null(at);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct x509 x = {0};
        enum err e;

        memcpy(at, forms[i].text, 13);
        e = x509_parse(buffer_view(&copy), &x);
        assert_int_equal(e, forms[i].expected == NULL ? ERR_ANSWER : ERR_OK);
        if (e == ERR_OK)
            assert_memory_equal(x.not_before, forms[i].expected, 8);
        else
            assert_empty(&x);
        x509_clear(&x);
    }
    buffer_clear(&copy);
    drop(der);
}

static void test_other_keys_refused(void **state)
{
    EVP_PKEY *keys[] = {ec, rsa_pss};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct recipe recipe = plain();
        struct bytes der;
        struct x509 x = {0};

        recipe.key = keys[i];
        der = make(&recipe);
        assert_int_equal(x509_parse(der, &x), ERR_ANSWER);
        assert_empty(&x);
        drop(der);
    }
}

static void test_every_truncation(void **state)
{
    struct recipe recipe = plain();
    struct bytes der = make(&recipe);

    (void)state;
    for (size_t len = 0; len < der.len; len++) {
        struct x509 x = {0};
        uint8_t *exact = malloc(len + 1); /* so that a sanitizer sees a read behind the end */

        assert_non_null(exact);
        memcpy(exact + 1, der.data, len);
        assert_int_equal(x509_parse(bytes_of(exact + 1, len), &x), ERR_ANSWER);
        assert_empty(&x);
        free(exact);
    }
    drop(der);
}

static void test_trailing_bytes(void **state)
{
    static const uint8_t tails[] = {0x00, 0xff, 0x30};
    struct recipe recipe = plain();
    struct bytes der = make(&recipe);
    uint8_t *longer = calloc(1, der.len + 1);

    (void)state;
    assert_non_null(longer);
    memcpy(longer, der.data, der.len);
    for (size_t i = 0; i < sizeof(tails); i++) {
        struct x509 x = {0};

        longer[der.len] = tails[i];
        assert_int_equal(x509_parse(bytes_of(longer, der.len + 1), &x), ERR_ANSWER);
        assert_empty(&x);
    }
    free(longer);
    drop(der);
}

/* What we have read of DER is what OpenSSL reads, where it reads anything. */
static void assert_as_openssl(struct bytes der, const struct x509 *ours)
{
    const unsigned char *at = der.data;
    X509 *theirs = d2i_X509(NULL, &at, (long)der.len);
    EVP_PKEY *key = theirs == NULL ? NULL : X509_get0_pubkey(theirs);
    unsigned char *name = NULL;
    BIGNUM *n = NULL;
    uint8_t raw[2048];
    int len;

    if (key != NULL && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1) {
        len = i2d_X509_NAME(X509_get_subject_name(theirs), &name);
        assert_buffer(&ours->subject, name, (size_t)len);
        assert_true(BN_num_bytes(n) <= (int)sizeof(raw));
        len = BN_bn2bin(n, raw);
        assert_buffer(&ours->modulus, raw, (size_t)len);
    }
    OPENSSL_free(name);
    BN_free(n);
    X509_free(theirs);
    ERR_clear_error();
}

/* Any byte may be any other one: no crash, and all or nothing. */
static void test_every_byte_changed(void **state)
{
    static const uint8_t changes[] = {0x01, 0x80, 0xff};
    struct recipe recipe = plain();
    struct bytes der = make(&recipe);
    struct buffer copy = {0};

    (void)state;
    assert_true(buffer_set(&copy, der));
    for (size_t i = 0; i < der.len * sizeof(changes); i++) {
        uint8_t *byte = &copy.data[i / sizeof(changes)];
        uint8_t change = changes[i % sizeof(changes)];
        struct x509 x = {0};
        enum err e;

        *byte ^= change;
        e = x509_parse(buffer_view(&copy), &x);
        if (e == ERR_OK) {
            assert_buffer(&x.der, copy.data, copy.len);
            assert_as_openssl(buffer_view(&copy), &x);
        } else {
            assert_int_equal(e, ERR_ANSWER);
            assert_empty(&x);
        }
        x509_clear(&x);
        *byte ^= change;
    }
    buffer_clear(&copy);
    drop(der);
}

static void test_no_certificate(void **state)
{
    const uint8_t padding[64] = {0};
    struct x509 x = {0};

    (void)state;
    assert_int_equal(x509_parse((struct bytes){0}, &x), ERR_ANSWER);
    assert_int_equal(x509_parse(bytes_of(padding, sizeof(padding)), &x), ERR_ANSWER);
    assert_int_equal(x509_parse(bytes_of_text("-----BEGIN CERTIFICATE-----"), &x), ERR_ANSWER);
    assert_int_equal(x509_parse(bytes_of("\x30\x00", 2), &x), ERR_ANSWER);
    assert_int_equal(x509_parse(bytes_of("\x30\x80\x00\x00", 4), &x), ERR_ANSWER);
    assert_int_equal(x509_parse(bytes_of("\x30\x84\xff\xff\xff\xff", 6), &x), ERR_ANSWER);
    assert_empty(&x);
}

static struct buffer key_of(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    struct buffer out = {0};

    assert_true(len > 0 && buffer_set(&out, bytes_of(der, (size_t)len)));
    OPENSSL_free(der);
    return out;
}

/* Certificates here are signed by their own key, as the card's CAs' are. */
static void test_signed_by(void **state)
{
    struct recipe recipe = plain();
    struct bytes der = make(&recipe);
    EVP_PKEY *stranger = EVP_RSA_gen(2048);
    struct buffer own = key_of(rsa), other = key_of(stranger), no_rsa = key_of(ec);

    (void)state;
    assert_int_equal(x509_signed_by(der, buffer_view(&own)), ERR_OK);
    assert_int_equal(x509_signed_by(der, buffer_view(&other)), ERR_BAD_SIGNATURE);
    assert_int_equal(x509_signed_by(der, buffer_view(&no_rsa)), ERR_CRYPTO);
    assert_int_equal(x509_signed_by(der, bytes_of(NULL, 0)), ERR_CRYPTO);
    assert_int_equal(x509_signed_by(bytes_first(der, der.len - 1), buffer_view(&own)), ERR_ANSWER);
    assert_int_equal(x509_signed_by(bytes_of(NULL, 0), buffer_view(&own)), ERR_ANSWER);
    drop(der);
    recipe.digest = EVP_sha384();
    der = make(&recipe);
    assert_int_equal(x509_signed_by(der, buffer_view(&own)), ERR_BAD_SIGNATURE);
    drop(der);
    buffer_clear(&own);
    buffer_clear(&other);
    buffer_clear(&no_rsa);
    EVP_PKEY_free(stranger);
}

/* No byte of it can be another one. */
static void test_signed_whole(void **state)
{
    struct recipe recipe = plain();
    struct bytes der = make(&recipe);
    struct buffer own = key_of(rsa), copy = {0};

    (void)state;
    assert_true(buffer_set(&copy, der));
    for (size_t i = 0; i < der.len; i++) {
        for (int bit = 0; bit < 8; bit += 7) {
            copy.data[i] ^= (uint8_t)(1 << bit);
            if (x509_signed_by(buffer_view(&copy), buffer_view(&own)) == ERR_OK)
                fail_msg("byte %zu, bit %d", i, bit);
            copy.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    assert_int_equal(x509_signed_by(buffer_view(&copy), buffer_view(&own)), ERR_OK);
    buffer_clear(&copy);
    buffer_clear(&own);
    drop(der);
}

static void test_error_queue(void **state)
{
    struct recipe recipe = plain();
    struct bytes der = make(&recipe);
    struct x509 x = {0};

    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 42);
    assert_int_equal(x509_parse(der, &x), ERR_OK);
    x509_clear(&x);
    assert_int_equal(x509_parse(bytes_first(der, 100), &x), ERR_ANSWER);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 42);
    assert_int_equal(ERR_get_error(), 0);
    assert_int_equal(x509_parse(bytes_first(der, 100), &x), ERR_ANSWER);
    assert_int_equal(ERR_get_error(), 0);
    drop(der);
}

/* In a process that has not used OpenSSL yet, with a configuration that would be noticed. */
static void test_configuration_not_loaded(void **state)
{
    static const char configuration[] =
        "openssl_conf = init\n[init]\nproviders = all\n[all]\nnull = one\n[one]\nactivate = 1\n";
    char folder[] = "/tmp/jpki-test-x509-XXXXXX";
    struct recipe recipe = plain();
    struct bytes der = make(&recipe);
    int status;
    pid_t child;

    (void)state;
    assert_non_null(mkdtemp(folder));
    child = fork();
    if (child == 0) {
        if (chdir(folder) != 0)
            _exit(10);
        save("cert", der.data, der.len);
        save("openssl.cnf", configuration, sizeof(configuration) - 1);
        setenv("OPENSSL_CONF", "openssl.cnf", 1);
        execl("/proc/self/exe", "test_x509", "cert", NULL);
        _exit(11);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chdir(folder), 0);
    unlink("cert");
    unlink("openssl.cnf");
    assert_int_equal(chdir("/"), 0);
    rmdir(folder);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    drop(der);
}

/* The other process: parses the certificate in FILE. */
static int parse_file(const char *file)
{
    static uint8_t der[8192];
    struct x509 x = {0};
    FILE *f = fopen(file, "re");
    size_t len = f == NULL ? 0 : fread(der, 1, sizeof(der), f);
    enum err e;

    if (f != NULL)
        fclose(f);
    e = x509_parse(bytes_of(der, len), &x);
    x509_clear(&x);
    if (e != ERR_OK)
        return 1;
    /* From here on it is not read any more, so that the question does not answer itself. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    return OSSL_PROVIDER_available(NULL, "null") == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_serial_with_high_bit),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_date_forms),
        cmocka_unit_test(test_other_keys_refused),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_trailing_bytes),
        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_signed_by),
        cmocka_unit_test(test_signed_whole),
        cmocka_unit_test(test_error_queue),
        cmocka_unit_test(test_configuration_not_loaded),
    };

    if (argc == 2)
        return parse_file(argv[1]);
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}

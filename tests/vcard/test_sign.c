/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every scheme of the signature command, each result undone or checked by OpenSSL with the public
 * key of the certificate.
 */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define SIGN_FORM "802A%02X%02X%02zX%s00"

static EVP_PKEY *public_key(const char *file)
{
    size_t len;
    uint8_t *der = common_file(file, &len);
    const unsigned char *at = der;
    X509 *cert = d2i_X509(NULL, &at, (long)len);
    assert_non_null(cert);
    EVP_PKEY *key = X509_get_pubkey(cert);
    assert_non_null(key);
    X509_free(cert);
    free(der);
    return key;
}

/* The bytes under a PKCS#1 v1.5 signature: exponentiation, then the padding by hand. */
static size_t recover(EVP_PKEY *key, uint8_t out[256])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    static uint8_t em[256];
    size_t len = sizeof em, at = 2;

    assert_int_equal(common_len, 256);
    assert_true(EVP_PKEY_encrypt_init(ctx) > 0);
    assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0);
    assert_true(EVP_PKEY_encrypt(ctx, em, &len, common_data, common_len) > 0);
    EVP_PKEY_CTX_free(ctx);
    assert_int_equal(len, 256);
    assert_int_equal(em[0], 0);
    assert_int_equal(em[1], 1);
    while (at < len && em[at] == 0xFF)
        at++;
    assert_true(at >= 10);
    assert_int_equal(em[at], 0);
    memcpy(out, em + at + 1, len - at - 1);
    return len - at - 1;
}

static bool pss_verifies(EVP_PKEY *key, const uint8_t hash[32])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

    assert_true(EVP_PKEY_verify_init(ctx) > 0);
    assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0);
    assert_true(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0);
    assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0);
    assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) > 0); /* exactly, not "any" */
    int result = EVP_PKEY_verify(ctx, common_data, common_len, hash, 32);
    EVP_PKEY_CTX_free(ctx);
    return result == 1;
}

static unsigned sign(struct vcard *card, unsigned p1, unsigned p2, const uint8_t *data, size_t len)
{
    static char hex[2 * 255 + 1], command[600]; /* off the stack, for the sanitizers' frames */

    text_to_hex(data, len, hex);
    snprintf(command, sizeof command, SIGN_FORM, p1, p2, len, hex);
    return common_send(card, command);
}

static void login(struct vcard *card)
{
    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_sw(card, VERIFY_AUTH, 0x9000);
    assert_sw(card, VERIFY_SIGN, 0x9000);
}

static void hash_of(const uint8_t *data, size_t len, uint8_t hash[32])
{
    assert_true(EVP_Digest(data, len, hash, NULL, EVP_sha256(), NULL));
}

/* RFC 8017, 9.2, note 1 */
static const uint8_t digest_info[] = {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

static void pkcs1_bare(void **state)
{
    EVP_PKEY *key = public_key("sign.der");
    static uint8_t data[245], out[256];

    login(*state);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t len = 1; len <= 245; len += 61) {
        assert_int_equal(sign(*state, 0, 0x9A, data, len), 0x9000);
        assert_int_equal(recover(key, out), len);
        assert_memory_equal(out, data, len);
    }
    EVP_PKEY_free(key);
}

static void pkcs1_hashing(void **state)
{
    EVP_PKEY *key = public_key("auth.der");
    uint8_t message[255] = {1, 2, 3}, hash[32], out[256];

    login(*state);
    hash_of(message, sizeof message, hash);
    assert_int_equal(sign(*state, 1, 0x97, message, sizeof message), 0x9000);
    assert_int_equal(recover(key, out), 32);
    assert_memory_equal(out, hash, 32);
    for (unsigned p1 = 2; p1 <= 3; p1++) {
        unsigned sw = p1 == 2 ? sign(*state, p1, 0x97, hash, 32)
                              : sign(*state, p1, 0x97, message, sizeof message);
        assert_int_equal(sw, 0x9000);
        assert_int_equal(recover(key, out), sizeof digest_info + 32);
        assert_memory_equal(out, digest_info, sizeof digest_info);
        assert_memory_equal(out + sizeof digest_info, hash, 32);
    }
    EVP_PKEY_free(key);
}

static void pss(void **state)
{
    EVP_PKEY *key = public_key("auth.der"), *other = public_key("sign.der");
    uint8_t message[100] = {9}, hash[32], first[256];

    login(*state);
    hash_of(message, sizeof message, hash);
    assert_int_equal(sign(*state, 4, 0x97, hash, 32), 0x9000);
    assert_true(pss_verifies(key, hash));
    assert_false(pss_verifies(other, hash));
    memcpy(first, common_data, 256);
    assert_int_equal(sign(*state, 4, 0x97, hash, 32), 0x9000);
    assert_memory_not_equal(first, common_data, 256); /* a new salt */
    assert_int_equal(sign(*state, 5, 0x97, message, sizeof message), 0x9000);
    assert_true(pss_verifies(key, hash));
    assert_int_equal(sign(*state, 4, 0x9A, hash, 32), 0x9000);
    assert_true(pss_verifies(other, hash));
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void pss_off_or_lying(void **state)
{
    struct vcard *card = *state;
    EVP_PKEY *key = public_key("auth.der");
    uint8_t hash[32] = {5}, out[256];

    login(card);
    card->settings.pss_as_pkcs1 = true;
    assert_int_equal(sign(card, 4, 0x97, hash, 32), 0x9000);
    assert_false(pss_verifies(key, hash));
    assert_int_equal(recover(key, out), 32);
    assert_memory_equal(out, hash, 32);
    card->settings.pss = false;
    assert_int_equal(sign(card, 4, 0x97, hash, 32), 0x6A86);
    assert_int_equal(sign(card, 5, 0x97, hash, 32), 0x6A86);
    assert_int_equal(sign(card, 0, 0x97, hash, 32), 0x9000);
    EVP_PKEY_free(key);
}

static void lengths(void **state)
{
    uint8_t data[255] = {0};

    login(*state);
    assert_int_equal(sign(*state, 0, 0x97, data, 246), 0x6700);
    assert_int_equal(sign(*state, 0, 0x97, data, 255), 0x6700);
    assert_int_equal(sign(*state, 2, 0x97, data, 31), 0x6700);
    assert_int_equal(sign(*state, 2, 0x97, data, 33), 0x6700);
    assert_int_equal(sign(*state, 4, 0x97, data, 20), 0x6700);
    assert_int_equal(sign(*state, 4, 0x97, data, 48), 0x6700);
    assert_sw(*state, "802A0097", 0x6700);
    assert_sw(*state, "802A009700", 0x6700);
    assert_sw(*state, "802A009701AA", 0x6700);
    assert_sw(*state, "802A009701AA80", 0x6700);
}

static void references(void **state)
{
    struct vcard *card = *state;

    login(card);
    assert_sw(card, "802A008001AA00", 0x6986);
    assert_sw(card, "00A4020C020017", 0x9000);
    assert_sw(card, "802A008001AA00", 0x9000);
    assert_sw(card, "00A4020C020006", 0x9000);
    assert_sw(card, "802A008001AA00", 0x6981);
    assert_sw(card, "802A009801AA00", 0x6A86);
    assert_sw(card, "802A001701AA00", 0x6A86);
    assert_sw(card, "802A069701AA00", 0x6A86);
    assert_sw(card, "802AFF9701AA00", 0x6A86);
    card->settings.sfi = false;
    assert_sw(card, "802A009701AA00", 0x6A86);
    assert_sw(card, "00A4020C020017", 0x9000);
    assert_sw(card, "802A008001AA00", 0x9000);
}

static void needs_its_own_pin(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, "802A009701AA00", 0x6982);
    assert_sw(*state, VERIFY_AUTH, 0x9000);
    assert_sw(*state, "802A009A01AA00", 0x6982);
    for (int i = 0; i < 3; i++)
        assert_sw(*state, "802A009701AA00", 0x9000);
    assert_sw(*state, "0088009704AABBCCDD00", 0x6985);
}

#define WITH_CARD(test) cmocka_unit_test_setup_teardown(test, common_card, common_card_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CARD(pkcs1_bare),        WITH_CARD(pkcs1_hashing), WITH_CARD(pss),
        WITH_CARD(pss_off_or_lying),  WITH_CARD(lengths),       WITH_CARD(references),
        WITH_CARD(needs_its_own_pin),
    };

    return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

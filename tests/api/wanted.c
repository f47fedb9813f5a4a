/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wanted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "check.h"

static struct wanted_attribute *add(struct wanted *wanted, CK_ATTRIBUTE_TYPE type)
{
    assert_true(wanted->count < WANTED_MAX);
    struct wanted_attribute *a = &wanted->attributes[wanted->count++];
    a->type = type;
    a->kind = WANTED_VALUE;
    a->len = 0;
    return a;
}

static void add_bytes(struct wanted *wanted, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    struct wanted_attribute *a = add(wanted, type);
    assert_true(len <= sizeof(a->value));
    if (len > 0)
        memcpy(a->value, value, len);
    a->len = len;
}

static void add_flag(struct wanted *wanted, CK_ATTRIBUTE_TYPE type, bool value)
{
    CK_BBOOL flag = value ? CK_TRUE : CK_FALSE;
    add_bytes(wanted, type, &flag, sizeof(flag));
}

static void add_number(struct wanted *wanted, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
    add_bytes(wanted, type, &value, sizeof(value));
}

static void add_empty(struct wanted *wanted, CK_ATTRIBUTE_TYPE type)
{
    add_bytes(wanted, type, NULL, 0);
}

static void add_kind(struct wanted *wanted, CK_ATTRIBUTE_TYPE type, enum wanted_kind kind)
{
    add(wanted, type)->kind = kind;
}

/* ---- what OpenSSL says ---- */

static void add_der(struct wanted *wanted, CK_ATTRIBUTE_TYPE type, uint8_t *der, int len)
{
    assert_true(len > 0);
    add_bytes(wanted, type, der, (size_t)len);
    OPENSSL_free(der);
}

static void add_name(struct wanted *wanted, CK_ATTRIBUTE_TYPE type, const X509_NAME *name)
{
    uint8_t *der = NULL;
    int len = i2d_X509_NAME(name, &der);
    add_der(wanted, type, der, len);
}

static void add_bn(struct wanted *wanted, CK_ATTRIBUTE_TYPE type, EVP_PKEY *key, const char *name)
{
    uint8_t value[512];
    BIGNUM *number = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    int len = BN_bn2bin(number, value);
    add_bytes(wanted, type, value, (size_t)len);
    BN_free(number);
}

static void add_date(struct wanted *wanted, CK_ATTRIBUTE_TYPE type, const ASN1_TIME *time)
{
    struct tm tm;
    char text[16];
    assert_int_equal(ASN1_TIME_to_tm(time, &tm), 1);
    snprintf(text, sizeof(text), "%04d%02d%02d", (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100,
             tm.tm_mday % 100);
    add_bytes(wanted, type, text, sizeof(CK_DATE));
}

/* The whole certificate, and the first three bytes of its SHA-1 hash. */
static void add_value(struct wanted *wanted, X509 *certificate)
{
    uint8_t *der = NULL, hash[20];
    size_t hash_len;
    int len = i2d_X509(certificate, &der);
    assert_true(len > 0);
    assert_int_equal(EVP_Q_digest(NULL, "SHA1", NULL, der, (size_t)len, hash, &hash_len), 1);
    add_bytes(wanted, CKA_CHECK_VALUE, hash, 3);
    add_der(wanted, CKA_VALUE, der, len);
}

static void add_spki(struct wanted *wanted, X509 *certificate)
{
    uint8_t *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    add_der(wanted, CKA_PUBLIC_KEY_INFO, der, len);
}

static void add_serial(struct wanted *wanted, X509 *certificate)
{
    uint8_t *der = NULL;
    int len = i2d_ASN1_INTEGER(X509_get_serialNumber(certificate), &der);
    add_der(wanted, CKA_SERIAL_NUMBER, der, len);
}

/* ---- classes ---- */

/* Sections 4.3 and 4.4. Nothing on the card can be changed, copied or destroyed. */
static void fill_storage(struct wanted *wanted, CK_OBJECT_CLASS class, bool is_private)
{
    add_number(wanted, CKA_CLASS, class);
    add_flag(wanted, CKA_TOKEN, true);
    add_flag(wanted, CKA_PRIVATE, is_private);
    add_flag(wanted, CKA_MODIFIABLE, false);
    add_flag(wanted, CKA_COPYABLE, false);
    add_flag(wanted, CKA_DESTROYABLE, false);
    add_kind(wanted, CKA_LABEL, WANTED_ANY_TEXT);
    add_kind(wanted, CKA_UNIQUE_ID, WANTED_ANY_TEXT);
}

/* Section 4.6. */
static void fill_certificate(struct wanted *wanted, const struct wanted_object *object,
                             X509 *certificate)
{
    add_number(wanted, CKA_CERTIFICATE_TYPE, CKC_X_509);
    add_flag(wanted, CKA_TRUSTED, false);
    add_number(wanted, CKA_CERTIFICATE_CATEGORY, object->ca ? 2 : 1);
    add_date(wanted, CKA_START_DATE, X509_get0_notBefore(certificate));
    add_date(wanted, CKA_END_DATE, X509_get0_notAfter(certificate));
    add_name(wanted, CKA_SUBJECT, X509_get_subject_name(certificate));
    add_name(wanted, CKA_ISSUER, X509_get_issuer_name(certificate));
    add_serial(wanted, certificate);
    add_spki(wanted, certificate);
    add_value(wanted, certificate);
    add_empty(wanted, CKA_URL);
    add_empty(wanted, CKA_HASH_OF_SUBJECT_PUBLIC_KEY);
    add_empty(wanted, CKA_HASH_OF_ISSUER_PUBLIC_KEY);
    add_number(wanted, CKA_JAVA_MIDP_SECURITY_DOMAIN, 0);
    add_number(wanted, CKA_NAME_HASH_ALGORITHM, CKM_SHA_1); /* what absence would mean */
}

/* Section 4.7. */
static void fill_key(struct wanted *wanted, X509 *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    add_number(wanted, CKA_KEY_TYPE, CKK_RSA);
    add_empty(wanted, CKA_START_DATE);
    add_empty(wanted, CKA_END_DATE);
    add_flag(wanted, CKA_DERIVE, false);
    add_flag(wanted, CKA_LOCAL, false);
    add_number(wanted, CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION);
    add_name(wanted, CKA_SUBJECT, X509_get_subject_name(certificate));
    add_spki(wanted, certificate);
    add_bn(wanted, CKA_MODULUS, key, OSSL_PKEY_PARAM_RSA_N);
    add_bn(wanted, CKA_PUBLIC_EXPONENT, key, OSSL_PKEY_PARAM_RSA_E);
}

/* Section 4.8, and RSA public key objects. */
static void fill_public_key(struct wanted *wanted)
{
    add_flag(wanted, CKA_ENCRYPT, false);
    add_flag(wanted, CKA_VERIFY, true);
    add_flag(wanted, CKA_VERIFY_RECOVER, false);
    add_flag(wanted, CKA_WRAP, false);
    add_flag(wanted, CKA_TRUSTED, false);
    add_number(wanted, CKA_MODULUS_BITS, 2048);
    add_kind(wanted, CKA_ALLOWED_MECHANISMS, WANTED_OPTIONAL);
    add_kind(wanted, CKA_WRAP_TEMPLATE, WANTED_OPTIONAL);
}

/* Section 4.9, and RSA private key objects. */
static void fill_private_key(struct wanted *wanted, const struct wanted_object *object)
{
    static const CK_ATTRIBUTE_TYPE sensitive[] = {CKA_PRIVATE_EXPONENT, CKA_PRIME_1,
                                                  CKA_PRIME_2,          CKA_EXPONENT_1,
                                                  CKA_EXPONENT_2,       CKA_COEFFICIENT};
    add_flag(wanted, CKA_SENSITIVE, true);
    add_flag(wanted, CKA_ALWAYS_SENSITIVE, true);
    add_flag(wanted, CKA_EXTRACTABLE, false);
    add_flag(wanted, CKA_NEVER_EXTRACTABLE, true);
    add_flag(wanted, CKA_SIGN, true);
    add_flag(wanted, CKA_SIGN_RECOVER, false);
    add_flag(wanted, CKA_DECRYPT, false);
    add_flag(wanted, CKA_UNWRAP, false);
    add_flag(wanted, CKA_WRAP_WITH_TRUSTED, false);
    add_flag(wanted, CKA_ALWAYS_AUTHENTICATE, object->consent);
    add_bytes(wanted, CKA_ALLOWED_MECHANISMS, object->mechanisms,
              object->mechanism_count * sizeof(*object->mechanisms));
    add_kind(wanted, CKA_UNWRAP_TEMPLATE, WANTED_OPTIONAL);
    add_kind(wanted, CKA_DERIVE_TEMPLATE, WANTED_OPTIONAL);
    for (size_t i = 0; i < sizeof(sensitive) / sizeof(sensitive[0]); i++)
        add_kind(wanted, sensitive[i], WANTED_SENSITIVE);
}

void wanted_fill(struct wanted *wanted, const struct wanted_object *object, int card)
{
    static const char *const names[2][2] = {{"auth.pem", "auth-ca.pem"},
                                            {"sign.pem", "sign-ca.pem"}};
    static const uint8_t ids[2] = {1, 2};
    bool is_private = object->class == CKO_PRIVATE_KEY || (object->private && !object->ca);
    wanted->count = 0;
    fill_storage(wanted, object->class, is_private);
    if (object->class == CKO_PROFILE) {
        add_number(wanted, CKA_PROFILE_ID, object->profile);
        return;
    }
    X509 *certificate = check_load(world_card(card), names[object->role][object->ca]);
    assert_non_null(certificate);
    if (object->ca) /* not one of the keys' ids: test_objects.c compares them */
        add_kind(wanted, CKA_ID, WANTED_ANY_TEXT);
    else
        add_bytes(wanted, CKA_ID, &ids[object->role], 1);
    if (object->class == CKO_CERTIFICATE)
        fill_certificate(wanted, object, certificate);
    else
        fill_key(wanted, certificate);
    if (object->class == CKO_PUBLIC_KEY)
        fill_public_key(wanted);
    if (object->class == CKO_PRIVATE_KEY)
        fill_private_key(wanted, object);
    X509_free(certificate);
}

const struct wanted_attribute *wanted_find(const struct wanted *wanted, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (wanted->attributes[i].type == type)
            return &wanted->attributes[i];
    return NULL;
}

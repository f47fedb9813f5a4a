/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wanted.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "check.h"
#include "golden.h"

static void set_bytes(struct wanted_attribute *a, const void *value, size_t len)
{
    assert_true(len <= sizeof(a->value));
    if (len > 0)
        memcpy(a->value, value, len);
    a->len = len;
}

static void set_number(struct wanted_attribute *a, CK_ULONG value)
{
    set_bytes(a, &value, sizeof(value));
}

/* ---- what OpenSSL says of a certificate ---- */

static void set_der(struct wanted_attribute *a, uint8_t *der, int len)
{
    assert_true(len > 0);
    set_bytes(a, der, (size_t)len);
    OPENSSL_free(der);
}

static void set_name(struct wanted_attribute *a, const X509_NAME *name)
{
    uint8_t *der = NULL;
    int len = i2d_X509_NAME(name, &der);
    set_der(a, der, len);
}

static void set_subject(struct wanted_attribute *a, X509 *certificate)
{
    set_name(a, X509_get_subject_name(certificate));
}

static void set_issuer(struct wanted_attribute *a, X509 *certificate)
{
    set_name(a, X509_get_issuer_name(certificate));
}

static void set_serial(struct wanted_attribute *a, X509 *certificate)
{
    uint8_t *der = NULL;
    int len = i2d_ASN1_INTEGER(X509_get_serialNumber(certificate), &der);
    set_der(a, der, len);
}

static void set_key_info(struct wanted_attribute *a, X509 *certificate)
{
    uint8_t *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    set_der(a, der, len);
}

static void set_number_of_key(struct wanted_attribute *a, X509 *certificate, const char *name)
{
    uint8_t value[512];
    BIGNUM *number = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(X509_get0_pubkey(certificate), name, &number), 1);
    set_bytes(a, value, (size_t)BN_bn2bin(number, value));
    BN_free(number);
}

static void set_modulus(struct wanted_attribute *a, X509 *certificate)
{
    set_number_of_key(a, certificate, OSSL_PKEY_PARAM_RSA_N);
}

static void set_exponent(struct wanted_attribute *a, X509 *certificate)
{
    set_number_of_key(a, certificate, OSSL_PKEY_PARAM_RSA_E);
}

/* CK_DATE: the digits of year, month and day. */
static void set_date(struct wanted_attribute *a, const ASN1_TIME *time)
{
    struct tm tm;
    char text[16];
    assert_int_equal(ASN1_TIME_to_tm(time, &tm), 1);
    snprintf(text, sizeof(text), "%04d%02d%02d", (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100,
             tm.tm_mday % 100);
    set_bytes(a, text, sizeof(CK_DATE));
}

static void set_start(struct wanted_attribute *a, X509 *certificate)
{
    set_date(a, X509_get0_notBefore(certificate));
}

static void set_end(struct wanted_attribute *a, X509 *certificate)
{
    set_date(a, X509_get0_notAfter(certificate));
}

static void set_whole(struct wanted_attribute *a, X509 *certificate)
{
    uint8_t *der = NULL;
    int len = i2d_X509(certificate, &der);
    set_der(a, der, len);
}

static void set_check(struct wanted_attribute *a, X509 *certificate)
{
    uint8_t hash[20];
    unsigned len = 0;
    assert_int_equal(X509_digest(certificate, EVP_sha1(), hash, &len), 1);
    assert_int_equal(len, sizeof(hash));
    set_bytes(a, hash, 3);
}

/* ---- cells ---- */

static const struct {
    const char *word;
    void (*set)(struct wanted_attribute *a, X509 *certificate);
} parts[] = {{"subject", set_subject},   {"issuer", set_issuer}, {"serial", set_serial},
             {"key info", set_key_info}, {"n", set_modulus},     {"e", set_exponent},
             {"start", set_start},       {"end", set_end},       {"DER", set_whole},
             {"check", set_check}};

/* PART of FILE */
static bool set_part(struct wanted_attribute *a, const char *cell, int card)
{
    const char *of = strstr(cell, " of ");
    for (size_t i = 0; of != NULL && i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t len = strlen(parts[i].word);
        if ((size_t)(of - cell) != len || strncmp(cell, parts[i].word, len) != 0)
            continue;
        X509 *certificate = check_load(world_card(card), of + 4);
        assert_non_null(certificate);
        parts[i].set(a, certificate);
        X509_free(certificate);
        return true;
    }
    return false;
}

/* list NAME... */
static bool set_list(struct wanted_attribute *a, const char *cell)
{
    char words[512], *save = NULL;
    CK_ULONG values[32];
    size_t count = 0;
    if (strncmp(cell, "list ", 5) != 0)
        return false;
    snprintf(words, sizeof(words), "%s", cell + 5);
    for (char *word = strtok_r(words, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
        if (count == 32 || !golden_constant(word, &values[count++]))
            return false;
    set_bytes(a, values, count * sizeof(values[0]));
    return true;
}

/* 'TEXT' or hex DIGITS */
static bool set_literal(struct wanted_attribute *a, const char *cell)
{
    size_t len = strlen(cell), n = 0;
    uint8_t bytes[64];
    if (len > 2 && cell[0] == '\'' && cell[len - 1] == '\'') {
        set_bytes(a, cell + 1, len - 2);
        return true;
    }
    if (strncmp(cell, "hex ", 4) != 0)
        return false;
    for (const char *at = cell + 4; n < sizeof(bytes) && sscanf(at, "%2hhx", &bytes[n]) == 1;
         at += 2)
        n++;
    set_bytes(a, bytes, n);
    return n > 0;
}

static bool set_scalar(struct wanted_attribute *a, const char *cell)
{
    static const struct {
        const char *word;
        CK_BBOOL flag;
    } flags[] = {{"true", CK_TRUE}, {"false", CK_FALSE}};
    CK_ULONG value = CK_UNAVAILABLE_INFORMATION;
    for (size_t i = 0; i < 2; i++)
        if (strcmp(cell, flags[i].word) == 0) {
            set_bytes(a, &flags[i].flag, sizeof(flags[i].flag));
            return true;
        }
    if (isdigit((unsigned char)cell[0]))
        value = strtoul(cell, NULL, 10);
    else if (strcmp(cell, "unavailable") != 0 && !golden_constant(cell, &value))
        return false;
    set_number(a, value);
    return true;
}

void wanted_add(struct wanted *wanted, CK_ATTRIBUTE_TYPE type, const char *cell, int card)
{
    if (strcmp(cell, "-") == 0)
        return;
    assert_true(wanted->count < WANTED_MAX);
    struct wanted_attribute *a = &wanted->attributes[wanted->count++];
    *a = (struct wanted_attribute){.type = type};
    if (strcmp(cell, "sensitive") == 0)
        a->kind = WANTED_SENSITIVE;
    else if (strcmp(cell, "some text") == 0)
        a->kind = WANTED_ANY_TEXT;
    else if (strcmp(cell, "empty") != 0 && !set_scalar(a, cell) && !set_list(a, cell) &&
             !set_literal(a, cell) && !set_part(a, cell, card))
        fail_msg("attribute 0x%lX: what is '%s'?", type, cell);
}

const struct wanted_attribute *wanted_find(const struct wanted *wanted, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (wanted->attributes[i].type == type)
            return &wanted->attributes[i];
    return NULL;
}

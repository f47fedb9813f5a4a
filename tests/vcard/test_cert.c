/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The certificates of a new card, taken apart again: fields, string types, order and criticality
 * of the extensions, dates.
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

static X509 *load(const char *file)
{
    size_t len;
    uint8_t *der = common_file(file, &len);
    const unsigned char *at = der;
    X509 *cert = d2i_X509(NULL, &at, (long)len);

    assert_non_null(cert);
    assert_ptr_equal(at, der + len);
    free(der);
    return cert;
}

static void assert_entry(const X509_NAME *name, int at, int nid, int type, const char *text)
{
    X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, at);
    assert_non_null(entry);
    assert_int_equal(OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)), nid);
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
    assert_int_equal(ASN1_STRING_type(value), type);
    if (text)
        assert_string_equal((const char *)ASN1_STRING_get0_data(value), text);
}

struct extension {
    int nid, critical;
};

static void assert_extensions(const X509 *cert, const struct extension *expected, int count)
{
    assert_int_equal(X509_get_ext_count(cert), count);
    for (int i = 0; i < count; i++) {
        X509_EXTENSION *extension = X509_get_ext(cert, i);
        assert_int_equal(OBJ_obj2nid(X509_EXTENSION_get_object(extension)), expected[i].nid);
        assert_int_equal(X509_EXTENSION_get_critical(extension), expected[i].critical);
    }
}

static void assert_common(const X509 *cert)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    EVP_PKEY *key = X509_get0_pubkey(cert);

    assert_int_equal(X509_get_version(cert), X509_VERSION_3);
    assert_int_equal(X509_get_signature_nid(cert), NID_sha256WithRSAEncryption);
    assert_int_equal(serial->length, 4);
    assert_true(serial->data[0] > 0 && serial->data[0] < 0x80);
    assert_int_equal(EVP_PKEY_get_bits(key), 2048);
    BIGNUM *e = NULL;
    assert_true(EVP_PKEY_get_bn_param(key, "e", &e));
    assert_true(BN_is_word(e, 65537));
    BN_free(e);
}

static void assert_authority(const X509_NAME *name, const char *unit)
{
    assert_int_equal(X509_NAME_entry_count(name), 4);
    assert_entry(name, 0, NID_countryName, V_ASN1_PRINTABLESTRING, "JP");
    assert_entry(name, 1, NID_organizationName, V_ASN1_UTF8STRING, "JPKI-FAKE");
    assert_entry(name, 2, NID_organizationalUnitName, V_ASN1_UTF8STRING, unit);
    assert_entry(name, 3, NID_organizationalUnitName, V_ASN1_UTF8STRING, NULL);
}

static void authorities(void **state)
{
    static const struct extension expected[] = {{NID_key_usage, 1},
                                                {NID_subject_alt_name, 0},
                                                {NID_basic_constraints, 1},
                                                {NID_crl_distribution_points, 0},
                                                {NID_subject_key_identifier, 0}};
    static const char *const files[][2] = {{"auth-ca.der", "JPKI for user authentication"},
                                           {"sign-ca.der", "JPKI for digital signature"}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        X509 *cert = load(files[i][0]);
        assert_common(cert);
        assert_authority(X509_get_subject_name(cert), files[i][1]);
        assert_authority(X509_get_issuer_name(cert), files[i][1]);
        assert_extensions(cert, expected, 5);
        assert_int_equal(X509_get_key_usage(cert), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
        assert_int_equal(X509_verify(cert, X509_get0_pubkey(cert)), 1);
        assert_in_range(i2d_X509(cert, NULL), 1300, 1320);
        X509_free(cert);
    }
}

static void holder_auth(void **state)
{
    static const struct extension expected[] = {{NID_key_usage, 1},
                                                {NID_ext_key_usage, 0},
                                                {NID_certificate_policies, 0},
                                                {NID_issuer_alt_name, 0},
                                                {NID_crl_distribution_points, 0},
                                                {NID_authority_key_identifier, 0},
                                                {NID_subject_key_identifier, 0},
                                                {NID_info_access, 0}};
    X509 *cert = load("auth.der"), *ca = load("auth-ca.der");

    (void)state;
    assert_common(cert);
    assert_authority(X509_get_issuer_name(cert), "JPKI for user authentication");
    const X509_NAME *subject = X509_get_subject_name(cert);
    assert_int_equal(X509_NAME_entry_count(subject), 2);
    assert_entry(subject, 0, NID_countryName, V_ASN1_PRINTABLESTRING, "JP");
    assert_entry(subject, 1, NID_commonName, V_ASN1_UTF8STRING, NULL);
    const ASN1_STRING *cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, 1));
    assert_int_equal(ASN1_STRING_length(cn), 23);
    assert_string_equal((const char *)ASN1_STRING_get0_data(cn) + 14, "99201003A");
    assert_extensions(cert, expected, 8);
    assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(cert), XKU_SSL_CLIENT);
    assert_int_equal(X509_verify(cert, X509_get0_pubkey(ca)), 1);
    assert_int_equal(X509_check_issued(ca, cert), X509_V_OK);
    assert_in_range(i2d_X509(cert, NULL), 1480, 1560);
    X509_free(cert);
    X509_free(ca);
}

static void holder_sign(void **state)
{
    static const struct extension expected[] = {{NID_key_usage, 1},
                                                {NID_certificate_policies, 1},
                                                {NID_subject_alt_name, 0},
                                                {NID_issuer_alt_name, 0},
                                                {NID_crl_distribution_points, 0},
                                                {NID_authority_key_identifier, 0},
                                                {NID_subject_key_identifier, 0},
                                                {NID_info_access, 0}};
    X509 *cert = load("sign.der"), *ca = load("sign-ca.der");

    (void)state;
    assert_common(cert);
    const X509_NAME *subject = X509_get_subject_name(cert);
    assert_int_equal(X509_NAME_entry_count(subject), 3);
    assert_entry(subject, 0, NID_countryName, V_ASN1_PRINTABLESTRING, "JP");
    assert_entry(subject, 1, NID_localityName, V_ASN1_UTF8STRING, "Shiken-shi");
    assert_entry(subject, 2, NID_commonName, V_ASN1_UTF8STRING, NULL);
    assert_extensions(cert, expected, 8);
    assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
    assert_int_equal(X509_verify(cert, X509_get0_pubkey(ca)), 1);
    assert_in_range(i2d_X509(cert, NULL), 1500, 1800);
    X509_free(cert);
    X509_free(ca);
}

static void other_names(void **state)
{
    static const char *const expected[][2] = {
        {"1.2.392.200149.8.5.5.1", "架空　太郎"},
        {"1.2.392.200149.8.5.5.4", "319850401"}, /* Showa */
        {"1.2.392.200149.8.5.5.3", "1"},
        {"1.2.392.200149.8.5.5.5", "架空県試験市見本町一丁目２番３号"},
        {"1.2.392.200149.8.5.5.2", "00000"},
        {"1.2.392.200149.8.5.5.6", "0000000000000000"}};
    X509 *cert = load("sign.der");
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

    (void)state;
    assert_non_null(names);
    assert_int_equal(sk_GENERAL_NAME_num(names), 6);
    for (int i = 0; i < 6; i++) {
        ASN1_OBJECT *type;
        ASN1_TYPE *value;
        char oid[64];
        assert_true(GENERAL_NAME_get0_otherName(sk_GENERAL_NAME_value(names, i), &type, &value));
        OBJ_obj2txt(oid, sizeof oid, type, 1);
        assert_string_equal(oid, expected[i][0]);
        assert_int_equal(value->type, V_ASN1_UTF8STRING);
        assert_int_equal(value->value.utf8string->length, strlen(expected[i][1]));
        assert_memory_equal(value->value.utf8string->data, expected[i][1], strlen(expected[i][1]));
    }
    GENERAL_NAMES_free(names);
    X509_free(cert);
}

/* The same directoryName in the holder's issuerAltName and in its authority's subjectAltName. */
static void japanese_names(void **state)
{
    static const char *const kinds[][2] = {{"auth.der", "auth-ca.der"},
                                           {"sign.der", "sign-ca.der"}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        X509 *cert = load(kinds[i][0]), *ca = load(kinds[i][1]);
        GENERAL_NAMES *of_issuer = X509_get_ext_d2i(cert, NID_issuer_alt_name, NULL, NULL);
        GENERAL_NAMES *of_ca = X509_get_ext_d2i(ca, NID_subject_alt_name, NULL, NULL);
        assert_int_equal(sk_GENERAL_NAME_num(of_issuer), 1);
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(of_issuer, 0);
        assert_int_equal(name->type, GEN_DIRNAME);
        assert_int_equal(X509_NAME_entry_count(name->d.directoryName), 4);
        assert_entry(name->d.directoryName, 0, NID_countryName, V_ASN1_PRINTABLESTRING, "JP");
        assert_entry(name->d.directoryName, 1, NID_organizationName, V_ASN1_UTF8STRING,
                     "架空個人認証サービス");
        assert_int_equal(
            GENERAL_NAME_cmp(sk_GENERAL_NAME_value(of_issuer, 0), sk_GENERAL_NAME_value(of_ca, 0)),
            0);
        GENERAL_NAMES_free(of_issuer);
        GENERAL_NAMES_free(of_ca);
        X509_free(cert);
        X509_free(ca);
    }
}

static void key_identifiers(void **state)
{
    X509 *cert = load("auth.der"), *ca = load("auth-ca.der");
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(ca);

    (void)state;
    assert_int_equal(ASN1_STRING_length(ski), 20);
    assert_int_equal(ASN1_OCTET_STRING_cmp(ski, X509_get0_authority_key_id(cert)), 0);
    assert_non_null(X509_get0_authority_issuer(cert));
    assert_int_equal(ASN1_INTEGER_cmp(X509_get0_authority_serial(cert), X509_get0_serialNumber(ca)),
                     0);
    X509_free(cert);
    X509_free(ca);
}

static void last_second(void **state)
{
    static const char *const files[] = {"auth.der", "sign.der", "auth-ca.der", "sign-ca.der"};

    (void)state;
    for (int i = 0; i < 4; i++) {
        X509 *cert = load(files[i]);
        struct tm tm;
        assert_true(ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm));
        assert_int_equal(tm.tm_hour * 10000 + tm.tm_min * 100 + tm.tm_sec, 145959);
        if (i < 2) /* the default birthday */
            assert_int_equal((tm.tm_mon + 1) * 100 + tm.tm_mday, 401);
        assert_int_equal(X509_cmp_current_time(X509_get0_notAfter(cert)), 1);
        assert_int_equal(X509_cmp_current_time(X509_get0_notBefore(cert)), -1);
        X509_free(cert);
    }
}

static void assert_date(struct date date, int year, int month, int day)
{
    assert_int_equal(date.year, year);
    assert_int_equal(date.month, month);
    assert_int_equal(date.day, day);
}

static void birthdays(void **state)
{
    struct date birth = {1985, 4, 1}, leap = {1984, 2, 29};

    (void)state;
    assert_date(date_birthday_after((struct date){2026, 3, 31}, birth, 5), 2030, 4, 1);
    assert_date(date_birthday_after((struct date){2026, 4, 1}, birth, 5), 2031, 4, 1);
    assert_date(date_birthday_after((struct date){2026, 12, 31}, birth, 5), 2031, 4, 1);
    assert_date(date_birthday_after((struct date){2026, 1, 1}, leap, 5), 2030, 2, 28);
    assert_int_equal(date_last_second((struct date){1970, 1, 1}), 86399 - 9 * 3600);
}

static void eras_and_days(void **state)
{
    static const struct {
        const char *day;
        int era;
    } days[] = {{"19120729", 1}, {"19120730", 2}, {"19261224", 2}, {"19261225", 3},
                {"19890107", 3}, {"19890108", 4}, {"20190430", 4}, {"20190501", 5}};
    static const char *const bad[] = {"",         "2026",     "20260229", "20261301", "20260431",
                                      "00010101", "99999999", "2026-4-1", "202604011"};
    struct date date;

    (void)state;
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        assert_true(date_parse(days[i].day, &date));
        assert_int_equal(date_era(date), days[i].era);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(date_parse(bad[i], &date));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(authorities),    cmocka_unit_test(holder_auth),
        cmocka_unit_test(holder_sign),    cmocka_unit_test(other_names),
        cmocka_unit_test(japanese_names), cmocka_unit_test(key_identifiers),
        cmocka_unit_test(last_second),    cmocka_unit_test(birthdays),
        cmocka_unit_test(eras_and_days),
    };

    return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

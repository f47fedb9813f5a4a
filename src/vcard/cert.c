/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/cert.h"

#include <stdio.h>

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "vcard/names.h"
#include "vcard/store.h"

/* Policies need a section of their own; nothing about the person goes through this language. */
static const char sections[] = "[auth]\n"
                               "policyIdentifier = 1.2.392.200149.8.5.1.3.30\n"
                               "[sign]\n"
                               "policyIdentifier = 1.2.392.200149.8.5.1.1.20\n"
                               "CPS.1 = http://cps.example.jp/\n";

struct text_extension {
    int nid;
    const char *value;
};

static const struct profile {
    struct text_extension usage[3]; /* what comes before the names */
    const char *ocsp;
} profiles[PIN_COUNT] = {
    {{{NID_key_usage, "critical,digitalSignature"},
      {NID_ext_key_usage, "clientAuth"},
      {NID_certificate_policies, "@auth"}},
     "OCSP;URI:http://ocsp.example.jp"},
    {{{NID_key_usage, "critical,digitalSignature,nonRepudiation"},
      {NID_certificate_policies, "critical,@sign"},
      {0, NULL}},
     "OCSP;URI:http://ocsp.example.jp"},
};

static bool add_text(X509 *cert, X509V3_CTX *ctx, CONF *conf, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(conf, ctx, nid, value);
    bool ok = extension && X509_add_ext(cert, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return ok;
}

/* Adds a value that may be NULL, which is a failure. */
static bool add_value(X509 *cert, int nid, void *value)
{
    return value && X509_add1_ext_i2d(cert, nid, value, 0, X509V3_ADD_APPEND) == 1;
}

static bool add_names(X509 *cert, int nid, GENERAL_NAMES *names)
{
    bool ok = add_value(cert, nid, names);

    GENERAL_NAMES_free(names);
    return ok;
}

static bool add_points(X509 *cert, CRL_DIST_POINTS *points)
{
    bool ok = add_value(cert, NID_crl_distribution_points, points);

    CRL_DIST_POINTS_free(points);
    return ok;
}

/* Takes SUBJECT over; it may be NULL, which is a failure. */
static X509 *start(X509_NAME *subject, X509_NAME *issuer, EVP_PKEY *key, uint32_t serial,
                   struct cert_times times)
{
    X509 *cert = X509_new();

    if (cert && subject && issuer && X509_set_version(cert, X509_VERSION_3) &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial) &&
        X509_set_subject_name(cert, subject) && X509_set_issuer_name(cert, issuer) &&
        X509_set_pubkey(cert, key) && ASN1_TIME_set(X509_getm_notBefore(cert), times.from) &&
        ASN1_TIME_set(X509_getm_notAfter(cert), times.to)) {
        X509_NAME_free(subject);
        return cert;
    }
    X509_NAME_free(subject);
    X509_free(cert);
    return NULL;
}

static X509 *make_ca(EVP_PKEY *key, enum pin which, uint32_t serial, struct cert_times times)
{
    X509_NAME *name = names_authority(which);
    X509 *cert = start(name, name, key, serial, times);
    X509V3_CTX ctx;

    if (!cert)
        return NULL;
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    if (add_text(cert, &ctx, NULL, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_names(cert, NID_subject_alt_name, names_authority_japanese(which)) &&
        add_text(cert, &ctx, NULL, NID_basic_constraints, "critical,CA:TRUE") &&
        add_points(cert, names_crl_authority(which)) &&
        add_text(cert, &ctx, NULL, NID_subject_key_identifier, "hash") &&
        X509_sign(cert, key, EVP_sha256()))
        return cert;
    X509_free(cert);
    return NULL;
}

static bool add_usage(X509 *cert, X509V3_CTX *ctx, CONF *conf, const struct profile *profile)
{
    for (size_t i = 0; i < 3 && profile->usage[i].value; i++)
        if (!add_text(cert, ctx, conf, profile->usage[i].nid, profile->usage[i].value))
            return false;
    return true;
}

static X509 *make_holder(const struct cert_pair *pair, enum pin which, const struct person *person,
                         uint32_t serial, struct cert_times times, CONF *conf)
{
    X509 *cert = start(names_holder(which, person), X509_get_subject_name(pair->ca), pair->key,
                       serial, times);
    X509V3_CTX ctx;

    if (!cert)
        return NULL;
    X509V3_set_ctx(&ctx, pair->ca, cert, NULL, NULL, 0);
    X509V3_set_nconf(&ctx, conf);
    if (add_usage(cert, &ctx, conf, &profiles[which]) &&
        (which != PIN_SIGN || add_names(cert, NID_subject_alt_name, person_names(person))) &&
        add_names(cert, NID_issuer_alt_name, names_authority_japanese(which)) &&
        add_points(cert, names_crl_holder(which, person)) &&
        add_text(cert, &ctx, conf, NID_authority_key_identifier, "keyid,issuer:always") &&
        add_text(cert, &ctx, conf, NID_subject_key_identifier, "hash") &&
        add_text(cert, &ctx, conf, NID_info_access, profiles[which].ocsp) &&
        X509_sign(cert, pair->ca_key, EVP_sha256()))
        return cert;
    X509_free(cert);
    return NULL;
}

static CONF *load_sections(void)
{
    BIO *bio = BIO_new_mem_buf(sections, -1);
    CONF *conf = NCONF_new(NULL);

    if (!bio || !conf || NCONF_load_bio(conf, bio, NULL) != 1) {
        NCONF_free(conf);
        conf = NULL;
    }
    BIO_free(bio);
    return conf;
}

bool cert_make(struct cert_pair *pair, enum pin which, const struct person *person, uint32_t serial,
               struct cert_times ca, struct cert_times holder, struct problem *why)
{
    CONF *conf = load_sections();

    pair->holder = NULL;
    pair->ca = make_ca(pair->ca_key, which, serial, ca);
    if (conf && pair->ca)
        pair->holder = make_holder(pair, which, person, serial + 1, holder, conf);
    NCONF_free(conf);
    if (pair->holder)
        return true;
    X509_free(pair->ca);
    pair->ca = NULL;
    return text_problem(why, "OpenSSL cannot make a certificate: %s",
                        ERR_reason_error_string(ERR_peek_error()));
}

static bool save_bio(BIO *bio, const char *dir, const char *name, const char *suffix,
                     struct problem *why)
{
    char file[32];
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);

    snprintf(file, sizeof file, "%s.%s", name, suffix);
    return store_write(dir, file, 0644, data, (size_t)len, why);
}

bool cert_save(X509 *cert, const char *dir, const char *name, struct problem *why)
{
    BIO *der = BIO_new(BIO_s_mem());
    BIO *pem = BIO_new(BIO_s_mem());
    bool ok = der && pem && i2d_X509_bio(der, cert) == 1 && PEM_write_bio_X509(pem, cert) == 1;

    if (!ok)
        text_problem(why, "OpenSSL cannot write a certificate");
    ok = ok && save_bio(der, dir, name, "der", why) && save_bio(pem, dir, name, "pem", why);
    BIO_free(der);
    BIO_free(pem);
    return ok;
}

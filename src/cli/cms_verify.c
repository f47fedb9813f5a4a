/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h> /* before cms.h, which only then declares its own PEM functions */
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>

struct cms_trust {
    X509_STORE *store;
};

struct cms_trust *cms_trust_new(void)
{
    struct cms_trust *trust = calloc(1, sizeof(*trust));
    if (trust != NULL)
        trust->store = X509_STORE_new();
    if (trust != NULL && trust->store == NULL) {
        free(trust);
        trust = NULL;
    }
    if (trust == NULL)
        cli_complain(_("no memory is left"));
    return trust;
}

void cms_trust_free(struct cms_trust *trust)
{
    if (trust != NULL)
        X509_STORE_free(trust->store);
    free(trust);
}

bool cms_trust_add(struct cms_trust *trust, struct bytes der)
{
    const unsigned char *at = der.data;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);
    bool ok = x != NULL && X509_STORE_add_cert(trust->store, x) == 1;
    X509_free(x);
    return ok;
}

bool cms_trust_add_file(struct cms_trust *trust, const char *path)
{
    BIO *in = BIO_new_file(path, "r");
    unsigned count = 0;
    X509 *x;
    if (in == NULL) {
        cli_complain("%s: %s", path, strerror(errno));
        return false;
    }
    while ((x = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        count += X509_STORE_add_cert(trust->store, x) == 1 ? 1 : 0;
        X509_free(x);
    }
    ERR_clear_error(); /* the end of the file is one */
    BIO_free(in);
    if (count == 0)
        cli_complain(_("%s holds no certificate in PEM"), path);
    return count > 0;
}

/* ---- the signature ---- */

static CMS_ContentInfo *read_signature(const char *path)
{
    BIO *in = BIO_new_file(path, "rb");
    if (in == NULL) {
        cli_complain("%s: %s", path, strerror(errno));
        return NULL;
    }
    CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);
    if (cms == NULL && BIO_reset(in) == 0)
        cms = PEM_read_bio_CMS(in, NULL, NULL, NULL);
    BIO_free(in);
    ERR_clear_error();
    if (cms == NULL || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed) {
        cli_complain(_("%s is no CMS signature, neither DER nor PEM"), path);
        CMS_ContentInfo_free(cms);
        return NULL;
    }
    return cms;
}

static void name_text(const X509_NAME *name, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    out[0] = '\0';
    if (bio == NULL)
        return;
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    long len = BIO_get_mem_data(bio, &text);
    snprintf(out, size, "%.*s", (int)len, text);
    BIO_free(bio);
}

static time_t to_time(const ASN1_TIME *time)
{
    struct tm tm;
    return time != NULL && ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : -1;
}

static time_t claimed_time(const CMS_SignerInfo *signer)
{
    const X509_ATTRIBUTE *attribute =
        CMS_signed_get_attr(signer, CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, -1));
    ASN1_TYPE *value = attribute != NULL
                           ? X509_ATTRIBUTE_get0_type((X509_ATTRIBUTE *)(uintptr_t)attribute, 0)
                           : NULL;
    if (value == NULL || (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME))
        return -1;
    return to_time((const ASN1_TIME *)value->value.asn1_string);
}

static void describe(CMS_ContentInfo *cms, struct cms_signer *out)
{
    CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
    X509 *x = NULL;
    struct tm tm;
    CMS_SignerInfo_get0_algs(signer, NULL, &x, NULL, NULL);
    out->time = claimed_time(signer);
    if (x == NULL)
        return;
    name_text(X509_get_subject_name(x), out->subject, sizeof(out->subject));
    name_text(X509_get_issuer_name(x), out->issuer, sizeof(out->issuer));
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *text = number != NULL ? BN_bn2hex(number) : NULL;
    snprintf(out->serial, sizeof(out->serial), "%s", text != NULL ? text : "");
    OPENSSL_free(text);
    BN_free(number);
    if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
        strftime(out->until, sizeof(out->until), "%Y-%m-%d", &tm);
}

/* Everything but the signer's certificate, which has its turn afterwards. */
static bool fits(CMS_ContentInfo *cms, BIO *content)
{
    return CMS_verify(cms, NULL, NULL, content, NULL, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1;
}

static bool leads_to(CMS_ContentInfo *cms, const struct cms_trust *trust, char *why, size_t size)
{
    STACK_OF(X509) *all = CMS_get1_certs(cms);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *x = NULL;
    CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0), NULL, &x, NULL,
                             NULL);
    bool ok = ctx != NULL && x != NULL && X509_STORE_CTX_init(ctx, trust->store, x, all) == 1;
    if (ok) {
        X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_ANY);
        ok = X509_verify_cert(ctx) == 1;
        if (!ok)
            snprintf(why, size, "%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_pop_free(all, X509_free);
    return ok;
}

enum cms_verdict cms_verify(const char *content, const char *signature,
                            const struct cms_trust *trust, struct cms_signer *signer)
{
    enum cms_verdict verdict = CMS_UNREADABLE;
    *signer = (struct cms_signer){.time = -1};
    CMS_ContentInfo *cms = read_signature(signature);
    BIO *in = cms != NULL ? BIO_new_file(content, "rb") : NULL;
    if (cms != NULL && in == NULL)
        cli_complain("%s: %s", content, strerror(errno));
    if (in != NULL && sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms)) != 1)
        cli_complain(_("%s holds not one signature, but none or several"), signature);
    else if (in != NULL && !fits(cms, in))
        verdict = CMS_WRONG;
    else if (in != NULL)
        verdict = leads_to(cms, trust, signer->why, sizeof(signer->why)) ? CMS_GOOD : CMS_UNTRUSTED;
    if (verdict != CMS_UNREADABLE)
        describe(cms, signer);
    ERR_clear_error();
    BIO_free(in);
    CMS_ContentInfo_free(cms);
    return verdict;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cms_parts.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>

/* ---- who ---- */

void cms_name_text(const X509_NAME *name, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    out[0] = '\0';
    if (bio == NULL)
        return;
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    long len = BIO_get_mem_data(bio, &text);
    snprintf(out, size, "%.*s", (int)len, text);
    if (len >= (long)size) /* it must not look whole */
        memcpy(out + size - sizeof("..."), "...", sizeof("..."));
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
    CMS_SignerInfo *signer = cms_signer_info(cms);
    X509 *x = NULL;
    struct tm tm;
    CMS_SignerInfo_get0_algs(signer, NULL, &x, NULL, NULL);
    out->time = claimed_time(signer);
    if (x == NULL)
        return;
    out->unnamed = !cms_names_certificate(cms);
    cms_describe_holder(x, &out->holder);
    cms_name_text(X509_get_subject_name(x), out->subject, sizeof(out->subject));
    cms_name_text(X509_get_issuer_name(x), out->issuer, sizeof(out->issuer));
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *text = number != NULL ? BN_bn2hex(number) : NULL;
    snprintf(out->serial, sizeof(out->serial), "%s", text != NULL ? text : "");
    OPENSSL_free(text);
    BN_free(number);
    if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
        strftime(out->until, sizeof(out->until), "%Y-%m-%d", &tm);
    out->time_is_outside = out->time != -1 && (out->time < to_time(X509_get0_notBefore(x)) ||
                                               out->time > to_time(X509_get0_notAfter(x)));
}

/* ---- what it is of ---- */

/* The number that the system gave with the error, which OpenSSL has kept; later calls have spoiled
 * errno. */
static int system_error(void)
{
    unsigned long error;
    while ((error = ERR_get_error()) != 0)
        if (ERR_SYSTEM_ERROR(error))
            return ERR_GET_REASON(error);
    return EIO;
}

/* Everything but the signer's certificate, which has its turn afterwards: CMS_GOOD or CMS_WRONG.
 * CMS_UNREADABLE when the content could not be read to its end, after a complaint. */
static enum cms_verdict fits(CMS_ContentInfo *cms, const char *path)
{
    FILE *file = fopen(path, "rb");
    BIO *in = file != NULL ? BIO_new_fp(file, BIO_NOCLOSE) : NULL;
    enum cms_verdict verdict = CMS_UNREADABLE;
    ERR_clear_error();
    if (file == NULL)
        cli_complain("%s: %s", path, strerror(errno));
    else if (in == NULL)
        cli_complain(_("no memory is left"));
    else if (CMS_verify(cms, NULL, NULL, in, NULL, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1)
        verdict = CMS_GOOD;
    else
        verdict = CMS_WRONG;
    if (in != NULL && ferror(file)) {
        cli_complain("%s: %s", path, strerror(system_error()));
        verdict = CMS_UNREADABLE;
    }
    ERR_clear_error();
    BIO_free(in);
    if (file != NULL)
        fclose(file);
    return verdict;
}

enum cms_verdict cms_verify(const char *content, const char *signature,
                            const struct cms_trust *trust, struct cms_signer *signer)
{
    enum cms_verdict verdict = CMS_UNREADABLE;
    *signer = (struct cms_signer){.time = -1};
    CMS_ContentInfo *cms = cms_read(signature);
    if (cms != NULL && cms_has_form(cms, signature)) {
        if (cms_is_strong(cms, signer->why, sizeof(signer->why)))
            verdict = fits(cms, content);
        else
            verdict = CMS_WEAK;
    }
    if (verdict == CMS_GOOD && !cms_is_by_its_certificate(cms))
        verdict = CMS_SWAPPED;
    if (verdict == CMS_GOOD) {
        verdict = cms_judge(cms, trust, signer);
        describe(cms, signer);
    }
    ERR_clear_error();
    CMS_ContentInfo_free(cms);
    return verdict;
}

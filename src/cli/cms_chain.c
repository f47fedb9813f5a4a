/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cms_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

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

/* Nothing that is read here is a secret: a file that pretends to be encrypted must not make the
 * holder type one. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
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
    while ((x = PEM_read_bio_X509(in, NULL, no_password, NULL)) != NULL) {
        count += X509_STORE_add_cert(trust->store, x) == 1 ? 1 : 0;
        X509_free(x);
    }
    ERR_clear_error(); /* the end of the file is one */
    BIO_free(in);
    if (count == 0)
        cli_complain(_("%s holds no certificate in PEM"), path);
    return count > 0;
}

/* ---- the way up to a CA that was given ---- */

/* RFC 5280, section 6.1: an authority may demand that those below have a policy. Which, is no
 * matter here; OpenSSL does not take that for granted. */
static bool any_policy(X509_VERIFY_PARAM *param)
{
    return X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy)) == 1 &&
           X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_POLICY_CHECK) == 1;
}

/* 112 bits: RSA from 2048 bits on, and no SHA-1. What the environment's OpenSSL takes for enough is
 * no matter. */
#define SECURITY_LEVEL 2

static void describe_anchor(X509_STORE_CTX *ctx, struct cms_signer *out)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    const X509 *anchor = sk_X509_value(chain, sk_X509_num(chain) - 1);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (anchor == NULL || X509_digest(anchor, EVP_sha256(), hash, &len) != 1)
        return;
    cms_name_text(X509_get_subject_name(anchor), out->anchor, sizeof(out->anchor));
    for (unsigned i = 0; i < len; i++)
        snprintf(out->fingerprint + 3 * (size_t)i, sizeof(out->fingerprint) - 3 * (size_t)i,
                 "%02X%s", hash[i], i + 1 < len ? ":" : "");
}

/* Goes up from X, FLAGS being OpenSSL's: X509_V_OK, or what is wrong. */
static int climb(CMS_ContentInfo *cms, const struct cms_trust *trust, X509 *x, unsigned long flags,
                 struct cms_signer *out)
{
    int error = X509_V_ERR_UNSPECIFIED;
    STACK_OF(X509) *all = CMS_get1_certs(cms);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (ctx != NULL && X509_STORE_CTX_init(ctx, trust->store, x, all) == 1 &&
        any_policy(X509_STORE_CTX_get0_param(ctx))) {
        X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx), SECURITY_LEVEL);
        X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_ANY);
        X509_STORE_CTX_set_flags(ctx, flags);
        bool ok = X509_verify_cert(ctx) == 1;
        error = ok ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
        out->of_authority = X509_STORE_CTX_get_error_depth(ctx) > 0;
        if (ok)
            describe_anchor(ctx, out);
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_pop_free(all, X509_free);
    return error;
}

static enum cms_verdict verdict_of(int error)
{
    switch (error) {
    case X509_V_OK:
        return CMS_GOOD;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return CMS_WEAK;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return CMS_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return CMS_NOT_YET;
    default:
        return CMS_UNTRUSTED;
    }
}

/* ---- what the certificate is for ---- */

/* RFC 9336: signing documents. */
#define OID_DOCUMENT_SIGNING "1.3.6.1.5.5.7.3.36"

static bool names_document_signing(const X509 *x)
{
    EXTENDED_KEY_USAGE *uses = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
    ASN1_OBJECT *wanted = OBJ_txt2obj(OID_DOCUMENT_SIGNING, 1);
    bool found = false;
    for (int i = 0; wanted != NULL && i < sk_ASN1_OBJECT_num(uses); i++)
        found = found || OBJ_cmp(sk_ASN1_OBJECT_value(uses, i), wanted) == 0;
    ASN1_OBJECT_free(wanted);
    EXTENDED_KEY_USAGE_free(uses);
    return found;
}

/* RFC 5280, section 4.2.1.12: a certificate with both is only for what both of them allow. */
static uint32_t allowed_by_extended(X509 *x)
{
    uint32_t uses = X509_get_extended_key_usage(x); /* all, when there is no such extension */
    if ((uses & (XKU_SMIME | XKU_ANYEKU)) != 0 || names_document_signing(x))
        return KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION;
    return (uses & XKU_SSL_CLIENT) != 0 ? KU_DIGITAL_SIGNATURE : 0;
}

/* For logging in or for signing, and no CA's. One that does not say what it is for is for neither.
 */
static bool is_for_signing(X509 *x, bool *only_login)
{
    uint32_t flags = X509_get_extension_flags(x);
    bool says = (flags & EXFLAG_KUSAGE) != 0 && (flags & EXFLAG_INVALID) == 0;
    uint32_t usage = says ? X509_get_key_usage(x) & allowed_by_extended(x) : 0;
    *only_login = (usage & KU_NON_REPUDIATION) == 0;
    return (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0 && X509_check_ca(x) == 0;
}

enum cms_verdict cms_judge(CMS_ContentInfo *cms, const struct cms_trust *trust,
                           struct cms_signer *out)
{
    X509 *x = NULL;
    CMS_SignerInfo_get0_algs(cms_signer_info(cms), NULL, &x, NULL, NULL);
    if (x == NULL)
        return CMS_UNTRUSTED;
    int error = climb(cms, trust, x, 0, out);
    enum cms_verdict verdict = verdict_of(error);
    if (verdict == CMS_EXPIRED || verdict == CMS_NOT_YET) {
        /* OpenSSL stops at the first thing that is wrong: is the time the only one? */
        bool of_authority = out->of_authority;
        int other = climb(cms, trust, x, X509_V_FLAG_NO_CHECK_TIME, out);
        error = other != X509_V_OK ? other : error;
        verdict = verdict_of(error);
        out->of_authority = of_authority;
    }
    if (verdict == CMS_WEAK || verdict == CMS_UNTRUSTED)
        snprintf(out->why, sizeof(out->why), "%s", X509_verify_cert_error_string(error));
    else if (!is_for_signing(x, &out->only_login))
        verdict = CMS_UNFIT;
    return verdict;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cms_parts.h"

#include <openssl/err.h>
#include <openssl/ess.h>
#include <openssl/rsa.h>

CMS_SignerInfo *cms_signer_info(CMS_ContentInfo *cms)
{
    return sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
}

/* ---- form ---- */

/* The value of a signed attribute that is there once, with one value; otherwise NULL. */
static void *only_attribute(const CMS_SignerInfo *signer, int nid, int type)
{
    return CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(nid), -3, type);
}

static bool has(const CMS_SignerInfo *signer, int nid)
{
    return CMS_signed_get_attr_by_NID(signer, nid, -1) >= 0;
}

/* Of two, one program would look at the first and another at the last. */
static bool at_most_once(const CMS_SignerInfo *signer, int nid, int type)
{
    return !has(signer, nid) || only_attribute(signer, nid, type) != NULL;
}

/* Without signed attributes the signature would be of the content itself - and then the attributes
 * of an honest signature, taken out and handed over as a file, would pass as a file that was
 * signed. */
static bool has_attributes(const CMS_SignerInfo *signer, const char *path)
{
    if (CMS_signed_get_attr_count(signer) <= 0) {
        cli_complain(_("%s has no signed attributes: what it is a signature of cannot be told"),
                     path);
        return false;
    }
    const ASN1_OBJECT *type = only_attribute(signer, NID_pkcs9_contentType, V_ASN1_OBJECT);
    bool ok = type != NULL && OBJ_obj2nid(type) == NID_pkcs7_data &&
              only_attribute(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING) != NULL &&
              at_most_once(signer, NID_id_smime_aa_signingCertificate, V_ASN1_SEQUENCE) &&
              at_most_once(signer, NID_id_smime_aa_signingCertificateV2, V_ASN1_SEQUENCE) &&
              (at_most_once(signer, NID_pkcs9_signingTime, V_ASN1_UTCTIME) ||
               at_most_once(signer, NID_pkcs9_signingTime, V_ASN1_GENERALIZEDTIME));
    if (!ok)
        cli_complain(_("%s does not say clearly what it is a signature of: its signed attributes "
                       "are not as they should be"),
                     path);
    return ok;
}

bool cms_has_form(CMS_ContentInfo *cms, const char *path)
{
    if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data) {
        cli_complain(_("%s is not a signature of a file, but of something else"), path);
        return false;
    }
    if (CMS_is_detached(cms) != 1) {
        cli_complain(_("%s has what was signed inside: only a signature that is a file of its own "
                       "is checked here"),
                     path);
        return false;
    }
    if (sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms)) != 1) {
        cli_complain(_("%s holds not one signature, but none or several"), path);
        return false;
    }
    return has_attributes(cms_signer_info(cms), path);
}

/* ---- which certificate it is by ---- */

bool cms_names_certificate(CMS_ContentInfo *cms)
{
    const CMS_SignerInfo *signer = cms_signer_info(cms);
    return has(signer, NID_id_smime_aa_signingCertificate) ||
           has(signer, NID_id_smime_aa_signingCertificateV2);
}

/* The content of a SEQUENCE that is there, as OpenSSL's d2i functions want it; NULL for none. */
static const unsigned char *sequence(const CMS_SignerInfo *signer, int nid, long *len)
{
    const ASN1_STRING *value = only_attribute(signer, nid, V_ASN1_SEQUENCE);
    *len = value != NULL ? ASN1_STRING_length(value) : 0;
    return value != NULL ? ASN1_STRING_get0_data(value) : NULL;
}

/* The signer's certificate first, then the others that come along: certificates that are named
 * after the first must be among them. */
static STACK_OF(X509) * signer_and_others(X509 *x, const STACK_OF(X509) * all)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool ok = chain != NULL && sk_X509_push(chain, x) > 0;
    for (int i = 0; ok && i < sk_X509_num(all); i++)
        if (X509_cmp(x, sk_X509_value(all, i)) != 0)
            ok = sk_X509_push(chain, sk_X509_value(all, i)) > 0;
    if (!ok) {
        sk_X509_free(chain);
        chain = NULL;
    }
    return chain;
}

bool cms_is_by_its_certificate(CMS_ContentInfo *cms)
{
    const CMS_SignerInfo *signer = cms_signer_info(cms);
    X509 *x = NULL;
    long len, len_v2;
    const unsigned char *at = sequence(signer, NID_id_smime_aa_signingCertificate, &len);
    const unsigned char *at_v2 = sequence(signer, NID_id_smime_aa_signingCertificateV2, &len_v2);
    CMS_SignerInfo_get0_algs((CMS_SignerInfo *)(uintptr_t)signer, NULL, &x, NULL, NULL);
    if (x == NULL)
        return false;
    STACK_OF(X509) *all = CMS_get1_certs(cms);
    STACK_OF(X509) *chain = signer_and_others(x, all);
    ESS_SIGNING_CERT *old = at != NULL ? d2i_ESS_SIGNING_CERT(NULL, &at, len) : NULL;
    ESS_SIGNING_CERT_V2 *v2 = at_v2 != NULL ? d2i_ESS_SIGNING_CERT_V2(NULL, &at_v2, len_v2) : NULL;
    bool ok = chain != NULL && (at == NULL || old != NULL) && (at_v2 == NULL || v2 != NULL) &&
              OSSL_ESS_check_signing_certs(old, v2, chain, 0) > 0;
    ESS_SIGNING_CERT_free(old);
    ESS_SIGNING_CERT_V2_free(v2);
    sk_X509_free(chain);
    sk_X509_pop_free(all, X509_free);
    ERR_clear_error();
    return ok;
}

/* ---- methods ---- */

static int nid_of(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object;
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    return OBJ_obj2nid(object);
}

static bool is_strong_hash(int nid)
{
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

/* RFC 4055, section 3.1: what is left out is SHA-1. */
static bool is_strong_pss(const X509_ALGOR *method)
{
    int type;
    const void *value;
    X509_ALGOR_get0(NULL, &type, &value, method);
    RSA_PSS_PARAMS *pss =
        type == V_ASN1_SEQUENCE ? ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS)) : NULL;
    X509_ALGOR *mask = NULL;
    if (pss != NULL && pss->maskGenAlgorithm != NULL) {
        X509_ALGOR_get0(NULL, &type, &value, pss->maskGenAlgorithm);
        if (type == V_ASN1_SEQUENCE)
            mask = ASN1_item_unpack(value, ASN1_ITEM_rptr(X509_ALGOR));
    }
    bool ok = mask != NULL && pss->hashAlgorithm != NULL &&
              is_strong_hash(nid_of(pss->hashAlgorithm)) && is_strong_hash(nid_of(mask));
    X509_ALGOR_free(mask);
    RSA_PSS_PARAMS_free(pss);
    return ok;
}

/* OpenSSL takes the hash from elsewhere and never looks at the one that the method's name has. */
static bool is_strong_method(const X509_ALGOR *method, int hash)
{
    int own_hash, key;
    switch (nid_of(method)) {
    case NID_rsaEncryption:
        return true;
    case NID_rsassaPss:
        return is_strong_pss(method);
    default:
        return OBJ_find_sigid_algs(nid_of(method), &own_hash, &key) == 1 && own_hash == hash &&
               (key == NID_rsaEncryption || key == NID_X9_62_id_ecPublicKey);
    }
}

bool cms_is_strong(CMS_ContentInfo *cms, char *why, size_t size)
{
    X509_ALGOR *hash, *method;
    const ASN1_OBJECT *object;
    CMS_SignerInfo_get0_algs(cms_signer_info(cms), NULL, NULL, &hash, &method);
    bool strong_hash = is_strong_hash(nid_of(hash));
    if (strong_hash && is_strong_method(method, nid_of(hash)))
        return true;
    X509_ALGOR_get0(&object, NULL, NULL, strong_hash ? method : hash);
    OBJ_obj2txt(why, (int)size, object, 0);
    return false;
}

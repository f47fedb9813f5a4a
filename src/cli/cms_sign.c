/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cms.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>

struct cms {
    CMS_ContentInfo *info;
    CMS_SignerInfo *signer; /* in info */
    struct buffer to_sign;
};

/* SET OF Attribute, in the order of DER (RFC 5652, sections 5.3 and 5.4). */
ASN1_ITEM_TEMPLATE(ATTRIBUTES) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_ORDER, 0, ATTRIBUTES,
                                                       X509_ATTRIBUTE)
    static_ASN1_ITEM_TEMPLATE_END(ATTRIBUTES)

        static bool complain(void)
{
    char text[160];
    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    cli_complain(_("OpenSSL cannot make the signature: %s"), text);
    return false;
}

static X509 *certificate(const struct x509 *x)
{
    const unsigned char *der = x->der.data;
    return d2i_X509(NULL, &der, (long)x->der.len);
}

/* The attributes that OpenSSL adds only when it signs by itself (RFC 5652, section 11). */
static bool add_attributes(CMS_SignerInfo *signer, const uint8_t hash[INFILE_HASH], time_t now)
{
    ASN1_TIME *time = X509_time_adj(NULL, 0, &now); /* UTCTime until 2049, as section 11.3 has it */
    bool ok =
        time != NULL &&
        CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_contentType, V_ASN1_OBJECT,
                                    OBJ_nid2obj(NID_pkcs7_data), -1) == 1 &&
        CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, time->type, time, -1) == 1 &&
        CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, hash,
                                    INFILE_HASH) == 1;
    ASN1_TIME_free(time);
    return ok;
}

/* The attributes as a SET OF, in the order of DER: what is signed (section 5.4). */
static bool encode_attributes(const CMS_SignerInfo *signer, struct buffer *out)
{
    STACK_OF(X509_ATTRIBUTE) *all = sk_X509_ATTRIBUTE_new_null();
    unsigned char *der = NULL;
    bool ok = all != NULL;
    for (int i = 0; ok && i < CMS_signed_get_attr_count(signer); i++)
        ok = sk_X509_ATTRIBUTE_push(all, CMS_signed_get_attr(signer, i)) > 0;
    int len = ok ? ASN1_item_i2d((const ASN1_VALUE *)all, &der, ASN1_ITEM_rptr(ATTRIBUTES)) : -1;
    ok = len > 0 && buffer_set(out, bytes_of(der, (size_t)len));
    OPENSSL_free(der);
    sk_X509_ATTRIBUTE_free(all);
    return ok;
}

static bool build(struct cms *cms, const uint8_t hash[INFILE_HASH], X509 *signer, X509 *ca,
                  time_t now)
{
    const unsigned flags = CMS_BINARY | CMS_DETACHED | CMS_PARTIAL | CMS_NOSMIMECAP | CMS_CADES;
    cms->info = CMS_sign(NULL, NULL, NULL, NULL, flags);
    if (cms->info == NULL)
        return false;
    EVP_PKEY *public_key = X509_get0_pubkey(signer);
    cms->signer = CMS_add1_signer(cms->info, signer, public_key, EVP_sha256(), flags);
    return cms->signer != NULL && (ca == NULL || CMS_add1_cert(cms->info, ca) == 1) &&
           add_attributes(cms->signer, hash, now) && encode_attributes(cms->signer, &cms->to_sign);
}

struct cms *cms_new(const uint8_t hash[INFILE_HASH], const struct x509 *signer,
                    const struct x509 *ca, time_t now)
{
    struct cms *cms = calloc(1, sizeof(*cms));
    X509 *own = certificate(signer);
    X509 *issuer = ca != NULL ? certificate(ca) : NULL;
    bool ok = cms != NULL && own != NULL && (ca == NULL || issuer != NULL) &&
              build(cms, hash, own, issuer, now);
    if (!ok) {
        complain();
        cms_free(cms);
        cms = NULL;
    }
    X509_free(own);
    X509_free(issuer);
    return cms;
}

void cms_free(struct cms *cms)
{
    if (cms == NULL)
        return;
    CMS_ContentInfo_free(cms->info);
    buffer_clear(&cms->to_sign);
    free(cms);
}

struct bytes cms_to_sign(const struct cms *cms)
{
    return buffer_view(&cms->to_sign);
}

bool cms_finish(struct cms *cms, struct bytes signature, struct buffer *der)
{
    unsigned char *out = NULL;
    ASN1_OCTET_STRING *place = CMS_SignerInfo_get0_signature(cms->signer);
    if (ASN1_STRING_set(place, signature.data, (int)signature.len) != 1)
        return complain();
    int len = i2d_CMS_ContentInfo(cms->info, &out);
    bool ok = len > 0 && buffer_set(der, bytes_of(out, (size_t)len));
    OPENSSL_free(out);
    return ok || complain();
}

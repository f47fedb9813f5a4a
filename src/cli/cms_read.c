/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cms_parts.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>

/* Bytes. An honest one has some thousands, and with lists of revoked certificates some millions. */
#define SIGNATURE_MAX (16L << 20)

/* All of IN. False when it cannot be read to its end (ferror) or is too large. */
static bool read_whole(FILE *in, BUF_MEM *whole)
{
    size_t len = 0, n;
    do {
        if (BUF_MEM_grow(whole, len + BUFSIZ) == 0)
            return false;
        n = fread(whole->data + len, 1, BUFSIZ, in);
        len += n;
    } while (n > 0 && len <= SIGNATURE_MAX);
    whole->length = len;
    return !ferror(in) && len <= SIGNATURE_MAX;
}

/* The content of the file, to be freed; NULL after a complaint. */
static BUF_MEM *load(const char *path)
{
    BUF_MEM *whole = BUF_MEM_new();
    FILE *in = fopen(path, "rbe");
    bool ok = in != NULL && whole != NULL && read_whole(in, whole);
    if (in == NULL || ferror(in))
        cli_complain("%s: %s", path, strerror(errno));
    else if (!ok)
        cli_complain(_("%s is too large for a signature"), path);
    if (in != NULL)
        fclose(in);
    if (!ok) {
        BUF_MEM_free(whole);
        whole = NULL;
    }
    return whole;
}

/* One structure; *MORE when something follows, and then it is none. What follows was signed by
 * nobody, and another program might take it for the signature. */
static CMS_ContentInfo *parse(const void *der, size_t len, bool *more)
{
    const unsigned char *at = der;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)len);
    if (cms != NULL && at != (const unsigned char *)der + len) {
        *more = true;
        CMS_ContentInfo_free(cms);
        cms = NULL;
    }
    return cms;
}

static bool blanks_are_left(BIO *in)
{
    char c;
    while (BIO_read(in, &c, 1) == 1)
        if (c == '\0' || strchr(" \t\r\n", c) == NULL)
            return false;
    return true;
}

/* RFC 7468, sections 8 and 9: the label is CMS, or PKCS7 by older programs. Words may stand before.
 */
static CMS_ContentInfo *parse_pem(const void *text, size_t size, bool *more)
{
    BIO *in = BIO_new_mem_buf(text, (int)size);
    CMS_ContentInfo *cms = NULL;
    char *label = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    if (in != NULL && PEM_read_bio(in, &label, &header, &der, &len) == 1 && header[0] == '\0' &&
        (strcmp(label, "CMS") == 0 || strcmp(label, "PKCS7") == 0)) {
        *more = !blanks_are_left(in);
        cms = *more ? NULL : parse(der, (size_t)len, more);
    }
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(in);
    return cms;
}

CMS_ContentInfo *cms_read(const char *path)
{
    bool more = false;
    BUF_MEM *whole = load(path);
    if (whole == NULL)
        return NULL;
    CMS_ContentInfo *cms = parse(whole->data, whole->length, &more);
    if (cms == NULL && !more)
        cms = parse_pem(whole->data, whole->length, &more);
    BUF_MEM_free(whole);
    ERR_clear_error();
    if (cms != NULL && OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed)
        return cms;
    if (more)
        cli_complain(_("%s goes on after the signature; what follows was signed by nobody"), path);
    else
        cli_complain(_("%s is no CMS signature, neither DER nor PEM"), path);
    CMS_ContentInfo_free(cms);
    return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Detached signatures as CMS (RFC 5652) with the attributes of CAdES-BES (ETSI EN 319 122-1), by
 * OpenSSL.
 *
 * The key is on the card, and OpenSSL need not know: it builds the structure around the holder's
 * public key, and what is to be signed - the attributes, RFC 5652, section 5.4 - is handed to the
 * card by us. That takes no provider, no engine and no deprecated interface.
 */
#ifndef JPKI_CLI_CMS_H
#define JPKI_CLI_CMS_H

#include <stdbool.h>
#include <time.h>

#include "cli/infile.h"
#include "crypto/x509.h"

struct cms; /* a signature that is being made */

/* For content with this hash, by the holder of SIGNER, CA's certificate going along (may be NULL),
 * made at NOW. NULL, after a complaint, when OpenSSL cannot. cms_free() accepts NULL. */
struct cms *cms_new(const uint8_t hash[INFILE_HASH], const struct x509 *signer,
                    const struct x509 *ca, time_t now);
void cms_free(struct cms *cms);

/* What the card is to sign, by SHA-256 and PKCS#1 v1.5. Owned by CMS. */
struct bytes cms_to_sign(const struct cms *cms);

/* Puts the SIGNATURE in and gives the whole as DER, which belongs to the caller. False after a
 * complaint. */
bool cms_finish(struct cms *cms, struct bytes signature, struct buffer *der);

/* ---- checking ---- */

enum cms_verdict {
    CMS_GOOD,
    CMS_UNREADABLE, /* no such signature */
    CMS_WRONG,      /* not of this content, or changed */
    CMS_UNTRUSTED /* of this content, but the signer's certificate leads to no CA that was given */
};

struct cms_signer {
    char subject[512]; /* as OpenSSL writes names in one line, UTF-8 */
    char issuer[512];
    char serial[64]; /* hexadecimal */
    char until[11];  /* YYYY-MM-DD */
    time_t time;     /* that the signer claims, -1 for none */
    char why[256];   /* CMS_UNTRUSTED: what OpenSSL says */
};

struct cms_trust; /* the CAs that are believed */

struct cms_trust *cms_trust_new(void);
void cms_trust_free(struct cms_trust *trust);
bool cms_trust_add(struct cms_trust *trust, struct bytes der);
/* All certificates in a file of PEM. False after a complaint. */
bool cms_trust_add_file(struct cms_trust *trust, const char *path);

/* Whether the file at SIGNATURE (DER or PEM) is a signature of the file at CONTENT, which is read
 * piece by piece. Complains about files that cannot be read (CMS_UNREADABLE). */
enum cms_verdict cms_verify(const char *content, const char *signature,
                            const struct cms_trust *trust, struct cms_signer *signer);

#endif

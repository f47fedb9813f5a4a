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
    CMS_UNREADABLE, /* a file cannot be read, or is no signature of the kind that is checked here */
    CMS_WRONG,      /* not of this content, or changed */
    CMS_SWAPPED,    /* of this content, but by another certificate than the one in it */
    CMS_WEAK,       /* by a method that can be forged, whatever else may be right */
    CMS_UNTRUSTED, /* of this content, but the signer's certificate leads to no CA that was given */
    CMS_EXPIRED,   /* of this content and certified, but a certificate has ended, */
    CMS_NOT_YET,   /* or has not begun */
    CMS_UNFIT      /* of this content, but the certificate is not one for signing */
};

#define CMS_NAME_MAX 1024 /* bytes: an address has up to 200 characters */

/* What a certificate of the signature key says of its holder, UTF-8; "" for what it does not. */
struct cms_holder {
    char name[CMS_NAME_MAX];
    bool substitutes; /* characters of the name stand for rarer ones, which computers lack */
    char address[CMS_NAME_MAX];
    char birth[CMS_NAME_MAX]; /* YYYY-MM-DD where it has that form */
    char sex;                 /* '1' male, '2' female, others for not said; '\0' */
};

struct cms_signer {
    struct cms_holder holder;
    char subject[512]; /* as OpenSSL writes names in one line, UTF-8 */
    char issuer[512];
    char serial[64];      /* hexadecimal */
    char until[11];       /* YYYY-MM-DD */
    time_t time;          /* that the signer claims, -1 for none */
    bool time_is_outside; /* of the time for which the certificate is made */
    bool only_login;      /* the key is for authentication: nothing that binds the holder */
    bool unnamed;         /* the signature does not say which certificate it is by: no CAdES */
    bool of_authority;    /* CMS_EXPIRED, CMS_NOT_YET: not the signer's certificate but a CA's */
    char anchor[512];     /* the CA that was given and vouches, "" when none does */
    char fingerprint[96]; /* of its certificate, by SHA-256, "AB:CD:..." */
    char why[256];        /* CMS_WEAK, CMS_UNTRUSTED: the method, or what OpenSSL says */
};

struct cms_trust; /* the CAs that are believed */

/* None yet. NULL after a complaint; cms_trust_free() accepts NULL. */
struct cms_trust *cms_trust_new(void);
void cms_trust_free(struct cms_trust *trust);

/* A certificate as it is on a card. False, without a complaint, when it is none. */
bool cms_trust_add(struct cms_trust *trust, struct bytes der);

/* All certificates in a file of PEM. False after a complaint. */
bool cms_trust_add_file(struct cms_trust *trust, const char *path);

/* Whether the file at SIGNATURE (DER or PEM) is a signature of the file at CONTENT, which is read
 * piece by piece. Complains about what is CMS_UNREADABLE. *SIGNER is filled in for verdicts that
 * say the signature is of this content, and only then. */
enum cms_verdict cms_verify(const char *content, const char *signature,
                            const struct cms_trust *trust, struct cms_signer *signer);

#endif

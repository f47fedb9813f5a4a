/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Checking a signature has four parts: reading it (cms_read.c), its form (cms_form.c), whether it
 * is of the content (cms_verify.c), and what its signer's certificate is worth (cms_chain.c). What
 * they share.
 */
#ifndef JPKI_CLI_CMS_PARTS_H
#define JPKI_CLI_CMS_PARTS_H

#include <openssl/pem.h> /* before cms.h, which only then declares its own PEM functions */
#include <openssl/cms.h>
#include <openssl/x509.h>

#include "cli/cms.h"

/* The signature in the file at PATH, DER or PEM, and nothing else in it; for the caller to free.
 * NULL after a complaint. */
CMS_ContentInfo *cms_read(const char *path);

/* Whether this is a signature of the kind that is checked here: one signer, the content elsewhere,
 * and signed attributes that say what it is of. Complains otherwise, with PATH. */
bool cms_has_form(CMS_ContentInfo *cms, const char *path);

/* Whether its signed attributes say which certificate it is by (RFC 5035), as CAdES-BES wants it.
 */
bool cms_names_certificate(CMS_ContentInfo *cms);

/* Whether it is by that certificate, or does not say; to be asked after CMS_verify(), which looks
 * for the signer's. The signature itself fits any certificate with the same key. */
bool cms_is_by_its_certificate(CMS_ContentInfo *cms);

/* Whether hash and method of the one signature are among those that nobody can forge. Otherwise
 * WHY is the name of the one that is not. */
bool cms_is_strong(CMS_ContentInfo *cms, char *why, size_t size);

/* What the certificate of the one signer is worth; to be asked after CMS_verify(), which looks for
 * it. CMS_GOOD, CMS_WEAK, CMS_UNTRUSTED, CMS_EXPIRED, CMS_NOT_YET or CMS_UNFIT. */
enum cms_verdict cms_judge(CMS_ContentInfo *cms, const struct cms_trust *trust,
                           struct cms_signer *out);

/* The first signer, who is the only one after cms_has_form(), or NULL; owned by CMS. */
CMS_SignerInfo *cms_signer_info(CMS_ContentInfo *cms);

/* Fills OUT with what X says of its holder. cms_holder.c */
void cms_describe_holder(const X509 *x, struct cms_holder *out);

/* NAME in one line, UTF-8; SIZE bytes at most, "..." at its end when it is cut off. */
void cms_name_text(const X509_NAME *name, char *out, size_t size);

#endif

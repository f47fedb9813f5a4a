/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What crypto/ keeps of OpenSSL between calls: nothing, and that is on purpose.
 *
 * The host may be OpenSSL itself, with a configuration that loads this very module: so nothing
 * here may touch the default context, read a configuration file, or leave anything in the thread's
 * error queue. A library context of our own is not enough for that. In OpenSSL 3, decoding any
 * ASN.1 object identifier, making any RSA key and starting any EVP digest, in whatever context,
 * reads openssl.cnf for the whole process first (OBJ_obj2nid() and the engine tables do), and a
 * provider named there may load this module anew, under our locks. So only what lies below all
 * this is used: the SHA functions and big numbers, which have no context; DER is read by asn1.c.
 * tests/unit/test_rsa.c watches that no configuration is read.
 */
#ifndef JPKI_CRYPTO_CTX_H
#define JPKI_CRYPTO_CTX_H

/*
 * At C_Finalize, also from an exit handler that runs after OpenSSL has cleaned up: gives back what
 * crypto/ has. No other thread may be inside crypto/ at that time.
 */
void crypto_end(void);

/* For a forked child: forgets what crypto/ has without touching it. */
void crypto_abandon(void);

#endif

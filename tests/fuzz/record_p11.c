/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Scenarios of fuzz_p11; also a usage history, certificates and a public key, for the targets that
 * read these. usage: record_p11 FOLDER
 */
#include "fuzz_p11.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/x509.h"
#include "record.h"
#include "vcard/store.h"

/* No faults of memory; one of the settings in p11_world.c. */
#define SCENARIO(name, settings, ...) static const uint8_t name[] = {0, settings, __VA_ARGS__}

enum { NO_HISTORY, HISTORY, NO_ISOLATION, NO_CONSENT, DIGESTS };

/* Of calls: a session and a slot have the same number here, 0 authentication, 1 signature. */
#define OPEN(slot) P11_SLOTS, 1, 4, P11_TOKEN_INFO, slot, P11_OPEN, slot, slot, 0
#define LOGIN(slot, pin) P11_LOGIN, slot, 0, pin
#define CONSENT(slot, pin) P11_LOGIN, slot, 1, pin
#define FIND(slot) P11_FIND_INIT, slot, 0, P11_FIND, slot, 8, P11_FIND_FINAL, slot
#define SIGN_INIT(slot, mechanism) P11_SIGN_INIT, slot, mechanism, 0, 0
#define SIGN_INIT_PSS(slot, mechanism) P11_SIGN_INIT, slot, mechanism, 0x40, 0
#define SIGN(slot) P11_SIGN, slot, 32, 0xF2 /* 32 bytes; room for 256 */
#define CLOSE(slot) P11_LOGOUT, slot, P11_CLOSE, slot

/* Places in the table of attributes, and rooms of 2048, 256 and 8 bytes. */
enum { CLASS = 0, ID = 4, VALUE = 5, SUBJECT = 6, MODULUS = 18, KEY_INFO = 27 };
#define CERTIFICATE(slot, object)                                                                  \
    P11_ATTRIBUTES, slot, object, 3, 0xF5, VALUE, 0xF2, SUBJECT, 8, CLASS

SCENARIO(list, NO_HISTORY, P11_SLOTS, 1, 7, P11_SLOTS, 1, 4, P11_SLOT_INFO, 0, P11_SLOT_INFO, 1,
         P11_TOKEN_INFO, 0, P11_TOKEN_INFO, 1, P11_MECHANISMS, 0, 30, P11_MECHANISM_INFO, 0, 2,
         P11_WAIT);
SCENARIO(read_auth, NO_HISTORY, OPEN(0), FIND(0), CERTIFICATE(0, 0), CERTIFICATE(0, 1),
         CERTIFICATE(0, 2), P11_ATTRIBUTES, 0, 0, 2, 0xF2, MODULUS, 0xF3, KEY_INFO,
         P11_SESSION_INFO, 0, P11_CLOSE, 0);
SCENARIO(read_sign, NO_HISTORY, OPEN(1), FIND(1), LOGIN(1, P11_PIN_SIGN), FIND(1),
         CERTIFICATE(1, 1), CERTIFICATE(1, 2), CERTIFICATE(1, 3), CLOSE(1));
SCENARIO(sign_auth, HISTORY, OPEN(0), LOGIN(0, P11_PIN_AUTH), FIND(0), SIGN_INIT(0, P11_RSA_PKCS),
         SIGN(0), SIGN_INIT(0, P11_SHA256_RSA_PKCS), P11_SIGN_UPDATE, 0, 100, P11_SIGN_UPDATE, 0, 7,
         P11_SIGN_FINAL, 0, 0xF2, CLOSE(0));
SCENARIO(sign_pss, DIGESTS, OPEN(0), LOGIN(0, P11_PIN_AUTH), FIND(0),
         SIGN_INIT_PSS(0, P11_RSA_PKCS_PSS), SIGN(0), SIGN_INIT_PSS(0, P11_SHA256_RSA_PKCS_PSS),
         SIGN(0), CLOSE(0));
SCENARIO(sign_sign, HISTORY, OPEN(1), LOGIN(1, P11_PIN_SIGN), FIND(1), CERTIFICATE(1, 2),
         SIGN_INIT(1, P11_SHA256_RSA_PKCS), CONSENT(1, P11_PIN_SIGN), SIGN(1),
         SIGN_INIT(1, P11_RSA_PKCS), SIGN(1), CLOSE(1));
SCENARIO(no_isolation, NO_ISOLATION, OPEN(0), LOGIN(0, P11_PIN_AUTH), FIND(0),
         SIGN_INIT(0, P11_RSA_PKCS), SIGN(0), P11_OTHER, 0, SIGN_INIT(0, P11_RSA_PKCS), SIGN(0),
         P11_LOGOUT, 0, LOGIN(0, P11_PIN_AUTH), P11_CARD, 4, 0, SIGN_INIT(0, P11_RSA_PKCS), SIGN(0),
         CLOSE(0));
SCENARIO(wrong, HISTORY, OPEN(0), LOGIN(0, P11_PIN_AUTH_WRONG), LOGIN(0, P11_PIN_AUTH_WRONG),
         LOGIN(0, 4), P11_TOKEN_INFO, 0, LOGIN(0, 7), LOGIN(0, P11_PIN_AUTH), OPEN(1),
         LOGIN(1, P11_PIN_SIGN_WRONG), LOGIN(1, 5), CLOSE(1));
SCENARIO(wrong_over_restart, NO_CONSENT, OPEN(0), LOGIN(0, P11_PIN_AUTH_WRONG), P11_RESTART, 0,
         OPEN(0), LOGIN(0, P11_PIN_AUTH_WRONG), LOGIN(0, P11_PIN_AUTH), CLOSE(0));
SCENARIO(change, HISTORY, OPEN(0), P11_SET_PIN, 0, P11_PIN_AUTH, 4, LOGIN(0, 4), P11_SET_PIN, 0, 4,
         P11_PIN_AUTH, FIND(0), SIGN_INIT(0, P11_RSA_PKCS), SIGN(0), CLOSE(0));
SCENARIO(change_wrong, NO_HISTORY, OPEN(1), P11_SET_PIN, 1, P11_PIN_SIGN_WRONG, P11_PIN_SIGN,
         P11_SET_PIN, 1, P11_PIN_SIGN, 2, P11_SET_PIN, 1, P11_PIN_SIGN, P11_PIN_SIGN_WRONG,
         CLOSE(1));
SCENARIO(swap, NO_HISTORY, OPEN(0), LOGIN(0, P11_PIN_AUTH), FIND(0), P11_CARD, 2, 0, P11_WAIT,
         P11_SESSION_INFO, 0, P11_CARD, 3, 0, P11_WAIT, OPEN(0), LOGIN(0, P11_PIN_AUTH), P11_CARD,
         1, 0, SIGN_INIT(0, P11_RSA_PKCS), P11_CARD, 1, 1, OPEN(0), P11_CARD, 0, 0, P11_SLOTS, 1,
         4);
SCENARIO(lost_answer, NO_HISTORY, OPEN(0), P11_FAULT, 4, 7, LOGIN(0, P11_PIN_AUTH), P11_TOKEN_INFO,
         0, LOGIN(0, P11_PIN_AUTH), P11_FAULT, 5, 5, FIND(0), SIGN_INIT(0, P11_RSA_PKCS), SIGN(0),
         CLOSE(0));
SCENARIO(pad, NO_HISTORY, P11_CARD, 6, 0, OPEN(0), P11_LOGIN, 0, 0, 0xFF, 0, FIND(0),
         SIGN_INIT(0, P11_RSA_PKCS), P11_CARD, 6, 0, P11_LOGIN, 0, 1, 0xFF, 0, SIGN(0), CLOSE(0));
SCENARIO(digests, NO_HISTORY, OPEN(0), P11_DIGEST, 0, 0, 1, 32, P11_DIGEST, 0, 1, 10, 32,
         P11_DIGEST, 0, 0, 3, 64, P11_DIGEST, 0, 2, 100, 0, P11_DIGEST, 0, 3, 0, 64, P11_CANCEL, 0,
         3);

#define ROW(name)                                                                                  \
    {                                                                                              \
#name, name, sizeof(name)                                                                  \
    }

static const struct record_scenario scenarios[] = {
    ROW(list),         ROW(read_auth), ROW(read_sign), ROW(sign_pss),           ROW(sign_sign),
    ROW(no_isolation), ROW(wrong),     ROW(change),    ROW(wrong_over_restart), ROW(change_wrong),
    ROW(swap),         ROW(pad),       ROW(digests),   ROW(lost_answer),        ROW(sign_auth)};

/* What the last scenario with HISTORY has left: whole, torn, and with texts for a line to come. */
static void record_history(const char *folder)
{
    char state[300];
    size_t len;
    struct problem why;
    snprintf(state, sizeof(state), "%s/jpki-pkcs11", fuzz_folder());
    uint8_t *text = store_read(state, "history.jsonl", &len, &why);
    fuzz_must(text != NULL);
    record_write(folder, "history", "whole", "\0\0", 2, text, len);
    record_write(folder, "history", "torn", "\1\0", 2, text, len - 20);
    record_write(folder, "history", "texts",
                 "\0\x0B"
                 "auth|x|y\"\t|",
                 13, text, len);
    free(text);
}

static void record_certificates(const char *folder)
{
    static const char *const names[] = {"auth.der", "auth-ca.der", "sign.der", "sign-ca.der"};
    struct problem why;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct x509 x = {0};
        char key[32];
        size_t len;
        uint8_t *der = store_read(FUZZ_CARD, names[i], &len, &why);
        fuzz_must(der != NULL && x509_parse(bytes_of(der, len), &x) == ERR_OK);
        record_write(folder, "der", names[i], "", 0, der, len);
        snprintf(key, sizeof(key), "key-%s", names[i]);
        record_write(folder, "der", key, "", 0, x.spki.data, x.spki.len);
        x509_clear(&x);
        free(der);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    record_all(argv[1], "p11", scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
    record_history(argv[1]);
    record_certificates(argv[1]);
    return 0;
}

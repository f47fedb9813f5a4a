/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The card itself: a My Number Card with the JPKI application, seen from its contacts. No socket
 * and no clock: a test or a fuzzer drives it by vcard_command().
 *
 * There is no published specification of the commands. The behaviour follows ISO/IEC 7816-4 and
 * what public programs have measured on cards; where nobody has reported anything, the choice made
 * here is a guess and the comment at the place says so.
 */
#ifndef JPKI_VCARD_VCARD_H
#define JPKI_VCARD_VCARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "vcard/apdu.h"
#include "vcard/settings.h"
#include "vcard/state.h"
#include "vcard/text.h"

#define VCARD_FILE_MAX 8192                     /* bytes of the largest EF */
#define VCARD_RESPONSE_MAX (VCARD_FILE_MAX + 2) /* bytes of the longest response */

/* What an EF holds; index of the contents. */
enum content {
    CONTENT_AUTH_CERT,
    CONTENT_AUTH_CA,
    CONTENT_SIGN_CERT,
    CONTENT_SIGN_CA,
    CONTENT_INFO,
    CONTENT_PRESENT,
    CONTENT_COUNT
};

struct content_bytes {
    uint8_t *data; /* owned */
    size_t len;    /* allocated on the card: filler included */
};

struct ef;
struct app;

struct vcard {
    struct settings settings;
    struct state state;
    char *dir;                /* where state is kept */
    EVP_PKEY *key[PIN_COUNT]; /* NULL: no such key on this card */
    struct content_bytes content[CONTENT_COUNT];

    bool powered;
    bool first_pending;    /* the next command is the first after power-up */
    const struct app *app; /* selected; NULL without power */
    const struct ef *ef;   /* current EF; NULL: none */
    bool verified[PIN_COUNT];
    uint64_t busy_us; /* time that the last command takes on the real thing */
};

/* The data field of a response under construction. */
struct reply {
    uint8_t *data;
    size_t len;
};

/* Appends to a reply; false when it does not fit, and nothing is appended. */
bool vcard_reply_add(struct reply *reply, const void *data, size_t len);

/* The card in folder DIR, without power. OVERRIDE (NULL is allowed) may change its settings before
 * they take effect. NULL on failure: WHY says what is wrong. vcard_free() accepts NULL. */
struct vcard *vcard_open(const char *dir,
                         bool (*override)(struct settings *, void *, struct problem *),
                         void *context, struct problem *why);
void vcard_free(struct vcard *card);

/* Sets up EF 0006 and EF 0008 again after a change of the settings. False without memory. */
bool vcard_refresh(struct vcard *card);

/* Power on is a cold reset: no PIN verified, the issuer security domain selected. Power off forgets
 * every PIN. A (warm) reset keeps the verified PINs unless the settings say otherwise: so it was
 * measured on one card. */
void vcard_power_on(struct vcard *card);
void vcard_power_off(struct vcard *card);
void vcard_reset(struct vcard *card);

/* Answers COMMAND (0 to any number of bytes) with 2 to VCARD_RESPONSE_MAX bytes in RESPONSE;
 * returns their number. BUSY_US of the card then says how long the card would have taken. */
size_t vcard_command(struct vcard *card, const uint8_t *command, size_t len, uint8_t *response);

#endif

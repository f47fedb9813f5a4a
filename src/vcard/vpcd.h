/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The connection to vpcd, the virtual reader in pcscd (project vsmartcard). Either way a message is
 * a length of two bytes, big-endian, and as many bytes. A message of one byte to the card is no
 * command: see enum vpcd_control.
 */
#ifndef JPKI_VCARD_VPCD_H
#define JPKI_VCARD_VPCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcard/text.h"

enum vpcd_control {
    VPCD_POWER_OFF = 0,
    VPCD_POWER_ON = 1,
    VPCD_RESET = 2,
    VPCD_GET_ATR = 4 /* the only one that is answered */
};

struct vpcd {
    int fd; /* -1: not connected */
    uint8_t *buffer;
    size_t have; /* bytes of the message that is coming in, length included */
};

/* False without memory. vpcd_free() accepts a struct of zeros. */
bool vpcd_init(struct vpcd *vpcd);
void vpcd_free(struct vpcd *vpcd);

/* One attempt of at most a second. */
bool vpcd_connect(struct vpcd *vpcd, const char *host, const char *port, struct problem *why);
void vpcd_close(struct vpcd *vpcd);

enum vpcd_result { VPCD_MESSAGE, VPCD_INCOMPLETE, VPCD_CLOSED };

/* Takes what has arrived, to be called when the descriptor is readable. A MESSAGE of LEN bytes is
 * valid until the next call. */
enum vpcd_result vpcd_receive(struct vpcd *vpcd, const uint8_t **message, size_t *len);

/* Sends a message of at most 65535 bytes; false when the connection is gone. */
bool vpcd_send(struct vpcd *vpcd, const uint8_t *message, size_t len);

#endif

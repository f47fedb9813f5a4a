/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Command APDUs taken apart (ISO/IEC 7816-3, 12.1: cases 1 to 4, short and extended).
 */
#ifndef JPKI_VCARD_APDU_H
#define JPKI_VCARD_APDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apdu {
    uint8_t cla, ins, p1, p2;
    const uint8_t *data; /* a view into the command; NULL without data */
    size_t lc;           /* bytes of data */
    bool has_le;
    size_t le; /* 1 to 256, extended to 65536; 0 without Le */
    bool extended;
};

/* False when the LEN bytes are none of the cases exactly. APDU then holds at most the header,
 * which is zero when there are not even four bytes. */
bool apdu_parse(const uint8_t *command, size_t len, struct apdu *apdu);

#endif

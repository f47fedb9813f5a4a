/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The numbers of sections are those of PC/SC part 10.
 */
#include "reader/pad.h"

#define INS_VERIFY 0x20
#define HEADER 5 /* bytes of the command before the PIN: class, instruction, P1, P2, Lc */

/* 2.5.2, bTimeOut and bTimeOut2: how long the reader waits for a PIN, and for the rest of it after
 * its first digit, in seconds. It is what OpenSC asks for, so readers know it, and less than the 90
 * that the CCID driver waits for a reader. 0 would be the reader's own time, which nobody knows. */

/* 2.5.2, bmFormatString: places are counted in bytes (80), the PIN begins at the first byte behind
 * Lc (bits 6 to 3 are 0), at the left (bit 2 is 0), each digit is its character in ASCII (02). */
#define FORMAT (0x80 | 0x02)

/* 2.5.2, bEntryValidationCondition: the PIN is sent when the holder confirms it. Not when the last
 * digit is typed (01), since then a slip could not be corrected, and costs a try; and some readers
 * refuse all other conditions. */
#define WHEN_CONFIRMED 0x02

/* 2.5.2, bNumberMessage, wLangId and bMsgIndex: one message, the first ("enter your PIN"), in
 * American English: what GnuPG asks for, of readers with a display and without. Which readers
 * could show Japanese, and what the others would then do, is not known. */
#define MESSAGES 1
#define LANGUAGE 0x0409
#define MESSAGE 0

/* Numbers are in the order of the machine's own bytes: pcsc-lite and its drivers read them as such,
 * where the text of the specification knows only one order, that of a PC. */
static void host16(struct writer *w, uint16_t value)
{
    writer_bytes(w, bytes_of(&value, sizeof(value)));
}

static void host32(struct writer *w, uint32_t value)
{
    writer_bytes(w, bytes_of(&value, sizeof(value)));
}

/*
 * The specification has more than one form for a PIN without padding; this is the only one used
 * here: a block as long as the PIN, whose place is already there in the command. So Lc is right
 * whether or not the reader computes it anew, and so is the length that the driver announces to
 * readers that want T=1 blocks. GnuPG asks so for PINs of a fixed length. (In the other form there
 * is no block, and the reader appends the PIN to a header and mends Lc; the CCID driver has to
 * treat some readers specially then.)
 */
size_t pad_build_verify(struct bytes command, unsigned digits, uint8_t *out)
{
    struct writer w;
    if (digits == 0 || digits > PAD_DIGITS_MAX || command.len != HEADER + digits ||
        command.data[1] != INS_VERIFY || command.data[4] != digits)
        return 0;
    writer_init(&w, out, PAD_VERIFY_MAX);
    writer_u8(&w, PAD_SECONDS);     /* bTimeOut */
    writer_u8(&w, PAD_SECONDS);     /* bTimeOut2, from the first key on */
    writer_u8(&w, FORMAT);          /* bmFormatString */
    writer_u8(&w, (uint8_t)digits); /* bmPINBlockString: no length (bits 7 to 4), block's size */
    writer_u8(&w, 0);               /* bmPINLengthFormat: there is no length to be placed */
    host16(&w, (uint16_t)(digits << 8 | digits)); /* wPINMaxExtraDigit: at least, at most */
    writer_u8(&w, WHEN_CONFIRMED);                /* bEntryValidationCondition */
    writer_u8(&w, MESSAGES);                      /* bNumberMessage */
    host16(&w, LANGUAGE);                         /* wLangId */
    writer_u8(&w, MESSAGE);                       /* bMsgIndex */
    writer_u8(&w, 0); /* bTeoPrologue, 3 bytes of the T=1 block: the driver's business */
    host16(&w, 0);
    host32(&w, (uint32_t)command.len); /* ulDataLength */
    writer_bytes(&w, command);         /* abData */
    return writer_result(&w).len;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A reader that takes extended APDUs, and says so (PC/SC part 10, dwMaxAPDUDataSize): a library for
 * LD_PRELOAD, in front of any program that speaks PC/SC through libpcsclite. The reader behind it
 * must take them indeed; vpcd does, but does not say it.
 *
 * With $LONG_BREAKS set, the reader has promised too much: a command for more than 256 bytes never
 * reaches the card, and comes to nothing. Each adds a line to the file that $LONG_BREAKS names.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <winscard.h>
#include <reader.h>

#define PROPERTIES_CODE SCARD_CTL_CODE(0x330012) /* as the CCID driver has it */
#define PUBLIC __attribute__((visibility("default")))

typedef LONG control(SCARDHANDLE, DWORD, LPCVOID, DWORD, LPVOID, DWORD, LPDWORD);
typedef LONG transmit(SCARDHANDLE, const SCARD_IO_REQUEST *, LPCBYTE, DWORD, SCARD_IO_REQUEST *,
                      LPBYTE, LPDWORD);

/* The function of libpcsclite that is hidden by the one of the same name here. */
static void *behind(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    if (symbol == NULL)
        abort();
    return symbol;
}

static LONG answer(const void *bytes, size_t len, void *out, DWORD room, DWORD *returned)
{
    if (len > room)
        return SCARD_E_INSUFFICIENT_BUFFER;
    memcpy(out, bytes, len);
    *returned = (DWORD)len;
    return SCARD_S_SUCCESS;
}

PUBLIC LONG SCardControl(SCARDHANDLE card, DWORD code, LPCVOID in, DWORD in_len, LPVOID out,
                         DWORD room, LPDWORD returned)
{
    static const unsigned char features[] = {FEATURE_GET_TLV_PROPERTIES,
                                             4,
                                             (unsigned char)(PROPERTIES_CODE >> 24),
                                             (unsigned char)(PROPERTIES_CODE >> 16),
                                             (unsigned char)(PROPERTIES_CODE >> 8 & 0xFF),
                                             (unsigned char)(PROPERTIES_CODE & 0xFF)};
    static const unsigned char properties[] = {
        PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize, 4, 0x00, 0x00, 0x01, 0x00};
    if (code == CM_IOCTL_GET_FEATURE_REQUEST)
        return answer(features, sizeof(features), out, room, returned);
    if (code == PROPERTIES_CODE)
        return answer(properties, sizeof(properties), out, room, returned);
    union {
        void *symbol;
        control *call;
    } next = {behind("SCardControl")};
    return next.call(card, code, in, in_len, out, room, returned);
}

static bool breaks(const unsigned char *command, DWORD len)
{
    const char *name = getenv("LONG_BREAKS");
    if (name == NULL || len != 7 || command[4] != 0x00)
        return false;
    FILE *log = fopen(name, "a");
    if (log == NULL)
        abort();
    fprintf(log, "broken\n");
    fclose(log);
    return true;
}

PUBLIC LONG SCardTransmit(SCARDHANDLE card, const SCARD_IO_REQUEST *pci, LPCBYTE command, DWORD len,
                          SCARD_IO_REQUEST *received_pci, LPBYTE out, LPDWORD out_len)
{
    union {
        void *symbol;
        transmit *call;
    } next = {behind("SCardTransmit")};
    if (breaks(command, len))
        return SCARD_E_NOT_TRANSACTED;
    return next.call(card, pci, command, len, received_pci, out, out_len);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Keys for a reader that has none: a library for LD_PRELOAD, in front of any program that speaks
 * PC/SC through libpcsclite. Every reader then has FEATURE_VERIFY_PIN_DIRECT (PC/SC part 10), and
 * what the holder does stands in the file $PAD_TYPES, one entry a line; each request for a PIN
 * takes the first line away, so that several programs share one holder:
 *
 *   1234      types these digits and confirms; the reader says 6403 when they are too few or many
 *   cancel    6401
 *   timeout   6400; the same when the file is empty
 *   broken    SCardControl fails, and the card hears nothing
 *   wait      thinks, until a line more is in the file
 *
 * $PAD_LOG, when set, gets a line for each question: "features", or "PIN" with what the reader
 * answered; and "waits" when the holder begins to think. $PAD_FEATURES, when set, is the list of
 * features instead, in hexadecimal.
 *
 * What asks for a PIN in any other way than our module must, ends the program: a real reader would
 * do something with it. Written from pcsc-lite's <reader.h> and the specification alone.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <winscard.h>
#include <reader.h>

#define VERIFY_CODE SCARD_CTL_CODE(0x330006)     /* as the CCID driver has it */
#define PROPERTIES_CODE SCARD_CTL_CODE(0x33000A) /* named, but never asked for */
#define DIGITS_MAX 15
#define ENTRY_MAX 32
#define HEADER offsetof(PIN_VERIFY_STRUCTURE, abData)

__attribute__((noreturn)) static void odd(const char *what)
{
    fprintf(stderr, "padshim: %s\n", what);
    abort();
}

static void must(bool right, const char *what)
{
    if (!right)
        odd(what);
}

static void note(const char *line)
{
    const char *name = getenv("PAD_LOG");
    FILE *log = name != NULL ? fopen(name, "a") : NULL;
    must(name == NULL || log != NULL, "$PAD_LOG cannot be written");
    if (log == NULL)
        return;
    fprintf(log, "%s\n", line);
    fclose(log);
}

static LONG answer(const void *bytes, size_t len, void *out, DWORD room, DWORD *returned)
{
    if (len > room)
        return SCARD_E_INSUFFICIENT_BUFFER;
    memcpy(out, bytes, len);
    *returned = (DWORD)len;
    return SCARD_S_SUCCESS;
}

static LONG answer_sw(unsigned sw, void *out, DWORD room, DWORD *returned)
{
    const unsigned char bytes[] = {(unsigned char)(sw >> 8), (unsigned char)sw};
    char line[16];
    snprintf(line, sizeof(line), "PIN %04X", sw & 0xFFFF);
    note(line);
    return answer(bytes, sizeof(bytes), out, room, returned);
}

/* ---- the list of features ---- */

static size_t feature(unsigned char *at, unsigned tag, DWORD code)
{
    at[0] = (unsigned char)tag;
    at[1] = 4;
    for (int i = 0; i < 4; i++)
        at[2 + i] = (unsigned char)(code >> (24 - 8 * i));
    return 6;
}

static LONG features(void *out, DWORD room, DWORD *returned)
{
    const char *hex = getenv("PAD_FEATURES");
    unsigned char list[256];
    size_t len = 0;
    unsigned byte;
    note("features");
    if (hex == NULL) {
        len += feature(list, FEATURE_IFD_PIN_PROPERTIES, PROPERTIES_CODE);
        len += feature(list + len, FEATURE_VERIFY_PIN_DIRECT, VERIFY_CODE);
    }
    for (; hex != NULL && *hex != '\0' && len < sizeof(list); hex += 2) {
        must(sscanf(hex, "%2x", &byte) == 1 && hex[1] != '\0', "$PAD_FEATURES is not hexadecimal");
        list[len++] = (unsigned char)byte;
    }
    return answer(list, len, out, room, returned);
}

/* ---- the holder ---- */

/* The first line of $PAD_TYPES, which is taken away from it. */
static void take_entry(char *entry)
{
    char text[4096];
    const char *name = getenv("PAD_TYPES");
    must(name != NULL, "$PAD_TYPES is not set");
    int fd = open(name, O_RDWR | O_CLOEXEC);
    must(fd >= 0 && flock(fd, LOCK_EX) == 0, "$PAD_TYPES cannot be opened");
    ssize_t got = read(fd, text, sizeof(text));
    must(got >= 0 && got < (ssize_t)sizeof(text), "$PAD_TYPES cannot be read, or is too long");
    size_t len = (size_t)got, line = 0;
    while (line < len && text[line] != '\n')
        line++;
    must(line < ENTRY_MAX, "an entry is too long");
    memcpy(entry, text, line);
    entry[line] = '\0';
    size_t rest = line < len ? len - line - 1 : 0;
    must(pwrite(fd, text + len - rest, rest, 0) == (ssize_t)rest && ftruncate(fd, (off_t)rest) == 0,
         "$PAD_TYPES cannot be written");
    close(fd);
}

/* The next entry that is more than a thought. */
static void await_entry(char *entry)
{
    take_entry(entry);
    if (strcmp(entry, "wait") != 0)
        return;
    note("waits");
    do {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        take_entry(entry);
    } while (entry[0] == '\0');
}

/* ---- a PIN ---- */

/* The number of digits that is asked for. */
static size_t check(const unsigned char *in, size_t len)
{
    PIN_VERIFY_STRUCTURE v;
    must(len > HEADER + 5, "too short");
    memcpy(&v, in, HEADER);
    const unsigned char *command = in + HEADER;
    size_t digits = v.bmPINBlockString;
    must(v.ulDataLength == len - HEADER, "ulDataLength is not that of the command");
    must(v.bTimerOut >= 15 && v.bTimerOut <= 80, "too short a time, or longer than drivers wait");
    must(v.bTimerOut2 >= 15 && v.bTimerOut2 <= 80, "the same of the second time");
    must(v.bmFormatString == 0x82, "bmFormatString: not ASCII from the first byte on");
    must(digits >= 1 && digits <= DIGITS_MAX, "bmPINBlockString: a length is to be inserted");
    must(v.bmPINLengthFormat == 0, "bmPINLengthFormat: a length is to be inserted");
    must(v.wPINMaxExtraDigit == (digits << 8 | digits), "wPINMaxExtraDigit: not this many digits");
    must(v.bEntryValidationCondition == 0x02, "the holder is to confirm");
    must(v.bNumberMessage == 1 && v.bMsgIndex == 0, "not the message that asks for a PIN");
    must(v.wLangId == 0x0409, "a language that readers may not have");
    must(memcmp(v.bTeoPrologue, "\0\0\0", 3) == 0, "bTeoPrologue is the driver's");
    must(len == HEADER + 5 + digits, "the command has no room for the PIN, or more than that");
    must(memcmp(command, "\x00\x20\x00", 3) == 0, "not VERIFY");
    must(command[3] >= 0x80, "no place for a PIN in P2");
    must(command[4] == digits, "Lc is not the length of the PIN");
    for (size_t i = 0; i < digits; i++)
        must(command[5 + i] == 0xFF, "there is a PIN already");
    return digits;
}

static LONG send_pin(SCARDHANDLE card, const unsigned char *header, const char *pin, void *out,
                     DWORD room, DWORD *returned)
{
    unsigned char command[5 + ENTRY_MAX], response[MAX_BUFFER_SIZE];
    DWORD state, protocol, len = sizeof(response);
    memcpy(command, header, 5);
    memcpy(command + 5, pin, strlen(pin));
    LONG rv = SCardStatus(card, NULL, NULL, &state, &protocol, NULL, NULL);
    if (rv != SCARD_S_SUCCESS)
        return rv;
    rv = SCardTransmit(card, protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1, command,
                       (DWORD)(5 + strlen(pin)), NULL, response, &len);
    if (rv != SCARD_S_SUCCESS)
        return rv;
    must(len == 2, "the card's answer is no status word");
    return answer_sw((unsigned)response[0] << 8 | response[1], out, room, returned);
}

static LONG verify(SCARDHANDLE card, const unsigned char *in, size_t len, void *out, DWORD room,
                   DWORD *returned)
{
    char entry[ENTRY_MAX];
    size_t digits = check(in, len);
    must(room >= 2, "no room for a status word");
    await_entry(entry);
    if (strcmp(entry, "timeout") == 0 || entry[0] == '\0')
        return answer_sw(0x6400, out, room, returned);
    if (strcmp(entry, "cancel") == 0)
        return answer_sw(0x6401, out, room, returned);
    if (strcmp(entry, "broken") == 0) {
        note("PIN broken");
        return SCARD_E_NOT_TRANSACTED;
    }
    must(strspn(entry, "0123456789") == strlen(entry), "$PAD_TYPES: no digits");
    if (strlen(entry) != digits)
        return answer_sw(0x6403, out, room, returned);
    return send_pin(card, in + HEADER, entry, out, room, returned);
}

typedef LONG control(SCARDHANDLE, DWORD, LPCVOID, DWORD, LPVOID, DWORD, LPDWORD);

__attribute__((visibility("default"))) LONG SCardControl(SCARDHANDLE card, DWORD code, LPCVOID in,
                                                         DWORD in_len, LPVOID out, DWORD room,
                                                         LPDWORD returned)
{
    if (code == CM_IOCTL_GET_FEATURE_REQUEST)
        return features(out, room, returned);
    if (code == VERIFY_CODE)
        return verify(card, in, in_len, out, room, returned);
    union {
        void *symbol;
        control *call;
    } next = {dlsym(RTLD_NEXT, "SCardControl")};
    must(next.symbol != NULL, "there is no libpcsclite behind");
    return next.call(card, code, in, in_len, out, room, returned);
}

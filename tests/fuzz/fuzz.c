/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_MAX 65536
#define ANSWER_MAX 300

struct record {
    uint8_t bytes[RECORD_MAX];
    size_t len;
};

static struct {
    const uint8_t *data;
    size_t len;
    bool recording;
    struct record drawn, commands;
} input;

void fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
    abort();
}

void fuzz_trace(const char *name, const uint8_t *bytes, size_t len)
{
    if (getenv("FUZZ_TRACE") == NULL)
        return;
    fprintf(stderr, "%s", name);
    for (size_t i = 0; i < len; i++)
        fprintf(stderr, "%s%02X", i == 0 ? " " : "", bytes[i]);
    fputc('\n', stderr);
}

/* ---- the input ---- */

static void keep(struct record *record, const void *bytes, size_t len)
{
    if (!input.recording)
        return;
    fuzz_must(len <= RECORD_MAX - record->len);
    memcpy(record->bytes + record->len, bytes, len);
    record->len += len;
}

static void keep_u16(struct record *record, size_t value)
{
    const uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};
    keep(record, bytes, sizeof(bytes));
}

void fuzz_begin(const uint8_t *data, size_t size)
{
    input.data = data;
    input.len = size;
    input.drawn.len = input.commands.len = 0;
    keep_u16(&input.commands, 0); /* the virtual card's usual settings */
}

bool fuzz_more(void)
{
    return input.len > 0;
}

uint8_t fuzz_u8(void)
{
    uint8_t byte = 0;
    if (input.len > 0) {
        byte = *input.data++;
        input.len--;
    }
    keep(&input.drawn, &byte, 1);
    return byte;
}

uint16_t fuzz_u16(void)
{
    unsigned high = fuzz_u8();
    return (uint16_t)(high << 8 | fuzz_u8());
}

unsigned fuzz_below(unsigned limit)
{
    return fuzz_u8() % limit;
}

uint8_t *fuzz_bytes(size_t n)
{
    uint8_t *bytes = fuzz_alloc(n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = fuzz_u8();
    return bytes;
}

char *fuzz_text(void)
{
    size_t len = input.len;
    char *text = fuzz_alloc(len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)fuzz_u8();
    text[len] = '\0';
    return text;
}

void fuzz_record(void)
{
    input.recording = true;
}

const uint8_t *fuzz_recorded(size_t *len)
{
    *len = input.drawn.len;
    return input.drawn.bytes;
}

const uint8_t *fuzz_recorded_commands(size_t *len)
{
    *len = input.commands.len;
    return input.commands.bytes;
}

/* ---- answers of a card ---- */

enum kind {
    HONEST,
    LITERAL,    /* two bytes of length, and that many bytes */
    STATUS,     /* two bytes, no data */
    OTHER_WORD, /* honest data, with another status word */
    SHORT,      /* cut to so many bytes */
    OTHER_BYTE, /* one byte is another one */
    LONG,       /* so many bytes before the status word, too many */
    ONE_VALUE,  /* so many times one byte, and 9000 */
    KINDS
};

static size_t put_word(uint8_t *response, size_t at, unsigned sw)
{
    response[at] = (uint8_t)(sw >> 8);
    response[at + 1] = (uint8_t)sw;
    return at + 2;
}

static size_t literal(uint8_t *response)
{
    size_t n = fuzz_u16() % ANSWER_MAX;
    for (size_t i = 0; i < n; i++)
        response[i] = fuzz_u8();
    return n;
}

static size_t one_value(uint8_t *response)
{
    size_t n = fuzz_u16() % ANSWER_MAX;
    memset(response, fuzz_u8(), n);
    return put_word(response, n, 0x9000);
}

/* Spoils an honest answer of N bytes, which has room for more. */
static size_t spoil(enum kind kind, uint8_t *response, size_t n)
{
    size_t value = fuzz_u8();
    unsigned sw = (unsigned)response[n - 2] << 8 | response[n - 1];
    switch ((int)kind) {
    case OTHER_WORD:
        put_word(response, n - 2, (unsigned)value << 8 | fuzz_u8());
        return n;
    case SHORT:
        return value < n ? value : n;
    case OTHER_BYTE:
        response[value < n ? value : n - 1] ^= fuzz_u8();
        return n;
    default: /* LONG */
        memset(response + n - 2, 0xA7, value);
        return put_word(response, n - 2 + value, sw);
    }
}

static void keep_exchange(const uint8_t *command, size_t len, const uint8_t *response, size_t n)
{
    const uint8_t literal_answer = LITERAL, one_command = 0;
    keep(&input.commands, &one_command, 1);
    keep_u16(&input.commands, len);
    keep(&input.commands, command, len);
    fuzz_must(n < ANSWER_MAX);
    keep(&input.drawn, &literal_answer, 1);
    keep_u16(&input.drawn, n);
    keep(&input.drawn, response, n);
}

static size_t answer(fuzz_card *honest, void *context, const uint8_t *command, size_t len,
                     uint8_t *response)
{
    if (input.recording) {
        size_t n = honest(context, command, len, response);
        keep_exchange(command, len, response, n);
        return n;
    }
    enum kind kind = (enum kind)fuzz_below(KINDS);
    if (kind == LITERAL)
        return literal(response);
    if (kind == STATUS)
        return put_word(response, 0, fuzz_u16());
    if (kind == ONE_VALUE)
        return one_value(response);
    size_t n = honest(context, command, len, response);
    return kind == HONEST ? n : spoil(kind, response, n);
}

size_t fuzz_answer(fuzz_card *honest, void *context, const uint8_t *command, size_t len,
                   uint8_t *response)
{
    fuzz_faults_pause();
    fuzz_trace("  ->", command, len);
    size_t n = answer(honest, context, command, len, response);
    fuzz_trace("  <-", response, n);
    fuzz_faults_resume();
    return n;
}

/* ---- the world ---- */

#define CARD "card" /* fuzz_folder_clear() leaves what begins so */

static char folder[200];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void)
{
    static const char *const variables[] = {"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME",
                                            "XDG_STATE_HOME", "XDG_RUNTIME_DIR"};
    const char *parent = getenv("TMPDIR");
    if (folder[0] != '\0')
        return folder;
    snprintf(folder, sizeof(folder), "%s/jpki-fuzz-XXXXXX", parent != NULL ? parent : "/tmp");
    fuzz_must(mkdtemp(folder) != NULL);
    atexit(remove_folder);
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        setenv(variables[i], folder, 1);
    return folder;
}

static int remove_state(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    bool of_card = strncmp(path + strlen(folder), "/" CARD, sizeof("/" CARD) - 1) == 0;
    return at->level == 0 || of_card ? 0 : remove(path);
}

void fuzz_folder_clear(void)
{
    nftw(fuzz_folder(), remove_state, 16, FTW_DEPTH | FTW_PHYS);
}

void fuzz_write(const char *name, const void *data, size_t len)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/%s", fuzz_folder(), name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    mkdir(path, 0700);
    *slash = '/';
    FILE *out = fopen(path, "we");
    fuzz_must(out != NULL);
    fuzz_must(fwrite(data, 1, len, out) == len);
    fuzz_must(fclose(out) == 0);
    fuzz_must(chmod(path, 0600) == 0);
}

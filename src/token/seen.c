/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/seen.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "support/folder.h"
#include "support/smallfile.h"
#include "token/readername.h"

#define NAME_SIZE (sizeof("seen-") + READERNAME_HASH_SIZE)
#define TEXT_SIZE 512

/* The lines of a file. */
enum line { RUN, EVENTS, IDENTITY, DROP, LABEL, MODEL, LINES };

static const char *const words[] = {
    [CARD_UNKNOWN] = "unknown", [CARD_YES] = "yes", [CARD_NO] = "no"};

static bool make_name(const char *reader, char name[NAME_SIZE])
{
    char hash[READERNAME_HASH_SIZE];
    if (!readername_hash(reader, hash))
        return false;
    snprintf(name, NAME_SIZE, "seen-%s", hash);
    return true;
}

/* The service's own counter, the same for all programs. It begins again after 65,536 events. */
static void print_events(unsigned long events, char text[8])
{
    snprintf(text, 8, "%lu", events & 0xFFFF);
}

/* Splits TEXT into its lines; false when there are not as many as there must be. */
static bool split(char *text, char *lines[LINES])
{
    for (int i = 0; i < LINES; i++) {
        char *end = strchr(text, '\n');
        if (end == NULL)
            return false;
        *end = '\0';
        lines[i] = text;
        text = end + 1;
    }
    return *text == '\0';
}

static bool take_identity(const char *hex, uint8_t identity[DIGEST_SHA256_SIZE])
{
    if (strlen(hex) != (size_t)2 * DIGEST_SHA256_SIZE)
        return false;
    for (size_t i = 0; i < DIGEST_SHA256_SIZE; i++) {
        unsigned byte;
        if (!isxdigit((unsigned char)hex[2 * i]) || !isxdigit((unsigned char)hex[2 * i + 1]) ||
            sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        identity[i] = (uint8_t)byte;
    }
    return true;
}

static bool take_word(const char *word, enum card_known *known)
{
    for (int i = CARD_UNKNOWN; i <= CARD_NO; i++)
        if (strcmp(word, words[i]) == 0) {
            *known = (enum card_known)i;
            return true;
        }
    return false;
}

static bool parse(char *text, unsigned long events, struct seen *seen)
{
    char run[READER_RUN_SIZE], counted[8];
    char *lines[LINES];
    print_events(events, counted);
    if (!split(text, lines) || !reader_service_run(run) || strcmp(lines[RUN], run) != 0 ||
        strcmp(lines[EVENTS], counted) != 0)
        return false;
    if (!take_identity(lines[IDENTITY], seen->identity) ||
        !take_word(lines[DROP], &seen->drop_works) || strlen(lines[MODEL]) >= sizeof(seen->model))
        return false;
    for (const char *c = lines[MODEL]; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7E) /* nor does the card's own text have such */
            return false;
    snprintf(seen->model, sizeof(seen->model), "%s", lines[MODEL]);
    seen->profile = profile_find(bytes_of_text(lines[LABEL]));
    return seen->profile != NULL;
}

bool seen_find(const char *reader, unsigned long events, struct seen *seen)
{
    char name[NAME_SIZE], text[TEXT_SIZE];
    size_t len;
    int saved = errno;
    memset(seen, 0, sizeof(*seen));
    int folder = folder_runtime(false);
    bool ok = folder >= 0 && make_name(reader, name) &&
              smallfile_read(folder, name, text, sizeof(text) - 1, &len);
    if (ok) {
        text[len] = '\0';
        ok = parse(text, events, seen);
    }
    if (!ok)
        memset(seen, 0, sizeof(*seen));
    if (folder >= 0)
        close(folder);
    errno = saved;
    return ok;
}

void seen_note(const char *reader, unsigned long events, const struct seen *seen)
{
    char run[READER_RUN_SIZE], name[NAME_SIZE], counted[8], hex[2 * DIGEST_SHA256_SIZE + 1];
    char text[TEXT_SIZE];
    int saved = errno;
    if (!reader_service_run(run) || !make_name(reader, name))
        return;
    print_events(events, counted);
    bytes_hex(bytes_of(seen->identity, DIGEST_SHA256_SIZE), hex);
    int n = snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%s\n%s\n", run, counted, hex,
                     words[seen->drop_works], seen->profile->label, seen->model);
    int folder = folder_runtime(true);
    if (folder >= 0 && n > 0 && n < (int)sizeof(text))
        smallfile_write(folder, name, text, (size_t)n);
    if (folder >= 0)
        close(folder);
    errno = saved;
}

void seen_forget(const char *reader)
{
    char name[NAME_SIZE];
    int saved = errno;
    int folder = folder_runtime(false);
    if (folder >= 0 && make_name(reader, name))
        unlinkat(folder, name, 0);
    if (folder >= 0)
        close(folder);
    errno = saved;
}

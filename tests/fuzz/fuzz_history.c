/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A usage history of any bytes, as it may be found: it is read to its end (cli/past.c); then a use
 * is recorded behind it (history/), whose line is whole and holds the hash of the one before. The
 * texts of that use are also from the input.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "cli/past.h"
#include "history/history.h"

#define HISTORY "jpki-pkcs11/history.jsonl"

static void must_end(const char *text, size_t size)
{
    fuzz_must(memchr(text, '\0', size) != NULL);
}

static void look(const struct past_line *line)
{
    must_end(line->token, sizeof(line->token));
    must_end(line->serial, sizeof(line->serial));
    must_end(line->program, sizeof(line->program));
    must_end(line->operation, sizeof(line->operation));
    must_end(line->mechanism, sizeof(line->mechanism));
    must_end(line->result, sizeof(line->result));
    fuzz_must(past_operation_text(line->operation) != NULL);
    fuzz_must(past_result_text(line->result) != NULL);
}

/* The number of lines; LAST is the last one. */
static unsigned long read_all(struct past_line *last)
{
    struct past *past = past_open();
    struct past_line line;
    unsigned long count = 0;
    fuzz_must(past != NULL);
    while (past_next(past, &line)) {
        fuzz_must(line.number == ++count);
        look(&line);
        *last = line;
    }
    fuzz_must(past_error(past) == 0 && !past_moved(past));
    past_close(past);
    return count;
}

/* The texts are cut short by the input's own zero bytes. */
static void record(char *texts, unsigned seed)
{
    char *at[4];
    for (int i = 0; i < 4; i++) {
        at[i] = texts;
        texts += strcspn(texts, "|");
        if (*texts != '\0')
            *texts++ = '\0';
    }
    struct history_event event = {.token = at[0],
                                  .serial = at[1],
                                  .operation = "sign",
                                  .mechanism = at[2],
                                  .result = "CKR_OK",
                                  .tries = seed % 2 == 0 ? -1 : 3,
                                  .digest = seed % 3 == 0 ? at[3] : NULL};
    fuzz_faults(seed);
    enum err e = history_add(CONFIG_HISTORY_FILE, &event);
    fuzz_faults(0);
    fuzz_must(e == ERR_OK || (seed != 0 && e == ERR_NOT_RECORDED));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct past_line last = {0}, use;
    fuzz_begin(data, size);
    fuzz_folder_clear();
    unsigned seed = fuzz_u8(), texts_len = fuzz_u8();
    size_t head = size < 2 ? size : 2;
    if (texts_len > size - head)
        texts_len = (unsigned)(size - head);
    char *texts = (char *)fuzz_bytes(texts_len + 1);
    texts[texts_len] = '\0';
    head += texts_len;
    fuzz_write(HISTORY, data + head, size - head);
    bool torn = size > head && data[size - 1] != '\n';
    unsigned long before = read_all(&last) + (torn ? 1 : 0);
    past_last("auth", "0123456789ABCDEF", &use);
    record(texts, seed);
    unsigned long after = read_all(&last);
    if (after > before) {
        fuzz_must(after == before + 1 && last.whole && last.follows && last.mended == torn);
        fuzz_must(strcmp(last.operation, "sign") == 0 && strcmp(last.result, "CKR_OK") == 0);
    } else {
        fuzz_must(seed != 0);
    }
    free(texts);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/config_key.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "support/config.h"
#include "support/nearest.h"

struct word {
    const char *text;
    long number;
};

enum kind {
    KIND_WORD,   /* one of the words, or a number from MIN to MAX where MAX is not 0 */
    KIND_SET,    /* words with commas between them, or-ed */
    KIND_PATH,   /* an absolute path, or nothing */
    KIND_PATTERN /* any text, or nothing */
};

/* Which of two values is the safer one. */
enum rule {
    RULE_LOWER,   /* the lower number; CONFIG_CACHE_AUTO, which sets no limit, is above all */
    RULE_HIGHER,  /* the higher number */
    RULE_COMMON,  /* what both contain */
    RULE_KEEP,    /* neither is: the value so far stays */
    RULE_DEFAULT, /* neither is, and after a wrong line the default holds */
};

struct row {
    const char *name;
    enum kind kind;
    enum rule rule;
    long standard;
    const struct word *words;
    long max;
};

static const struct word yes_no[] = {{"yes", 1}, {"no", 0}, {NULL, 0}};
static const struct word tokens[] = {{"auth", CONFIG_TOKEN_AUTH},
                                     {"sign", CONFIG_TOKEN_SIGN},
                                     {"both", CONFIG_TOKEN_BOTH},
                                     {NULL, 0}};
static const struct word labels[] = {
    {"english", CONFIG_LABELS_ENGLISH}, {"japanese", CONFIG_LABELS_JAPANESE}, {NULL, 0}};
static const struct word consents[] = {
    {"always", CONFIG_CONSENT_ALWAYS}, {"session", CONFIG_CONSENT_SESSION}, {NULL, 0}};
static const struct word histories[] = {{"no", CONFIG_HISTORY_NO},
                                        {"file", CONFIG_HISTORY_FILE},
                                        {"syslog", CONFIG_HISTORY_SYSLOG},
                                        {NULL, 0}};
static const struct word caches[] = {{"auto", CONFIG_CACHE_AUTO}, {NULL, 0}};
static const struct word levels[] = {{"off", LOG_OFF},         {"error", LOG_ERROR},
                                     {"warning", LOG_WARNING}, {"info", LOG_INFO},
                                     {"debug", LOG_DEBUG},     {NULL, 0}};
static const struct word none[] = {{NULL, 0}};

static const struct row rows[CONFIG_KEY_COUNT] = {
    [CONFIG_KEY_SLOTS] = {"slots", KIND_SET, RULE_COMMON, CONFIG_TOKEN_BOTH, tokens, 0},
    [CONFIG_KEY_LABELS] = {"labels", KIND_WORD, RULE_DEFAULT, CONFIG_LABELS_ENGLISH, labels, 0},
    [CONFIG_KEY_PIN_RESERVE] = {"pin.reserve", KIND_WORD, RULE_HIGHER, 1, none, 4},
    [CONFIG_KEY_PIN_CACHE] = {"pin.cache-seconds", KIND_WORD, RULE_LOWER, CONFIG_CACHE_AUTO, caches,
                              86400},
    [CONFIG_KEY_CONSENT] = {"sign.consent", KIND_WORD, RULE_LOWER, CONFIG_CONSENT_ALWAYS, consents,
                            0},
    [CONFIG_KEY_ISOLATION] = {"isolation", KIND_WORD, RULE_HIGHER, 1, yes_no, 0},
    [CONFIG_KEY_PSS] = {"pss", KIND_WORD, RULE_DEFAULT, 1, yes_no, 0},
    [CONFIG_KEY_CERTIFICATES_CACHE] = {"certificates.cache", KIND_WORD, RULE_LOWER, 1, yes_no, 0},
    [CONFIG_KEY_HISTORY] = {"history", KIND_WORD, RULE_KEEP, CONFIG_HISTORY_FILE, histories, 0},
    [CONFIG_KEY_HISTORY_REQUIRED] = {"history.required", KIND_WORD, RULE_HIGHER, 0, yes_no, 0},
    [CONFIG_KEY_HISTORY_DIGESTS] = {"history.digests", KIND_WORD, RULE_LOWER, 0, yes_no, 0},
    [CONFIG_KEY_LOG_LEVEL] = {"log.level", KIND_WORD, RULE_LOWER, LOG_OFF, levels, LOG_DEBUG},
    [CONFIG_KEY_LOG_FILE] = {"log.file", KIND_PATH, RULE_KEEP, 0, none, 0},
    [CONFIG_KEY_READER_IGNORE] = {"reader.ignore", KIND_PATTERN, RULE_KEEP, 0, none, 0},
    [CONFIG_KEY_READER_PINPAD] = {"reader.pinpad", KIND_WORD, RULE_HIGHER, 1, yes_no, 0},
    [CONFIG_KEY_READER_EXTENDED] = {"reader.extended", KIND_WORD, RULE_LOWER, 1, yes_no, 0},
};

const char *config_key_name(enum config_key key)
{
    return rows[key].name;
}

bool config_key_find(const char *name, size_t len, enum config_key *key)
{
    *key = CONFIG_KEY_COUNT;
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0) {
            *key = (enum config_key)i;
            return true;
        }
    }
    return false;
}

const char *config_key_nearest(const char *name)
{
    const char *names[CONFIG_KEY_COUNT];

    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
        names[i] = rows[i].name;
    return nearest(name, names, CONFIG_KEY_COUNT);
}

bool config_key_is_text(enum config_key key)
{
    return rows[key].kind == KIND_PATH || rows[key].kind == KIND_PATTERN;
}

bool config_key_quotable(enum config_key key)
{
    return strncmp(rows[key].name, "pin.", 4) != 0;
}

/* "a, b or c", of the words of the row and of LAST (may be NULL). */
static size_t join(const struct row *row, const char *last, char out[CONFIG_ALLOWED_MAX])
{
    const struct word *word = row->words;
    size_t len = 0;

    out[0] = '\0';
    while (word->text != NULL && len < CONFIG_ALLOWED_MAX) {
        const char *text = word->text;
        bool final;

        word++;
        final = word->text == NULL && last == NULL;
        len += (size_t)snprintf(out + len, CONFIG_ALLOWED_MAX - len, "%s%s",
                                len == 0 ? ""
                                : final  ? " or "
                                         : ", ",
                                text);
    }
    if (last != NULL && len < CONFIG_ALLOWED_MAX)
        len += (size_t)snprintf(out + len, CONFIG_ALLOWED_MAX - len, "%s%s", len == 0 ? "" : " or ",
                                last);
    return len;
}

void config_key_allowed(enum config_key key, char out[CONFIG_ALLOWED_MAX])
{
    const struct row *row = &rows[key];
    char range[40];

    switch (row->kind) {
    case KIND_WORD:
        snprintf(range, sizeof(range), "a number from 0 to %ld", row->max);
        join(row, row->max > 0 ? range : NULL, out);
        break;
    case KIND_SET:
        join(row, "several of them with commas between", out);
        break;
    case KIND_PATH:
        join(row, "a path that begins with /", out);
        break;
    case KIND_PATTERN:
        join(row, "a pattern", out);
        break;
    }
}

void config_key_print(enum config_key key, long number, char out[CONFIG_ALLOWED_MAX])
{
    const struct word *word = rows[key].words;

    while (word->text != NULL && word->number != number)
        word++;
    if (word->text != NULL)
        snprintf(out, CONFIG_ALLOWED_MAX, "%s", word->text);
    else if (rows[key].kind == KIND_SET && number == 0)
        out[0] = '\0';
    else
        snprintf(out, CONFIG_ALLOWED_MAX, "%ld", number);
}

long config_key_default(enum config_key key)
{
    return rows[key].standard;
}

static bool parse_word(const struct word *word, const char *text, size_t len, long *number)
{
    for (; word->text != NULL; word++) {
        if (strlen(word->text) == len && memcmp(word->text, text, len) == 0) {
            *number = word->number;
            return true;
        }
    }
    return false;
}

/* Digits only: strtol() would take signs, spaces and other bases. */
static bool parse_number(const char *text, long max, long *number)
{
    long sum = 0;

    if (text[0] == '\0' || strlen(text) > 9)
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        sum = sum * 10 + (*text - '0');
    }
    if (sum > max)
        return false;
    *number = sum;
    return true;
}

static bool parse_set(const struct word *words, const char *text, long *number)
{
    long sum = 0;

    for (;;) {
        size_t len;
        size_t end = strcspn(text, ",");
        long one = 0;

        while (end > 0 && (*text == ' ' || *text == '\t')) {
            text++;
            end--;
        }
        for (len = end; len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'); len--)
            ;
        if (!parse_word(words, text, len, &one))
            return false;
        sum |= one;
        if (text[end] == '\0')
            break;
        text += end + 1;
    }
    *number = sum;
    return true;
}

bool config_key_parse(enum config_key key, const char *text, long *number)
{
    const struct row *row = &rows[key];

    *number = 0;
    switch (row->kind) {
    case KIND_WORD:
        return parse_word(row->words, text, strlen(text), number) ||
               (row->max > 0 && parse_number(text, row->max, number));
    case KIND_SET:
        return parse_set(row->words, text, number);
    case KIND_PATH:
        return text[0] == '/' || text[0] == '\0';
    case KIND_PATTERN:
        return true;
    }
    return false;
}

static long limit(long number)
{
    return number == CONFIG_CACHE_AUTO ? LONG_MAX : number;
}

long config_key_stricter(enum config_key key, long so_far, long other)
{
    switch (rows[key].rule) {
    case RULE_LOWER:
        return limit(other) < limit(so_far) ? other : so_far;
    case RULE_HIGHER:
        return other > so_far ? other : so_far;
    case RULE_COMMON:
        return other & so_far;
    case RULE_KEEP:
    case RULE_DEFAULT:
        break;
    }
    return so_far;
}

long config_key_after_wrong(enum config_key key, long so_far)
{
    if (rows[key].rule == RULE_DEFAULT)
        return rows[key].standard;
    return config_key_stricter(key, so_far, rows[key].standard);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/past.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "crypto/digest.h"
#include "support/folder.h"

#define HASH_TEXT (2 * 32 + 1) /* SHA-256 in hexadecimal, with its end */

struct past {
    FILE *file;
    char text[PAST_LINE_MAX + 1]; /* of a longer line, its beginning */
    size_t len;                   /* of the whole line */
    unsigned long number;
    bool unfinished;
    int error;
    char hash[HASH_TEXT]; /* of the line before */
};

#define NAME "history.jsonl"

/* FD, if it is a file; otherwise -1 with errno. A pipe or a device in the history's place might
 * keep us waiting, or never end. */
static int only_file(int fd)
{
    struct stat st;
    int why = 0;
    if (fstat(fd, &st) != 0)
        why = errno;
    else if (!S_ISREG(st.st_mode))
        why = S_ISDIR(st.st_mode) ? EISDIR : EOPNOTSUPP;
    if (why == 0)
        return fd;
    close(fd);
    errno = why;
    return -1;
}

static int open_file(void)
{
    int folder = folder_state(false);
    if (folder < 0)
        return -1;
    int fd = openat(folder, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int why = errno;
    close(folder);
    errno = why;
    return fd >= 0 ? only_file(fd) : -1;
}

struct past *past_open(void)
{
    int fd = open_file();
    if (fd < 0)
        return NULL;
    struct past *past = calloc(1, sizeof(*past));
    FILE *file = past != NULL ? fdopen(fd, "r") : NULL;
    if (file == NULL) {
        int why = errno;
        close(fd);
        free(past);
        errno = why;
        return NULL;
    }
    past->file = file;
    memset(past->hash, '0', sizeof(past->hash) - 1);
    return past;
}

void past_close(struct past *past)
{
    if (past == NULL)
        return;
    fclose(past->file);
    free(past);
}

bool past_moved(const struct past *past)
{
    struct stat ours, now;
    int folder = folder_state(false);
    if (folder < 0)
        return true;
    bool same = fstat(fileno(past->file), &ours) == 0 &&
                fstatat(folder, NAME, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
                ours.st_ino == now.st_ino && ours.st_dev == now.st_dev &&
                ours.st_size >= ftello(past->file);
    close(folder);
    return !same;
}

static void copy(const json_t *line, const char *member, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(line, member));
    snprintf(out, size, "%s", text != NULL ? text : "");
}

/* "2026-11-24T18:43:00.123+09:00" as a point in time. */
static time_t time_of(const char *text)
{
    struct tm tm = {0};
    int hours, minutes;
    char sign;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL || sscanf(rest, ".%*3d%c%2d:%2d", &sign, &hours, &minutes) != 3)
        return -1;
    long offset = hours * 3600L + minutes * 60L;
    return timegm(&tm) - (sign == '-' ? -offset : offset);
}

static void parse(const struct past *past, struct past_line *line)
{
    char text[40];
    json_t *all = past->len < PAST_LINE_MAX ? json_loadb(past->text, past->len, 0, NULL) : NULL;
    const json_t *tries = json_object_get(all, "tries");
    const char *prev = json_string_value(json_object_get(all, "prev"));
    line->whole = prev != NULL;
    if (line->whole) {
        line->follows = strcmp(prev, past->hash) == 0;
        line->mended = json_is_true(json_object_get(all, "mended"));
        line->tries = json_is_integer(tries) ? (int)json_integer_value(tries) : -1;
        copy(all, "time", text, sizeof(text));
        line->time = time_of(text);
        copy(all, "token", line->token, sizeof(line->token));
        copy(all, "serial", line->serial, sizeof(line->serial));
        copy(all, "program", line->program, sizeof(line->program));
        copy(all, "operation", line->operation, sizeof(line->operation));
        copy(all, "mechanism", line->mechanism, sizeof(line->mechanism));
        copy(all, "result", line->result, sizeof(line->result));
    }
    json_decref(all);
}

/* Reads a line: its beginning into TEXT, all of it into DIGEST. False when there is no whole one.
 */
static bool read_line(struct past *past, struct digest *digest)
{
    int c;
    size_t kept = 0;
    past->len = 0;
    errno = 0;
    while ((c = getc_unlocked(past->file)) != EOF && c != '\n') {
        if (kept == PAST_LINE_MAX) { /* none of ours, but the next line holds its hash */
            digest_update(digest, bytes_of(past->text, kept));
            kept = 0;
        }
        past->text[kept++] = (char)c;
        past->len++;
    }
    if (c == EOF && ferror(past->file))
        past->error = errno != 0 ? errno : EIO;
    digest_update(digest, bytes_of(past->text, kept));
    past->text[kept] = '\0';
    return c == '\n';
}

static void take_line(struct past *past, struct digest *digest, struct past_line *line)
{
    uint8_t hash[DIGEST_MAX];
    line->number = ++past->number;
    line->text = past->text;
    parse(past, line);
    if (digest_final(digest, hash) == ERR_OK)
        bytes_hex(bytes_of(hash, 32), past->hash);
}

bool past_next(struct past *past, struct past_line *line)
{
    struct digest *digest = digest_new(DIGEST_SHA256);
    memset(line, 0, sizeof(*line));
    clearerr(past->file);
    off_t from = ftello(past->file);
    past->error = digest == NULL ? ENOMEM : 0;
    bool ended = digest != NULL && read_line(past, digest);
    past->unfinished = !ended && past->error == 0 && past->len > 0;
    if (ended)
        take_line(past, digest, line);
    else
        fseeko(past->file, from, SEEK_SET);
    digest_free(digest);
    return ended;
}

int past_error(const struct past *past)
{
    return past->error;
}

bool past_unfinished(const struct past *past)
{
    return past->unfinished;
}

bool past_last(const char *token, const char *serial, struct past_line *use)
{
    struct past *past = past_open();
    struct past_line line;
    bool found = false;
    while (past != NULL && past_next(past, &line))
        if (line.whole && strcmp(line.result, "CKR_OK") == 0 && strcmp(line.token, token) == 0 &&
            strcmp(line.serial, serial) == 0) {
            *use = line;
            use->text = NULL;
            found = true;
        }
    past_close(past);
    return found;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "history/chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "support/descriptor.h"
#include "support/log.h"

#define BLOCK 4096

/* The end of the file: its last line lies from BEGIN up to, but without, END. */
struct tail {
    off_t begin, end, size;
    bool torn; /* no newline: its writer was ended in the middle */
    char hash[LINE_HASH_LEN + 1];
};

/* LEN bytes at OFFSET, all of them. */
static bool read_at(int fd, void *out, size_t len, off_t offset)
{
    for (uint8_t *p = out; len > 0;) {
        ssize_t n = pread(fd, p, len, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO; /* it became shorter, by somebody who does not care for the lock */
        if (n <= 0)
            return false;
        p += n;
        offset += n;
        len -= (size_t)n;
    }
    return true;
}

static size_t block_before(off_t from, off_t to)
{
    return to - from < BLOCK ? (size_t)(to - from) : BLOCK;
}

/* Sets tail->begin behind the last newline before tail->end. */
static bool find_begin(int fd, struct tail *tail)
{
    char block[BLOCK];

    for (tail->begin = tail->end; tail->begin > 0;) {
        size_t n = block_before(0, tail->begin);
        off_t start = tail->begin - (off_t)n;
        if (!read_at(fd, block, n, start))
            return false;
        const char *newline = memrchr(block, '\n', n);
        if (newline != NULL) {
            tail->begin = start + (newline - block) + 1;
            return true;
        }
        tail->begin = start;
    }
    return true;
}

/* Puts the hash of the bytes from BEGIN up to END into HASH. A line of ours is short, but it may be
 * somebody else's: so block by block. */
static bool hash_range(int fd, struct digest *digest, off_t begin, off_t end, uint8_t *hash)
{
    uint8_t block[BLOCK];

    while (begin < end) {
        size_t n = block_before(begin, end);
        if (!read_at(fd, block, n, begin))
            return false;
        if (digest_update(digest, bytes_of(block, n)) != ERR_OK)
            return false;
        begin += (off_t)n;
    }
    return digest_final(digest, hash) == ERR_OK;
}

static bool hash_last_line(int fd, struct tail *tail)
{
    uint8_t hash[DIGEST_MAX];
    struct digest *digest = digest_new(DIGEST_SHA256);

    errno = ENOMEM;
    bool ok = digest != NULL && hash_range(fd, digest, tail->begin, tail->end, hash);
    digest_free(digest);
    if (ok)
        bytes_hex(bytes_of(hash, LINE_HASH_LEN / 2), tail->hash);
    return ok;
}

/* Looks at the end of the file. The line before the first one is taken to be of 64 zeros. */
static bool find_tail(int fd, struct tail *tail)
{
    struct stat st;
    char last;

    *tail = (struct tail){0};
    memset(tail->hash, '0', LINE_HASH_LEN);
    if (fstat(fd, &st) != 0)
        return false;
    tail->size = st.st_size;
    if (tail->size == 0)
        return true;
    if (!read_at(fd, &last, 1, tail->size - 1))
        return false;
    tail->torn = last != '\n';
    tail->end = tail->torn ? tail->size : tail->size - 1;
    return find_begin(fd, tail) && hash_last_line(fd, tail);
}

static enum err cannot_read(const struct histfile *file)
{
    char reason[256];
    snprintf(reason, sizeof(reason), "its last line cannot be read: %s", strerror(errno));
    histfile_complain(file, reason);
    return ERR_NOT_RECORDED;
}

/* Nothing of a line that has no room may stay, or the next writer would have to mend it. */
static enum err take_back(const struct histfile *file, const struct tail *tail, ssize_t written)
{
    char reason[256];
    const char *why = written < 0 ? strerror(errno)
                                  : "only a part of the line has room (a full disk, a quota or a "
                                    "limit on the size of files)";
    bool back = written <= 0 || ftruncate(file->fd, tail->size) == 0;
    snprintf(reason, sizeof(reason), "%s%s", why,
             back ? "" : "; that part stays, and the next writer will mend it");
    histfile_complain(file, reason);
    return ERR_NOT_RECORDED;
}

/*
 * One write(2), so that not even a reader without the lock sees half a line. No fsync(2): a
 * signature must not wait for a disk. A program that dies, even by SIGKILL, loses nothing by that.
 * A power cut may take the last seconds: whole lines, which nobody can see; or it leaves a last
 * line that breaks off or is of zero bytes, which the next writer mends. It never takes a line
 * before.
 */
enum err chain_add(const struct histfile *file, const struct line_origin *origin,
                   const struct history_event *event)
{
    char buffer[1 + LINE_MAX_BYTES];
    struct tail tail;
    struct writer w;

    if (!find_tail(file->fd, &tail))
        return cannot_read(file);
    writer_init(&w, buffer, sizeof(buffer));
    if (tail.torn)
        writer_u8(&w, '\n');
    line_begin(&w, origin, event);
    line_chain(&w, tail.torn, tail.hash);
    line_end(&w);
    writer_u8(&w, '\n');
    struct bytes all = writer_result(&w); /* not empty: see the limits in line.c */
    ssize_t n = descriptor_write(file->fd, all.data, all.len);
    if (n <= 0 || (size_t)n != all.len)
        return take_back(file, &tail, n);
    if (tail.torn)
        log_write(LOG_WARNING,
                  "the usage history's last line had been left unfinished by a program "
                  "that was ended; it stands as it was, and a new line follows");
    return ERR_OK;
}

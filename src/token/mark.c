/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "support/folder.h"
#include "support/log.h"

#define NAME_SIZE (sizeof("card-") + 2 * 8)
#define LINE_SIZE 64

static const char *const words[] = {[MARK_OPERATION] = "operation", [MARK_KEPT] = "kept"};

static bool name_of(const char *reader, char name[NAME_SIZE])
{
    uint8_t hash[DIGEST_MAX] = {0};
    bool ok = digest_once(DIGEST_SHA256, bytes_of_text(reader), hash) == ERR_OK;
    size_t n = (size_t)snprintf(name, NAME_SIZE, "card-");
    for (size_t i = 0; i < 8; i++)
        n += (size_t)snprintf(name + n, NAME_SIZE - n, "%02x", hash[i]);
    return ok;
}

/* When a process began, in the kernel's own unit; 0 when there is no such process. */
static unsigned long long start_of(long pid)
{
    char path[32], text[512];
    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    /* Field 2 is the program's name in parentheses, which may hold anything. */
    const char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    unsigned long long start = 0;
    if (at != NULL && sscanf(at, " %llu", &start) != 1)
        start = 0;
    return start;
}

static int open_mark(int folder, const char *name, int flags)
{
    struct stat st;
    int fd = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

static bool write_mark(int folder, const char *name, enum mark mark)
{
    char line[LINE_SIZE];
    long pid = (long)getpid();
    int fd = open_mark(folder, name, O_WRONLY | O_CREAT);
    if (fd < 0)
        return false;
    int n = snprintf(line, sizeof(line), "%ld %llu %s\n", pid, start_of(pid), words[mark]);
    /* The file's being there is the mark already, should we be ended right here. */
    bool ok = ftruncate(fd, 0) == 0 && pwrite(fd, line, (size_t)n, 0) == n;
    return close(fd) == 0 && ok;
}

void mark_set(const char *reader, enum mark mark)
{
    char name[NAME_SIZE];
    int saved = errno;
    int folder = folder_runtime(true);
    if (folder < 0 || !name_of(reader, name) || !write_mark(folder, name, mark))
        log_write(LOG_WARNING,
                  "no mark can be made that the card is in use (%s): should this program be killed "
                  "during an operation, nothing will make the card forget the PIN",
                  strerror(errno));
    if (folder >= 0)
        close(folder);
    errno = saved;
}

void mark_clear(const char *reader)
{
    char name[NAME_SIZE];
    int saved = errno;
    int folder = folder_runtime(false);
    if (folder >= 0 && name_of(reader, name))
        unlinkat(folder, name, 0); /* one that stays costs the next operation some commands more */
    if (folder >= 0)
        close(folder);
    errno = saved;
}

/* What a mark's line says. A line that makes no sense is one that was not written to its end. */
static bool is_stray(const char *line, bool ours)
{
    long pid = 0;
    unsigned long long start = 0;
    char word[16] = "";
    if (sscanf(line, "%ld %llu %15s", &pid, &start, word) != 3 || strcmp(word, words[MARK_KEPT]))
        return true;
    if (pid == (long)getpid())
        return !ours;
    return start == 0 || start_of(pid) != start;
}

bool mark_found(const char *reader, bool ours)
{
    char name[NAME_SIZE], line[LINE_SIZE];
    int saved = errno;
    bool found = false;
    int folder = folder_runtime(false);
    if (folder >= 0 && name_of(reader, name)) {
        int fd = open_mark(folder, name, O_RDONLY);
        if (fd >= 0) {
            ssize_t n = read(fd, line, sizeof(line) - 1);
            line[n > 0 ? n : 0] = '\0';
            close(fd);
            found = is_stray(line, ours);
        }
    }
    if (folder >= 0)
        close(folder);
    errno = saved;
    return found;
}

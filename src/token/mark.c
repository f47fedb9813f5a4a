/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/mark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/descriptor.h"
#include "support/folder.h"
#include "support/log.h"
#include "support/secret.h"
#include "token/readername.h"

#define PREFIX_SIZE (sizeof("card--") + READERNAME_HASH_SIZE)
#define LINE_SIZE 64

static const char *const words[] = {[MARK_OPERATION] = "operation", [MARK_KEPT] = "kept"};

/* What the names of all marks for READER begin with; empty when it cannot be computed. */
static void prefix_of(const char *reader, char prefix[PREFIX_SIZE])
{
    char hash[READERNAME_HASH_SIZE];
    prefix[0] = '\0';
    if (readername_hash(reader, hash))
        snprintf(prefix, PREFIX_SIZE, "card-%s-", hash);
}

void mark_name(const char *reader, char name[MARK_NAME_SIZE])
{
    char prefix[PREFIX_SIZE];
    unsigned number;
    int saved = errno;
    name[0] = '\0';
    prefix_of(reader, prefix);
    if (prefix[0] != '\0' && secret_random(&number, sizeof(number)))
        snprintf(name, MARK_NAME_SIZE, "%s%ld-%08x", prefix, (long)getpid(), number);
    errno = saved;
}

/* The field with this number, from 3 on, of a line of /proc/PID/stat; NULL when it is not there. */
static const char *stat_field(const char *line, int number)
{
    /* Field 2 is the program's name in parentheses, which may hold anything. */
    const char *at = strrchr(line, ')');
    for (int field = 2; at != NULL && field < number; field++)
        at = strchr(at + 1, ' ');
    return at == NULL ? NULL : at + 1;
}

/* A zombie has ended, though its parent has not asked for its end yet; unless it is only the first
 * of several threads that has. */
static bool has_ended(const char *line)
{
    const char *state = stat_field(line, 3), *threads = stat_field(line, 20);
    return state != NULL && *state == 'Z' && threads != NULL && strtol(threads, NULL, 10) <= 1;
}

/* When a process began, in the kernel's own unit; 0 when there is none, or it has ended. */
static unsigned long long start_of(long pid)
{
    char path[32], text[512];
    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    int fd = descriptor_above_standard(open(path, O_RDONLY | O_CLOEXEC));
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *start = stat_field(text, 22);
    return start == NULL || has_ended(text) ? 0 : strtoull(start, NULL, 10);
}

/* ---- one mark ---- */

static int open_mark(int folder, const char *name, int flags)
{
    struct stat st;
    int fd = descriptor_above_standard(
        openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
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
    bool ok = ftruncate(fd, 0) == 0 && descriptor_write(fd, line, (size_t)n) == n;
    return close(fd) == 0 && ok;
}

void mark_set(const char *name, enum mark mark)
{
    int saved = errno;
    int folder = folder_runtime(true);
    if (folder < 0 || name[0] == '\0' || !write_mark(folder, name, mark))
        log_write(LOG_WARNING,
                  "no mark can be made that the card is in use (%s): should this program be killed "
                  "during an operation, nothing will make the card forget the PIN",
                  strerror(errno));
    if (folder >= 0)
        close(folder);
    errno = saved;
}

void mark_clear(const char *name)
{
    int saved = errno;
    int folder = folder_runtime(false);
    if (folder >= 0 && name[0] != '\0')
        unlinkat(folder, name, 0);
    if (folder >= 0)
        close(folder);
    errno = saved;
}

/* ---- all marks ---- */

/* A line that makes no sense is one that was not written to its end. */
static bool is_kept_by_the_living(const char *line)
{
    long pid = 0;
    unsigned long long start = 0;
    char word[16] = "";
    if (sscanf(line, "%ld %llu %15s", &pid, &start, word) != 3)
        return false;
    return strcmp(word, words[MARK_KEPT]) == 0 && start != 0 && start_of(pid) == start;
}

/* Whether there is a mark NAME that is STRAY, or one of a login that is kept. */
static bool is_one(int folder, const char *name, bool stray)
{
    char line[LINE_SIZE];
    int fd = open_mark(folder, name, O_RDONLY);
    if (fd < 0)
        return false; /* gone meanwhile, or no mark */
    ssize_t n = read(fd, line, sizeof(line) - 1);
    line[n > 0 ? n : 0] = '\0';
    close(fd);
    return is_kept_by_the_living(line) != stray;
}

/* The folder with its marks, for closedir(); NULL when there is none. */
static DIR *open_marks(void)
{
    int folder = folder_runtime(false);
    DIR *marks = folder >= 0 ? fdopendir(folder) : NULL;
    if (marks == NULL && folder >= 0)
        close(folder);
    return marks;
}

/* The name of the next mark that is STRAY, or not; or NULL. */
static const char *next(DIR *marks, const char *prefix, const char *mine, bool stray)
{
    struct dirent *entry;
    while (prefix[0] != '\0' && (entry = readdir(marks)) != NULL)
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
            strcmp(entry->d_name, mine) != 0 && is_one(dirfd(marks), entry->d_name, stray))
            return entry->d_name;
    return NULL;
}

static bool is_there(const char *reader, const char *mine, bool stray)
{
    char prefix[PREFIX_SIZE];
    int saved = errno;
    bool found = false;
    DIR *marks = open_marks();
    if (marks != NULL) {
        prefix_of(reader, prefix);
        found = next(marks, prefix, mine, stray) != NULL;
        closedir(marks);
    }
    errno = saved;
    return found;
}

bool mark_stray(const char *reader, const char *mine)
{
    return is_there(reader, mine, true);
}

bool mark_kept(const char *reader, const char *mine)
{
    return is_there(reader, mine, false);
}

void mark_clear_strays(const char *reader, const char *mine)
{
    char prefix[PREFIX_SIZE];
    int saved = errno;
    const char *name;
    DIR *marks = open_marks();
    if (marks != NULL) {
        prefix_of(reader, prefix);
        while ((name = next(marks, prefix, mine, true)) != NULL)
            unlinkat(dirfd(marks), name, 0);
        closedir(marks);
    }
    errno = saved;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANGES 8192
#define LISTING (4UL << 20) /* bytes of /proc/self/smaps at most */
#define WINDOW (1UL << 20)
#define GUARD (1UL << 16)
#define PAGE 4096UL
#define TOO_LARGE (4UL << 30) /* no memory is so large, but the sanitizers' reservations are */

struct range {
    uintptr_t from, to;
};

struct files {
    int mem, pages; /* of /proc/self */
};

bool memory_read(struct memory_secret *secret, const char *file)
{
    uint8_t one_more;
    ssize_t got = 1;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    secret->len = 0;
    while (secret->len < MEMORY_MAX && got > 0) {
        got = read(fd, secret->masked + secret->len, MEMORY_MAX - secret->len);
        secret->len += got > 0 ? (size_t)got : 0;
    }
    bool ended = read(fd, &one_more, 1) == 0;
    close(fd);
    return ended && secret->len > 0;
}

void memory_unmask(const struct memory_secret *secret, uint8_t *out)
{
    volatile uint8_t *byte = out;
    for (size_t i = 0; i < secret->len; i++)
        byte[i] = (uint8_t)(secret->masked[i] ^ MEMORY_MASK);
}

/* The text of a file in /proc, with a zero behind it, on pages that drop() takes away: addresses in
 * hexadecimal could look like a secret of digits. */
static char *load(const char *path)
{
    char *text = mmap(NULL, LISTING, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got = 0;
    if (text == MAP_FAILED || fd < 0)
        return NULL;
    do {
        got = read(fd, text + len, LISTING - 1 - len);
        len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    close(fd);
    return text;
}

static void drop(char *text)
{
    munmap(text, LISTING);
}

static bool parse(const char *line, struct range *range, char permissions[5])
{
    return sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &range->from, &range->to, permissions) ==
           3;
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end != NULL ? end + 1 : line + strlen(line);
}

/* The readable mappings; their number, 0 when there is no list of them. */
static size_t list(struct range *ranges)
{
    char permissions[5];
    size_t count = 0;
    char *text = load("/proc/self/maps");
    if (text == NULL)
        return 0;
    for (const char *line = text; *line != '\0' && count < RANGES; line = next_line(line))
        if (parse(line, &ranges[count], permissions) && permissions[0] == 'r')
            count++;
    drop(text);
    return count;
}

static bool is_here(const struct memory_secret *secret, const uint8_t *at)
{
    for (size_t i = 0; i < secret->len; i++)
        if ((at[i] ^ MEMORY_MASK) != secret->masked[i])
            return false;
    return true;
}

/* Looks at the places where one can begin: the first COUNT bytes of the window. Its first byte
 * alone is no secret, and the quickest way past what is empty. */
static void look_at(const struct memory_secret *secret, const uint8_t *window, size_t count,
                    uintptr_t address, struct memory_found *found)
{
    int first = secret->masked[0] ^ MEMORY_MASK;
    const uint8_t *end = window + count;
    for (const uint8_t *at = window; at < end; at++) {
        at = memchr(at, first, (size_t)(end - at));
        if (at == NULL)
            return;
        if (is_here(secret, at) && found->places++ == 0)
            found->first = address + (uintptr_t)(at - window);
    }
}

/* False where no page between has ever been used, as in most of what a sanitizer reserves: then
 * nothing can be there, and reading it takes longest (proc(5), /proc/pid/pagemap: bit 63, present;
 * bit 62, swapped). */
static bool is_used(int pages, uintptr_t from, size_t size)
{
    static uint64_t entries[WINDOW / PAGE + 2];
    uintptr_t first = from / PAGE;
    size_t count = (from + size - 1) / PAGE - first + 1;
    ssize_t got = pread(pages, entries, count * sizeof(entries[0]), (off_t)(first * 8));
    if (got != (ssize_t)(count * sizeof(entries[0])))
        return true;
    for (size_t i = 0; i < count; i++)
        if (entries[i] >> 62 != 0)
            return true;
    return false;
}

/* One mapping, through WINDOW, which is wiped again. The kernel's own pages cannot be read so. */
static void look_through(const struct files *files, const struct memory_secret *secret,
                         struct range range, uint8_t *window, struct memory_found *found)
{
    size_t size;
    for (uintptr_t at = range.from; at + secret->len <= range.to; at += size - secret->len + 1) {
        size = range.to - at < WINDOW ? range.to - at : WINDOW;
        if (!is_used(files->pages, at, size))
            continue;
        ssize_t got = pread(files->mem, window, size, (off_t)at);
        if (got < (ssize_t)secret->len)
            return;
        size = (size_t)got;
        look_at(secret, window, size - secret->len + 1, at, found);
        explicit_bzero(window, size);
    }
}

/* Between guards, so that it is a mapping of its own: it alone is not looked through, or every
 * secret would be found a second time in it. */
static uint8_t *new_window(void)
{
    uint8_t *all = mmap(NULL, WINDOW + 2 * GUARD, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED || mprotect(all + GUARD, WINDOW, PROT_READ | PROT_WRITE) != 0)
        return NULL;
    return all + GUARD;
}

bool memory_search(const struct memory_secret *secret, struct memory_found *found)
{
    static struct range ranges[RANGES];
    memset(found, 0, sizeof(*found));
    uint8_t *window = new_window();
    struct files files = {open("/proc/self/mem", O_RDONLY | O_CLOEXEC),
                          open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)};
    size_t count = window != NULL && files.mem >= 0 ? list(ranges) : 0;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].from == (uintptr_t)window)
            continue;
        if (ranges[i].to - ranges[i].from > TOO_LARGE) {
            found->left += ranges[i].to - ranges[i].from;
            continue;
        }
        found->mapping++;
        look_through(&files, secret, ranges[i], window, found);
    }
    close(files.mem);
    close(files.pages);
    if (window != NULL)
        munmap(window - GUARD, WINDOW + 2 * GUARD);
    return count > 0 && count < RANGES;
}

static bool has_flag(const char *line, const char *flag)
{
    char wanted[8];
    const char *end = next_line(line);
    snprintf(wanted, sizeof(wanted), " %s ", flag);
    const char *at = strstr(line, wanted); /* the line ends with a space */
    return at != NULL && at < end;
}

bool memory_has_flag(uintptr_t address, const char *flag)
{
    char permissions[5];
    bool inside = false, has = false;
    char *text = load("/proc/self/smaps");
    if (text == NULL)
        return false;
    for (const char *line = text; *line != '\0'; line = next_line(line)) {
        struct range range;
        if (parse(line, &range, permissions))
            inside = range.from <= address && address < range.to;
        if (inside && strncmp(line, "VmFlags:", 8) == 0)
            has = has_flag(line, flag);
    }
    drop(text);
    return has;
}

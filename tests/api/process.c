/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZER 1
#else
#define SANITIZER 0
#endif

static bool count_entries(const char *path, unsigned *count)
{
    DIR *dir = opendir(path);
    *count = 0;
    if (dir == NULL)
        return false;
    while (readdir(dir) != NULL)
        (*count)++;
    closedir(dir);
    return *count > 2; /* more than the folder and the one above */
}

static bool count_lines(const char *path, unsigned *count)
{
    FILE *file = fopen(path, "r");
    *count = 0;
    if (file == NULL)
        return false;
    for (int c; (c = fgetc(file)) != EOF;)
        *count += c == '\n';
    fclose(file);
    return *count > 0;
}

static bool look_at_memory(struct process *process)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    bool ok = file != NULL && fscanf(file, "%*u %lu", &pages) == 1;
    if (file != NULL)
        fclose(file);
    struct mallinfo2 info = mallinfo2();
    process->heap = info.uordblks + info.hblkhd;
    process->resident = pages * (size_t)sysconf(_SC_PAGESIZE);
    return ok;
}

bool process_look(struct process *process)
{
    return count_entries("/proc/self/fd", &process->descriptors) &&
           count_entries("/proc/self/task", &process->threads) &&
           count_lines("/proc/self/maps", &process->mappings) && look_at_memory(process);
}

static bool is_flat(const char *what, size_t before, size_t after, size_t more)
{
    if (after <= before + more)
        return true;
    fprintf(stderr, "%s: %zu, and %zu before\n", what, after, before);
    return false;
}

bool process_is_flat(const struct process *before, const struct process *after, size_t heap,
                     unsigned mappings, size_t resident)
{
    bool flat = is_flat("descriptors", before->descriptors, after->descriptors, 0);
    flat &= is_flat("threads", before->threads, after->threads, 0);
    flat &= is_flat("mappings", before->mappings, after->mappings, mappings);
    flat &= is_flat("bytes of the heap", before->heap, after->heap, heap);
    if (!SANITIZER)
        flat &= is_flat("bytes of memory", before->resident, after->resident, resident);
    return flat;
}

void process_print(const char *when, const struct process *process)
{
    printf("%s: %u descriptors, %u threads, %u mappings, heap %zu bytes, memory %zu kB\n", when,
           process->descriptors - 2, process->threads - 2, process->mappings, process->heap,
           process->resident / 1024);
}

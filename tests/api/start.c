/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * start MODULE: what a program pays for a module that it loads and never uses. Prints the
 * microseconds that dlopen, C_Initialize and C_Finalize take, and the KiB of memory that then
 * belong to this process alone: above those of a process that has the libraries which every such
 * module shares.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "latency.h"
#include "loaded.h"

static void load(const char *library)
{
    if (dlopen(library, RTLD_NOW | RTLD_LOCAL) == NULL)
        loaded_die("%s", dlerror());
}

/* KiB that this process has written. Pages of code are not counted: who else has them just now, and
 * so whether they are this process's alone, is chance. */
static unsigned long private_memory(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[128];
    unsigned long kib = 0;
    bool found = false;
    if (file == NULL)
        loaded_die("no smaps_rollup");
    while (!found && fgets(line, sizeof(line), file) != NULL)
        found = sscanf(line, "Private_Dirty: %lu", &kib) == 1;
    fclose(file);
    if (!found)
        loaded_die("no Private_Dirty");
    return kib;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        loaded_die("usage: start MODULE");
    load("libcrypto.so.3");
    load("libpcsclite.so.1");
    private_memory(); /* what reading it needs is there before, too */
    unsigned long before = private_memory();
    uint64_t begin = latency_now();
    CK_FUNCTION_LIST *p11 = loaded_open(argv[1]);
    uint64_t spent = latency_now() - begin;
    unsigned long after = private_memory();
    begin = latency_now();
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    spent += latency_now() - begin;
    printf("%llu us %lu KiB\n", (unsigned long long)spent, after - before);
    return EXIT_SUCCESS;
}

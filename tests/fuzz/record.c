/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record.h"

#include <stdio.h>
#include <sys/stat.h>

#include "fuzz.h"

void record_write(const char *folder, const char *target, const char *name, const char *head,
                  size_t head_len, const void *bytes, size_t len)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, target);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/%s/%s", folder, target, name);
    FILE *out = fopen(path, "we");
    fuzz_must(out != NULL);
    fuzz_must(fwrite(head, 1, head_len, out) == head_len);
    fuzz_must(fwrite(bytes, 1, len, out) == len);
    fuzz_must(fclose(out) == 0);
}

void record_all(const char *folder, const char *target, const struct record_scenario *scenarios,
                size_t count)
{
    char name[100];
    size_t len;
    mkdir(folder, 0755);
    fuzz_record();
    for (size_t i = 0; i < count; i++) {
        LLVMFuzzerTestOneInput(scenarios[i].bytes, scenarios[i].len);
        const uint8_t *bytes = fuzz_recorded(&len);
        record_write(folder, target, scenarios[i].name, "", 0, bytes, len);
        bytes = fuzz_recorded_commands(&len);
        snprintf(name, sizeof(name), "%s-%s", target, scenarios[i].name);
        record_write(folder, "vcard", name, "", 0, bytes, len);
    }
}

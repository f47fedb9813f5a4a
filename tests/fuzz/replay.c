/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In the place of libFuzzer: gives a target each file of a folder, or one file. usage:
 * fuzz_NAME FOLDER|FILE...
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1 << 20)

static unsigned played;

static void give_up(const char *path)
{
    perror(path);
    exit(1);
}

/* The target gets memory that is not a byte longer, so that a sanitizer sees what reads on. */
static void play(const char *path)
{
    static uint8_t all[INPUT_MAX];
    FILE *in = fopen(path, "re");
    if (in == NULL)
        give_up(path);
    size_t size = fread(all, 1, sizeof(all), in);
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL || ferror(in) || size == sizeof(all))
        give_up(path);
    fclose(in);
    if (size > 0)
        memcpy(data, all, size);
    fprintf(stderr, "%s\n", path); /* the last one that is named is the one that has failed */
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    played++;
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* False when PATH is no folder. */
static bool play_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_input, alphasort);
    if (count < 0)
        return false;
    for (int i = 0; i < count; i++) {
        char file[1024];
        snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        play(file);
        free(entries[i]);
    }
    free(entries);
    return true;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!play_folder(argv[i]))
            play(argv[i]);
    printf("%u inputs\n", played);
    return played > 0 ? 0 : 1; /* a corpus that is not there proves nothing */
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history_home.h"
#include "support/log.h"

#define TEMPLATE "/tmp/jpki-test-history-XXXXXX"

char home_root[sizeof(TEMPLATE)];
char home_folder[96], home_file[128], home_log[96], home_other[96];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

int home_make(void **state)
{
    (void)state;
    memcpy(home_root, TEMPLATE, sizeof(TEMPLATE));
    if (mkdtemp(home_root) == NULL)
        return -1;
    snprintf(home_folder, sizeof(home_folder), "%s/jpki-pkcs11", home_root);
    snprintf(home_file, sizeof(home_file), "%s/history.jsonl", home_folder);
    snprintf(home_log, sizeof(home_log), "%s/log", home_root);
    snprintf(home_other, sizeof(home_other), "%s/other", home_root);
    unsetenv("HOME");
    log_open(LOG_DEBUG, home_log);
    return setenv("XDG_STATE_HOME", home_root, 1);
}

int home_remove(void **state)
{
    (void)state;
    log_close();
    return nftw(home_root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *home_read(const char *path, unsigned slot, size_t *len)
{
    static char texts[2][HOME_TEXT_MAX];
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t n = fread(texts[slot], 1, HOME_TEXT_MAX - 1, in);
    assert_true(n < HOME_TEXT_MAX - 1);
    fclose(in);
    texts[slot][n] = '\0';
    if (len != NULL)
        *len = n;
    return texts[slot];
}

void home_write(const char *path, const void *text, size_t len)
{
    mkdir(home_folder, 0700);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

bool home_logged(const char *text)
{
    bool found = strstr(home_read(home_log, 1, NULL), text) != NULL;
    if (!found)
        print_message("not in the log: %s\n%s", text, home_read(home_log, 1, NULL));
    assert_int_equal(truncate(home_log, 0), 0);
    return found;
}

unsigned home_descriptors(void)
{
    unsigned n = 0;
    DIR *open_ones = opendir("/proc/self/fd");
    assert_non_null(open_ones);
    while (readdir(open_ones) != NULL)
        n++;
    closedir(open_ones);
    return n;
}

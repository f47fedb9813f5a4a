/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "token/pss_refused.h"

#define TEMPLATE "/tmp/test-refusal-XXXXXX"

static char root[sizeof(TEMPLATE)];
static char folder[64], file[96];

static int unlink_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    (void)state;
    memcpy(root, TEMPLATE, sizeof(TEMPLATE));
    if (mkdtemp(root) == NULL)
        return -1;
    snprintf(folder, sizeof(folder), "%s/jpki-pkcs11", root);
    snprintf(file, sizeof(file), "%s/pss-refused", folder);
    unsetenv("HOME");
    return setenv("XDG_STATE_HOME", root, 1);
}

static int teardown(void **state)
{
    (void)state;
    chmod(root, 0700);
    chmod(folder, 0700);
    return nftw(root, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_text(const char *text, size_t len)
{
    mkdir(folder, 0700);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

static size_t read_text(char *text, size_t size)
{
    FILE *in = fopen(file, "r");
    assert_non_null(in);
    size_t n = fread(text, 1, size - 1, in);
    text[n] = '\0';
    fclose(in);
    return n;
}

/* The day DAYS ago, as the file has it. */
static void day(char out[16], int days)
{
    time_t t = time(NULL) - (time_t)days * 86400;
    struct tm tm;
    strftime(out, 16, "%Y-%m-%d", gmtime_r(&t, &tm));
}

static void write_line(int days, const char *model)
{
    char text[128], date[16];
    day(date, days);
    int n = snprintf(text, sizeof(text), "%s %s\n", date, model);
    write_text(text, (size_t)n);
}

static void test_nothing_known(void **state)
{
    struct stat st;
    (void)state;
    assert_false(pss_refused_known("E16R01NJ"));
    assert_int_not_equal(stat(folder, &st), 0); /* asking makes no folder */
}

static void test_noted(void **state)
{
    char text[256], wanted[256], date[16];
    struct stat st;
    (void)state;
    pss_refused_note("E16R01NJ");
    assert_true(pss_refused_known("E16R01NJ"));
    assert_false(pss_refused_known("E16R01N"));
    assert_false(pss_refused_known("E16R01NJX"));
    assert_false(pss_refused_known(""));
    day(date, 0);
    snprintf(wanted, sizeof(wanted), "%s E16R01NJ\n", date);
    read_text(text, sizeof(text));
    assert_string_equal(text, wanted);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_several_models(void **state)
{
    char text[512];
    (void)state;
    pss_refused_note("A");
    pss_refused_note("B C");
    pss_refused_note("A");
    pss_refused_note("");
    assert_true(pss_refused_known("A"));
    assert_true(pss_refused_known("B C"));
    assert_true(pss_refused_known(""));
    assert_false(pss_refused_known("B"));
    read_text(text, sizeof(text));
    unsigned lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    assert_int_equal(lines, 3); /* one for each model */
}

static void test_deleted(void **state)
{
    (void)state;
    pss_refused_note("A");
    assert_int_equal(unlink(file), 0);
    assert_false(pss_refused_known("A"));
}

/* A month: 28 days at least, 31 at most. A day that is still to come is somebody's mistake. */
static void test_age(void **state)
{
    (void)state;
    for (int days = 0; days < 28; days++) {
        write_line(days, "A");
        assert_true(pss_refused_known("A"));
    }
    for (int days = 32; days < 800; days++) {
        write_line(days, "A");
        assert_false(pss_refused_known("A"));
    }
    write_line(-3, "A");
    assert_false(pss_refused_known("A"));
}

static void test_old_lines_go(void **state)
{
    char text[256];
    (void)state;
    write_line(60, "OLD");
    pss_refused_note("NEW");
    read_text(text, sizeof(text));
    assert_null(strstr(text, "OLD"));
    assert_non_null(strstr(text, "NEW"));
}

static void test_renewed(void **state)
{
    char text[256], date[16];
    (void)state;
    write_line(20, "A");
    pss_refused_note("A");
    day(date, 0);
    read_text(text, sizeof(text));
    assert_memory_equal(text, date, 10);
    assert_int_equal(strlen(text), 13);
}

static void check_garbage(const char *text, size_t len)
{
    write_text(text, len);
    assert_false(pss_refused_known("A"));
    pss_refused_note("A"); /* and the file is good again */
    assert_true(pss_refused_known("A"));
}

static void test_garbage(void **state)
{
    static const char *const texts[] = {
        "",  "\n\n\n",  "A",  " A\n", "2026 A\n",  "99999-99-99 A\n", "2026-13-45 A\n",
        "-", "A A A A", "\t", "%s%n", "no date A", "0000-00-00 A\n",  "9999-12-31 A\n"};
    static char large[100000];
    char date[16], line[32];
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        check_garbage(texts[i], strlen(texts[i]));
    day(date, 0);
    int n = snprintf(line, sizeof(line), "%sA\n", date); /* no blank between */
    check_garbage(line, (size_t)n);
    for (int fill = 0; fill <= 0xFF; fill++) {
        memset(large, fill, sizeof(large));
        check_garbage(large, sizeof(large));
    }
    memset(large, '\n', sizeof(large));
    check_garbage(large, sizeof(large));
}

/* Lines of others between garbage still count. */
static void test_garbage_around(void **state)
{
    char text[512], date[16];
    (void)state;
    day(date, 1);
    int n = snprintf(text, sizeof(text), "garbage\n\n%s A\n\xFF\xFE\n%s B", date, date);
    write_text(text, (size_t)n);
    assert_true(pss_refused_known("A"));
    assert_true(pss_refused_known("B")); /* without an end of line */
}

/* A file that is full: nothing is written over its end, and no model is lost without reason. */
static void test_many_models(void **state)
{
    char model[24]; /* 16 characters; the compiler counts with more digits */
    (void)state;
    for (int i = 0; i < 500; i++) {
        snprintf(model, sizeof(model), "MODEL-%010d", i);
        pss_refused_note(model);
    }
    assert_true(pss_refused_known("MODEL-0000000000"));
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    assert_in_range(st.st_size, 1, 65536);
}

static unsigned count_entries(void)
{
    unsigned n = 0;
    char command[128], line[128];
    snprintf(command, sizeof(command), "ls -A %s", folder);
    FILE *in = popen(command, "r");
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL)
        n++;
    pclose(in);
    return n;
}

static void test_no_leftovers(void **state)
{
    (void)state;
    pss_refused_note("A");
    pss_refused_note("B");
    assert_int_equal(count_entries(), 1);
}

/* A link in place of the file is not followed: what it points to stays as it is. */
static void test_link(void **state)
{
    char target[96], text[64], date[16];
    (void)state;
    write_line(1, "A");
    snprintf(target, sizeof(target), "%s/target", root);
    assert_int_equal(rename(file, target), 0);
    assert_int_equal(symlink(target, file), 0);
    assert_false(pss_refused_known("A"));
    pss_refused_note("B");
    assert_true(pss_refused_known("B"));
    FILE *in = fopen(target, "r");
    assert_non_null(in);
    assert_non_null(fgets(text, sizeof(text), in));
    fclose(in);
    day(date, 1);
    assert_memory_equal(text, date, 10); /* as it was */
    assert_null(strstr(text, "B"));
}

/* Opening a pipe would wait for ever, reading a folder fails. */
static void test_no_file(void **state)
{
    (void)state;
    mkdir(folder, 0700);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_false(pss_refused_known("A"));
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkdir(file, 0700), 0);
    assert_false(pss_refused_known("A"));
    pss_refused_note("A"); /* cannot be remembered: harmless */
    assert_false(pss_refused_known("A"));
    assert_int_equal(count_entries(), 1);
}

static void test_not_writable(void **state)
{
    (void)state;
    write_line(1, "A");
    if (geteuid() == 0) { /* may write everywhere: a file where the folder should be does as well */
        unlink(file);
        rmdir(folder);
        close(open(folder, O_CREAT | O_WRONLY, 0600));
        pss_refused_note("B");
        assert_false(pss_refused_known("B"));
        unlink(folder);
        return;
    }
    chmod(folder, 0500);
    pss_refused_note("B");
    assert_false(pss_refused_known("B"));
    assert_true(pss_refused_known("A"));
    chmod(folder, 0);
    assert_false(pss_refused_known("A"));
}

static void test_below_home(void **state)
{
    char path[128];
    struct stat st;
    (void)state;
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", root, 1);
    pss_refused_note("A");
    assert_true(pss_refused_known("A"));
    snprintf(path, sizeof(path), "%s/.local/state/jpki-pkcs11/pss-refused", root);
    assert_int_equal(stat(path, &st), 0);
}

static void test_no_place(void **state)
{
    char path[5000];
    (void)state;
    unsetenv("XDG_STATE_HOME");
    pss_refused_note("A");
    assert_false(pss_refused_known("A"));
    setenv("XDG_STATE_HOME", "not/absolute", 1);
    pss_refused_note("A");
    assert_false(pss_refused_known("A"));
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    for (size_t len = 4070; len < sizeof(path); len++) {
        path[len] = '\0';
        setenv("XDG_STATE_HOME", path, 1);
        assert_false(pss_refused_known("A"));
        path[len] = 'x';
    }
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(test_nothing_known), in_folder(test_noted),        in_folder(test_several_models),
        in_folder(test_deleted),       in_folder(test_age),          in_folder(test_old_lines_go),
        in_folder(test_renewed),       in_folder(test_garbage),      in_folder(test_garbage_around),
        in_folder(test_many_models),   in_folder(test_no_leftovers), in_folder(test_link),
        in_folder(test_no_file),       in_folder(test_not_writable), in_folder(test_below_home),
        in_folder(test_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

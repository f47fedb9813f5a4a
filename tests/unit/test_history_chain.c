/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The chain of lines in the file: what is written, what is mended, what is taken back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "history/history.h"
#include "history_home.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define TIME_LEN 29 /* of "2026-11-24T18:43:00.123+09:00" */

static const struct history_event login = {.token = "auth",
                                           .serial = "0123456789ABCDEF",
                                           .operation = "login",
                                           .result = "CKR_OK",
                                           .tries = 3};

static void add(void)
{
    assert_int_equal(history_add(CONFIG_HISTORY_FILE, &login), ERR_OK);
}

static void hash_of(const char *text, size_t len, char out[65])
{
    uint8_t hash[32];
    SHA256((const uint8_t *)text, len, hash);
    for (size_t i = 0; i < sizeof(hash); i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

/* Reads the file. Every line must be followed by one with its hash; LINES counts them. MENDED is
 * how many say that they follow an unfinished line. */
static void check_chain(unsigned lines, unsigned mended)
{
    char wanted[80], hash[65] = ZEROS;
    size_t len;
    const char *text = home_read(home_file, 0, &len);
    const char *end = text + len;
    unsigned seen = 0, seen_mended = 0;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        assert_non_null(newline);
        snprintf(wanted, sizeof(wanted), "\"prev\":\"%s\"}", hash);
        size_t length = (size_t)(newline - text);
        if (length > strlen(wanted) && text[0] == '{') {
            assert_memory_equal(newline - strlen(wanted), wanted, strlen(wanted));
            if (memcmp(newline - strlen(wanted) - 14, "\"mended\":true,", 14) == 0)
                seen_mended++;
        }
        hash_of(text, length, hash);
        text = newline + 1;
        seen++;
    }
    assert_int_equal(seen, lines);
    assert_int_equal(seen_mended, mended);
}

static void test_first_line(void **state)
{
    static char wanted[8192], program[4096];
    char when[TIME_LEN + 1];
    struct tm tm = {0};
    struct stat st;
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    time_t before = time(NULL);
    umask(0);
    add();
    const char *text = home_read(home_file, 0, NULL);
    assert_memory_equal(text, "{\"time\":\"", 9);
    snprintf(when, sizeof(when), "%s", text + 9);
    assert_string_equal(strptime(when, "%Y-%m-%dT%H:%M:%S", &tm) + 4, "+00:00");
    assert_in_range(timegm(&tm), before, before + 5);
    assert_non_null(realpath("/proc/self/exe", program));
    snprintf(wanted, sizeof(wanted),
             "{\"time\":\"%s\",\"program\":\"%s\",\"pid\":%ld,\"token\":\"auth\","
             "\"serial\":\"0123456789ABCDEF\",\"operation\":\"login\",\"mechanism\":null,"
             "\"result\":\"CKR_OK\",\"tries\":3,\"prev\":\"" ZEROS "\"}\n",
             when, program, (long)getpid());
    assert_string_equal(text, wanted);
    assert_int_equal(stat(home_file, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0600);
    assert_int_equal(stat(home_folder, &st), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0700);
    assert_int_equal(truncate(home_log, 0), 0);
}

static void test_chain(void **state)
{
    (void)state;
    for (unsigned lines = 1; lines <= 50; lines++) {
        add();
        check_chain(lines, 0);
    }
    assert_string_equal(home_read(home_log, 0, NULL), ""); /* nothing to say */
}

/* Whatever bytes an event has, it is one line. */
static void test_harmless(void **state)
{
    const struct history_event bad = {"a\nb", "\"}\n{\"", "\x1b]0;x\x07", "\xff\xfe", "\r",
                                      1,      "\\"};
    (void)state;
    add();
    assert_int_equal(history_add(CONFIG_HISTORY_FILE, &bad), ERR_OK);
    add();
    check_chain(3, 0);
}

static void test_ready_writes_nothing(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(history_ready(CONFIG_HISTORY_FILE), ERR_OK);
    assert_int_equal(stat(home_file, &st), 0); /* but makes the file */
    assert_int_equal(st.st_size, 0);
    assert_int_equal(st.st_mode, S_IFREG | 0600);
    add();
    size_t before, after;
    home_read(home_file, 0, &before);
    assert_int_equal(history_ready(CONFIG_HISTORY_FILE), ERR_OK);
    home_read(home_file, 0, &after);
    assert_int_equal(before, after);
    check_chain(1, 0);
}

static void test_no_history(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(history_add(CONFIG_HISTORY_NO, &login), ERR_OK);
    assert_int_equal(stat(home_folder, &st), -1);
    assert_int_equal(history_ready(CONFIG_HISTORY_NO), ERR_NOT_RECORDED);
    assert_true(home_logged("the setting 'history' is 'no'"));
    assert_int_equal(stat(home_folder, &st), -1);
    assert_int_equal(history_add((enum config_history)77, &login), ERR_NOT_RECORDED);
    assert_int_equal(history_ready((enum config_history)77), ERR_NOT_RECORDED);
}

/* Adds a line to a file that ends with the LEN bytes at LAST, without a newline. */
static void check_mended(const char *last, size_t len)
{
    char hash[65], wanted[128];
    size_t before_len, after_len;

    home_write(home_file, last, len);
    char *before = malloc(HOME_TEXT_MAX);
    assert_non_null(before);
    memcpy(before, home_read(home_file, 0, &before_len), len);
    add();
    const char *after = home_read(home_file, 0, &after_len);
    assert_memory_equal(after, before, before_len); /* nothing is taken away */
    assert_int_equal(after[before_len], '\n');
    assert_int_equal(after[before_len + 1], '{');
    assert_int_equal(after[after_len - 1], '\n');
    const char *newline = memrchr(last, '\n', len);
    const char *line = newline == NULL ? last : newline + 1;
    hash_of(line, (size_t)(last + len - line), hash);
    snprintf(wanted, sizeof(wanted), ",\"tries\":3,\"mended\":true,\"prev\":\"%s\"}\n", hash);
    assert_string_equal(after + after_len - strlen(wanted), wanted);
    assert_true(home_logged("left unfinished"));
    add(); /* and the next one has nothing to mend */
    after = home_read(home_file, 0, &after_len);
    assert_null(strstr(after + before_len + strlen(wanted) + 200, "mended"));
    free(before);
}

static void test_torn(void **state)
{
    static char block[20000];
    static const size_t lengths[] = {1,    2,    4094, 4095, 4096,  4097,
                                     8191, 8192, 8193, 8194, 12288, 20000};
    static const size_t newlines[] = {0, 1, 4094, 4095, 4096, 4097, 8191, 8192};
    (void)state;
    check_mended("{\"time\":", 8);
    check_mended("a\nb\n{", 5);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        memset(block, 'x', sizeof(block));
        check_mended(block, lengths[i]);
        for (size_t k = 0; k < sizeof(newlines) / sizeof(newlines[0]); k++) {
            if (newlines[k] + 1 >= lengths[i])
                continue;
            memset(block, 'x', sizeof(block));
            block[newlines[k]] = '\n'; /* at and around the edges of blocks, from the front */
            check_mended(block, lengths[i]);
            memset(block, 'x', sizeof(block));
            block[lengths[i] - 2 - newlines[k]] = '\n'; /* and from the end */
            check_mended(block, lengths[i]);
        }
    }
    memset(block, 0, 5000); /* as a power cut may leave it */
    check_mended(block, 5000);
}

/* A line that somebody else has written is hashed whole, however long it is. */
static void test_long_last_line(void **state)
{
    static char block[100001];
    static const size_t lengths[] = {1, 4095, 4096, 4097, 8192, 100001};
    char hash[65], wanted[80];
    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        memset(block, 'y', sizeof(block));
        block[lengths[i] - 1] = '\n';
        home_write(home_file, block, lengths[i]);
        add();
        size_t len;
        const char *text = home_read(home_file, 0, &len);
        hash_of(block, lengths[i] - 1, hash);
        snprintf(wanted, sizeof(wanted), "\"prev\":\"%s\"}\n", hash);
        assert_string_equal(text + len - strlen(wanted), wanted);
        assert_null(strstr(text + lengths[i], "mended"));
    }
}

/* In a child: adds a line while the file may not grow beyond SIZE bytes. */
static void add_with_limit(size_t size, enum err wanted)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit;
        getrlimit(RLIMIT_FSIZE, &limit);
        limit.rlim_cur = size;
        setrlimit(RLIMIT_FSIZE, &limit);
        errno = ERANGE;
        enum err e = history_add(CONFIG_HISTORY_FILE, &login);
        _exit(e == wanted && errno == ERANGE ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status)); /* and not ended by SIGXFSZ */
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_no_room(void **state)
{
    size_t before, after, line;
    (void)state;
    add();
    home_read(home_file, 0, &before);
    for (size_t room = 0; room + 10 < before; room += 7) {
        add_with_limit(before + room, ERR_NOT_RECORDED);
        home_read(home_file, 0, &after);
        assert_int_equal(after, before); /* nothing of the line stays */
    }
    add();
    home_read(home_file, 0, &after);
    line = after - before;
    add_with_limit(after + line + 100, ERR_OK); /* a child's number may have more digits */
    check_chain(3, 0);
}

/* The log says what is wrong: a log that has room itself, as standard error has. */
static void test_no_room_is_said(void **state)
{
    (void)state;
    add();
    add();
    size_t size;
    home_read(home_file, 0, &size);
    assert_true(size > 500);
    add_with_limit(size + 10, ERR_NOT_RECORDED); /* the log is shorter than that */
    assert_true(home_logged("only a part of the line has room"));
    add_with_limit(size, ERR_NOT_RECORDED);
    assert_true(home_logged("File too large"));
}

/* What had to be mended is mended only together with the new line. */
static void test_no_room_to_mend(void **state)
{
    size_t before, after;
    (void)state;
    home_write(home_file, "{\"torn", 6);
    for (size_t room = 0; room < 200; room += 9) {
        add_with_limit(6 + room, ERR_NOT_RECORDED);
        home_read(home_file, 0, &after);
        assert_int_equal(after, 6);
    }
    home_read(home_file, 0, &before);
    add();
    assert_memory_equal(home_read(home_file, 0, NULL), "{\"torn\n{", 8);
}

static void test_guest(void **state)
{
    (void)state;
    add();
    unsigned before = home_descriptors();
    for (int i = 0; i < 20; i++) {
        errno = ERANGE;
        add();
        assert_int_equal(history_ready(CONFIG_HISTORY_FILE), ERR_OK);
        assert_int_equal(errno, ERANGE);
    }
    rename(home_file, home_other);
    assert_int_equal(symlink(home_other, home_file), 0);
    for (int i = 0; i < 20; i++) {
        errno = ERANGE;
        assert_int_equal(history_add(CONFIG_HISTORY_FILE, &login), ERR_NOT_RECORDED);
        assert_int_equal(history_ready(CONFIG_HISTORY_FILE), ERR_NOT_RECORDED);
        assert_int_equal(errno, ERANGE);
    }
    assert_int_equal(home_descriptors(), before);
}

#define THREADS 8
#define ROUNDS 40

static void *add_many(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++)
        add();
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    check_chain(THREADS * ROUNDS, 0);
}

#define at_home(test) cmocka_unit_test_setup_teardown(test, home_make, home_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        at_home(test_first_line),           at_home(test_chain),      at_home(test_harmless),
        at_home(test_ready_writes_nothing), at_home(test_no_history), at_home(test_torn),
        at_home(test_long_last_line),       at_home(test_no_room),    at_home(test_no_room_is_said),
        at_home(test_no_room_to_mend),      at_home(test_guest),      at_home(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

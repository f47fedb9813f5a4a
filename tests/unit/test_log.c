/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/log.h"

static char folder[] = "/tmp/jpki-test-log-XXXXXX";
static char file[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file, sizeof(file), "%s/log", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int fresh(void **state)
{
    (void)state;
    log_close();
    unlink(file);
    return 0;
}

static const char *content(void)
{
    static char text[65536];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    assert_true(fd >= 0);
    n = read(fd, text, sizeof(text) - 1);
    assert_true(n >= 0);
    close(fd);
    text[n] = '\0';
    return text;
}

/* "jpki-pkcs11[pid] LEVEL: TEXT\n" */
static const char *line(const char *level, const char *text)
{
    static char all[2048];

    snprintf(all, sizeof(all), "jpki-pkcs11[%ld] %s: %s\n", (long)getpid(), level, text);
    return all;
}

static void test_filter(void **state)
{
    static const enum log_level all[] = {LOG_OFF, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

    (void)state;
    for (int threshold = 0; threshold < 5; threshold++) {
        size_t expected = 0;

        unlink(file);
        log_open(all[threshold], file);
        for (int i = 0; i < 5; i++) {
            bool on = i > 0 && i <= threshold;

            assert_int_equal(log_on(all[i]), on);
            log_write(all[i], "x");
            expected += on ? 1 : 0;
        }
        log_close();
        if (threshold == 0) {
            assert_int_equal(access(file, F_OK), -1); /* off: not even made */
        } else {
            const char *at = content();
            size_t count = 0;

            while ((at = strchr(at, '\n')) != NULL) {
                at++;
                count++;
            }
            assert_int_equal(count, expected);
        }
    }
    assert_false(log_on(LOG_ERROR)); /* closed */
}

static void test_form_and_mode(void **state)
{
    struct stat st;

    (void)state;
    umask(0);
    log_open(LOG_DEBUG, file);
    log_write(LOG_WARNING, "%s %d", "tries left:", 3);
    assert_string_equal(content(), line("warning", "tries left: 3"));
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    log_close();
    log_open(LOG_DEBUG, file); /* appended to */
    log_write(LOG_ERROR, "again");
    assert_non_null(strstr(content(), "tries left: 3\n"));
    assert_non_null(strstr(content(), line("error", "again")));
}

static void test_control_characters(void **state)
{
    (void)state;
    log_open(LOG_INFO, file);
    log_write(LOG_INFO, "%s", "a\nb\tc\x1b[31m\x7f\xe3\x81\x82~ ");
    assert_string_equal(content(), line("info", "a?b?c?[31m????~ "));
}

static void test_long_lines(void **state)
{
    char text[3000];
    const char *got;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    log_open(LOG_INFO, file);
    log_write(LOG_INFO, "%s", text);
    got = content();
    assert_true(strlen(got) > 900);
    assert_string_equal(got + strlen(got) - 8, "x [cut]\n");
    assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
    for (size_t len = 950; len < 1030; len++) {
        size_t before = strlen(content());

        text[len] = '\0';
        log_write(LOG_INFO, "%s", text);
        text[len] = 'x';
        got = content() + before;
        assert_int_equal(got[strlen(got) - 1], '\n');
        assert_int_equal(strlen(got) == strlen(line("info", "")) + len,
                         strstr(got, "[cut]") == NULL);
        if (before > 40000) {
            log_close();
            unlink(file);
            log_open(LOG_INFO, file);
        }
    }
}

/* A datagram is what one write(2) has sent. */
static void test_one_write(void **state)
{
    char got[512];
    int ends[2];
    int saved = dup(STDERR_FILENO);
    ssize_t n;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    log_open(LOG_INFO, NULL);
    dup2(ends[0], STDERR_FILENO);
    log_write(LOG_INFO, "one %s", "two");
    log_write(LOG_INFO, "three");
    dup2(saved, STDERR_FILENO);
    n = recv(ends[1], got, sizeof(got) - 1, 0);
    assert_true(n > 0);
    got[n] = '\0';
    assert_string_equal(got, line("info", "one two"));
    n = recv(ends[1], got, sizeof(got) - 1, 0);
    assert_true(n > 0);
    got[n] = '\0';
    assert_string_equal(got, line("info", "three"));
    close(ends[0]);
    close(ends[1]);
    close(saved);
}

/* Opens the log on FILE and returns what a line (and any warning) puts on standard error. */
static const char *on_standard_error(void)
{
    static char got[1024];
    int ends[2];
    int saved = dup(STDERR_FILENO);
    ssize_t n;

    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_open(LOG_INFO, file);
    log_write(LOG_INFO, "here");
    dup2(saved, STDERR_FILENO);
    close(ends[1]);
    n = read(ends[0], got, sizeof(got) - 1);
    assert_true(n >= 0);
    got[n] = '\0';
    close(ends[0]);
    close(saved);
    return got;
}

static void assert_fell_back(void)
{
    const char *got = on_standard_error();

    assert_non_null(strstr(got, "warning: the log file cannot be opened"));
    assert_non_null(strstr(got, "info: here\n"));
}

static void test_link_not_followed(void **state)
{
    char target[80];

    (void)state;
    snprintf(target, sizeof(target), "%s/target", folder);
    assert_int_equal(symlink(target, file), 0);
    assert_fell_back();
    assert_int_equal(access(target, F_OK), -1);
}

static void test_not_a_file(void **state)
{
    (void)state;
    assert_int_equal(mkdir(file, 0700), 0);
    assert_fell_back();
    rmdir(file);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_fell_back();
    {
        int reader = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

        assert_true(reader >= 0);
        assert_fell_back();
        close(reader);
    }
}

static void test_errno_kept(void **state)
{
    (void)state;
    errno = ERANGE;
    log_open(LOG_INFO, "/nonexistent/log");
    assert_int_equal(errno, ERANGE);
    log_open(LOG_INFO, file);
    log_write(LOG_INFO, "x");
    log_write(LOG_DEBUG, "x");
    assert_int_equal(errno, ERANGE);
    log_close();
    assert_int_equal(errno, ERANGE);
}

/* The host's standard descriptors may be closed: the log must not become one of them. */
static void test_not_a_standard_descriptor(void **state)
{
    int saved = dup(STDIN_FILENO);

    (void)state;
    close(STDIN_FILENO);
    log_open(LOG_INFO, file);
    log_write(LOG_INFO, "x");
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
    assert_string_equal(content(), line("info", "x"));
    log_close();
    dup2(saved, STDIN_FILENO);
    close(saved);
}

static void test_descriptors(void **state)
{
    int before = dup(0);
    int after;

    (void)state;
    close(before);
    for (int i = 0; i < 50; i++) {
        log_open(LOG_INFO, file);
        log_open(LOG_INFO, file);
        log_close();
        log_close();
    }
    after = dup(0);
    close(after);
    assert_int_equal(before, after);
}

/* Ends the test if SIGPIPE is delivered. */
static void test_nobody_reads(void **state)
{
    int ends[2];
    int saved = dup(STDERR_FILENO);
    sigset_t pending;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    log_open(LOG_INFO, NULL);
    dup2(ends[1], STDERR_FILENO);
    errno = 0;
    log_write(LOG_INFO, "x");
    dup2(saved, STDERR_FILENO);
    close(ends[1]);
    close(saved);
    assert_int_equal(errno, 0);
    sigpending(&pending);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
}

static void *write_many(void *argument)
{
    (void)argument;
    for (int i = 0; i < 200; i++)
        log_write(LOG_INFO, "abcdefghijklmnopqrstuvwxyz");
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    const char *at;
    const char *wanted;
    size_t count = 0;

    (void)state;
    log_open(LOG_INFO, file);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    wanted = line("info", "abcdefghijklmnopqrstuvwxyz");
    for (at = content(); *at != '\0'; at += strlen(wanted)) {
        assert_int_equal(strncmp(at, wanted, strlen(wanted)), 0);
        count++;
    }
    assert_int_equal(count, 800);
}

/* The log's own, which only this process tells. */
static int descriptor_of_log(void)
{
    struct stat named, st;

    assert_int_equal(stat(file, &named), 0);
    for (int fd = 0; fd < 256; fd++)
        if (fstat(fd, &st) == 0 && st.st_dev == named.st_dev && st.st_ino == named.st_ino)
            return fd;
    fail_msg("the log file is not open");
    return -1;
}

/* Programs that become a daemon close every descriptor, as a rule in a forked child, and the
 * numbers go to files of their own. */
static void test_descriptor_taken_away(void **state)
{
    struct stat st;
    char other[80];

    (void)state;
    snprintf(other, sizeof(other), "%s.other", file);
    log_open(LOG_INFO, file);
    int mine = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(mine >= 0);
    int taken = descriptor_of_log();
    assert_int_equal(dup2(mine, taken), taken);
    log_write(LOG_ERROR, "a line for the log");
    assert_int_equal(fstat(taken, &st), 0);
    assert_int_equal(st.st_size, 0);
    log_open(LOG_INFO, file);
    assert_true(fcntl(taken, F_GETFD) >= 0);
    log_write(LOG_INFO, "again");
    assert_string_equal(content(), line("info", "again"));
    log_close();
    assert_true(fcntl(taken, F_GETFD) >= 0);
    assert_int_equal(fstat(taken, &st), 0);
    assert_int_equal(st.st_size, 0);
    close(taken);
    close(mine);
    unlink(other);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_filter),
        TEST(test_form_and_mode),
        TEST(test_control_characters),
        TEST(test_long_lines),
        TEST(test_one_write),
        TEST(test_link_not_followed),
        TEST(test_not_a_file),
        TEST(test_errno_kept),
        TEST(test_not_a_standard_descriptor),
        TEST(test_descriptors),
        TEST(test_nobody_reads),
        TEST(test_threads),
        TEST(test_descriptor_taken_away),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

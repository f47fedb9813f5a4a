/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "history/system_log.h"
#include "history_home.h"

static const struct history_event login = {
    .token = "auth", .serial = "S", .operation = "login", .result = "CKR_OK", .tries = 3};
/* 2026-11-04 09:43:00 UTC */
static const struct line_origin origin = {
    .time = {.tv_sec = 1795513380 - 20 * 86400}, .pid = 4711, .program = "/usr/bin/ssh"};

static int listen_at(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static enum err add(void)
{
    return system_log_add(home_other, &origin, &login);
}

static void test_datagram(void **state)
{
    char got[4096];
    (void)state;
    setenv("TZ", "JST-9", 1);
    tzset();
    int fd = listen_at(home_other, SOCK_DGRAM);
    assert_int_equal(system_log_ready(home_other), ERR_OK);
    assert_int_equal(recv(fd, got, sizeof(got), 0), -1); /* asking sends nothing */
    unsigned before = home_descriptors();
    assert_int_equal(add(), ERR_OK);
    assert_int_equal(home_descriptors(), before);
    ssize_t n = recv(fd, got, sizeof(got) - 1, 0);
    assert_true(n > 0);
    got[n] = '\0';
    assert_string_equal(got, "<85>Nov  4 18:43:00 jpki-pkcs11[4711]: "
                             "{\"time\":\"2026-11-04T18:43:00.000+09:00\","
                             "\"program\":\"/usr/bin/ssh\",\"pid\":4711,\"token\":\"auth\","
                             "\"serial\":\"S\",\"operation\":\"login\",\"mechanism\":null,"
                             "\"result\":\"CKR_OK\",\"tries\":3}");
    assert_int_equal(recv(fd, got, sizeof(got), 0), -1);
    close(fd);
}

static void check_refused(const char *path, const char *why)
{
    assert_int_equal(system_log_ready(path), ERR_NOT_RECORDED);
    assert_true(home_logged(why));
    assert_int_equal(system_log_add(path, &origin, &login), ERR_NOT_RECORDED);
    assert_true(home_logged(why));
}

static void test_nobody_listens(void **state)
{
    char path[200];
    (void)state;
    unsigned before = home_descriptors();
    check_refused(home_other, "No such file or directory");
    close(listen_at(home_other, SOCK_DGRAM));
    check_refused(home_other, "Connection refused");
    unlink(home_other);
    int fd = listen_at(home_other, SOCK_STREAM);
    check_refused(home_other, "Protocol wrong type for socket");
    close(fd);
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[108] = '\0';
    check_refused(path, "File name too long");
    path[107] = '\0';
    check_refused(path, "No such file or directory");
    assert_int_equal(home_descriptors(), before);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Sends until there is no room. */
static void fill(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", home_other);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    while (send(fd, "x", 1, 0) == 1)
        ;
    close(fd);
}

static void test_full_for_ever(void **state)
{
    (void)state;
    int fd = listen_at(home_other, SOCK_DGRAM);
    fill();
    double begin = seconds();
    assert_int_equal(add(), ERR_NOT_RECORDED);
    double took = seconds() - begin;
    assert_true(took >= 1.9 && took < 4);
    assert_true(home_logged("cannot be sent to the system log"));
    close(fd);
}

static void *add_one(void *result)
{
    *(enum err *)result = add();
    return NULL;
}

static void test_full_for_a_moment(void **state)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    enum err result = ERR_COUNT;
    char got[4096];
    pthread_t thread;
    (void)state;
    int fd = listen_at(home_other, SOCK_DGRAM);
    fill();
    assert_int_equal(pthread_create(&thread, NULL, add_one, &result), 0);
    nanosleep(&pause, NULL); /* it waits for room now */
    while (recv(fd, got, sizeof(got), 0) == 1)
        ;
    pthread_join(thread, NULL);
    assert_int_equal(result, ERR_OK);
    ssize_t n = recv(fd, got, sizeof(got), 0);
    assert_true(n > 100 || memcmp(got, "<85>", 4) == 0); /* the loop may have read it */
    close(fd);
}

/* None of 0 to 2 is in use while a process without them waits for room. */
static void test_standard_descriptors_closed(void **state)
{
    const struct timespec pause = {.tv_nsec = 200000000};
    char got[4096], name[64];
    struct stat st;
    int status;
    (void)state;
    int fd = listen_at(home_other, SOCK_DGRAM);
    fill();
    pid_t child = fork();
    if (child == 0) {
        for (int standard = 0; standard <= 2; standard++)
            close(standard);
        _exit(add() == ERR_OK ? 0 : 1);
    }
    nanosleep(&pause, NULL); /* it waits for room now */
    for (int standard = 0; standard <= 2; standard++) {
        snprintf(name, sizeof(name), "/proc/%ld/fd/%d", (long)child, standard);
        assert_int_equal(lstat(name, &st), -1);
    }
    while (recv(fd, got, sizeof(got), 0) == 1)
        ;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(fd);
}

#define at_home(test) cmocka_unit_test_setup_teardown(test, home_make, home_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        at_home(test_datagram),
        at_home(test_nobody_listens),
        at_home(test_full_for_ever),
        at_home(test_full_for_a_moment),
        at_home(test_standard_descriptors_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The file of the usage history: what is not written to, and what other processes do to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "history/history.h"
#include "history_home.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define NOBODY 65534
#define CONTENT "{\"what\":\"was here\"}\n"

static const struct history_event login = {
    .token = "auth", .serial = "S", .operation = "login", .result = "CKR_OK", .tries = 3};

static enum err add(void)
{
    return history_add(CONFIG_HISTORY_FILE, &login);
}

/* Both functions refuse, and say WHY. */
static void check_refused(const char *why)
{
    assert_int_equal(add(), ERR_NOT_RECORDED);
    assert_true(home_logged(why));
    assert_int_equal(history_ready(CONFIG_HISTORY_FILE), ERR_NOT_RECORDED);
    assert_true(home_logged(why));
}

/* And what stands at PATH is the same as before. */
static void check_left_alone(const char *path, const char *why)
{
    struct stat before, after;
    assert_int_equal(lstat(path, &before), 0);
    check_refused(why);
    assert_int_equal(lstat(path, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_mode, before.st_mode);
    assert_int_equal(after.st_uid, before.st_uid);
    assert_int_equal(after.st_nlink, before.st_nlink);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

static void test_links(void **state)
{
    static const char why[] = "it is a symbolic link, which is not followed; move it away";
    struct stat st;
    (void)state;
    home_write(home_other, CONTENT, strlen(CONTENT));
    assert_int_equal(symlink(home_other, home_file), 0);
    check_left_alone(home_file, why);
    assert_string_equal(home_read(home_other, 0, NULL), CONTENT);
    assert_int_equal(unlink(home_other), 0); /* now it leads nowhere */
    check_left_alone(home_file, why);
    assert_int_equal(stat(home_other, &st), -1);
    assert_int_equal(unlink(home_file), 0);
    assert_int_equal(symlink("/dev/full", home_file), 0);
    check_left_alone(home_file, why);
}

static void test_folder_in_its_place(void **state)
{
    (void)state;
    assert_int_equal(mkdir(home_folder, 0700), 0);
    assert_int_equal(mkdir(home_file, 0700), 0);
    check_left_alone(home_file, "it is a folder; move it away");
}

static void test_no_regular_file(void **state)
{
    static const char why[] = "it is a device, a pipe or a socket and no file; move it away";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    assert_int_equal(mkdir(home_folder, 0700), 0);
    assert_int_equal(mkfifo(home_file, 0600), 0);
    check_left_alone(home_file, why);
    assert_int_equal(unlink(home_file), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", home_file);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    check_left_alone(home_file, why);
    close(fd);
    assert_int_equal(unlink(home_file), 0);
    if (geteuid() == 0) { /* the others are anybody's */
        assert_int_equal(mknod(home_file, S_IFCHR | 0600, makedev(1, 7)), 0); /* full */
        check_left_alone(home_file, why);
        assert_int_equal(unlink(home_file), 0);
        assert_int_equal(mknod(home_file, S_IFBLK | 0600, makedev(7, 250)), 0);
        check_left_alone(home_file, why);
    }
}

static void test_second_name(void **state)
{
    (void)state;
    home_write(home_file, CONTENT, strlen(CONTENT));
    assert_int_equal(link(home_file, home_other), 0);
    check_left_alone(home_file, "it has a second name (a hard link)");
    assert_int_equal(unlink(home_other), 0);
    assert_int_equal(add(), ERR_OK);
}

static void test_modes(void **state)
{
    static const mode_t refused[] = {0620, 0602, 0666, 0660, 0622};
    static const mode_t taken[] = {0600, 0640, 0644, 0700};
    (void)state;
    home_write(home_file, CONTENT, strlen(CONTENT));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(chmod(home_file, refused[i]), 0);
        check_left_alone(home_file, "its group or everybody may write to it; chmod go-w it");
    }
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        assert_int_equal(chmod(home_file, taken[i]), 0);
        assert_int_equal(add(), ERR_OK);
    }
}

/* Runs TEST in a child that is not root, when this is. It returns 0 when all is well. */
static void as_nobody(int (*test)(void))
{
    int status;
    assert_int_equal(chmod(home_root, 0755), 0);
    assert_int_equal(chmod(home_log, 0666), 0);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(99);
        _exit(test());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void give(const char *path, mode_t mode)
{
    if (geteuid() == 0)
        assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int not_recorded(void)
{
    return add() == ERR_NOT_RECORDED && history_ready(CONFIG_HISTORY_FILE) == ERR_NOT_RECORDED ? 0
                                                                                               : 1;
}

static void test_another_users_file(void **state)
{
    (void)state;
    if (geteuid() != 0) /* only root can give a file away; tests/run is root */
        return;
    home_write(home_file, CONTENT, strlen(CONTENT));
    assert_int_equal(chown(home_file, NOBODY, NOBODY), 0);
    check_left_alone(home_file, "it belongs to another user; move it away");
    assert_int_equal(chown(home_file, 0, 0), 0);
    assert_int_equal(chmod(home_file, 0644), 0);
    give(home_folder, 0700); /* the folder is nobody's, the file in it root's */
    as_nobody(not_recorded);
    assert_true(home_logged("it belongs to another user; move it away"));
    assert_string_equal(home_read(home_file, 0, NULL), CONTENT);
}

static void test_folder_read_only(void **state)
{
    (void)state;
    assert_int_equal(mkdir(home_folder, 0700), 0);
    give(home_folder, 0500);
    as_nobody(not_recorded);
    assert_true(home_logged("it cannot be opened: Permission denied"));
    assert_int_equal(access(home_file, F_OK), -1);
    home_write(home_file, CONTENT, strlen(CONTENT));
    give(home_file, 0400);
    as_nobody(not_recorded);
    assert_true(home_logged("it cannot be opened: Permission denied"));
    assert_string_equal(home_read(home_file, 0, NULL), CONTENT);
    assert_int_equal(chmod(home_folder, 0700), 0);
}

static void test_no_folder(void **state)
{
    (void)state;
    assert_int_equal(mkdir(home_folder, 0700), 0);
    assert_int_equal(chmod(home_folder, 0777), 0);
    check_refused("its folder belongs to another user, or everybody may write to it");
    assert_int_equal(rmdir(home_folder), 0);
    int fd = open(home_folder, O_CREAT | O_WRONLY, 0600);
    close(fd);
    check_refused("its folder cannot be opened: Not a directory");
    unsetenv("XDG_STATE_HOME");
    check_refused("no place is known for it: neither XDG_STATE_HOME nor HOME");
}

static void test_path_is_said(void **state)
{
    char wanted[160];
    (void)state;
    assert_int_equal(mkdir(home_folder, 0700), 0);
    assert_int_equal(mkdir(home_file, 0700), 0);
    snprintf(wanted, sizeof(wanted), "move it away (%s)\n", home_file);
    check_refused(wanted);
}

/* The history, open and locked as another program has it. */
static int lock_it(void)
{
    int fd = open(home_file, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    return fd;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_locked_for_ever(void **state)
{
    size_t len;
    (void)state;
    assert_int_equal(mkdir(home_folder, 0700), 0);
    int fd = lock_it();
    double begin = seconds();
    assert_int_equal(add(), ERR_NOT_RECORDED);
    double took = seconds() - begin;
    assert_true(took >= 1.9 && took < 4);
    assert_true(home_logged("another program keeps it locked"));
    home_read(home_file, 0, &len);
    assert_int_equal(len, 0);
    assert_int_equal(history_ready(CONFIG_HISTORY_FILE), ERR_OK); /* a lock passes */
    close(fd);
    assert_int_equal(add(), ERR_OK);
}

static void *add_one(void *result)
{
    *(enum err *)result = add();
    return NULL;
}

/* Until PROCESS has PATH open above its standard descriptors. */
static void wait_for_descriptor(pid_t process, const char *path)
{
    char name[64], target[256];
    const struct timespec pause = {.tv_nsec = 1000000};

    for (double end = seconds() + 10; seconds() < end; nanosleep(&pause, NULL)) {
        for (int fd = 3; fd < 64; fd++) {
            snprintf(name, sizeof(name), "/proc/%ld/fd/%d", (long)process, fd);
            ssize_t n = readlink(name, target, sizeof(target) - 1);
            target[n > 0 ? n : 0] = '\0';
            if (strcmp(target, path) == 0)
                return;
        }
    }
    fail_msg("%s is not opened", path);
}

/* A process that waits for the lock, which is held by LOCK; its standard descriptors are closed. */
static pid_t waiting_process(int lock)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    pid_t child = fork();
    if (child == 0) {
        close(lock);
        for (int fd = 0; fd <= 2; fd++)
            close(fd);
        _exit(add() == ERR_OK ? 0 : 1);
    }
    assert_true(child > 0);
    wait_for_descriptor(child, home_file);
    nanosleep(&pause, NULL); /* it asks for the lock now */
    return child;
}

static int exit_code(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_waits_for_the_lock(void **state)
{
    size_t len;
    (void)state;
    assert_int_equal(mkdir(home_folder, 0700), 0);
    int fd = lock_it();
    pid_t child = waiting_process(fd);
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    home_read(home_file, 0, &len);
    assert_int_equal(len, 0); /* nothing is written without the lock */
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(fd);
    assert_int_equal(add(), ERR_OK);
}

/* None of 0 to 2 is in use while it waits, and it writes. */
static void test_standard_descriptors_closed(void **state)
{
    char name[64];
    struct stat st;
    (void)state;
    assert_int_equal(mkdir(home_folder, 0700), 0);
    int fd = lock_it();
    pid_t child = waiting_process(fd);
    for (int standard = 0; standard <= 2; standard++) {
        snprintf(name, sizeof(name), "/proc/%ld/fd/%d", (long)child, standard);
        assert_int_equal(lstat(name, &st), -1);
    }
    flock(fd, LOCK_UN);
    close(fd);
    assert_int_equal(exit_code(child), 0);
    assert_non_null(strstr(home_read(home_file, 0, NULL), ZEROS));
}

/* The file is moved away (by whoever keeps old ones) while a writer waits for its lock. */
static void test_moved_away_meanwhile(void **state)
{
    (void)state;
    home_write(home_file, CONTENT, strlen(CONTENT));
    int fd = lock_it();
    pid_t child = waiting_process(fd);
    assert_int_equal(rename(home_file, home_other), 0);
    flock(fd, LOCK_UN);
    close(fd);
    assert_int_equal(exit_code(child), 0);
    assert_string_equal(home_read(home_other, 0, NULL), CONTENT);
    assert_non_null(strstr(home_read(home_file, 0, NULL), ZEROS)); /* a new beginning */
}

/* The same in a thread of this process, where a descriptor left open would be seen. */
static void test_moved_away_leaves_nothing_open(void **state)
{
    enum err result = ERR_COUNT;
    pthread_t thread;
    (void)state;
    home_write(home_file, CONTENT, strlen(CONTENT));
    unsigned before = home_descriptors();
    int fd = lock_it();
    assert_int_equal(pthread_create(&thread, NULL, add_one, &result), 0);
    while (home_descriptors() < before + 3) /* the lock, the folder and the file */
        ;
    assert_int_equal(rename(home_file, home_other), 0);
    close(fd);
    pthread_join(thread, NULL);
    assert_int_equal(result, ERR_OK);
    assert_int_equal(home_descriptors(), before);
    assert_non_null(strstr(home_read(home_file, 0, NULL), ZEROS));
}

static void test_deleted_meanwhile(void **state)
{
    (void)state;
    home_write(home_file, CONTENT, strlen(CONTENT));
    int fd = lock_it();
    pid_t child = waiting_process(fd);
    assert_int_equal(unlink(home_file), 0);
    flock(fd, LOCK_UN);
    close(fd);
    assert_int_equal(exit_code(child), 0);
    assert_non_null(strstr(home_read(home_file, 0, NULL), ZEROS));
}

static void test_link_put_there_meanwhile(void **state)
{
    (void)state;
    home_write(home_file, CONTENT, strlen(CONTENT));
    int fd = lock_it();
    pid_t child = waiting_process(fd);
    assert_int_equal(rename(home_file, home_other), 0);
    assert_int_equal(symlink(home_other, home_file), 0);
    flock(fd, LOCK_UN);
    close(fd);
    assert_int_equal(exit_code(child), 1);
    assert_string_equal(home_read(home_other, 0, NULL), CONTENT);
}

/* A child of the host that was forked in the middle has the file open too, and the lock with it. */
static void test_lock_given_back_after_fork(void **state)
{
    enum err result = ERR_COUNT;
    pthread_t thread;
    int ends[2];
    (void)state;
    assert_int_equal(mkdir(home_folder, 0700), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int fd = lock_it();
    assert_int_equal(pthread_create(&thread, NULL, add_one, &result), 0);
    const struct timespec pause = {.tv_nsec = 100000000};
    nanosleep(&pause, NULL); /* it waits for the lock now */
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1); /* lives until this test has looked */
    }
    flock(fd, LOCK_UN);
    close(fd);
    pthread_join(thread, NULL);
    assert_int_equal(result, ERR_OK);
    fd = open(home_file, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    close(fd);
    close(ends[1]);
    assert_int_equal(exit_code(child), 0);
}

/* A thread that is cancelled in here goes on to the end, and is cancelled after that. */
static void *add_and_be_cancelled(void *result)
{
    *(enum err *)result = add();
    pthread_testcancel();
    *(enum err *)result = ERR_COUNT;
    return NULL;
}

static void test_cancelled(void **state)
{
    enum err result = ERR_COUNT;
    pthread_t thread;
    void *ended;
    (void)state;
    assert_int_equal(mkdir(home_folder, 0700), 0);
    int fd = lock_it();
    unsigned before = home_descriptors();
    assert_int_equal(pthread_create(&thread, NULL, add_and_be_cancelled, &result), 0);
    while (home_descriptors() < before + 2)
        ;
    assert_int_equal(pthread_cancel(thread), 0);
    flock(fd, LOCK_UN);
    assert_int_equal(pthread_join(thread, &ended), 0);
    assert_ptr_equal(ended, PTHREAD_CANCELED);
    assert_int_equal(result, ERR_OK);
    assert_int_equal(home_descriptors(), before);
    close(fd);
}

#define at_home(test) cmocka_unit_test_setup_teardown(test, home_make, home_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        at_home(test_links),
        at_home(test_folder_in_its_place),
        at_home(test_no_regular_file),
        at_home(test_second_name),
        at_home(test_modes),
        at_home(test_another_users_file),
        at_home(test_folder_read_only),
        at_home(test_no_folder),
        at_home(test_path_is_said),
        at_home(test_locked_for_ever),
        at_home(test_waits_for_the_lock),
        at_home(test_standard_descriptors_closed),
        at_home(test_moved_away_meanwhile),
        at_home(test_moved_away_leaves_nothing_open),
        at_home(test_deleted_meanwhile),
        at_home(test_link_put_there_meanwhile),
        at_home(test_lock_given_back_after_fork),
        at_home(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "reader/clients.h"

/* As proc(5) has them, and the kernel writes them. */
#define HEAD "Num       RefCount Protocol Flags    Type St Inode Path\n"
#define SERVICE                                                                                    \
    "0000000069638758: 00000002 00000000 00010000 0001 01 1076334 /run/pcscd/pcscd.comm\n"
#define CONNECTED                                                                                  \
    "00000000694c3041: 00000003 00000000 00000000 0001 03 1076513 /run/pcscd/pcscd.comm\n"
#define BEGINNING                                                                                  \
    "00000000694c3041: 00000002 00000000 00000000 0001 02     0 /run/pcscd/pcscd.comm\n"
#define NAMELESS "000000000e746887: 00000003 00000000 00000000 0001 03 1076544\n"
#define OTHERS                                                                                     \
    "00000000d2b8fba7: 00000002 00000000 00010000 0001 01 12034 @/tmp/.X11-unix/X0\n"              \
    "000000004b7ab2e5: 00000003 00000000 00000000 0001 03 12127 /run/systemd/journal/stdout\n"

static char folder[] = "/tmp/jpki-test-clients-XXXXXX";
static char path[sizeof(folder) + 8];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/list", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_list(const char *list, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(list, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static bool only_ours(const char *list, unsigned own)
{
    write_list(list, strlen(list));
    return clients_only_ours(path, own);
}

static void test_only_ours(void **state)
{
    (void)state;
    assert_true(only_ours(HEAD SERVICE CONNECTED, 1));
    assert_true(only_ours(HEAD OTHERS CONNECTED NAMELESS CONNECTED OTHERS SERVICE NAMELESS, 2));
    assert_true(
        only_ours("Num: RefCount Protocol Flags Type St Inode Path\n" /* by other versions */
                  "1: 2 0 00010000 0001 01 1 /var/run/pcscd/pcscd.comm\n"
                  "ffffffffffffffff: 00000003 00000000 00000000 0001 03 18446744073709551615 "
                  "/var/run/pcscd/pcscd.comm\n",
                  1));
}

static void test_somebody_else(void **state)
{
    (void)state;
    assert_false(only_ours(HEAD SERVICE CONNECTED CONNECTED, 1));
    assert_false(only_ours(HEAD SERVICE CONNECTED CONNECTED CONNECTED, 2));
    assert_false(only_ours(HEAD SERVICE CONNECTED BEGINNING, 1));
    assert_false(only_ours(HEAD SERVICE BEGINNING CONNECTED, 1));
}

/* Where ours are not to be seen, nobody else's would be. */
static void test_nothing_to_be_seen(void **state)
{
    (void)state;
    unlink(path);
    assert_false(clients_only_ours(path, 1));
    assert_false(clients_only_ours(folder, 1)); /* a folder can be opened, but not read */
    assert_false(only_ours("", 0));
    assert_false(only_ours("", 1));
    assert_false(only_ours(HEAD, 0));
    assert_false(only_ours(HEAD OTHERS NAMELESS, 1));
    assert_false(only_ours(HEAD SERVICE, 1));
    assert_false(only_ours(HEAD SERVICE, 0));
    assert_false(only_ours(HEAD SERVICE CONNECTED, 2));
    assert_false(only_ours(HEAD CONNECTED, 1)); /* the service has another network */
}

/* Instead of one of ours: they do not make up for it. */
static void test_look_alikes(void **state)
{
    static const char *const lines[] = {
        "0: 00000003 00000000 00000000 0001 03 1076513 /run/pcscd/pcscd.common\n",
        "0: 00000003 00000000 00000000 0001 03 1076513 /run/pcscd/pcscd.comm \n",
        "0: 00000003 00000000 00000000 0001 03 1076513 /run/pcscd/pcscd.com\n",
        "0: 00000003 00000000 00000000 0001 03 1076513 /run/pcscd/PCSCD.COMM\n",
        "0: 00000003 00000000 00000000 0001 03 1076513 /run/mypcscd/pcscd.comm\n",
        "0: 00000003 00000000 00000000 0001 03 1076513 /run/pcscd/pcscd.comm/x\n",
        "0: 00000003 00000000 00000000 0001 03 1076513 /pcscd.comm\n",
        "0: 00000003 00000000 00000000 0001 03 1076513 pcscd/pcscd.comm\n",
        "0: 00000003 00000000 00000000 0001 03 1076513 @/run/pcscd/pcscd.comm\n",
        "0: 00000003 00000000 00000000 0002 03 1076513 /run/pcscd/pcscd.comm\n",
        "0: 00000003 00000000 00000000 0005 03 1076513 /run/pcscd/pcscd.comm\n",
        "0: 00000003 00000000 00000000 03 1076513 /run/pcscd/pcscd.comm\n",
        "/run/pcscd/pcscd.comm\n",
        ": /run/pcscd/pcscd.comm\n",
        "\n",
        NAMELESS,
    };
    char list[1024];
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        snprintf(list, sizeof(list), HEAD SERVICE CONNECTED "%s", lines[i]);
        assert_false(only_ours(list, 2));
        assert_true(only_ours(list, 1));
    }
}

/* A list that ends within a line, or has a line as no kernel writes it. */
static void test_broken(void **state)
{
    static const char all[] = HEAD SERVICE CONNECTED;
    char line[8192];
    (void)state;
    for (size_t len = 0; len < sizeof(all) - 1; len++) {
        write_list(all, len);
        assert_false(clients_only_ours(path, 1));
    }
    memset(line, 'x', sizeof(line));
    write_list(line, sizeof(line));
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs("\n" SERVICE CONNECTED, file);
    assert_int_equal(fclose(file), 0);
    assert_false(clients_only_ours(path, 1));
}

/* SERVICE, COUNT connections and so many lines between each of them. */
static void write_long(unsigned count, unsigned between)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(HEAD SERVICE, file);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < between; k++)
            fprintf(file, "0: 00000003 00000000 00000000 0001 03 %u /%.*s\n", k, (int)(k % 97),
                    "a-name-of-every-length-0123456789-0123456789-0123456789-0123456789-0123456789-"
                    "0123456789-01234567");
        fputs(CONNECTED, file);
    }
    assert_int_equal(fclose(file), 0);
}

/* Wherever the end of what is read at once falls. What is too long is not read to its end, where
 * somebody else could be. */
static void test_long(void **state)
{
    (void)state;
    for (unsigned between = 0; between < 130; between++) {
        write_long(16, between);
        assert_true(clients_only_ours(path, 16));
        assert_false(clients_only_ours(path, 15));
    }
    write_long(1, 10000);
    assert_false(clients_only_ours(path, 0));
    assert_false(clients_only_ours(path, 1));
}

/* A service of our own. */
static int listen_at(struct sockaddr_un *address)
{
    char below[sizeof(folder) + 8];
    snprintf(below, sizeof(below), "%s/pcscd", folder);
    assert_int_equal(mkdir(below, 0700), 0);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof(address->sun_path), "%s/pcscd.comm", below);
    int service = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(service, (const struct sockaddr *)address, sizeof(*address)), 0);
    assert_int_equal(listen(service, 8), 0);
    return service;
}

/* What this machine's kernel writes of it into LIST: only the lines that bear its name, since
 * others may have a pcscd, too. */
static void copy_list(const char *name)
{
    char line[4096];
    FILE *from = fopen(CLIENTS_LIST, "r"), *to = fopen(path, "w");
    assert_non_null(from);
    assert_non_null(to);
    while (fgets(line, sizeof(line), from) != NULL)
        if (strstr(line, name) != NULL)
            fputs(line, to);
    fclose(from);
    assert_int_equal(fclose(to), 0);
}

static int connect_to(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
    return fd;
}

static void test_this_kernel(void **state)
{
    struct sockaddr_un address;
    int service = listen_at(&address), connections[3], accepted[2];
    (void)state;
    copy_list(address.sun_path);
    assert_false(clients_only_ours(path, 1));
    for (int i = 0; i < 2; i++) {
        connections[i] = connect_to(&address);
        accepted[i] = accept(service, NULL, NULL);
        assert_true(accepted[i] >= 0);
    }
    copy_list(address.sun_path);
    assert_true(clients_only_ours(path, 2));
    connections[2] = connect_to(&address); /* the service has not looked yet */
    copy_list(address.sun_path);
    assert_false(clients_only_ours(path, 2));
    assert_true(clients_only_ours(path, 3));
    for (int i = 0; i < 3; i++)
        close(connections[i]);
    for (int i = 0; i < 2; i++)
        close(accepted[i]);
    close(service);
    unlink(address.sun_path);
    *strrchr(address.sun_path, '/') = '\0';
    rmdir(address.sun_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_ours),
        cmocka_unit_test(test_somebody_else),
        cmocka_unit_test(test_nothing_to_be_seen),
        cmocka_unit_test(test_look_alikes),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_this_kernel),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

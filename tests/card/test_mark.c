/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The mark of a card that is open: made before a PIN is sent, gone when the card has forgotten it;
 * and what a mark that somebody else has left makes the next of our modules do.
 */
#include "bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "token/mark.h"
#include "token/object.h"
#include "token/sign.h"

#define SELECT_JPKI "00A4040C0AD392F000260100000001"

/* The names in the marks' folder: how many, and the last one's path. */
static unsigned marks(char path[512])
{
    char folder[256];
    unsigned count = 0;
    snprintf(folder, sizeof(folder), "%s/jpki-pkcs11", getenv("XDG_RUNTIME_DIR"));
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strncmp(entry->d_name, "card-", 5) == 0) {
            count++;
            if (path != NULL)
                snprintf(path, 512, "%s/%s", folder, entry->d_name);
        }
    closedir(dir);
    return count;
}

/* Removes all marks, of anybody. */
static void no_marks(void)
{
    char path[512];
    while (marks(path) > 0)
        assert_int_equal(unlink(path), 0);
}

/* A mark of another process for READER, with this line. */
static void write_mark(const char *text)
{
    char name[MARK_NAME_SIZE], path[512];
    mark_name(READER, name);
    mark_set(name, MARK_OPERATION);
    snprintf(path, sizeof(path), "%s/jpki-pkcs11/%s", getenv("XDG_RUNTIME_DIR"), name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static int setup(void **state)
{
    no_marks();
    return bench_setup(state);
}

/* ---- the file ---- */

static char mine[MARK_NAME_SIZE];

static void test_file(void **state)
{
    char path[512], text[64] = "", wanted[64];
    struct stat st;
    (void)state;
    assert_int_equal(marks(NULL), 0);
    assert_false(mark_stray(READER, ""));
    mark_name(READER, mine);
    mark_set(mine, MARK_OPERATION);
    assert_int_equal(marks(path), 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_non_null(fgets(text, sizeof(text), in));
    fclose(in);
    snprintf(wanted, sizeof(wanted), "%ld ", (long)getpid());
    assert_int_equal(strncmp(text, wanted, strlen(wanted)), 0);
    assert_non_null(strstr(text, " operation\n"));
    assert_true(mark_stray(READER, ""));
    assert_false(mark_stray("Another Reader", ""));
    mark_clear(mine);
    assert_int_equal(marks(NULL), 0);
    assert_false(mark_stray(READER, ""));
    mark_clear(mine); /* once more does no harm */
}

/* A login that somebody keeps on the card: of another owner who lives, in this reader. */
static void test_kept_by_another(void **state)
{
    char other[MARK_NAME_SIZE];
    (void)state;
    mark_name(READER, mine);
    mark_name(READER, other);
    assert_false(mark_kept(READER, ""));
    mark_set(mine, MARK_KEPT);
    assert_true(mark_kept(READER, ""));
    assert_false(mark_kept(READER, mine));
    assert_false(mark_kept("Another Reader", ""));
    write_mark("1 2 kept\n"); /* process 1 began at another time */
    mark_set(other, MARK_OPERATION);
    assert_false(mark_kept(READER, mine));
    mark_set(other, MARK_KEPT);
    assert_true(mark_kept(READER, mine));
    mark_clear(mine);
    mark_clear(other);
}

/* Several owners have marks of their own, and only what is stray is taken away. */
static void test_owners(void **state)
{
    char other[MARK_NAME_SIZE];
    (void)state;
    mark_name(READER, mine);
    mark_name(READER, other);
    assert_string_not_equal(mine, other);
    mark_set(mine, MARK_KEPT);
    mark_set(other, MARK_OPERATION);
    write_mark("1 2 operation\n");
    assert_int_equal(marks(NULL), 3);
    mark_clear(other);
    assert_int_equal(marks(NULL), 2);
    assert_true(mark_stray(READER, ""));
    mark_set(mine, MARK_OPERATION);
    mark_clear_strays(READER, mine); /* all but the caller's own */
    assert_int_equal(marks(NULL), 1);
    assert_true(mark_stray(READER, ""));
    assert_false(mark_stray(READER, mine));
    mark_set(mine, MARK_KEPT);
    write_mark("1 2 operation\n");
    mark_clear_strays("Another Reader", "");
    assert_int_equal(marks(NULL), 2);
    mark_clear_strays(READER, "");
    assert_int_equal(marks(NULL), 1);
    assert_false(mark_stray(READER, ""));
    mark_clear(mine);
    assert_int_equal(marks(NULL), 0);
}

/* A login that is kept on purpose is no stray while its process lives. */
static void test_kept(void **state)
{
    char text[64];
    int ready[2];
    (void)state;
    mark_name(READER, mine);
    mark_set(mine, MARK_KEPT);
    assert_false(mark_stray(READER, ""));
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(30); /* should the parent fail before it ends us */
        mark_name(READER, mine);
        mark_set(mine, MARK_KEPT);
        _exit(write(ready[1], "x", 1) == 1 ? (pause(), 0) : 1);
    }
    assert_int_equal(read(ready[0], text, 1), 1);
    close(ready[0]);
    close(ready[1]);
    assert_int_equal(marks(NULL), 2);
    assert_false(mark_stray(READER, ""));
    kill(child, SIGKILL);
    /* Dead, though its parent has not yet asked how. */
    assert_int_equal(waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
    assert_true(mark_stray(READER, ""));
    waitpid(child, NULL, 0);
    assert_true(mark_stray(READER, ""));
    mark_clear_strays(READER, "");
    assert_int_equal(marks(NULL), 1);
    /* Its number, but not its time. */
    snprintf(text, sizeof(text), "%ld 1 kept\n", (long)getppid());
    write_mark(text);
    assert_true(mark_stray(READER, ""));
}

static void *wait_for_end(void *context)
{
    pause();
    return context;
}

static char state_of(pid_t pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof(line), in));
    fclose(in);
    return strrchr(line, ')')[2];
}

/* A process whose first thread alone has ended looks like one that has ended, but lives. */
static void test_kept_by_another_thread(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pthread_t thread;
        alarm(30); /* should the parent fail before it ends us */
        mark_name(READER, mine);
        mark_set(mine, MARK_KEPT);
        if (pthread_create(&thread, NULL, wait_for_end, NULL) != 0)
            _exit(1);
        pthread_exit(NULL);
    }
    for (int i = 0; i < 1000 && state_of(child) != 'Z'; i++)
        usleep(10000);
    assert_int_equal(state_of(child), 'Z');
    assert_int_equal(marks(NULL), 1);
    assert_false(mark_stray(READER, ""));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_true(mark_stray(READER, ""));
}

/* A line that was not written to its end, or makes no sense, is a mark all the same. */
static void test_nonsense(void **state)
{
    static const char *const lines[] = {"",
                                        "1",
                                        "1 ",
                                        "kept",
                                        "-1 0 kept\n",
                                        "0 0 kept\n",
                                        "99999999999999999999 99999999999999999999 kept\n",
                                        "1 2 keptkeptkeptkeptkeptkept",
                                        "%s%n\n"};
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        write_mark(lines[i]);
        assert_true(mark_stray(READER, ""));
        mark_clear_strays(READER, "");
        assert_int_equal(marks(NULL), 0);
    }
}

/* What stands in the mark's place is neither followed nor waited for. */
static void test_no_file(void **state)
{
    char path[512], target[512];
    struct stat st;
    (void)state;
    mark_name(READER, mine);
    mark_set(mine, MARK_OPERATION);
    assert_int_equal(marks(path), 1);
    mark_clear(mine);
    snprintf(target, sizeof(target), "%s/target", getenv("XDG_RUNTIME_DIR"));
    assert_int_equal(symlink(target, path), 0);
    mark_set(mine, MARK_OPERATION);
    assert_int_equal(lstat(target, &st), -1);
    assert_false(mark_stray(READER, ""));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    mark_set(mine, MARK_OPERATION);
    assert_false(mark_stray(READER, ""));
    assert_int_equal(unlink(path), 0);
}

/* A limit on the size of files must not end the host. */
static void test_size_limit(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0});
        mark_name(READER, mine);
        mark_set(mine, MARK_OPERATION);
        _exit(mark_stray(READER, "") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- in operations ---- */

static struct {
    unsigned pins, marked;
} seen;

/* Counts the PINs that are sent, and those that are sent with a mark made before. */
static bool watch(void *context, const uint8_t *command, size_t len, uint8_t *response,
                  size_t *received)
{
    (void)context;
    (void)response;
    (void)received;
    if (len > 5 && (command[1] == INS_VERIFY || command[1] == 0x24)) {
        seen.pins++;
        seen.marked += marks(NULL) == 1;
    }
    return false;
}

static void test_every_pin_is_marked(void **state)
{
    struct sign_operation op = {0};
    uint8_t signature[PROFILE_SIGNATURE_MAX];
    size_t len;
    (void)state;
    for (int role = 0; role < CARD_ROLES; role++) {
        bench_start((enum card_role)role, "");
        memset(&seen, 0, sizeof(seen));
        twin_set_hook(watch, NULL);
        const char *fresh = role == CARD_AUTH ? "8306" : "XYZ789";
        assert_int_equal(bench_login(role == CARD_AUTH ? "9999" : "WRONG9"), CKR_PIN_INCORRECT);
        assert_int_equal(marks(NULL), 0);
        assert_int_equal(bench_login(bench.right), CKR_OK);
        assert_int_equal(marks(NULL), 0);
        CK_MECHANISM mechanism = {.mechanism = CKM_RSA_PKCS};
        assert_int_equal(sign_init(&op, &bench.token, &mechanism,
                                   object_handle(&bench.token, OBJECT_PRIVATE_KEY)),
                         CKR_OK);
        assert_int_equal(sign_update(&op, &bench.token, bytes_of("abc", 3)), CKR_OK);
        assert_int_equal(sign_final(&op, &bench.token, signature, &len), CKR_OK);
        assert_int_equal(marks(NULL), 0);
        assert_int_equal(pin_set(&bench.token, bytes_of_text(bench.right), bytes_of_text(fresh)),
                         CKR_OK);
        assert_int_equal(marks(NULL), 0);
        assert_int_equal(seen.pins, 5); /* two logins, the signature, the change's two */
        assert_int_equal(seen.marked, 5);
    }
}

/* A card that could not be made to forget stays marked, until it has been. */
static bool deaf;

static bool no_answer(void *context, const uint8_t *command, size_t len, uint8_t *response,
                      size_t *received)
{
    (void)context;
    (void)len;
    if (!deaf || command[1] != 0xA4 || command[2] != 0x04)
        return false;
    memcpy(response, "\x6F\x01", 2);
    *received = 2;
    return true;
}

static void test_not_forgotten(void **state)
{
    (void)state;
    bench_start(CARD_AUTH, "");
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    int tries;
    struct card_pin *pin = calloc(1, sizeof(*pin));
    assert_non_null(pin);
    card_pin_set(pin, bytes_of_text(PIN_AUTH_RIGHT));
    insertion_mark(&bench.in);
    assert_int_equal(card_verify(&bench.in.card, CARD_AUTH, pin, &tries), ERR_OK);
    free(pin);
    deaf = true;
    twin_set_hook(no_answer, NULL);
    /* Neither the issuer domain nor the power: reader_end() fails too. */
    twin_fail_call((long)twin_calls() + 1, ERR_TRANSPORT, false);
    insertion_end(&bench.in, true);
    twin_fail_call(-1, ERR_OK, false);
    deaf = false;
    twin_set_hook(NULL, NULL);
    assert_int_equal(marks(NULL), 1);
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    insertion_end(&bench.in, false);
    assert_int_equal(marks(NULL), 0);
    bench_assert_closed();
}

static void open_card(enum card_role role)
{
    const char *sign = "00200080"
                       "06"
                       "414243313233",
               *auth = "00200080"
                       "04"
                       "31323334";
    assert_int_equal(common_other(SELECT_JPKI), 0x9000);
    assert_int_equal(common_other(role == CARD_AUTH ? "00A4020C020018" : "00A4020C02001B"), 0x9000);
    assert_int_equal(common_other(role == CARD_AUTH ? auth : sign), 0x9000);
    if (role == CARD_AUTH)
        assert_int_equal(common_other_signs(false), 0x9000);
    else
        assert_int_equal(common_other_reads_private(), 0x9000);
}

/* A mark that was left: closed at the next transaction, and when the card is first met; also on
 * cards that need their power taken for it. */
static void test_closed_by_the_next(void **state)
{
    static const char *const lines[] = {"", "isd = no\n", "ignore-isd = yes\n", "sfi = no\n"};
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        for (int role = 0; role < CARD_ROLES; role++) {
            bench_start((enum card_role)role, lines[i]);
            open_card((enum card_role)role);
            write_mark("1 2 operation\n");
            assert_int_equal(insertion_begin(&bench.in), ERR_OK);
            insertion_end(&bench.in, false);
            bench_assert_closed();
            assert_int_equal(marks(NULL), 0);

            open_card((enum card_role)role);
            write_mark("1 2 kept\n");
            token_clear(&bench.token);
            assert_int_equal(insertion_recognise(&bench.in, bench.reader, READER, 0), ERR_OK);
            insertion_end(&bench.in, false);
            bench_assert_closed();
            assert_int_equal(marks(NULL), 0);
        }
}

/* The strays go while nobody else can make a mark, and ours stands for them until the card has
 * forgotten: taking its power ends the transaction. */
static char stray[512];

static bool look_at_marks(void *context, const uint8_t *command, size_t len, uint8_t *response,
                          size_t *received)
{
    (void)context;
    (void)response;
    (void)received;
    if (len > 5 && command[1] == 0xA4 && command[2] == 0x04 && command[5] == 0xA0) {
        seen.pins++;
        seen.marked += marks(NULL) == 1 && access(stray, F_OK) != 0;
    }
    return false;
}

static void test_strays_are_taken_over(void **state)
{
    (void)state;
    bench_start(CARD_AUTH, "isd = no\n");
    open_card(CARD_AUTH);
    write_mark("1 2 operation\n");
    assert_int_equal(marks(stray), 1);
    memset(&seen, 0, sizeof(seen));
    twin_set_hook(look_at_marks, NULL);
    twin_fail_call((long)twin_calls() + 3, ERR_TRANSPORT, false); /* the power */
    assert_int_not_equal(insertion_begin(&bench.in), ERR_OK);
    twin_fail_call(-1, ERR_OK, false);
    twin_set_hook(NULL, NULL);
    assert_int_equal(seen.pins, 1);
    assert_int_equal(seen.marked, 1);
    /* Not forgotten: everybody is told so by our mark, and we know. */
    assert_int_equal(marks(NULL), 1);
    assert_true(mark_stray(READER, ""));
    assert_int_equal(common_other_signs(false), 0x9000);
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    insertion_end(&bench.in, false);
    assert_int_equal(marks(NULL), 0);
    bench_assert_closed();
}

/* Without a mark a card that is open stays so: it is somebody else's business. */
static void test_others_are_left_alone(void **state)
{
    (void)state;
    bench_start(CARD_SIGN, "");
    open_card(CARD_SIGN);
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    insertion_end(&bench.in, false);
    assert_int_equal(common_other_reads_private(), 0x9000);
    mark_name("Another Reader", mine);
    mark_set(mine, MARK_OPERATION);
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    insertion_end(&bench.in, false);
    assert_int_equal(common_other_reads_private(), 0x9000);
    mark_clear(mine);
}

/* With isolation = no the mark says so until logout. */
static void test_without_isolation(void **state)
{
    (void)state;
    bench.config.isolation = false;
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login(PIN_SIGN_RIGHT), CKR_OK);
    assert_int_equal(marks(NULL), 1);
    assert_false(mark_stray(READER, ""));
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    insertion_end(&bench.in, false);
    assert_int_equal(marks(NULL), 1);
    assert_int_equal(common_other_reads_private(), 0x9000);
    assert_int_equal(pin_logout(&bench.token), CKR_OK);
    assert_int_equal(marks(NULL), 0);
    bench_assert_closed();
    /* A refused PIN is nothing that is kept. */
    assert_int_equal(bench_login("WRONG9"), CKR_PIN_INCORRECT);
    assert_int_equal(marks(NULL), 0);
}

/* Wherever a logout breaks off, a card that is left open is so by nobody's will: others need not
 * wait for us to close it. */
static void logout_in_vain(const char *conf)
{
    unsigned open = 0;
    bench.config.isolation = false;
    bench_start(CARD_SIGN, conf);
    for (long k = 0; k < 8; k++) {
        assert_int_equal(bench_login(PIN_SIGN_RIGHT), CKR_OK);
        twin_calls_clear();
        twin_fail_call(k, k % 2 == 0 ? ERR_BUSY : ERR_TRANSPORT, false);
        pin_logout(&bench.token);
        twin_fail_call(-1, ERR_OK, false);
        bool is_open = common_other_reads_private() == 0x9000;
        assert_int_equal(mark_stray(READER, ""), is_open);
        open += is_open ? 1 : 0;
        assert_int_equal(insertion_begin(&bench.in), ERR_OK);
        insertion_end(&bench.in, false);
        bench_assert_closed();
        assert_int_equal(marks(NULL), 0);
    }
    assert_true(open > 0);
}

static void test_logout_in_vain(void **state)
{
    (void)state;
    logout_in_vain("");
}

static void test_logout_in_vain_by_power(void **state)
{
    (void)state;
    logout_in_vain("isd = no\n");
}

/* A mark that could not be written, on a full disk, does not end the login that it stands for; but
 * others take it for a stray, as nobody could tell later whether we live. */
static void test_without_room(void **state)
{
    char path[512];
    (void)state;
    bench.config.isolation = false;
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login(PIN_SIGN_RIGHT), CKR_OK);
    assert_int_equal(marks(path), 1);
    assert_int_equal(truncate(path, 0), 0);
    assert_true(mark_stray(READER, ""));
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    assert_int_equal(truncate(path, 0), 0);
    insertion_end(&bench.in, false);
    assert_int_equal(common_other_reads_private(), 0x9000);
    assert_int_equal(pin_logout(&bench.token), CKR_OK);
    assert_int_equal(marks(NULL), 0);
    bench_assert_closed();
}

/* A kept login whose card was not seen to be closed is closed when it is met again: the service may
 * have crashed, and the card kept its power. */
static void test_met_again(void **state)
{
    (void)state;
    bench.config.isolation = false;
    bench_start(CARD_SIGN, "");
    assert_int_equal(bench_login(PIN_SIGN_RIGHT), CKR_OK);
    assert_int_equal(marks(NULL), 1);
    assert_int_equal(common_other_reads_private(), 0x9000);
    token_clear(&bench.token);
    assert_int_equal(insertion_recognise(&bench.in, bench.reader, READER, 0), ERR_OK);
    insertion_end(&bench.in, false);
    bench_assert_closed();
    assert_int_equal(marks(NULL), 0);
}

/* Another process's kept login outlives our wrong PIN, mark and all; and what was left open by the
 * dead is closed before our own login, which is then true. */
static void test_others_kept(void **state)
{
    (void)state;
    bench.config.isolation = false;
    bench_start(CARD_SIGN, "");
    mark_name(READER, mine);
    mark_set(mine, MARK_KEPT);
    assert_int_equal(bench_login("WRONG9"), CKR_PIN_INCORRECT);
    assert_int_equal(marks(NULL), 1);
    mark_clear(mine);
    struct token other;
    assert_true(token_init(&other, CARD_AUTH, &bench.config, &bench.in, 2));
    assert_int_equal(pin_login(&other, bytes_of_text(PIN_AUTH_RIGHT)), CKR_OK);
    write_mark("1 2 operation\n");
    assert_int_equal(bench_login(PIN_SIGN_RIGHT), CKR_OK);
    assert_true(bench.in.ended[CARD_AUTH]);
    assert_false(bench.in.ended[CARD_SIGN]);
    assert_int_equal(common_other_signs(false), 0x6982);
    /* The same for a context login, which renews what the dead one's mark has just ended. */
    write_mark("1 2 operation\n");
    assert_int_equal(pin_consent(&bench.token, bytes_of_text(PIN_SIGN_RIGHT)), CKR_OK);
    assert_false(bench.in.ended[CARD_SIGN]);
    assert_int_equal(common_other_reads_private(), 0x9000);
    assert_int_equal(marks(NULL), 1);
    write_mark("1 2 operation\n");
    assert_int_equal(insertion_begin(&bench.in), ERR_OK);
    insertion_end(&bench.in, false);
    assert_int_equal(marks(NULL), 0); /* our own, of a login that is over, too */
    bench_assert_closed();
    token_clear(&other);
}

/* What could not be dropped is dropped by the next transaction, also where no mark can be made. */
static void test_without_folder(void **state)
{
    char runtime[256];
    (void)state;
    bench_start(CARD_AUTH, "isd = no\n");
    snprintf(runtime, sizeof(runtime), "%s", getenv("XDG_RUNTIME_DIR"));
    setenv("XDG_RUNTIME_DIR", "/proc/nowhere", 1);
    setenv("XDG_STATE_HOME", "/proc/nowhere", 1);
    assert_int_equal(bench_login(PIN_AUTH_RIGHT), CKR_OK);
    for (long k = 0; k < 12; k++) {
        twin_calls_clear();
        twin_fail_call(k, ERR_TRANSPORT, false);
        bench_login(PIN_AUTH_RIGHT);
        twin_fail_call(-1, ERR_OK, false);
        assert_int_equal(insertion_begin(&bench.in), ERR_OK);
        insertion_end(&bench.in, false);
        bench_assert_closed();
    }
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    setenv("XDG_STATE_HOME", runtime, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_kept_by_another, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_owners, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_size_limit, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_met_again, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_logout_in_vain, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_logout_in_vain_by_power, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_without_room, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_others_kept, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_without_folder, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_kept, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_kept_by_another_thread, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_nonsense, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_no_file, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_every_pin_is_marked, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_not_forgotten, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_closed_by_the_next, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_strays_are_taken_over, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_others_are_left_alone, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_without_isolation, setup, bench_teardown),
    };
    return cmocka_run_group_tests_name("mark", tests, common_folders, common_folders_end);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A card in a reader, the reader being this test: messages, power, signals, pulled cards. The card
 * runs in a child process, as "jpki-vcard run" does.
 */
#include "common.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vcard/session.h"

struct reader {
    int listener, link; /* -1: no card */
    pid_t card;
    char port[8];
    char log[64];
};

/* The card needs time, and its log says when. */
static bool takes_time;

#define APDU_US 1300
#define BYTE_US 10

static void take_time(struct session *session)
{
    session->times = true;
    session->card->settings.delay_apdu_us = APDU_US;
    session->card->settings.delay_byte_us = BYTE_US;
}

static int run_card(const struct reader *reader, const char *fault)
{
    static struct session session;
    struct problem why;

    session.host = "127.0.0.1";
    session.port = reader->port;
    session.wait_seconds = 5;
    session.card = vcard_open(common_dir, NULL, NULL, &why);
    session.log = trace_open(reader->log, &why);
    if (!session.card || !session.log || (fault && !fault_add(&session.faults, fault, &why)))
        return 3;
    if (takes_time)
        take_time(&session);
    bool ok = session_run(&session, &why);
    fclose(session.log);
    vcard_free(session.card);
    return ok ? 0 : 1;
}

static void accept_card(struct reader *reader)
{
    struct timeval limit = {.tv_sec = 5};

    reader->link = accept(reader->listener, NULL, NULL);
    assert_true(reader->link >= 0);
    setsockopt(reader->link, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

static void start(struct reader *reader, const char *fault)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 5};
    socklen_t len = sizeof address;

    reader->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(reader->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(reader->listener, 1), 0);
    assert_int_equal(getsockname(reader->listener, (struct sockaddr *)&address, &len), 0);
    setsockopt(reader->listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    snprintf(reader->port, sizeof reader->port, "%u", ntohs(address.sin_port));
    snprintf(reader->log, sizeof reader->log, "%s/log", common_dir);
    unlink(reader->log);
    fflush(NULL);
    reader->card = fork();
    assert_true(reader->card >= 0);
    if (!reader->card) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a failed test leaves nobody behind */
        if (!freopen("/dev/null", "w", stdout))
            _exit(3);
        _exit(run_card(reader, fault));
    }
    accept_card(reader);
}

/* Ends the card and expects that it ends well. */
static void stop(struct reader *reader)
{
    int status = -1;

    kill(reader->card, SIGTERM);
    assert_int_equal(waitpid(reader->card, &status, 0), reader->card);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(reader->link);
    close(reader->listener);
}

/* Length and payload apart, as vpcd sends them. */
static void tell(const struct reader *reader, const char *hex)
{
    uint8_t bytes[64], prefix[2] = {0};
    size_t len;

    assert_true(text_hex(hex, bytes, sizeof bytes, &len));
    prefix[1] = (uint8_t)len;
    assert_int_equal(send(reader->link, prefix, 2, MSG_NOSIGNAL), 2);
    assert_int_equal(send(reader->link, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* The length of the answer in common_data; -1 when the card is gone. */
static ssize_t hear(const struct reader *reader)
{
    uint8_t prefix[2];

    if (recv(reader->link, prefix, 2, MSG_WAITALL) != 2)
        return -1;
    ssize_t len = prefix[0] << 8 | prefix[1];
    return recv(reader->link, common_data, (size_t)len, MSG_WAITALL) == len ? len : -1;
}

static void assert_answer(const struct reader *reader, const char *hex, unsigned sw)
{
    tell(reader, hex);
    ssize_t len = hear(reader);
    assert_true(len >= 2);
    assert_int_equal(common_data[len - 2] << 8 | common_data[len - 1], sw);
}

static void talk(void **state)
{
    static const uint8_t atr[] = {0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14};
    struct reader reader;

    (void)state;
    start(&reader, NULL);
    tell(&reader, "04");
    assert_int_equal(hear(&reader), sizeof atr);
    assert_memory_equal(common_data, atr, sizeof atr);
    assert_answer(&reader, SELECT_JPKI, 0x6F00); /* no power yet */
    tell(&reader, "01");
    assert_answer(&reader, SELECT_JPKI, 0x9000);
    assert_answer(&reader, VERIFY_AUTH, 0x9000);
    tell(&reader, "02"); /* a warm reset keeps the login */
    assert_answer(&reader, SELECT_JPKI, 0x9000);
    assert_answer(&reader, "802A009701AA00", 0x9000);
    tell(&reader, "00");
    tell(&reader, "01");
    assert_answer(&reader, SELECT_JPKI, 0x9000);
    assert_answer(&reader, "802A009701AA00", 0x6982);
    tell(&reader, "77"); /* no such control: ignored */
    assert_answer(&reader, SELECT_JPKI, 0x9000);
    stop(&reader);
}

static void logged(void **state)
{
    static const char expected[] = "= card in\n= power on\n"
                                   "> " SELECT_JPKI " -> 9000\n"
                                   "> 0020009804******** -> 9000\n"
                                   "= reset\n= power off\n= card out\n";
    struct reader reader;
    size_t len;

    (void)state;
    start(&reader, NULL);
    tell(&reader, "01");
    assert_answer(&reader, SELECT_JPKI, 0x9000);
    assert_answer(&reader, VERIFY_AUTH, 0x9000);
    tell(&reader, "02");
    tell(&reader, "00");
    tell(&reader, "04"); /* not logged; its answer says that the others have been done */
    assert_true(hear(&reader) > 0);
    stop(&reader);
    char *text = (char *)common_file("log", &len);
    assert_string_equal(text, expected);
    free(text);
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The answer never comes early, and the log counts finer than milliseconds. */
static void time_to_the_microsecond(void **state)
{
    enum { COMMANDS = 50 };
    const int64_t busy = APDU_US + BYTE_US * (strlen(SELECT_JPKI) / 2 + 2);
    struct reader reader;
    size_t len;
    int64_t last = 0;
    int found = 0, fine = 0;

    (void)state;
    takes_time = true;
    start(&reader, NULL);
    takes_time = false;
    tell(&reader, "01");
    for (int i = 0; i < COMMANDS; i++) {
        int64_t before = now_us();
        assert_answer(&reader, SELECT_JPKI, 0x9000);
        assert_true(now_us() - before >= busy);
    }
    stop(&reader);
    char *text = (char *)common_file("log", &len);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        int64_t begin, end;
        if (sscanf(line, "@ %" SCNd64 " %" SCNd64, &begin, &end) != 2)
            continue;
        found++;
        assert_true(begin >= last);
        assert_true(end - begin >= busy);
        fine += (end - begin) % 1000 != 0;
        last = end;
    }
    assert_int_equal(found, COMMANDS);
    assert_true(fine > 0);
    free(text);
}

static void taken_out_and_put_back(void **state)
{
    struct reader reader;

    (void)state;
    start(&reader, NULL);
    tell(&reader, "01");
    assert_answer(&reader, SELECT_JPKI, 0x9000);
    assert_answer(&reader, VERIFY_AUTH, 0x9000);
    kill(reader.card, SIGUSR1);
    assert_int_equal(hear(&reader), -1);
    close(reader.link);
    kill(reader.card, SIGUSR2);
    accept_card(&reader);
    tell(&reader, "01");
    assert_answer(&reader, SELECT_JPKI, 0x9000);
    assert_answer(&reader, "802A009701AA00", 0x6982);
    stop(&reader);
}

static void reader_restarts(void **state)
{
    struct reader reader;

    (void)state;
    start(&reader, NULL);
    close(reader.link);
    accept_card(&reader);
    tell(&reader, "01");
    assert_answer(&reader, SELECT_JPKI, 0x9000);
    stop(&reader);
}

/* The wrong PIN costs a try although the answer never came; pulled early it costs none. */
static void pulled(void **state)
{
    static const struct {
        const char *fault;
        unsigned after;
    } cases[] = {{"ins=20:1:pull:50", 0x63C2}, {"ins=20:1:pull-early:50", 0x63C3}};
    struct state fresh;
    struct problem why;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct reader reader;
        state_init(&fresh);
        assert_true(state_save(&fresh, common_dir, &why));
        start(&reader, cases[i].fault);
        tell(&reader, "01");
        assert_answer(&reader, SELECT_JPKI, 0x9000);
        tell(&reader, "002000980439393939");
        assert_int_equal(hear(&reader), -1);
        close(reader.link);
        accept_card(&reader); /* back by itself */
        tell(&reader, "01");
        assert_answer(&reader, SELECT_JPKI, 0x9000);
        assert_answer(&reader, "00200098", cases[i].after);
        stop(&reader);
    }
}

static void lies(void **state)
{
    struct reader reader;

    (void)state;
    start(&reader, "ins=20:1:lie:6300");
    tell(&reader, "01");
    assert_answer(&reader, SELECT_JPKI, 0x9000);
    assert_answer(&reader, VERIFY_AUTH, 0x6300);
    assert_answer(&reader, "802A009701AA00", 0x9000);
    stop(&reader);
    start(&reader, "ins=20:1:sw:6300");
    tell(&reader, "01");
    assert_answer(&reader, SELECT_JPKI, 0x9000);
    assert_answer(&reader, VERIFY_AUTH, 0x6300);
    assert_answer(&reader, "802A009701AA00", 0x6982);
    stop(&reader);
}

static void no_reader(void **state)
{
    static struct session session = {.host = "127.0.0.1", .port = "1"};
    struct problem why = {""};
    sigset_t before;

    (void)state;
    sigprocmask(SIG_BLOCK, NULL, &before);
    assert_false(session_run(&session, &why));
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_non_null(strstr(why.text, "port 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talk),
        cmocka_unit_test(logged),
        cmocka_unit_test(time_to_the_microsecond),
        cmocka_unit_test(taken_out_and_put_back),
        cmocka_unit_test(reader_restarts),
        cmocka_unit_test(pulled),
        cmocka_unit_test(lies),
        cmocka_unit_test(no_reader),
    };

    return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

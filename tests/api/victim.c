/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A program that uses a PKCS#11 module, in steps, so that somebody else can be at the card at each
 * moment of its life. Works with any module.
 *
 *   victim MODULE life auth|sign [stranger]    all its life: login, signatures, logout, the last
 *       session closed, C_Finalize; and a forked child, which attacks too. "stranger" is for other
 *       modules than ours: no PSS, and the child makes no call of the module
 *   victim MODULE killed auth|sign             logged in, then SIGKILL to itself
 *   victim MODULE dies auth|sign login|sign kill|exit|abort    ends by another thread while it is
 *       in C_Login or C_Sign, as soon as it is told to
 *   victim MODULE busy SEED                    life after life, with short pauses, until standard
 *       input ends; prints how many there were. A life that is refused something ends early, with
 *       a line on standard error that says what
 *
 * Says "moment NAME" and waits for a line on standard input before it goes on. PINs come from
 * PIN_AUTH and PIN_SIGN. Each signature is checked against the certificate in VCARD_DIR.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "check.h"
#include "loaded.h"
#include "random.h"

#define PAUSE_US 8000
#define SIGNATURES 2 /* of a busy life */

static const char text[] = "A message, to be signed.\n";
static CK_FUNCTION_LIST *p11;
static const char *path; /* of the module */
static enum loaded_role role;

static void moment(const char *name)
{
    char line[16];
    printf("moment %s\n", name);
    fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL)
        loaded_die("left alone at the moment %s", name);
}

/* ---- signing ---- */

static size_t digest_info(uint8_t data[CHECK_DIGEST_INFO_MAX])
{
    return check_digest_info(CKM_SHA256, text, strlen(text), data);
}

static void checked(const uint8_t signature[LOADED_SIGNATURE])
{
    uint8_t data[CHECK_DIGEST_INFO_MAX];
    size_t len = digest_info(data);
    if (!loaded_verify(role, data, len, signature))
        loaded_die("VCARD_DIR is not set");
}

/* The context login that a key may want before each signature. */
static void consent(CK_SESSION_HANDLE session)
{
    loaded_must("C_Login as context", loaded_present(p11, session, CKU_CONTEXT_SPECIFIC, role));
}

static void sign_in_steps(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_BYTE copy[sizeof(text)], signature[LOADED_SIGNATURE];
    CK_ULONG len = 0;
    bool always = loaded_flag(p11, session, key, CKA_ALWAYS_AUTHENTICATE);
    memcpy(copy, text, sizeof(text));
    loaded_must("C_SignInit", p11->C_SignInit(session, &mechanism, key));
    moment("after-sign-init");
    if (always) {
        consent(session);
        moment("after-context-login");
    }
    loaded_must("C_SignUpdate", p11->C_SignUpdate(session, copy, strlen(text)));
    moment("between-update-and-final");
    loaded_must("C_SignFinal", p11->C_SignFinal(session, NULL, &len));
    if (len != LOADED_SIGNATURE)
        loaded_die("signatures of %lu bytes", len);
    moment("after-length-query");
    loaded_must("C_SignFinal", p11->C_SignFinal(session, signature, &len));
    checked(signature);
    moment("after-sign");
}

/* The hash alone goes to the card, and another command makes the signature. */
static void sign_pss(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_RSA_PKCS_PSS_PARAMS params = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS_PSS, &params, sizeof(params)};
    CK_BYTE copy[sizeof(text)], signature[LOADED_SIGNATURE];
    CK_ULONG len = sizeof(signature);
    memcpy(copy, text, sizeof(text));
    loaded_must("C_SignInit", p11->C_SignInit(session, &mechanism, key));
    if (loaded_flag(p11, session, key, CKA_ALWAYS_AUTHENTICATE))
        consent(session);
    loaded_must("C_Sign", p11->C_Sign(session, copy, strlen(text), signature, &len));
    X509 *certificate =
        check_load(getenv("VCARD_DIR"), role == LOADED_AUTH ? "auth.pem" : "sign.pem");
    if (!check_mechanism(certificate, CKM_SHA256_RSA_PKCS_PSS, text, strlen(text), signature, len))
        loaded_die("a PSS signature does not fit the card's certificate");
    X509_free(certificate);
    moment("after-pss");
}

/* The holder's certificate, which for the signature key the card shows only after its PIN. */
static void read_certificate(CK_SESSION_HANDLE session)
{
    CK_BYTE value[4096];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
    CK_OBJECT_HANDLE object = loaded_object(p11, session, CKO_CERTIFICATE, role);
    loaded_must("C_GetAttributeValue", p11->C_GetAttributeValue(session, object, &attribute, 1));
    moment("after-reading-the-certificate");
}

/* ---- the forked child ---- */

struct report {
    unsigned initialized; /* calls that did not answer CKR_CRYPTOKI_NOT_INITIALIZED */
    bool attacked;
    unsigned long attempts, successes;
};

/* What the parent has begun and the child might go on with. The other functions are called in
 * the same state on the scripted reader. */
static unsigned calls_that_work(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_INFO info;
    CK_SLOT_ID slots[LOADED_SLOTS];
    CK_ULONG count = LOADED_SLOTS;
    CK_SESSION_INFO state;
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    CK_BYTE data[] = {1, 2, 3}, signature[LOADED_SIGNATURE];
    CK_ULONG len = sizeof(signature);
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof(class)};
    const CK_RV answers[] = {p11->C_GetInfo(&info),
                             p11->C_GetSlotList(CK_TRUE, slots, &count),
                             p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session),
                             p11->C_GetSessionInfo(session, &state),
                             p11->C_FindObjectsInit(session, &wanted, 1),
                             p11->C_FindObjects(session, &key, 1, &count),
                             p11->C_GetAttributeValue(session, key, &wanted, 1),
                             p11->C_SignInit(session, &mechanism, key),
                             p11->C_SignUpdate(session, data, sizeof(data)),
                             p11->C_SignFinal(session, signature, &len),
                             p11->C_Sign(session, data, sizeof(data), signature, &len),
                             p11->C_Login(session, CKU_USER, data, sizeof(data)),
                             p11->C_Logout(session),
                             p11->C_CloseSession(session),
                             p11->C_CloseAllSessions(0),
                             p11->C_Finalize(NULL)};
    unsigned work = 0;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        work += answers[i] != CKR_CRYPTOKI_NOT_INITIALIZED;
    return work;
}

/* Attacks by raw PC/SC, without exec, and lives on until the parent lets it go. */
__attribute__((noreturn)) static void child(int up, int down, bool stranger,
                                            CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    struct attack attack;
    struct report report = {0};
    char byte;
    if (!stranger)
        report.initialized = calls_that_work(session, key);
    report.attacked = attack_open(&attack, 0) && attack_once(&attack);
    report.attempts = attack.attempts;
    report.successes = attack.signatures + attack.certificates + attack.odd;
    attack_close(&attack);
    ssize_t written = write(up, &report, sizeof(report));
    exit(written == (ssize_t)sizeof(report) && read(down, &byte, 1) == 0 ? 0 : 1);
}

static void live_with_child(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, bool stranger)
{
    int up[2], down[2], status;
    struct report report;
    if (pipe(up) != 0 || pipe(down) != 0)
        loaded_die("no pipe");
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        loaded_die("no fork");
    if (pid == 0) {
        close(down[1]);
        child(up[1], down[0], stranger, session, key);
    }
    close(up[1]);
    close(down[0]);
    if (read(up[0], &report, sizeof(report)) != (ssize_t)sizeof(report) || !report.attacked)
        loaded_die("the child could not attack");
    printf("child %u %lu %lu\n", report.initialized, report.attempts, report.successes);
    moment("with-a-child");
    close(down[1]);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        loaded_die("the child ended badly");
    close(up[0]);
    moment("after-the-child");
}

/* ---- the lives ---- */

static CK_SESSION_HANDLE open_session(CK_SLOT_ID *slot)
{
    CK_SESSION_HANDLE session;
    *slot = loaded_slot_for(p11, loaded_pin(role));
    loaded_must("C_OpenSession",
                p11->C_OpenSession(*slot, CKF_SERIAL_SESSION, NULL, NULL, &session));
    return session;
}

static void live(bool stranger)
{
    CK_SLOT_ID slot;
    p11 = loaded_open(path);
    CK_SESSION_HANDLE session = open_session(&slot);
    moment("before-login");
    loaded_must("C_CloseSession", p11->C_CloseSession(session));
    session = loaded_login(p11, role);
    moment("logged-in");
    CK_OBJECT_HANDLE key = loaded_key(p11, session, role);
    moment("after-search");
    sign_in_steps(session, key);
    if (!stranger)
        sign_pss(session, key);
    loaded_must("C_Logout", p11->C_Logout(session));
    loaded_must("C_CloseSession", p11->C_CloseSession(session));
    session = loaded_login(p11, role);
    read_certificate(session);
    live_with_child(session, loaded_key(p11, session, role), stranger);
    loaded_must("C_Logout", p11->C_Logout(session));
    moment("after-logout");
    loaded_must("C_CloseSession", p11->C_CloseSession(session));
    session = loaded_login(p11, role);
    loaded_must("C_CloseSession", p11->C_CloseSession(session));
    moment("after-close");
    loaded_login(p11, role);
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    moment("after-finalize");
}

static void be_killed(void)
{
    p11 = loaded_open(path);
    loaded_login(p11, role);
    moment("logged-in");
    kill(getpid(), SIGKILL);
}

/* The thread that ends the process, as soon as there is a line to read. */
static void *end(void *way)
{
    char byte;
    if (read(STDIN_FILENO, &byte, 1) != 1)
        loaded_die("left alone");
    if (strcmp(way, "exit") == 0)
        exit(EXIT_SUCCESS);
    if (strcmp(way, "abort") == 0)
        abort();
    kill(getpid(), SIGKILL);
    return NULL;
}

static void begin(const char *what)
{
    printf("moment %s\n", what);
    fflush(stdout);
}

static void die_inside(bool sign, char *way)
{
    uint8_t data[CHECK_DIGEST_INFO_MAX], signature[LOADED_SIGNATURE];
    pthread_t thread;
    p11 = loaded_open(path);
    if (pthread_create(&thread, NULL, end, way) != 0)
        loaded_die("no thread");
    if (!sign)
        begin("inside-login");
    CK_SESSION_HANDLE session = loaded_login(p11, role);
    CK_OBJECT_HANDLE key = loaded_key(p11, session, role);
    if (sign) {
        begin("inside-sign");
        loaded_must("C_Sign", loaded_sign(p11, session, key, role, false, data, digest_info(data),
                                          signature));
    }
    loaded_die("it came to the end of its work first");
}

static void sign_once(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, bool again)
{
    uint8_t data[CHECK_DIGEST_INFO_MAX], signature[LOADED_SIGNATURE];
    size_t len = digest_info(data);
    bool always = loaded_flag(p11, session, key, CKA_ALWAYS_AUTHENTICATE);
    loaded_must("C_Sign",
                loaded_sign(p11, session, key, role, always && again, data, len, signature));
    checked(signature);
}

static void live_quickly(unsigned *seed)
{
    CK_SLOT_ID slot;
    role = random_below(seed, 2) == 0 ? LOADED_AUTH : LOADED_SIGN;
    p11 = loaded_open(path);
    CK_SESSION_HANDLE session = loaded_login(p11, role);
    CK_OBJECT_HANDLE key = loaded_key(p11, session, role);
    random_pause(seed, PAUSE_US);
    for (int i = 0; i < SIGNATURES; i++) {
        sign_once(session, key, i > 0);
        random_pause(seed, PAUSE_US);
    }
    loaded_must("C_Logout", p11->C_Logout(session));
    random_pause(seed, PAUSE_US);
    loaded_must("C_CloseSession", p11->C_CloseSession(session));
    session = loaded_login(p11, role);
    random_pause(seed, PAUSE_US);
    if (random_below(seed, 2) == 0)
        loaded_must("C_CloseSession", p11->C_CloseSession(session));
    else
        open_session(&slot);
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    random_pause(seed, PAUSE_US);
}

/* Each life is a process of its own: one that is refused something ends there and then. */
static void be_busy(unsigned seed)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    unsigned long lives = 0, ended_early = 0;
    int status;
    begin("busy");
    for (; poll(&input, 1, 0) == 0; lives++) {
        random_below(&seed, 2);
        pid_t pid = fork();
        if (pid < 0)
            loaded_die("no fork");
        if (pid == 0) {
            live_quickly(&seed);
            exit(EXIT_SUCCESS);
        }
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
            loaded_die("a life ended badly");
        ended_early += status != 0;
    }
    printf("%lu lives, %lu of them ended early, %lu signatures verified\n", lives, ended_early,
           (lives - ended_early) * SIGNATURES);
}

static bool choose(int argc, char **argv)
{
    const char *job = argv[2];
    role = strcmp(argv[3], "sign") == 0 ? LOADED_SIGN : LOADED_AUTH;
    if (strcmp(job, "life") == 0 && argc <= 5)
        live(argc == 5 && strcmp(argv[4], "stranger") == 0);
    else if (strcmp(job, "killed") == 0 && argc == 4)
        be_killed();
    else if (strcmp(job, "dies") == 0 && argc == 6)
        die_inside(strcmp(argv[4], "sign") == 0, argv[5]);
    else if (strcmp(job, "busy") == 0 && argc == 4)
        be_busy((unsigned)strtoul(argv[3], NULL, 10));
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    if (argc >= 4) {
        path = argv[1];
        if (choose(argc, argv))
            return EXIT_SUCCESS;
    }
    fputs("usage: victim MODULE life auth|sign [stranger] | killed auth|sign |\n"
          "       dies auth|sign login|sign kill|exit|abort | busy SEED\n",
          stderr);
    return 2;
}

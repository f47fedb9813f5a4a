/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * unload MODULE rounds COUNT: loaded, used a little and unloaded again, so many times: the process
 *     does not grow.
 * unload MODULE ends auth|sign WAY: a login is open, a signature under way, and then the program
 *     does not do what it should:
 *         main      main() returns
 *         exit      exit(3) by another thread
 *         _exit     _exit(2)
 *         waiting   exit(3) while another thread is in C_WaitForSlotEvent
 *         atexit    C_Finalize is called late, by a handler of atexit(3)
 *         dlclose   the module is unloaded without C_Finalize, loaded again, and used
 *         child     a forked child ends by exit(3), then another one by execve(2); the parent goes
 *                   on
 * unload descriptors COUNT: that child, which must not have more of them than its parent began with
 *
 * Each signature is checked against the certificate in VCARD_DIR.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "loaded.h"
#include "process.h"

#define WARM_UP 10 /* rounds, before which everything has been made once */

static const char text[] = "A message, to be signed.\n";
static const char *program, *path; /* this one's, the module's */
static unsigned descriptors;       /* when the program began */
static CK_FUNCTION_LIST *p11;
static void *module;
static enum loaded_role role;
static CK_SESSION_HANDLE session;

static void load(void)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    module = loaded_module(path, &p11);
    loaded_must("C_Initialize", p11->C_Initialize(&args));
}

/* ---- one signature ---- */

static void begin(void)
{
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
    session = loaded_login(p11, role);
    loaded_must("C_SignInit", p11->C_SignInit(session, &mechanism, loaded_key(p11, session, role)));
    loaded_must("C_SignUpdate",
                p11->C_SignUpdate(session, (CK_BYTE *)(uintptr_t)text, strlen(text)));
}

static void finish(void)
{
    CK_BYTE signature[LOADED_SIGNATURE];
    CK_ULONG len = sizeof(signature);
    uint8_t data[CHECK_DIGEST_INFO_MAX];
    size_t data_len = check_digest_info(CKM_SHA256, text, strlen(text), data);
    loaded_must("C_SignFinal", p11->C_SignFinal(session, signature, &len));
    if (len != LOADED_SIGNATURE || !loaded_verify(role, data, data_len, signature))
        loaded_die("no signature was checked");
}

/* ---- rounds ---- */

/* Without a card, or without a service, there is less to be used. */
static void round_of_use(void)
{
    CK_SLOT_ID slots[LOADED_SLOTS];
    load();
    if (loaded_slots(p11, slots) > 0) {
        begin();
        finish();
    }
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    if (dlclose(module) != 0)
        loaded_die("%s", dlerror());
    if (dlopen(path, RTLD_NOW | RTLD_NOLOAD) != NULL)
        loaded_die("the module is still loaded");
}

static void go_round(unsigned long count)
{
    struct process before, after;
    for (unsigned long i = 0; i < WARM_UP; i++)
        round_of_use();
    bool looked = process_look(&before);
    for (unsigned long i = 0; i < count; i++)
        round_of_use();
    looked &= process_look(&after);
    process_print("before", &before);
    process_print("after ", &after);
    printf("%lu rounds\n", count);
    /* The heap is the same to the byte where malloc keeps nothing in reserve (tcache_count=0). */
    if (!looked || !process_is_flat(&before, &after, 1024, 2, 1 << 18))
        loaded_die("the process has grown");
}

/* ---- ends ---- */

static void *end(void *argument)
{
    (void)argument;
    exit(EXIT_SUCCESS);
}

static void *wait_for_event(void *argument)
{
    CK_SLOT_ID slot;
    (void)argument;
    CK_RV rv = p11->C_WaitForSlotEvent(0, &slot, NULL);
    loaded_die("a wait for nothing has ended: 0x%lX", rv);
}

static void start(void *(*function)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, NULL) != 0)
        loaded_die("no thread");
}

static void finalize_late(void)
{
    if (p11->C_Finalize(NULL) != CKR_OK)
        _exit(EXIT_FAILURE);
}

static void load_again(void)
{
    if (dlclose(module) != 0)
        loaded_die("%s", dlerror());
    load();
    begin();
    finish();
}

static void expect_good_end(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        loaded_die("a child ended badly: %d", status);
}

__attribute__((noreturn)) static void become_another(void)
{
    char count[16], name[] = "descriptors";
    char *arguments[] = {name, name, count, NULL};
    snprintf(count, sizeof(count), "%u", descriptors);
    execv(program, arguments);
    _exit(EXIT_FAILURE);
}

static void have_children(void)
{
    for (int i = 0; i < 2; i++) {
        fflush(NULL);
        pid_t pid = fork();
        if (pid < 0)
            loaded_die("no child");
        if (pid == 0 && i == 0)
            exit(EXIT_SUCCESS);
        if (pid == 0)
            become_another();
        expect_good_end(pid);
    }
    finish();
}

static int be_bad(const char *way)
{
    if (strcmp(way, "atexit") == 0)
        atexit(finalize_late);
    load();
    begin();
    if (strcmp(way, "exit") == 0) {
        start(end);
        pause();
    } else if (strcmp(way, "_exit") == 0) {
        _exit(EXIT_SUCCESS);
    } else if (strcmp(way, "waiting") == 0) {
        start(wait_for_event);
        usleep(50000); /* right as well if it has not come so far */
        exit(EXIT_SUCCESS);
    } else if (strcmp(way, "dlclose") == 0) {
        load_again();
    } else if (strcmp(way, "child") == 0) {
        have_children();
    }
    return EXIT_SUCCESS;
}

static int usage(void)
{
    fputs("usage: unload MODULE rounds COUNT | unload MODULE ends auth|sign WAY\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct process now;
    if (argc < 3 || !process_look(&now))
        return usage();
    if (strcmp(argv[1], "descriptors") == 0)
        return now.descriptors == strtoul(argv[2], NULL, 10) ? EXIT_SUCCESS : EXIT_FAILURE;
    program = argv[0];
    path = argv[1];
    descriptors = now.descriptors;
    if (argc == 4 && strcmp(argv[2], "rounds") == 0) {
        go_round(strtoul(argv[3], NULL, 10));
        return EXIT_SUCCESS;
    }
    if (argc != 5 || strcmp(argv[2], "ends") != 0)
        return usage();
    role = strcmp(argv[3], "auth") == 0 ? LOADED_AUTH : LOADED_SIGN;
    return be_bad(argv[4]);
}

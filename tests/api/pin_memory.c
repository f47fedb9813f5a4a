/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A program that has no copy of the PIN but for the moment of C_Login, and looks for one in all of
 * its memory, with the module in it.
 *
 *   pin_memory MODULE auth|sign FILE life      login, two changes, signature, logout, the last
 * session closed, C_Finalize, the card pulled: says "pull", and goes on at the end of standard
 * input pin_memory MODULE auth|sign FILE time      logged in for more than pin.cache-seconds = 1
 *   pin_memory MODULE auth|sign FILE stranger  login, logout, C_Finalize of any module
 *
 * FILE has the PIN, masked (memory.h). Prints "MOMENT PLACES", and what proc(5) calls the flags of
 * the first place's mapping: lo (not swapped), dd (not dumped), wf (not inherited). Exit code 3
 * when the PIN stood in memory before the module had it: by chance, as four digits may.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "loaded.h"
#include "memory.h"

#define BY_CHANCE 3
#define PAGE 4096

static struct memory_secret secret;
static CK_FUNCTION_LIST *p11;
static const char *path;
static enum loaded_role role;
static uint8_t *page; /* for the moment of C_Login */

static unsigned long places(struct memory_found *found)
{
    if (!memory_search(&secret, found))
        loaded_die("the memory cannot be searched");
    return found->places;
}

static void look(const char *moment)
{
    static const char *const flags[] = {"lo", "dd", "wf"};
    struct memory_found found;
    printf("%s %lu", moment, places(&found));
    for (size_t i = 0; i < 3; i++)
        if (found.places > 0 && memory_has_flag(found.first, flags[i]))
            printf(" %s", flags[i]);
    putchar('\n');
    fflush(stdout);
}

static void rehearse(void)
{
    struct memory_found found;
    memory_unmask(&secret, page);
    unsigned long count = places(&found);
    if (count == 0)
        loaded_die("the search does not find what is there");
    explicit_bzero(page, PAGE);
    if (count > 1 || places(&found) > 0)
        exit(BY_CHANCE);
    printf("%lu mappings searched, %lu bytes left out\n", found.mapping, found.left);
}

static CK_SESSION_HANDLE open_session(void)
{
    CK_SESSION_HANDLE session;
    char same_length[MEMORY_MAX + 1] = {0};
    memset(same_length, '0', secret.len);
    loaded_must("C_OpenSession", p11->C_OpenSession(loaded_slot_for(p11, same_length),
                                                    CKF_SERIAL_SESSION, NULL, NULL, &session));
    return session;
}

static void login(CK_SESSION_HANDLE session)
{
    memory_unmask(&secret, page);
    CK_RV rv = p11->C_Login(session, CKU_USER, page, secret.len);
    explicit_bzero(page, PAGE);
    loaded_must("C_Login", rv);
}

static CK_SESSION_HANDLE log_in(void)
{
    CK_SESSION_HANDLE session = open_session();
    login(session);
    return session;
}

static void look_in_child(void)
{
    struct memory_found found;
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(places(&found) > 0 ? 1 : 0);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        loaded_die("no child");
    printf("in-a-child %d\n", WEXITSTATUS(status));
}

/* Changes the PIN to another one, or BACK. */
static void change(bool back)
{
    const char *other = role == LOADED_AUTH ? "8307" : "OTHER7PASSWORD";
    uint8_t *pin = page, *text = page + MEMORY_MAX;
    CK_SESSION_HANDLE session;
    char same_length[MEMORY_MAX + 1] = {0};
    memset(same_length, '0', secret.len);
    loaded_must("C_OpenSession",
                p11->C_OpenSession(loaded_slot_for(p11, same_length),
                                   CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    memory_unmask(&secret, pin);
    memcpy(text, other, strlen(other));
    CK_RV rv = back ? p11->C_SetPIN(session, text, strlen(other), pin, secret.len)
                    : p11->C_SetPIN(session, pin, secret.len, text, strlen(other));
    explicit_bzero(page, PAGE);
    loaded_must("C_SetPIN", rv);
    loaded_must("C_CloseSession", p11->C_CloseSession(session));
}

static void sign(CK_SESSION_HANDLE session)
{
    static const char text[] = "A message, to be signed.\n";
    uint8_t data[CHECK_DIGEST_INFO_MAX], signature[LOADED_SIGNATURE];
    size_t len = check_digest_info(CKM_SHA256, text, strlen(text), data);
    loaded_must("C_Sign", loaded_sign(p11, session, loaded_key(p11, session, role), role, false,
                                      data, len, signature));
    if (!loaded_verify(role, data, len, signature))
        loaded_die("VCARD_DIR is not set");
}

/* A call that has nothing to do with the PIN. Its answer is printed. */
static void call(CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info = {0};
    CK_RV rv = p11->C_GetSessionInfo(session, &info);
    printf("call 0x%lX, state %lu\n", rv, rv == CKR_OK ? info.state : 99);
}

static void pulled(void)
{
    char byte;
    CK_SESSION_HANDLE session = log_in();
    look("before-removal");
    puts("pull");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    call(session);
    look("after-removal");
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
}

static void live(void)
{
    CK_SESSION_HANDLE session = log_in();
    look("logged-in");
    look_in_child();
    change(false);
    look("after-change");
    change(true);
    look("changed-back");
    sign(session);
    look("after-signature");
    loaded_must("C_Logout", p11->C_Logout(session));
    look("after-logout");
    login(session);
    look("logged-in-again");
    loaded_must("C_CloseSession", p11->C_CloseSession(session));
    look("after-close");
    log_in();
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    look("after-finalize");
    p11 = loaded_open(path);
    pulled();
}

static void outlast(void)
{
    const struct timespec time = {.tv_sec = 1, .tv_nsec = 100000000};
    CK_SESSION_HANDLE session = log_in();
    look("logged-in");
    nanosleep(&time, NULL);
    look("after-the-time");
    call(session);
    look("after-a-call");
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
}

static void watch_stranger(void)
{
    CK_SESSION_HANDLE session = log_in();
    look("logged-in");
    loaded_must("C_Logout", p11->C_Logout(session));
    look("after-logout");
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    look("after-finalize");
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: pin_memory MODULE auth|sign FILE life|time|stranger\n", stderr);
        return 2;
    }
    path = argv[1];
    role = strcmp(argv[2], "sign") == 0 ? LOADED_SIGN : LOADED_AUTH;
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || !memory_read(&secret, argv[3]))
        loaded_die("no PIN in %s", argv[3]);
    p11 = loaded_open(path);
    loaded_must("C_CloseSession", p11->C_CloseSession(open_session()));
    rehearse();
    if (strcmp(argv[4], "life") == 0)
        live();
    else if (strcmp(argv[4], "time") == 0)
        outlast();
    else
        watch_stranger();
    return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "child.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS 60 /* a child that hangs is ended by its alarm */

void child_fails(const char *file, int line)
{
    fprintf(stderr, "the child failed in %s, line %d\n", file, line);
    _exit(1);
}

void child_run(void (*function)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(SECONDS);
        function();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

void child_is_uninitialized(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_ULONG count = 0;
    CK_SLOT_ID slot;
    CK_SESSION_INFO info;
    CK_INFO general;
    CK_BYTE out[SIGNATURE];
    CK_ULONG len = sizeof(out);
    unsigned long calls = twin_calls();
    CHILD_MUST(C_GetInfo(&general) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_GetSlotList(CK_TRUE, NULL, &count) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_WaitForSlotEvent(0, &slot, NULL) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_GetSessionInfo(session, &info) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_FindObjects(session, &key, 1, &count) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(user_sign_init(session, CKM_RSA_PKCS, key) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_Sign(session, out, 1, out, &len) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_SignFinal(session, out, &len) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_DigestFinal(session, out, &len) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_CloseSession(session) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_Logout(session) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(C_Finalize(NULL) == CKR_CRYPTOKI_NOT_INITIALIZED);
    CHILD_MUST(twin_calls() == calls);
}

/* ---- wiped memory ---- */

static struct {
    uint8_t *at;
    size_t len;
} areas[64];
static size_t area_count;

size_t child_find_wiped(void)
{
    char line[512];
    unsigned long from = 0, to = 0;
    FILE *file = fopen("/proc/self/smaps", "r");
    assert_non_null(file);
    area_count = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        unsigned long a, b;
        if (sscanf(line, "%lx-%lx ", &a, &b) == 2) {
            from = a;
            to = b;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " wf") != NULL) {
            assert_true(area_count < sizeof(areas) / sizeof(areas[0]));
            areas[area_count].at = (uint8_t *)from;
            areas[area_count++].len = to - from;
        }
    }
    fclose(file);
    return area_count;
}

bool child_wiped_have(const char *text)
{
    for (size_t i = 0; i < area_count; i++)
        if (memmem(areas[i].at, areas[i].len, text, strlen(text)) != NULL)
            return true;
    return false;
}

void child_is_wiped(void)
{
    for (size_t i = 0; i < area_count; i++)
        for (size_t k = 0; k < areas[i].len; k++)
            CHILD_MUST(areas[i].at[k] == 0);
}

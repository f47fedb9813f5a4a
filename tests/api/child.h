/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a forked child does, whose parent shows how it ended. The twin ends a child that uses a
 * reader's handle of its parent.
 */
#ifndef JPKI_TESTS_API_CHILD_H
#define JPKI_TESTS_API_CHILD_H

#include "user.h"

/* In a child: ends it with the line's number, which the parent shows. */
#define CHILD_MUST(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            child_fails(__FILE__, __LINE__);                                                       \
    } while (0)

__attribute__((noreturn)) void child_fails(const char *file, int line);

/* Forks; the child calls FUNCTION and ends by _exit(). The test fails unless it ends well, and in
 * a minute. */
void child_run(void (*function)(void));

/* In a child: every function that the parent's SESSION and KEY could be used with says
 * CKR_CRYPTOKI_NOT_INITIALIZED, and no reader is asked anything. */
void child_is_uninitialized(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);

/* The mappings of this process that the kernel wipes in a child (VmFlags: wf), for what follows;
 * their number. */
size_t child_find_wiped(void);

/* Whether TEXT is in one of them. */
bool child_wiped_have(const char *text);

/* In a child: they are empty. */
void child_is_wiped(void);

#endif

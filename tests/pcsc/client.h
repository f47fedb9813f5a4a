/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a process has of the scripted PC/SC: contexts, handles, and the beginning and the end of
 * each call. Everything here is under the stage's lock.
 */
#ifndef JPKI_TESTS_CLIENT_H
#define JPKI_TESTS_CLIENT_H

#include <sys/types.h>

#include "pcsc/script.h"
#include "twin/stage.h"

struct context {
    SCARDCONTEXT id;
    pid_t pid;
    unsigned long service; /* that it is connected to */
    bool busy;             /* a thread is inside */
    bool waiting, cancelled;
    struct context *next;
};

struct handle {
    SCARDHANDLE id;
    struct context *context;
    struct slot *slot;
    unsigned long insertion, resets; /* as they were when it was connected */
    DWORD protocol;
    bool transaction;
    bool direct; /* connected to the reader only, until it is reconnected */
    struct handle *next;
};

/* One call. */
struct client_call {
    const char *name;
    struct context *context;
    struct handle *handle; /* or NULL */
    LONG fault;            /* what it gets when it is done */
};

/* Takes the lock, counts the call and finds whom it is about. Anything but SCARD_S_SUCCESS is what
 * the call is to be ended with, undone. */
LONG client_begin(struct client_call *call, const char *name);
LONG client_begin_context(struct client_call *call, const char *name, SCARDCONTEXT id);
LONG client_begin_handle(struct client_call *call, const char *name, SCARDHANDLE id);

/* RV, or the fault that the call is to have; gives the lock back. */
LONG client_end(struct client_call *call, LONG rv);

struct context *client_add_context(void);
void client_remove_context(struct context *context); /* with its handles */
struct context *client_find_context(SCARDCONTEXT id);
struct handle *client_add_handle(struct context *context, struct slot *slot);
void client_remove_handle(struct handle *handle);

bool client_is_alive(const struct context *context);
void client_release(struct handle *handle); /* its transaction, if it has one */

/* Whose transaction it is, or NULL. In a child what the parent has begun never ends, as this is a
 * copy: it counts as ended. */
const void *client_owner(const struct slot *slot);

/* The handle goes on with the card that is in. */
void client_take_card(struct handle *handle);

/* Whether anybody is connected to the reader. */
bool client_is_used(const struct slot *slot);

#endif

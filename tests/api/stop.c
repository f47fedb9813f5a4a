/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stop.h"

#include <dlfcn.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <winscard.h>

#define EXPORTED __attribute__((visibility("default")))

static atomic_ulong calls, wanted;
static sem_t go;

static void __attribute__((constructor)) prepare(void)
{
    sem_init(&go, 0, 0);
}

void stop_at(unsigned long number)
{
    atomic_store(&calls, 0);
    atomic_store(&wanted, number);
}

void stop_go(void)
{
    sem_post(&go);
}

unsigned long stop_calls(void)
{
    return atomic_load(&calls);
}

static void pass(const char *name)
{
    if (atomic_fetch_add(&calls, 1) + 1 != atomic_load(&wanted))
        return;
    printf("stop %s\n", name);
    fflush(stdout);
    while (sem_wait(&go) != 0)
        ;
}

/* Into CALL, a pointer to a function, which ISO C knows no way to from what dlsym() returns. */
static void find(const char *name, void *call)
{
    static void *library;
    if (library == NULL)
        library = dlopen("libpcsclite.so.1", RTLD_NOW | RTLD_LOCAL);
    void *symbol = library != NULL ? dlsym(library, name) : NULL;
    if (symbol == NULL) {
        fprintf(stderr, "stop: no %s\n", name);
        abort();
    }
    memcpy(call, &symbol, sizeof(symbol));
}

EXPORTED LONG SCardBeginTransaction(SCARDHANDLE card)
{
    LONG (*next)(SCARDHANDLE);
    find("SCardBeginTransaction", &next);
    pass("begin");
    return next(card);
}

EXPORTED LONG SCardTransmit(SCARDHANDLE card, const SCARD_IO_REQUEST *pci, LPCBYTE command,
                            DWORD len, SCARD_IO_REQUEST *answer_pci, LPBYTE answer, LPDWORD got)
{
    LONG(*next)
    (SCARDHANDLE, const SCARD_IO_REQUEST *, LPCBYTE, DWORD, SCARD_IO_REQUEST *, LPBYTE, LPDWORD);
    find("SCardTransmit", &next);
    pass("transmit");
    return next(card, pci, command, len, answer_pci, answer, got);
}

EXPORTED LONG SCardEndTransaction(SCARDHANDLE card, DWORD disposition)
{
    LONG (*next)(SCARDHANDLE, DWORD);
    find("SCardEndTransaction", &next);
    pass("end");
    return next(card, disposition);
}

EXPORTED LONG SCardConnect(SCARDCONTEXT context, LPCSTR reader, DWORD mode, DWORD protocols,
                           LPSCARDHANDLE card, LPDWORD protocol)
{
    LONG (*next)(SCARDCONTEXT, LPCSTR, DWORD, DWORD, LPSCARDHANDLE, LPDWORD);
    find("SCardConnect", &next);
    pass("connect");
    return next(context, reader, mode, protocols, card, protocol);
}

EXPORTED LONG SCardGetAttrib(SCARDHANDLE card, DWORD attribute, LPBYTE value, LPDWORD len)
{
    LONG (*next)(SCARDHANDLE, DWORD, LPBYTE, LPDWORD);
    find("SCardGetAttrib", &next);
    pass("look");
    return next(card, attribute, value, len);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A service that answers as virtual readers cannot make it: a library for LD_PRELOAD, in front of a
 * program that speaks PC/SC through libpcsclite. $PCSC_SHIM is
 *
 *   mute       a card that does not answer its reset: no connection, and SCARD_STATE_MUTE
 *   forbidden  no connection to any card for this user: SCARD_W_SECURITY_VIOLATION, as pcscd
 *              answers from 2.0.1 on when polkit denies org.debian.pcsc-lite.access_card
 *   hung-up    the same by older ones, which end the connection instead
 *   busy       another program has the card for itself
 *   broken     a card that no protocol can be agreed upon with
 *   away       no context for this user: pcscd hangs up when polkit denies .access_pcsc
 *   exhausted  no memory for the list of readers
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <winscard.h>

typedef LONG connect_function(SCARDCONTEXT, LPCSTR, DWORD, DWORD, LPSCARDHANDLE, LPDWORD);
typedef LONG context_function(DWORD, LPCVOID, LPCVOID, LPSCARDCONTEXT);
typedef LONG list_function(SCARDCONTEXT, LPCSTR, LPSTR, LPDWORD);
typedef LONG status_function(SCARDCONTEXT, DWORD, SCARD_READERSTATE *, DWORD);

static int is(const char *what)
{
    const char *shim = getenv("PCSC_SHIM");
    return shim != NULL && strcmp(shim, what) == 0;
}

__attribute__((visibility("default"))) LONG SCardConnect(SCARDCONTEXT context, LPCSTR reader,
                                                         DWORD mode, DWORD protocols,
                                                         LPSCARDHANDLE card, LPDWORD protocol)
{
    union {
        void *object;
        connect_function *call;
    } next = {.object = dlsym(RTLD_NEXT, "SCardConnect")};
    if (is("forbidden"))
        return SCARD_W_SECURITY_VIOLATION;
    if (is("mute"))
        return SCARD_W_UNRESPONSIVE_CARD;
    if (is("hung-up"))
        return SCARD_E_NO_SERVICE;
    if (is("busy"))
        return SCARD_E_SHARING_VIOLATION;
    if (is("broken"))
        return SCARD_E_PROTO_MISMATCH;
    return next.call(context, reader, mode, protocols, card, protocol);
}

__attribute__((visibility("default"))) LONG SCardGetStatusChange(SCARDCONTEXT context,
                                                                 DWORD milliseconds,
                                                                 SCARD_READERSTATE *states,
                                                                 DWORD count)
{
    union {
        void *object;
        status_function *call;
    } next = {.object = dlsym(RTLD_NEXT, "SCardGetStatusChange")};
    LONG rv = next.call(context, milliseconds, states, count);
    for (DWORD i = 0; rv == SCARD_S_SUCCESS && is("mute") && i < count; i++)
        if ((states[i].dwEventState & SCARD_STATE_PRESENT) != 0) {
            states[i].dwEventState |= SCARD_STATE_MUTE;
            states[i].cbAtr = 0;
        }
    return rv;
}

__attribute__((visibility("default"))) LONG
SCardEstablishContext(DWORD scope, LPCVOID one, LPCVOID two, LPSCARDCONTEXT context)
{
    union {
        void *object;
        context_function *call;
    } next = {.object = dlsym(RTLD_NEXT, "SCardEstablishContext")};
    return is("away") ? SCARD_E_NO_SERVICE : next.call(scope, one, two, context);
}

__attribute__((visibility("default"))) LONG SCardListReaders(SCARDCONTEXT context, LPCSTR groups,
                                                             LPSTR readers, LPDWORD len)
{
    union {
        void *object;
        list_function *call;
    } next = {.object = dlsym(RTLD_NEXT, "SCardListReaders")};
    return is("exhausted") ? SCARD_E_NO_MEMORY : next.call(context, groups, readers, len);
}

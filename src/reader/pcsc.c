/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reader/pcsc.h"

#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "support/log.h"

static _Atomic long owner; /* the process whose links are counted */
static atomic_int links;

static enum err err_of(LONG rv)
{
    switch (rv) {
    case SCARD_S_SUCCESS:
        return ERR_OK;
    case SCARD_E_NO_MEMORY:
        return ERR_MEMORY;
    case SCARD_E_NO_SERVICE:
    case SCARD_E_SERVICE_STOPPED:
    case SCARD_E_INVALID_HANDLE: /* the service was restarted */
    case SCARD_F_COMM_ERROR:     /* with the service, not with the card */
    case SCARD_F_INTERNAL_ERROR:
        return ERR_NO_SERVICE;
    case SCARD_E_UNKNOWN_READER:
    case SCARD_E_READER_UNAVAILABLE:
    case SCARD_E_NO_READERS_AVAILABLE:
        return ERR_NO_READER;
    case SCARD_E_NO_SMARTCARD:
    case SCARD_W_REMOVED_CARD:
    case SCARD_W_UNPOWERED_CARD:
    case SCARD_W_UNRESPONSIVE_CARD:
        return ERR_NO_CARD;
    case SCARD_W_SECURITY_VIOLATION: /* pcsc-lite's answer when polkit says no */
        return ERR_FORBIDDEN;
    case SCARD_E_SHARING_VIOLATION:
        return ERR_BUSY;
    case SCARD_E_INSUFFICIENT_BUFFER:
        return ERR_ANSWER;
    default: /* SCARD_E_CANCELLED too: nobody has cancelled anything but a wait */
        return ERR_TRANSPORT;
    }
}

enum err pcsc_failed(const char *call, LONG rv)
{
    enum err e = err_of(rv);
    log_write(LOG_DEBUG, "%s: 0x%08lX (%s)", call, (unsigned long)rv & 0xFFFFFFFFUL, err_text(e));
    return e;
}

/* A child has none of its parent's. If two of its threads begin at once, one of their first links
 * may be lost: others then seem to be connected, and the card rests more often than it needs to. */
static void count_links(int more)
{
    long me = (long)getpid();
    if (atomic_exchange(&owner, me) != me)
        atomic_store(&links, 0);
    atomic_fetch_add(&links, more);
}

unsigned link_count(void)
{
    int n = atomic_load(&links);
    bool ours = atomic_load(&owner) == (long)getpid() && !service_renamed();
    return ours && n > 0 ? (unsigned)n : 0;
}

enum err link_open(struct link *link)
{
    if (link->open)
        return ERR_OK;
    LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &link->context);
    if (rv != SCARD_S_SUCCESS) {
        pcsc_failed("SCardEstablishContext", rv);
        return ERR_NO_SERVICE;
    }
    link->open = true;
    count_links(1);
    return ERR_OK;
}

void link_close(struct link *link)
{
    if (!link->open)
        return;
    count_links(-1); /* first: there are never fewer of them than are counted */
    SCardReleaseContext(link->context);
    link->open = false;
}

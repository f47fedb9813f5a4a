/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What view.c, reader.c and service.c share, which implement reader.h on pcsc-lite. The door to
 * <winscard.h>, and private to them.
 *
 * Written against pcsc-lite 1.9: what it does beyond the PC/SC specification is said where it
 * matters.
 */
#ifndef JPKI_READER_PCSC_H
#define JPKI_READER_PCSC_H

#include <stdbool.h>

#include <winscard.h>
#include <reader.h> /* of pcsc-lite: SCARD_ATTR_ATR_STRING, CM_IOCTL_GET_FEATURE_REQUEST */

#include "support/err.h"

/* A connection to the service. All zero is one that is not open. */
struct link {
    SCARDCONTEXT context;
    bool open;
};

/* ERR_OK also when it is open already; else ERR_NO_SERVICE. */
enum err link_open(struct link *link);

/* What the service holds for this connection, cards and transactions, goes with it. */
void link_close(struct link *link);

/*
 * How many connections link_open() has opened in this process that are not closed, each of which is
 * one socket; other libraries of the process may have more. One to a service that is gone counts
 * until link_close(). 0 where the environment has given the service's socket another name.
 */
unsigned link_count(void);

/* Whether the environment has given the service's socket another name (PCSCLITE_CSOCK_NAME). Looks
 * once, as libpcsclite does. (service.c) */
bool service_renamed(void);

/* The error that RV, the answer to CALL, means; logged. */
enum err pcsc_failed(const char *call, LONG rv);

#endif

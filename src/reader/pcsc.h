/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What view.c and reader.c share, which implement reader.h on pcsc-lite. The door to <winscard.h>,
 * and private to them.
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
 * How many this process has open through here, each of which is one socket; other libraries may
 * have more. One that a service had which is gone counts until somebody has noticed. 0 where the
 * environment has given the service's socket another name.
 */
unsigned links_open(void);

/* Whether the environment has given the service's socket another name (PCSCLITE_CSOCK_NAME). Looks
 * once, as libpcsclite does. */
bool service_renamed(void);

/* The error that RV, the answer to CALL, means; logged. */
enum err pcsc_failed(const char *call, LONG rv);

#endif

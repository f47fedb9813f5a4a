/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Why the smart card service cannot be asked.
 */
#ifndef JPKI_CLI_SERVICE_H
#define JPKI_CLI_SERVICE_H

enum service_fault {
    SERVICE_FORBIDDEN, /* it is there, and turns this user away */
    SERVICE_HIDDEN,    /* its socket may not be opened from here */
    SERVICE_DEAD,      /* its socket was left behind */
    SERVICE_MISSING,   /* it is not installed */
    SERVICE_STOPPED    /* it does not run */
};

/* To be asked when it does not answer. */
enum service_fault service_fault(void);

/* SERVICE_MISSING or SERVICE_STOPPED, for one that is known not to be there. */
enum service_fault service_absent(void);

/* Where its socket is; not owned. */
const char *service_socket(void);

/* What a fault means, in the holder's language; static. */
const char *service_fault_text(enum service_fault fault);

#endif

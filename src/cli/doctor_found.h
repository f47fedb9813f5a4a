/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where programs look for PKCS#11 modules, and which they find there.
 */
#ifndef JPKI_CLI_DOCTOR_FOUND_H
#define JPKI_CLI_DOCTOR_FOUND_H

#include "cli/doctor.h"

/* One registration of a module. */
struct found {
    const char *library; /* as a program loads it: a path, or a name alone */
    const char *remove;  /* the command that takes the registration away */
    bool database;       /* of NSS, else p11-kit's */
};

/* Says what is wrong with a registration, if something is. doctor_module.c */
void found_judge(struct doctor *doctor, const struct found *found);

/* Whether LIBRARY has the name of one of our modules that show the authentication key. The same. */
bool found_shows_auth(const char *library);

/*
 * Judges what p11-kit's programs find. True when one of our modules is among it. Otherwise HIDER is
 * the file of the name REGISTRATION that has no module, and so hides ours, or "". doctor_found.c
 */
bool found_in_p11kit(struct doctor *doctor, const char *registration, char *hider, size_t size);

/* Judges what the databases of NSS name: those of browsers. The same. */
void found_in_databases(struct doctor *doctor);

#endif

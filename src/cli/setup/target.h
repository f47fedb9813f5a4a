/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The programs that `jpki setup` knows.
 */
#ifndef JPKI_CLI_SETUP_TARGET_H
#define JPKI_CLI_SETUP_TARGET_H

#include "cli/setup/plan.h"

struct target_request {
    char *const *names; /* servers or programs; whose, the target knows */
    size_t count;
    const char *profile; /* a folder; NULL: all that the program has */
};

struct target {
    const char *name;
    bool takes_names;
    bool needs_names;
    bool takes_profile;
    /* Thinks out what is to be changed. False after a complaint. */
    bool (*plan)(const struct target_request *request, struct plan *plan);
    /* Whether the program lets this file of it be changed now. False after a complaint. NULL:
     * always. */
    bool (*idle)(const char *path);
    /* Says on standard output what the holder does next. */
    void (*advise)(const struct target_request *request);
};

/* The names of REQUEST with BETWEEN between them, to be freed. NULL after a complaint: without
 * memory, or IS_GOOD has complained of one. */
char *target_names(const struct target_request *request, const char *between,
                   bool (*is_good)(const char *name));

bool target_chromium_plan(const struct target_request *request, struct plan *plan);
bool target_firefox_plan(const struct target_request *request, struct plan *plan);
bool target_java_plan(const struct target_request *request, struct plan *plan);
bool target_openssl_plan(const struct target_request *request, struct plan *plan);
bool target_p11kit_plan(const struct target_request *request, struct plan *plan);
bool target_ssh_plan(const struct target_request *request, struct plan *plan);
bool target_thunderbird_plan(const struct target_request *request, struct plan *plan);

bool target_chromium_idle(const char *path);
bool target_firefox_idle(const char *path);
bool target_thunderbird_idle(const char *path);

void target_chromium_advise(const struct target_request *request);
void target_firefox_advise(const struct target_request *request);
void target_java_advise(const struct target_request *request);
void target_openssl_advise(const struct target_request *request);
void target_p11kit_advise(const struct target_request *request);
void target_ssh_advise(const struct target_request *request);
void target_thunderbird_advise(const struct target_request *request);

#endif

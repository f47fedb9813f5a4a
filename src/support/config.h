/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The settings: read once, at C_Initialize. See docs/settings.md for every key.
 */
#ifndef JPKI_SUPPORT_CONFIG_H
#define JPKI_SUPPORT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "support/log.h"

enum config_token { CONFIG_TOKEN_AUTH = 1, CONFIG_TOKEN_SIGN = 2, CONFIG_TOKEN_BOTH = 3 };
enum config_labels { CONFIG_LABELS_ENGLISH, CONFIG_LABELS_JAPANESE };
enum config_consent { CONFIG_CONSENT_ALWAYS, CONFIG_CONSENT_SESSION };
enum config_history { CONFIG_HISTORY_NO, CONFIG_HISTORY_FILE, CONFIG_HISTORY_SYSLOG };

/* pin_cache_seconds: what "auto" means is said at the key in docs/settings.md */
#define CONFIG_CACHE_AUTO (-1L)

struct config {
    unsigned tokens;             /* slots: enum config_token, or-ed */
    enum config_labels labels;   /* labels */
    unsigned pin_reserve;        /* pin.reserve: tries that C_Login leaves untouched, 0 to 4 */
    long pin_cache_seconds;      /* pin.cache-seconds: CONFIG_CACHE_AUTO, or 0 to 86400 */
    enum config_consent consent; /* sign.consent */
    bool isolation;              /* isolation */
    bool pss;                    /* pss */
    bool certificates_cache;     /* certificates.cache */
    enum config_history history; /* history */
    bool history_required;       /* history.required */
    bool history_digests;        /* history.digests */
    enum log_level log_level;    /* log.level */
    char *log_file;              /* log.file, or NULL */
    char *reader_ignore;         /* reader.ignore: glob pattern of reader names, or NULL */
    bool pinpad;                 /* reader.pinpad */
    bool reader_extended;        /* reader.extended */
    char **complaints;           /* what was wrong: "FILE:LINE: …", for the log */
    size_t complaint_count;
};

#define CONFIG_SYSTEM_FILE "/etc/jpki-pkcs11.conf"

/* Where config_load() looks. Any pointer may be NULL: that source is then left out. */
struct config_sources {
    const char *system_file; /* also holds the section [enforced] */
    const char *user_file;
    const char *reserved; /* "key=value key=value", from C_Initialize's pReserved */
    const char *slots;    /* $JPKI_PKCS11_SLOTS */
    const char *debug;    /* $JPKI_PKCS11_DEBUG */
    bool no_memory;       /* to find the user's file: what that says is not known */
};

/*
 * Fills SOURCES' environment members by secure_getenv and user_file from $XDG_CONFIG_HOME or
 * $HOME; the string user_file is then on the heap: see config_forget(). A privileged process
 * (AT_SECURE) gets no user file.
 */
void config_find(struct config_sources *sources);

/* Frees the user_file that config_find() has set. */
void config_forget(struct config_sources *sources);

/*
 * Reads all sources, later ones winning over earlier ones in the order of the struct, except that
 * what the system file names under [enforced] stands. A wrong line is put into complaints and
 * never makes anything less safe: the stricter of the value so far and the default then holds.
 * MODULE_TOKENS are the tokens of the module's own name; `slots` can only narrow them.
 * False only without memory. CONFIG is valid afterwards either way; clear it with config_clear().
 */
bool config_load(struct config *config, const struct config_sources *sources,
                 unsigned module_tokens);
void config_clear(struct config *config);

#endif

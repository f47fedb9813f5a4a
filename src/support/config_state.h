/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to the settings: what is known while the sources are read one after the other.
 */
#ifndef JPKI_SUPPORT_CONFIG_STATE_H
#define JPKI_SUPPORT_CONFIG_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "support/config.h"
#include "support/config_key.h"

#define CONFIG_COMPLAINTS_MAX 32 /* the last of them says that there were more */

struct config_state {
    long number[CONFIG_KEY_COUNT];
    char *text[CONFIG_KEY_COUNT]; /* on the heap, NULL for none */
    bool enforced[CONFIG_KEY_COUNT];
    const char *source[CONFIG_KEY_COUNT]; /* that decided last; not owned; NULL: the default */
    unsigned line[CONFIG_KEY_COUNT];      /* in it, or 0 */
    long module_tokens;
    char **complaints;
    size_t complaint_count;
    bool no_memory; /* something could not be kept */
};

/* Where a setting stands. LINE 0: a source without lines. */
struct config_place {
    const char *source;
    unsigned line;
    bool enforce;       /* the setting stands against all later sources */
    bool stricter_only; /* it counts only where it makes things stricter */
};

void config_state_init(struct config_state *state, unsigned module_tokens);
void config_state_clear(struct config_state *state);

/* Reads all SOURCES, whose texts must outlive STATE. In config.c. */
void config_state_read(struct config_state *state, const struct config_sources *sources);

/* Adds "SOURCE:LINE: …" to the complaints. Bytes that could steer a terminal are replaced. */
__attribute__((format(printf, 3, 4))) void config_state_complain(struct config_state *state,
                                                                 const struct config_place *place,
                                                                 const char *format, ...);

/* Takes "NAME = VALUE" as it stands at PLACE, with all the rules of the settings. */
void config_state_set(struct config_state *state, const struct config_place *place,
                      const char *name, const char *value);

/* The LEN bytes at LINE cannot be read as a setting. If they begin with the name of a key, what
 * follows a wrong value holds for that key. The complaint is the caller's. */
void config_state_spoil(struct config_state *state, const struct config_place *place,
                        const char *line, size_t len);

#endif

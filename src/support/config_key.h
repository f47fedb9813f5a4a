/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to the settings: the one table of keys.
 */
#ifndef JPKI_SUPPORT_CONFIG_KEY_H
#define JPKI_SUPPORT_CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>

enum config_key {
    CONFIG_KEY_SLOTS,
    CONFIG_KEY_LABELS,
    CONFIG_KEY_PIN_RESERVE,
    CONFIG_KEY_PIN_CACHE,
    CONFIG_KEY_CONSENT,
    CONFIG_KEY_ISOLATION,
    CONFIG_KEY_PSS,
    CONFIG_KEY_CERTIFICATES_CACHE,
    CONFIG_KEY_HISTORY,
    CONFIG_KEY_HISTORY_REQUIRED,
    CONFIG_KEY_HISTORY_DIGESTS,
    CONFIG_KEY_LOG_LEVEL,
    CONFIG_KEY_LOG_FILE,
    CONFIG_KEY_READER_IGNORE,
    CONFIG_KEY_READER_PINPAD,
    CONFIG_KEY_READER_EXTENDED,
    CONFIG_KEY_COUNT
};

#define CONFIG_ALLOWED_MAX 128 /* room for what config_key_allowed() writes */

const char *config_key_name(enum config_key key);

/* The key whose name is the LEN bytes at NAME. False if there is none. */
bool config_key_find(const char *name, size_t len, enum config_key *key);

/* The name of the key that NAME is probably meant to be, or NULL. */
const char *config_key_nearest(const char *name);

/* Whether the value is a text and not a number (or a word that stands for one). */
bool config_key_is_text(enum config_key key);

/* Whether a wrong value may be repeated in a complaint. Not where somebody may have put a PIN. */
bool config_key_quotable(enum config_key key);

/* Writes "yes or no", "auto or a number from 0 to 86400" and the like. */
void config_key_allowed(enum config_key key, char out[CONFIG_ALLOWED_MAX]);

/* Writes NUMBER, a value of a key that is no text, as it stands in a file. A set without members is
 * empty. */
void config_key_print(enum config_key key, long number, char out[CONFIG_ALLOWED_MAX]);

/* The value when nothing is set; of a text it is none. */
long config_key_default(enum config_key key);

/* Whether TEXT may be the value; NUMBER is then what it stands for (0 for a text). */
bool config_key_parse(enum config_key key, const char *text, long *number);

/* The safer of two values; SO_FAR where neither is. See docs/settings.md, "The keys". */
long config_key_stricter(enum config_key key, long so_far, long other);

/* What holds after a wrong line: the stricter of SO_FAR and the default. */
long config_key_after_wrong(enum config_key key, long so_far);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where the holder's own files are. Every text that is returned is the caller's to free; NULL after
 * a complaint.
 */
#ifndef JPKI_CLI_SETUP_PLACE_H
#define JPKI_CLI_SETUP_PLACE_H

#include <stdbool.h>

/* The text that FORMAT makes. */
__attribute__((format(printf, 1, 2))) char *place_text(const char *format, ...);

/* REST below the holder's home: in one line, without characters of control. */
char *place_home(const char *rest);

/* REST below $XDG_CONFIG_HOME, or ~/.config (XDG base directory specification): likewise. */
char *place_config(const char *rest);

/* REST below the home that the system knows, for programs that do not go by $HOME. */
char *place_login_home(const char *rest);

/* REST below $XDG_DATA_HOME, or ~/.local/share. */
char *place_data(const char *rest);

bool place_exists(const char *path);

/* PATH as one word of a shell's command line, in quotes where it needs them. */
char *place_word(const char *path);

/* The module of one key where it was installed, such as "auth", in *PATH, which may be NULL; false,
 * after a complaint, when it is not there. */
bool place_module(const char *key, char **path);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The folders in which the module keeps what outlives a process (XDG base directory specification).
 *
 * Each function gives a descriptor of the folder, for openat(2) and close(2), or -1 with errno:
 * what a system call said; ENOENT where no place is known, as for a process with raised privileges,
 * whose environment is somebody else's; EPERM for a folder that is another user's, that
 * everybody may write to, or to which another user's link leads. MAKE makes what is missing, with
 * mode 0700.
 */
#ifndef JPKI_SUPPORT_FOLDER_H
#define JPKI_SUPPORT_FOLDER_H

#include <stdbool.h>

/* Looks in the environment where they are, for all later calls: for C_Initialize, while no other
 * thread is in the module. Otherwise each call looks, and another thread of the host may be
 * changing it. */
void folder_find(void);

/* $XDG_STATE_HOME/jpki-pkcs11, or ~/.local/state/jpki-pkcs11: stays. */
int folder_state(bool make);

/* $XDG_CACHE_HOME/jpki-pkcs11, or ~/.cache/jpki-pkcs11: whoever likes may empty it. */
int folder_cache(bool make);

/* $XDG_RUNTIME_DIR/jpki-pkcs11, or /run/user/UID/jpki-pkcs11: gone at the end of the user's last
 * login. Where that cannot be had, folder_state(). */
int folder_runtime(bool make);

#endif

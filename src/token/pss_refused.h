/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Cards that have refused PSS, remembered over processes: programs choose PSS by the mechanism list
 * and do not fall back, so a card that cannot do it must not be asked twice.
 *
 * The file $XDG_STATE_HOME/jpki-pkcs11/pss-refused (or below $HOME/.local/state) has one line
 * "YYYY-MM-DD MODEL" for each model. Each holds for a month. Deleting the file forgets them.
 */
#ifndef JPKI_TOKEN_PSS_REFUSED_H
#define JPKI_TOKEN_PSS_REFUSED_H

#include <stdbool.h>

/* Whether a card of this model (EF 0006) has refused PSS within a month. */
bool pss_refused_known(const char *model);

/* Remembers that it has. A file that cannot be written is logged and otherwise harmless. */
void pss_refused_note(const char *model);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The only difference between the modules: most programs can be told a path and nothing else, so
 * which tokens they see is chosen by the module's name. JPKI_TOKENS comes from the build.
 */
#include "pkcs11/entry.h"

const unsigned entry_tokens = JPKI_TOKENS;

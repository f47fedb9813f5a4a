/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The virtual card of the fuzzers: that of the folder tests/fuzz/card, whose keys are for tests
 * only. It is always the same, so that an input does the same wherever it is played.
 */
#ifndef JPKI_TESTS_FUZZ_VCARD_H
#define JPKI_TESTS_FUZZ_VCARD_H

#include "vcard/vcard.h"

/* A copy of its folder in fuzz_folder(), opened, without power. Ends the program on failure. */
struct vcard *fuzz_vcard(void);

#endif

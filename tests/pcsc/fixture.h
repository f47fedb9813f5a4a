/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The fixture of tests on the scripted PC/SC, beside those of api/world.h.
 */
#ifndef JPKI_TESTS_PCSC_FIXTURE_H
#define JPKI_TESTS_PCSC_FIXTURE_H

/* After a test: nothing is odd any more; as world_end(); and this process has nothing open. */
int fixture_end(void **state);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the tests of C_Login share: one session, logged out, with a card that was asked everything
 * that is asked once. Whatever it costs from then on is the login's own cost.
 */
#ifndef JPKI_TESTS_API_LOGIN_H
#define JPKI_TESTS_API_LOGIN_H

#include "other.h"
#include "user.h"

extern CK_SESSION_HANDLE login_session;

/* A new card, a fresh module with these settings, the session, and the counters at 0. */
void login_start(enum role role, const char *settings);

/* C_Login as user in that session. The bytes are in memory of exactly their size, so that the
 * address sanitizer sees one too many read. */
CK_RV login_bytes(const void *pin, size_t len);
CK_RV login_with(const char *pin);

/* Wrong PINs of the right form, all different. Static; until the next call. */
const char *login_wrong(enum role role, unsigned i);

/* A hook of the twin: the card is pulled when a PIN is on its way to it. */
bool login_pull_at_verify(void *context, const uint8_t *command, size_t len, uint8_t *response,
                          size_t *received);

#endif

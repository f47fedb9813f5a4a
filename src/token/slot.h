/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The slots: two for each reader that was ever seen, so that a slot's number never changes its
 * meaning while the module is initialised.
 */
#ifndef JPKI_TOKEN_SLOT_H
#define JPKI_TOKEN_SLOT_H

#include <pkcs11-3.h>

#include "card/profile.h"
#include "support/config.h"
#include "support/lock.h"

struct slots;
struct terminal;

/* CONFIG must outlive the slots; CALLS (may be NULL) is copied. Talks to nobody. NULL without
 * memory. slots_free() accepts NULL; no thread may be inside any call. */
struct slots *slots_new(const struct config *config, const struct lock_calls *calls);
void slots_free(struct slots *slots);

/*
 * C_GetSlotList (PKCS#11 3.2, section 5.5): COUNT is the room in LIST, and becomes the number of
 * slots. New readers are taken in when the number is asked for (LIST NULL), and the next call with
 * a LIST then answers the same; a call with a LIST alone looks for itself.
 */
CK_RV slots_list(struct slots *slots, bool present, CK_SLOT_ID *list, CK_ULONG *count);

/* C_GetSlotInfo: sends the card nothing, unless it was never asked what it is. */
CK_RV slots_info(struct slots *slots, CK_SLOT_ID id, CK_SLOT_INFO *info);

/* The reader and role behind a slot. CKR_SLOT_ID_INVALID. */
CK_RV slots_find(struct slots *slots, CK_SLOT_ID id, struct terminal **terminal,
                 enum card_role *role);
CK_SLOT_ID slots_id(const struct terminal *terminal, enum card_role role);

/* Looks whether the card is still in this reader, without sending it anything. */
void slots_look_at(struct terminal *terminal);

/*
 * C_WaitForSlotEvent. CKR_NO_EVENT when BLOCK is false and nothing has happened;
 * CKR_CRYPTOKI_NOT_INITIALIZED when slots_stop() ended the wait.
 */
CK_RV slots_wait(struct slots *slots, bool block, CK_SLOT_ID *id);

/* Ends all waits, now and for good. To be repeated until the waiters are gone: one may be just
 * about to begin. */
void slots_stop(struct slots *slots);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "waiter.h"

static void *wait_for_event(void *argument)
{
    struct waiter *waiter = argument;
    waiter->rv = C_WaitForSlotEvent(0, &waiter->slot, NULL);
    return NULL;
}

void waiter_start(struct waiter *waiter)
{
    waiter->slot = CK_UNAVAILABLE_INFORMATION;
    assert_int_equal(pthread_create(&waiter->thread, NULL, wait_for_event, waiter), 0);
}

CK_RV waiter_end(struct waiter *waiter)
{
    assert_int_equal(pthread_join(waiter->thread, NULL), 0);
    return waiter->rv;
}

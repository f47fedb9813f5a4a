/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * restart MODULE OTHER: pcscd is killed and started again while a session is open and nobody looks.
 * The new service counts insertions from the beginning, so that its numbers may be the old ones:
 * the session must be over all the same, and a new one must work. OTHER, a second module, tells
 * when the card is back, so that the first one sees nothing of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "loaded.h"

static void wait_for_card(CK_FUNCTION_LIST *other)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    CK_SLOT_ID slots[LOADED_SLOTS];
    for (int round = 0; round < 400; round++) {
        if (loaded_slots(other, slots) > 0)
            return;
        nanosleep(&pause, NULL);
    }
    loaded_die("the card did not come back");
}

int main(int argc, char **argv)
{
    CK_SESSION_INFO info;
    CK_ULONG count;
    if (argc != 3)
        loaded_die("usage: restart MODULE OTHER");
    CK_FUNCTION_LIST *p11 = loaded_open(argv[1]);
    CK_SESSION_HANDLE session = loaded_login(p11, LOADED_AUTH);
    loaded_must("C_GetSessionInfo", p11->C_GetSessionInfo(session, &info));

    /* The old one's port must be free before the new one starts: its first thread may be a zombie
     * while another one still holds it. */
    if (system("kill -KILL \"$PCSCD_PID\"; i=0; "
               "while grep -q ':8C7B 00000000:0000 0A ' /proc/net/tcp && "
               "[ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done; rm -f /run/pcscd/*; "
               "pcscd --foreground --config \"$PCSCD_CONFIG\" >/dev/null 2>&1 &") != 0)
        loaded_die("pcscd cannot be started again");
    CK_FUNCTION_LIST *other = loaded_open(argv[2]);
    wait_for_card(other);
    loaded_must("C_Finalize", other->C_Finalize(NULL));

    loaded_must("C_GetSlotList", p11->C_GetSlotList(CK_FALSE, NULL, &count));
    CK_RV rv = p11->C_GetSessionInfo(session, &info);
    if (rv != CKR_SESSION_HANDLE_INVALID)
        loaded_die("the session from before the restart: 0x%lX", rv);
    session = loaded_login(p11, LOADED_AUTH);
    loaded_must("C_GetSlotList", p11->C_GetSlotList(CK_FALSE, NULL, &count));
    loaded_must("C_GetSessionInfo", p11->C_GetSessionInfo(session, &info));
    if (info.state != CKS_RO_USER_FUNCTIONS && info.state != CKS_RW_USER_FUNCTIONS)
        loaded_die("the login after the restart is gone");
    loaded_must("C_Finalize", p11->C_Finalize(NULL));
    return 0;
}

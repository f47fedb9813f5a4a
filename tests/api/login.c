/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CK_SESSION_HANDLE login_session;

CK_RV login_bytes(const void *pin, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, pin, len);
    CK_RV rv = C_Login(login_session, CKU_USER, copy, len);
    free(copy);
    return rv;
}

CK_RV login_with(const char *pin)
{
    return login_bytes(pin, strlen(pin));
}

const char *login_wrong(enum role role, unsigned i)
{
    static char text[16];
    snprintf(text, sizeof(text), role == AUTH ? "9%03u" : "WRONG%03u", i);
    return text;
}

bool login_pull_at_verify(void *context, const uint8_t *command, size_t len, uint8_t *response,
                          size_t *received)
{
    (void)context;
    (void)response;
    (void)received;
    if (command[1] == 0x20 && len > 5)
        twin_remove(READER_1);
    return false;
}

void login_start(enum role role, const char *settings)
{
    world_end(NULL);
    world_begin(NULL);
    world_initialize(settings);
    login_session = user_open(role);
    CK_RV rv = login_with(user_pin[role]);
    if (rv == CKR_OK)
        assert_rv(C_Logout(login_session), CKR_OK);
    else /* more tries are to be kept than there are */
        assert_rv(rv, CKR_PIN_LOCKED);
    twin_counters_clear();
}

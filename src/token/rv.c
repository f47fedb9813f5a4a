/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/rv.h"

#include <stddef.h>

static const CK_RV table[ERR_COUNT] = {
    [ERR_OK] = CKR_OK,
    [ERR_MEMORY] = CKR_HOST_MEMORY,
    [ERR_ARGUMENT] = CKR_ARGUMENTS_BAD,
    [ERR_CRYPTO] = CKR_FUNCTION_FAILED,
    [ERR_NO_SERVICE] = CKR_DEVICE_REMOVED,
    [ERR_NO_READER] = CKR_DEVICE_REMOVED,
    [ERR_NO_CARD] = CKR_DEVICE_REMOVED,
    [ERR_FORBIDDEN] = CKR_DEVICE_ERROR,
    [ERR_BUSY] = CKR_DEVICE_ERROR,
    [ERR_TRANSPORT] = CKR_DEVICE_ERROR,
    [ERR_CANCELLED] = CKR_FUNCTION_CANCELED,
    [ERR_ANSWER] = CKR_DEVICE_ERROR,
    [ERR_NOT_FOUND] = CKR_DEVICE_ERROR,
    [ERR_DENIED] = CKR_USER_NOT_LOGGED_IN,
    [ERR_REFUSED] = CKR_DEVICE_ERROR,
    [ERR_PIN_WRONG] = CKR_PIN_INCORRECT,
    [ERR_PIN_LOCKED] = CKR_PIN_LOCKED,
    [ERR_FOREIGN] = CKR_TOKEN_NOT_RECOGNIZED,
    [ERR_BAD_SIGNATURE] = CKR_DEVICE_ERROR,
    [ERR_NOT_RECORDED] = CKR_FUNCTION_FAILED,
};

CK_RV rv_of(enum err e)
{
    return (unsigned)e < ERR_COUNT ? table[e] : CKR_GENERAL_ERROR;
}

CK_RV rv_of_login(enum err e)
{
    return e == ERR_DENIED ? CKR_DEVICE_ERROR : rv_of(e);
}

#define ROW(rv)                                                                                    \
    {                                                                                              \
        rv, #rv                                                                                    \
    }

static const struct {
    CK_RV rv;
    const char *name;
} names[] = {
    ROW(CKR_OK),
    ROW(CKR_HOST_MEMORY),
    ROW(CKR_GENERAL_ERROR),
    ROW(CKR_FUNCTION_FAILED),
    ROW(CKR_ARGUMENTS_BAD),
    ROW(CKR_DATA_LEN_RANGE),
    ROW(CKR_DEVICE_ERROR),
    ROW(CKR_DEVICE_REMOVED),
    ROW(CKR_FUNCTION_CANCELED),
    ROW(CKR_PIN_INCORRECT),
    ROW(CKR_PIN_INVALID),
    ROW(CKR_PIN_LEN_RANGE),
    ROW(CKR_PIN_LOCKED),
    ROW(CKR_TOKEN_NOT_PRESENT),
    ROW(CKR_TOKEN_NOT_RECOGNIZED),
    ROW(CKR_USER_NOT_LOGGED_IN),
    ROW(CKR_USER_PIN_NOT_INITIALIZED),
};

const char *rv_name(CK_RV rv)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].rv == rv)
            return names[i].name;
    return NULL;
}

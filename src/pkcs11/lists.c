/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The function lists and interfaces (PKCS#11 3.2, sections 3.9 and 5.4). Nothing here needs the
 * module to be initialised, and nothing is done but handing out constants: programs ask while they
 * hold locks of their own.
 */
#include "pkcs11/lists.h"

#include <stdbool.h>
#include <string.h>

#define MEMBER(name) .name = name,

/* Where one list differs from the functions themselves, the later initialiser stands. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"

static CK_FUNCTION_LIST list_2_40 = {
    .version = {2, 40}, PKCS11_FUNCTIONS_2_40(MEMBER).C_GetInfo = general_get_info_2_40};

static CK_FUNCTION_LIST_3_0 list_3_0 = {
    .version = {3, 0},
    PKCS11_FUNCTIONS_2_40(MEMBER) PKCS11_FUNCTIONS_3_0(MEMBER).C_GetInfo = general_get_info_3_0};

#pragma GCC diagnostic pop

static CK_FUNCTION_LIST_3_2 list_3_2 = {.version = {3, 2},
                                        PKCS11_FUNCTIONS_2_40(MEMBER) PKCS11_FUNCTIONS_3_0(MEMBER)
                                            PKCS11_FUNCTIONS_3_2(MEMBER)};

static char interface_name[] = "PKCS 11";

/* The first is what a program gets that asks for no version. CKF_INTERFACE_FORK_SAFE would promise
 * that sessions and logins live on in a forked child: they must not. */
static CK_INTERFACE interfaces[] = {
    {interface_name, &list_3_2, 0},
    {interface_name, &list_3_0, 0},
    {interface_name, &list_2_40, 0},
};
#define INTERFACES (sizeof(interfaces) / sizeof(interfaces[0]))

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    if (list == NULL)
        return CKR_ARGUMENTS_BAD;
    *list = &list_2_40;
    return CKR_OK;
}

CK_RV C_GetInterfaceList(CK_INTERFACE_PTR list, CK_ULONG_PTR count)
{
    if (count == NULL)
        return CKR_ARGUMENTS_BAD;
    CK_ULONG room = *count;
    *count = INTERFACES;
    if (list == NULL)
        return CKR_OK;
    if (room < INTERFACES)
        return CKR_BUFFER_TOO_SMALL;
    memcpy(list, interfaces, sizeof(interfaces));
    return CKR_OK;
}

/* Every list begins with its version. */
static bool has_version(const CK_INTERFACE *interface, const CK_VERSION *wanted)
{
    const CK_VERSION *version = interface->pFunctionList;
    return wanted == NULL || (version->major == wanted->major && version->minor == wanted->minor);
}

CK_RV C_GetInterface(CK_UTF8CHAR_PTR name, CK_VERSION_PTR version, CK_INTERFACE_PTR_PTR interface,
                     CK_FLAGS flags)
{
    if (interface == NULL)
        return CKR_ARGUMENTS_BAD;
    *interface = NULL;
    if (name != NULL && strcmp((const char *)name, interface_name) != 0)
        return CKR_FUNCTION_FAILED;
    for (size_t i = 0; i < INTERFACES; i++)
        if (has_version(&interfaces[i], version) && (flags & ~interfaces[i].flags) == 0) {
            *interface = &interfaces[i];
            return CKR_OK;
        }
    return CKR_FUNCTION_FAILED;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * General-purpose functions (PKCS#11 3.2, section 5.4); C_GetFunctionList and the interfaces are
 * in lists.c.
 */
#include <string.h>

#include "pkcs11/entry.h"
#include "pkcs11/lists.h"
#include "support/config.h"

CK_RV C_Initialize(void *init_args)
{
    return entry_initialize(init_args);
}

CK_RV C_Finalize(void *reserved)
{
    if (reserved != NULL)
        return CKR_ARGUMENTS_BAD;
    return entry_finalize();
}

/* Each module says something else: GnuTLS takes two with equal CK_INFO for one module that was
 * loaded twice, and drops the second with its tokens. At most 32 bytes.
 */
static const char *description(void)
{
    if (entry_tokens == CONFIG_TOKEN_AUTH)
        return "My Number Card (JPKI) auth";
    if (entry_tokens == CONFIG_TOKEN_SIGN)
        return "My Number Card (JPKI) sign";
    return "My Number Card (JPKI)";
}

static CK_RV get_info(CK_INFO *info, CK_BYTE major, CK_BYTE minor, const char *name)
{
    struct call call;
    CK_RV rv = entry_begin(&call, name);
    if (rv != CKR_OK)
        return rv;
    if (info == NULL)
        return entry_end(&call, CKR_ARGUMENTS_BAD);
    memset(info, 0, sizeof(*info));
    info->cryptokiVersion.major = major;
    info->cryptokiVersion.minor = minor;
    token_pad(info->manufacturerID, sizeof(info->manufacturerID), "jpki-pkcs11");
    token_pad(info->libraryDescription, sizeof(info->libraryDescription), description());
    info->libraryVersion.major = JPKI_VERSION_MAJOR;
    info->libraryVersion.minor = JPKI_VERSION_MINOR;
    return entry_end(&call, CKR_OK);
}

CK_RV C_GetInfo(CK_INFO *info)
{
    return get_info(info, 3, 2, __func__);
}

/* Programs that took the 2.40 list expect to be told so. */
CK_RV general_get_info_2_40(CK_INFO *info)
{
    return get_info(info, 2, 40, "C_GetInfo");
}

/* Likewise for 3.0. */
CK_RV general_get_info_3_0(CK_INFO *info)
{
    return get_info(info, 3, 0, "C_GetInfo");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef JPKI_PKCS11_LISTS_H
#define JPKI_PKCS11_LISTS_H

#include <pkcs11-3.h>

/* C_GetInfo as the older function lists have it. */
CK_RV general_get_info_2_40(CK_INFO *info);
CK_RV general_get_info_3_0(CK_INFO *info);

#endif

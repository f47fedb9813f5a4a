/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card/der.h"

enum err der_certificate_size(struct bytes head, size_t *size)
{
    uint16_t tag, length;
    *size = 0;
    if (!bytes_take_be16(&head, &tag) || tag != 0x3082 || !bytes_take_be16(&head, &length))
        return ERR_NOT_FOUND;
    /* Below 256 bytes DER would have used the short forms, and no certificate is so small. */
    if (length < 256 || length > DER_CERTIFICATE_MAX - DER_HEAD)
        return ERR_ANSWER;
    *size = DER_HEAD + (size_t)length;
    return ERR_OK;
}

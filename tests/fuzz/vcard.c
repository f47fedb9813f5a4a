/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz_vcard.h"

#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "vcard/store.h"

struct vcard *fuzz_vcard(void)
{
    static const char *const files[] = {"auth.der",     "auth-ca.der",  "sign.der",  "sign-ca.der",
                                        "auth-key.pem", "sign-key.pem", "card.conf", "state"};
    struct problem why = {{0}};
    char path[300];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        size_t len;
        char name[64];
        uint8_t *data = store_read(FUZZ_CARD, files[i], &len, &why);
        if (data == NULL)
            fuzz_fail(__FILE__, __LINE__, why.text);
        snprintf(name, sizeof(name), "card/%s", files[i]);
        fuzz_write(name, data, len);
        free(data);
    }
    snprintf(path, sizeof(path), "%s/card", fuzz_folder());
    struct vcard *card = vcard_open(path, NULL, NULL, &why);
    if (card == NULL)
        fuzz_fail(__FILE__, __LINE__, why.text);
    return card;
}

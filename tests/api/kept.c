/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kept.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user.h"
#include "vcard/state.h"
#include "vcard/store.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The public ones, by token and CKA_ID. */
static const struct {
    enum role role;
    uint8_t id;
    const char *file;
} public[] = {{AUTH, 1, "auth.der"}, {AUTH, 3, "auth-ca.der"}, {SIGN, 4, "sign-ca.der"}};

void kept_expect_certificates(int card)
{
    for (size_t i = 0; i < COUNT(public); i++) {
        struct problem why = {{0}};
        size_t len;
        uint8_t *der = store_read(world_card(card), public[i].file, &len, &why);
        uint8_t value[VALUE_MAX];
        CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};
        CK_SESSION_HANDLE session = user_open(public[i].role);
        CK_OBJECT_HANDLE object = user_object(session, CKO_CERTIFICATE, public[i].id);
        assert_non_null(der);
        assert_rv(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
        assert_int_equal(attribute.ulValueLen, len);
        assert_memory_equal(value, der, len);
        free(der);
    }
}

unsigned kept_program(int card, const char *settings)
{
    world_forget_card(); /* its certificates alone are what this is about */
    world_initialize(settings);
    twin_counters_clear();
    kept_expect_certificates(card);
    unsigned reads = twin_commands_of(READ_BINARY);
    assert_rv(C_Finalize(NULL), CKR_OK);
    return reads;
}

const char *kept_folder(void)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/jpki-pkcs11", getenv("XDG_CACHE_HOME"));
    return path;
}

unsigned kept_each(void (*each)(const char *path, void *context), void *context)
{
    char path[1024];
    unsigned count = 0;
    struct dirent *entry;
    DIR *dir = opendir(kept_folder());
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        snprintf(path, sizeof(path), "%s/%s", kept_folder(), entry->d_name);
        if (each != NULL)
            each(path, context);
    }
    if (dir != NULL)
        closedir(dir);
    return count;
}

size_t kept_contents(const char *path, uint8_t room[KEPT_ROOM])
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    size_t n = fread(room, 1, KEPT_ROOM, in);
    fclose(in);
    return n;
}

void kept_replace(const char *path, const void *data, size_t len)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

struct bytes kept_on_card(const char *name, uint8_t **der)
{
    struct problem why = {{0}};
    size_t len;
    *der = store_read(world_card(CARD_1), name, &len, &why);
    assert_non_null(*der);
    return bytes_of(*der, len);
}

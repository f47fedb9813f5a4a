/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/keys.h"
#include "vcard/store.h"

#define TEMPLATE "/tmp/test-vcard-XXXXXX"

char common_dir[sizeof TEMPLATE];
uint8_t common_data[VCARD_RESPONSE_MAX];
size_t common_len;

int common_setup(void **state)
{
    struct issue issue;
    char keys[256];
    struct problem why;

    (void)state;
    memcpy(common_dir, TEMPLATE, sizeof TEMPLATE);
    if (!mkdtemp(common_dir))
        return -1;
    issue_init(&issue);
    issue.keys = keys_ready(0, keys);
    if (!issue_card(&issue, common_dir, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return -1;
    }
    return 0;
}

int common_teardown(void **state)
{
    DIR *folder = opendir(common_dir);
    struct dirent *entry;

    (void)state;
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    return rmdir(common_dir);
}

int common_card(void **state)
{
    struct problem why;
    struct state fresh;

    state_init(&fresh);
    if (!state_save(&fresh, common_dir, &why))
        return -1;
    struct vcard *card = vcard_open(common_dir, NULL, NULL, &why);
    *state = card;
    if (!card)
        return -1;
    vcard_power_on(card);
    return 0;
}

int common_card_end(void **state)
{
    vcard_free(*state);
    return 0;
}

unsigned common_send(struct vcard *card, const char *hex)
{
    uint8_t command[300];
    size_t len;

    assert_true(text_hex(hex, command, sizeof command, &len));
    common_len = vcard_command(card, command, len, common_data);
    assert_true(common_len >= 2);
    common_len -= 2;
    return (unsigned)common_data[common_len] << 8 | common_data[common_len + 1];
}

uint8_t *common_file(const char *name, size_t *len)
{
    struct problem why;
    uint8_t *data = store_read(common_dir, name, len, &why);

    assert_non_null(data);
    return data;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/keys.h"
#include "vcard/issue.h"
#include "vcard/store.h"

#define TEMPLATE "/tmp/test-card-XXXXXX"
#define SELECT_JPKI "00A4040C0AD392F000260100000001"

static char root[sizeof(TEMPLATE)];

/* ---- folders ---- */

static void path_of(char path[128], const char *name)
{
    snprintf(path, 128, "%s/%s", root, name);
}

static bool make_card(const char *name, const char *serial)
{
    static unsigned number;
    struct issue issue;
    struct problem why;
    char path[128], keys[256];
    path_of(path, name);
    issue_init(&issue);
    issue.keys = keys_ready(number++, keys);
    if (serial != NULL)
        snprintf(issue.settings.serial, sizeof(issue.settings.serial), "%s", serial);
    if (issue_card(&issue, path, &why))
        return true;
    fprintf(stderr, "%s\n", why.text);
    return false;
}

int common_folders(void **state)
{
    (void)state;
    memcpy(root, TEMPLATE, sizeof(TEMPLATE));
    if (mkdtemp(root) == NULL)
        return -1;
    setenv("XDG_STATE_HOME", root, 1);  /* what is remembered of cards is remembered here */
    setenv("XDG_RUNTIME_DIR", root, 1); /* and marks are made here */
    return make_card("base", NULL) ? 0 : -1;
}

static int unlink_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

int common_folders_end(void **state)
{
    (void)state;
    return nftw(root, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

uint8_t *common_file(const char *folder, const char *name, size_t *len)
{
    struct problem why;
    uint8_t *data = store_read(folder, name, len, &why);
    assert_non_null(data);
    return data;
}

static void copy_file(const char *from, const char *to, const char *name, const char *more)
{
    size_t len;
    uint8_t *data = common_file(from, name, &len);
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", to, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, len, out), len);
    fputs(more, out);
    assert_int_equal(fclose(out), 0);
    free(data);
}

static const char *copy_folder(const char *from, const char *name, const char *lines)
{
    static const char *const files[] = {"auth.der",    "auth-ca.der",  "sign.der",
                                        "sign-ca.der", "auth-key.pem", "sign-key.pem"};
    static char to[128];
    char source[128];
    path_of(source, from);
    path_of(to, name);
    mkdir(to, 0700);
    for (size_t i = 0; i < COUNT(files); i++)
        copy_file(source, to, files[i], "");
    copy_file(source, to, "state", "");
    copy_file(source, to, "card.conf", lines);
    return to;
}

const char *common_folder(const char *name, const char *lines)
{
    return copy_folder("base", name, lines);
}

const char *common_other_folder(const char *name, const char *lines)
{
    char path[128];
    path_of(path, "other");
    if (access(path, F_OK) != 0)
        assert_true(make_card("other", "0000000099000002"));
    return copy_folder("other", name, lines);
}

int common_twin(void **state)
{
    (void)state;
    twin_clear();
    twin_reader(READER, true);
    return 0;
}

int common_twin_end(void **state)
{
    (void)state;
    unsigned open = twin_open_transactions();
    twin_clear();
    if (open != 0)
        fprintf(stderr, "%u transactions were left open\n", open);
    return open == 0 ? 0 : -1;
}

/* ---- another program ---- */

unsigned common_other(const char *hex)
{
    uint8_t command[300];
    size_t len;
    assert_true(text_hex(hex, command, sizeof(command), &len));
    return twin_other_program(READER, command, len);
}

unsigned common_other_signs(bool sign_key)
{
    assert_int_equal(common_other(SELECT_JPKI), 0x9000);
    assert_int_equal(common_other(sign_key ? "00A4020C02001A" : "00A4020C020017"), 0x9000);
    return common_other("802A0080010100");
}

unsigned common_other_reads_private(void)
{
    assert_int_equal(common_other(SELECT_JPKI), 0x9000);
    assert_int_equal(common_other("00A4020C020001"), 0x9000);
    return common_other("00B0000000");
}

/* ---- a plain card ---- */

/* EF 0006 of a My Number Card: label 32, maker 32, model 16, serial 16, and the rest. */
static uint8_t info[160];

void plain_init(struct plain *plain)
{
    memset(plain, 0, sizeof(*plain));
    plain->signature_len = 256;
    memset(info, ' ', 96);
    memset(info + 96, 0xFF, sizeof(info) - 96);
    memcpy(info, "JPKIAPICCTOKEN2", 15);
    memcpy(info + 64, "E16R01NJ", 8);
    memcpy(info + 80, "0000000020500003", 16);
    plain_add(plain, 0x0006, info, sizeof(info));
}

void plain_add(struct plain *plain, uint16_t id, const uint8_t *data, size_t len)
{
    size_t i = 0;
    while (i < plain->file_count && plain->files[i].id != id)
        i++;
    assert_true(i < PLAIN_FILES);
    plain->files[i].id = id;
    plain->files[i].data = data;
    plain->files[i].len = len;
    if (i == plain->file_count)
        plain->file_count++;
}

static size_t status(uint8_t *response, size_t len, unsigned sw)
{
    response[len] = (uint8_t)(sw >> 8);
    response[len + 1] = (uint8_t)sw;
    return len + 2;
}

/* Files of PINs and keys can be selected without being in the list. */
static bool has_file(const struct plain *plain, unsigned id)
{
    for (size_t i = 0; i < plain->file_count; i++)
        if (plain->files[i].id == id)
            return true;
    return id == 0x17 || id == 0x18 || id == 0x1A || id == 0x1B;
}

static size_t plain_select(struct plain *plain, const uint8_t *command, size_t len,
                           uint8_t *response)
{
    if (command[2] == 0x04) {
        if (len > 5 && command[5] != 0xD3)
            plain->verified = false; /* the issuer security domain */
        plain->current = 0;
        return status(response, 0, 0x9000);
    }
    unsigned id = (unsigned)command[5] << 8 | command[6];
    if (!has_file(plain, id))
        return status(response, 0, 0x6A82);
    plain->current = (uint16_t)id;
    return status(response, 0, 0x9000);
}

static size_t plain_read(struct plain *plain, const uint8_t *command, size_t len, uint8_t *response)
{
    size_t offset = (size_t)command[2] << 8 | command[3];
    size_t want = command[4] == 0 ? 256 : command[4], i = 0;
    if (len == 7 && !plain->long_read)
        return status(response, 0, plain->long_answer != 0 ? plain->long_answer : 0x6700);
    if (len == 7)
        want = (size_t)command[5] << 8 | command[6];
    if (command[2] & 0x80) {
        if (plain->short_read != 0)
            return status(response, 0, plain->short_read);
        if (!has_file(plain, command[2] & 0x1F))
            return status(response, 0, 0x6A82);
        plain->current = command[2] & 0x1F;
        offset = plain->short_offset != 0 ? 0 : command[3];
        if (plain->short_offset > 1 && command[3] != 0)
            return status(response, 0, plain->short_offset);
    }
    while (i < plain->file_count && plain->files[i].id != plain->current)
        i++;
    if (i == plain->file_count)
        return status(response, 0, 0x6986);
    if (offset >= plain->files[i].len)
        return status(response, 0, plain->end != 0 ? plain->end : 0x6B00);
    size_t left = plain->files[i].len - offset;
    bool last = left < want;
    size_t n = last ? left : want;
    if (plain->most != 0 && n > plain->most)
        n = plain->most;
    memcpy(response, plain->files[i].data + offset, n);
    return status(response, n, last && plain->warns ? 0x6282 : 0x9000);
}

static size_t plain_verify(struct plain *plain, const uint8_t *command, size_t len,
                           uint8_t *response)
{
    if (command[3] != 0x80 && plain->short_verify != 0)
        return status(response, 0, plain->short_verify);
    if (command[3] == 0x80 && plain->current != 0x18 && plain->current != 0x1B)
        return status(response, 0, 0x6981);
    if (len == 4 && plain->wants_le != 0)
        return status(response, 0, plain->wants_le);
    if (len == 5 && plain->refuses_le)
        return status(response, 0, 0x6700);
    if (len > 5)
        plain->verified = plain->pin_answer == 0;
    if (plain->pin_answer != 0)
        return status(response, 0, plain->pin_answer);
    return status(response, 0, len > 5 ? 0x9000 : 0x63C3);
}

static size_t plain_sign(const struct plain *plain, const uint8_t *command, uint8_t *response)
{
    if (command[3] != 0x80 && plain->short_sign != 0)
        return status(response, 0, plain->short_sign);
    if (command[3] == 0x80 && plain->current != 0x17 && plain->current != 0x1A)
        return status(response, 0, 0x6981);
    if (!plain->verified)
        return status(response, 0, 0x6982);
    if (plain->sign_answer != 0)
        return status(response, 0, plain->sign_answer);
    memset(response, 0x5A, plain->signature_len);
    return status(response, plain->signature_len, 0x9000);
}

static void plain_log(struct plain *plain, const uint8_t *command, size_t len)
{
    if (plain->commands < PLAIN_LOG && len <= sizeof(plain->log[0].bytes)) {
        memcpy(plain->log[plain->commands].bytes, command, len);
        plain->log[plain->commands].len = len;
    }
    plain->commands++;
}

size_t plain_card(void *context, const uint8_t *command, size_t len, uint8_t *response)
{
    struct plain *plain = context;
    plain_log(plain, command, len);
    if (len < 4)
        return status(response, 0, 0x6700);
    if (plain->sick > 0) {
        plain->sick--;
        return status(response, 0, 0x6F00);
    }
    switch (command[1]) {
    case 0xA4:
        return plain_select(plain, command, len, response);
    case 0xB0:
        return plain_read(plain, command, len, response);
    case 0x20:
        return plain_verify(plain, command, len, response);
    case 0x2A:
        return plain_sign(plain, command, response);
    default:
        return status(response, 0, 0x6D00);
    }
}

void plain_check(const struct plain *plain, unsigned index, const char *hex)
{
    uint8_t wanted[300];
    size_t len;
    assert_true(text_hex(hex, wanted, sizeof(wanted), &len));
    assert_true(index < plain->commands && index < PLAIN_LOG);
    assert_int_equal(plain->log[index].len, len);
    assert_memory_equal(plain->log[index].bytes, wanted, len);
}

void plain_certificate(uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(i * 7 + i / 256 * 31);
    out[0] = 0x30;
    out[1] = 0x82;
    out[2] = (uint8_t)((size - 4) >> 8);
    out[3] = (uint8_t)(size - 4);
}

void plain_usual(struct plain *plain)
{
    static uint8_t file[1500];
    plain_init(plain);
    plain_certificate(file, sizeof(file));
    plain_add(plain, 0x000A, file, sizeof(file));
    plain_add(plain, 0x0001, file, sizeof(file));
    plain_add(plain, 0x000B, file, sizeof(file));
    plain_add(plain, 0x0008, (const uint8_t *)"\x8F\x8F\x00", 3);
}

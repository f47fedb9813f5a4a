/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki list: the tokens, with the names by which other programs know them.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cards.h"
#include "cli/print.h"
#include "cli/report_json.h"

struct entry {
    CK_SLOT_ID slot;
    const char *key;    /* "auth", "sign" */
    const char *reader; /* not owned */
    char label[33 * 3];
    char serial[17];
    char uri[256];
};

/* A blank-padded field of PKCS #11 as a text. */
static void unpad(const CK_UTF8CHAR *field, size_t size, char *out)
{
    while (size > 0 && field[size - 1] == ' ')
        size--;
    memcpy(out, field, size);
    out[size] = '\0';
}

/* TEXT behind what OUT (SIZE bytes) holds, as RFC 7512, section 2.3, wants a value. */
static void append_escaped(char *out, size_t size, const char *text)
{
    size_t len = strlen(out);
    for (; *text != '\0' && len + 4 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL))
            len += (size_t)snprintf(out + len, size - len, "%c", c);
        else
            len += (size_t)snprintf(out + len, size - len, "%%%02X", c);
    }
}

static void fill(struct entry *entry, const CK_TOKEN_INFO *info)
{
    unpad(info->label, sizeof(info->label), entry->label);
    unpad(info->serialNumber, sizeof(info->serialNumber), entry->serial);
    strcpy(entry->uri, "pkcs11:token=");
    append_escaped(entry->uri, sizeof(entry->uri), entry->label);
    strcat(entry->uri, ";serial=");
    append_escaped(entry->uri, sizeof(entry->uri), entry->serial);
}

/* The token of ROLE in the reader of this index; false when there is none. */
static bool find(const struct cards *cards, size_t index, enum card_role role, struct entry *entry)
{
    struct terminal *t = cards_reader(cards, index);
    struct token *token;
    CK_TOKEN_INFO info;
    memset(entry, 0, sizeof(*entry));
    if (t->verdict != VERDICT_OURS || !cards_shows(cards, role))
        return false;
    terminal_enter(t);
    bool ok = terminal_token(t, role, &token) == CKR_OK && token_info(token, &info) == CKR_OK;
    if (ok) {
        entry->slot = slots_id(t, role);
        entry->key = cards_role_name(role);
        entry->reader = t->name;
        fill(entry, &info);
    }
    terminal_leave(t);
    return ok;
}

static void print_entry(const struct entry *entry)
{
    print_padded(entry->key, 6);
    print_safe_padded(entry->label, 28);
    printf("%s  ", entry->serial);
    print_safe(entry->reader);
    printf("\n      %s\n", entry->uri);
}

static json_t *entry_json(const struct entry *entry)
{
    return json_pack("{s:I, s:s, s:o, s:o, s:o, s:s}", "slot", (json_int_t)entry->slot, "key",
                     entry->key, "label", report_json_text(entry->label), "serial",
                     report_json_text(entry->serial), "reader", report_json_text(entry->reader),
                     "uri", entry->uri);
}

/* Prints all tokens, or puts them into *ALL if ALL is not NULL; the number of them. */
static size_t each(const struct cards *cards, json_t **all)
{
    size_t count = 0;
    struct entry entry;
    for (size_t i = 0; i < cards->readers; i++)
        for (int role = 0; role < CARD_ROLES; role++) {
            if (!find(cards, i, (enum card_role)role, &entry))
                continue;
            count++;
            if (all != NULL)
                report_json_add(all, entry_json(&entry));
            else
                print_entry(&entry);
        }
    return count;
}

int cmd_list(const struct cli_command *self, int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {
        {"json", NULL, N_("print JSON, for programs"), &json, NULL},
    };
    struct cards cards;
    int first, code;
    if (!cli_options(self, options, CLI_COUNT(options), argc, argv, 0, 0, &first, &code))
        return code;
    if (!cards_open(&cards, NULL))
        return CLI_FAILED;
    json_t *all = json ? json_array() : NULL;
    size_t count = each(&cards, json ? &all : NULL);
    code = json ? report_json_print(all) : CLI_OK;
    if (code == CLI_OK && count == 0) {
        cards_explain(&cards);
        code = CLI_NO_CARD;
    }
    cards_close(&cards);
    return code;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "golden.h"

#include <stdio.h>
#include <string.h>

#define LINE 512
#define CELLS (GOLDEN_OBJECTS + 1)
#define LISTS 4

static const struct constant {
    const char *name;
    CK_ULONG value;
} constants[] = {
#include "constants.inc"
};
#define CONSTANTS (sizeof(constants) / sizeof(constants[0]))

static struct golden_token tokens[2];
static bool seen[CONSTANTS];       /* the attributes that have a row in this table */
static struct golden_token *token; /* this table's */
static size_t first;               /* its first object */
static struct {
    char name[32], words[LINE];
} lists[LISTS];
static size_t list_count;

static const struct constant *find(const char *name)
{
    for (size_t i = 0; i < CONSTANTS; i++)
        if (strcmp(constants[i].name, name) == 0)
            return &constants[i];
    return NULL;
}

bool golden_constant(const char *name, CK_ULONG *value)
{
    const struct constant *constant = find(name);
    if (constant != NULL)
        *value = constant->value;
    return constant != NULL;
}

/* ---- one line ---- */

/* Cells stand two spaces or more apart. */
static size_t split(char *line, char *cells[CELLS])
{
    size_t count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; *at != '\0' && count < CELLS;) {
        cells[count++] = at;
        char *gap = strstr(at, "  ");
        if (gap == NULL)
            break;
        *gap = '\0';
        at = gap + 2 + strspn(gap + 2, " ");
    }
    return count;
}

/* list NAME = WORD...; a second line of that name goes on. */
static void read_list(char *line)
{
    char name[32], words[LINE];
    size_t i = 0;
    if (sscanf(line, "list %31s = %511[^\n]", name, words) != 2)
        fail_msg("no list: %s", line);
    while (i < list_count && strcmp(lists[i].name, name) != 0)
        i++;
    assert_true(i < LISTS);
    if (i == list_count)
        list_count++;
    snprintf(lists[i].name, sizeof(lists[i].name), "%s", name);
    size_t len = strlen(lists[i].words);
    snprintf(lists[i].words + len, sizeof(lists[i].words) - len, " %s", words);
}

/* A list's words instead of its name. */
static const char *cell_text(const char *cell, char room[LINE + 8])
{
    for (size_t i = 0; i < list_count; i++)
        if (strncmp(cell, "list ", 5) == 0 && strcmp(cell + 5, lists[i].name) == 0) {
            snprintf(room, LINE + 8, "list %s", lists[i].words);
            return room;
        }
    return cell;
}

static void expect_all_seen(void)
{
    for (size_t i = 0; token != NULL && i < CONSTANTS; i++)
        if (strncmp(constants[i].name, "CKA_", 4) == 0 &&
            constants[i].value != CKA_VENDOR_DEFINED && !seen[i])
            fail_msg("no row for %s", constants[i].name);
}

static void begin_table(enum role role, char *const *names, size_t count)
{
    expect_all_seen();
    memset(seen, 0, sizeof(seen));
    token = &tokens[role];
    first = token->count;
    token->count += count;
    assert_true(count > 0 && token->count <= GOLDEN_OBJECTS);
    for (size_t i = 0; i < count; i++)
        snprintf(token->objects[first + i].name, sizeof(token->objects[0].name), "%s", names[i]);
}

static void read_presence(char *const *cells, size_t count, bool after)
{
    assert_int_equal(count, token->count - first);
    for (size_t i = 0; i < count; i++) {
        struct golden_object *object = &token->objects[first + i];
        bool there = strcmp(cells[i], "there") == 0;
        if (!there && strcmp(cells[i], "-") != 0)
            fail_msg("'%s' is neither there nor not", cells[i]);
        *(after ? &object->after : &object->before) = there;
    }
}

static void read_attribute(const char *name, char *const *cells, size_t count, int card)
{
    char room[LINE + 8];
    const struct constant *constant = find(name);
    if (constant == NULL || strncmp(name, "CKA_", 4) != 0)
        fail_msg("the headers have no %s", name);
    seen[constant - constants] = true;
    if (count == 1 && strcmp(cells[0], "-") == 0)
        return; /* no object has it */
    if (count != token->count - first)
        fail_msg("%s has %zu cells", name, count);
    for (size_t i = 0; i < count; i++)
        wanted_add(&token->objects[first + i].wanted, constant->value, cell_text(cells[i], room),
                   card);
}

/* ---- the file ---- */

static void read_row(char *const *cells, size_t count, int card)
{
    if (strcmp(cells[0], "token auth") == 0)
        begin_table(AUTH, cells + 1, count - 1);
    else if (strcmp(cells[0], "token sign") == 0)
        begin_table(SIGN, cells + 1, count - 1);
    else if (token == NULL)
        fail_msg("'%s' before any token", cells[0]);
    else if (strcmp(cells[0], "before login") == 0)
        read_presence(cells + 1, count - 1, false);
    else if (strcmp(cells[0], "after login") == 0)
        read_presence(cells + 1, count - 1, true);
    else if (strcmp(cells[0], "all others") == 0)
        memset(seen, true, sizeof(seen)); /* no object has them */
    else
        read_attribute(cells[0], cells + 1, count - 1, card);
}

static void read_line(char *line, int card)
{
    char *cells[CELLS];
    if (line[0] == '#' || line[0] == '\n')
        return;
    if (strncmp(line, "list ", 5) == 0)
        read_list(line);
    else
        read_row(cells, split(line, cells), card);
}

const struct golden_token *golden_read(const char *folder, const char *file, int card)
{
    char path[1024], line[LINE];
    memset(tokens, 0, sizeof(tokens));
    memset(lists, 0, sizeof(lists));
    list_count = 0;
    token = NULL;
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    FILE *in = fopen(path, "r");
    if (in == NULL)
        fail_msg("%s cannot be read", path);
    while (fgets(line, sizeof(line), in) != NULL)
        read_line(line, card);
    fclose(in);
    expect_all_seen();
    assert_true(tokens[AUTH].count > 0 && tokens[SIGN].count > 0);
    return tokens;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/setup/text.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static bool no_memory(void)
{
    cli_complain(_("no memory is left"));
    return false;
}

bool text_set(struct text *text, const char *data, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return no_memory();
    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = '\0';
    free(text->data);
    *text = (struct text){.data = copy, .len = len};
    return true;
}

bool text_copy(const struct text *from, struct text *to)
{
    if (from->data != NULL)
        return text_set(to, from->data, from->len);
    text_free(to);
    return true;
}

void text_free(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

bool text_equal(const struct text *a, const struct text *b)
{
    if (a->data == NULL || b->data == NULL)
        return a->data == b->data;
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* What must stand between the end of TEXT and a block after it. */
static const char *joint(const struct text *text, enum text_kind kind)
{
    size_t len = text->len;
    bool ended = len == 0 || text->data[len - 1] == '\n';
    if (kind == TEXT_LINE)
        return ended ? "" : "\n";
    if (!ended)
        return "\n\n";
    return len == 0 || (len > 1 && text->data[len - 2] == '\n') ? "" : "\n";
}

static bool join(const char *first, size_t first_len, const char *middle, const char *last,
                 size_t last_len, struct text *to)
{
    size_t middle_len = strlen(middle);
    char *all = malloc(first_len + middle_len + last_len + 1);
    if (all == NULL)
        return no_memory();
    memcpy(all, first, first_len);
    memcpy(all + first_len, middle, middle_len);
    memcpy(all + first_len + middle_len, last, last_len);
    bool ok = text_set(to, all, first_len + middle_len + last_len);
    free(all);
    return ok;
}

bool text_insert(const struct text *before, enum text_kind kind, const char *block,
                 struct text *after)
{
    const struct text empty = {.data = (char[]){""}, .len = 0};
    const struct text *rest = before->data != NULL ? before : &empty;
    if (kind == TEXT_FILE)
        return text_set(after, block, strlen(block));
    if (kind == TEXT_TOP)
        return join(block, strlen(block), "", rest->data, rest->len, after);
    return join(rest->data, rest->len, joint(rest, kind), block, strlen(block), after);
}

/* Where LINES stand in TEXT as whole lines; NULL: nowhere. */
static char *find_lines(const struct text *text, const char *lines)
{
    size_t len = strlen(lines);
    char *at = text->data;
    while (at != NULL && (at = strstr(at, lines)) != NULL) {
        bool begins = at == text->data || at[-1] == '\n';
        bool ends = lines[len - 1] == '\n' || at[len] == '\n' || at[len] == '\0';
        if (begins && ends)
            return at;
        at++;
    }
    return NULL;
}

bool text_has_line(const struct text *text, const char *line)
{
    return find_lines(text, line) != NULL;
}

static void take_out(struct text *text, char *from, const char *to)
{
    size_t rest = text->len - (size_t)(to - text->data);
    memmove(from, to, rest + 1);
    text->len = (size_t)(from - text->data) + rest;
}

/* The paragraph around AT, with one blank line after it. */
static void take_out_paragraph(struct text *text, char *at)
{
    char *from = at;
    while (from > text->data && !(from[-1] == '\n' && (from - 1 == text->data || from[-2] == '\n')))
        from--;
    char *to = strstr(at, "\n\n");
    take_out(text, from, to != NULL ? to + 2 : text->data + text->len);
}

enum text_cut text_cut(struct text *text, enum text_kind kind, const char *block, const char *mark)
{
    if (text->data == NULL)
        return CUT_NOTHING;
    if (kind == TEXT_FILE) {
        if (strcmp(text->data, block) != 0)
            return CUT_CHANGED;
        text_free(text);
        return CUT_DONE;
    }
    char *at = find_lines(text, kind == TEXT_PARAGRAPH ? mark : block);
    if (at == NULL)
        return mark != NULL && text_has_line(text, mark) ? CUT_CHANGED : CUT_NOTHING;
    if (kind == TEXT_PARAGRAPH)
        take_out_paragraph(text, at);
    else
        take_out(text, at, at + strlen(block));
    return CUT_DONE;
}

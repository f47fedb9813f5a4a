/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/report_json.h"

#include <string.h>
#include <time.h>

#include <glib.h>

static const char *const cards[] = {
    [REPORT_EMPTY] = "none",      [REPORT_MUTE] = "mute", [REPORT_UNREADABLE] = "unreadable",
    [REPORT_FOREIGN] = "foreign", [REPORT_OURS] = "jpki",
};

static const char *const certificates[] = {
    [REPORT_VALID] = "valid",   [REPORT_ENDING] = "ending",   [REPORT_EXPIRED] = "expired",
    [REPORT_EARLY] = "early",   [REPORT_PRIVATE] = "private", [REPORT_NONE] = "none",
    [REPORT_FAILED] = "failed",
};

json_t *report_json_text(const char *text)
{
    char *valid = g_utf8_make_valid(text, -1);
    json_t *value = json_string(valid);
    g_free(valid);
    return value;
}

void report_json_add(json_t **all, json_t *value)
{
    if (json_array_append_new(*all, value) == 0)
        return;
    json_decref(*all);
    *all = NULL;
}

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? report_json_text(text) : json_null();
}

/* Seconds since 1970 UTC, as RFC 3339 in local time. */
static json_t *time_json(time_t when)
{
    char text[40];
    struct tm tm;
    if (when == -1 || localtime_r(&when, &tm) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &tm) < 5)
        return json_null();
    size_t len = strlen(text); /* +0900 becomes +09:00 */
    memmove(text + len - 1, text + len - 2, 3);
    text[len - 2] = ':';
    return json_string(text);
}

static json_t *token_json(enum card_role role, const struct report_token *token)
{
    json_t *last = token->used ? json_pack("{s:o, s:o, s:o}", "time", time_json(token->last.time),
                                           "program", text_or_null(token->last.program),
                                           "operation", text_or_null(token->last.operation))
                               : json_null();
    return json_pack("{s:s, s:s, s:o, s:o, s:i, s:o}", "key", cards_role_name(role), "certificate",
                     certificates[token->certificate], "valid_until", text_or_null(token->until),
                     "tries", token->tries >= 0 ? json_integer(token->tries) : json_null(),
                     "tries_full", token->tries_full, "last_use", last);
}

json_t *report_json(const struct report *report)
{
    json_t *tokens = json_array();
    for (int role = 0; role < CARD_ROLES; role++)
        if (report->tokens[role].shown)
            report_json_add(&tokens, token_json((enum card_role)role, &report->tokens[role]));
    return json_pack("{s:o, s:s, s:o, s:o, s:o}", "reader", report_json_text(report->reader),
                     "card", cards[report->card], "kind",
                     report->kind != NULL ? json_string(report->kind) : json_null(), "serial",
                     text_or_null(report->serial), "keys", tokens);
}

/* In ASCII, so that it is the same in every locale and steers no terminal. */
int report_json_print(json_t *value)
{
    int failed =
        value == NULL || json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) != 0;
    if (!failed)
        putchar('\n');
    else if (value == NULL)
        cli_complain(_("no memory is left"));
    json_decref(value);
    return failed ? CLI_FAILED : CLI_OK;
}

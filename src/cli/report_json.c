/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/report_json.h"

#include <string.h>
#include <time.h>

static const char *const cards[] = {
    [REPORT_EMPTY] = "none",      [REPORT_MUTE] = "mute", [REPORT_UNREADABLE] = "unreadable",
    [REPORT_FOREIGN] = "foreign", [REPORT_OURS] = "jpki",
};

static const char *const certificates[] = {
    [REPORT_VALID] = "valid",   [REPORT_ENDING] = "ending",   [REPORT_EXPIRED] = "expired",
    [REPORT_EARLY] = "early",   [REPORT_PRIVATE] = "private", [REPORT_NONE] = "none",
    [REPORT_FAILED] = "failed",
};

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? json_string(text) : json_null();
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
            json_array_append_new(tokens, token_json((enum card_role)role, &report->tokens[role]));
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "reader", report->reader, "card",
                     cards[report->card], "kind",
                     report->kind != NULL ? json_string(report->kind) : json_null(), "serial",
                     text_or_null(report->serial), "keys", tokens);
}

int report_json_print(json_t *value)
{
    int failed = value == NULL || json_dumpf(value, stdout, JSON_INDENT(2)) != 0;
    if (!failed)
        putchar('\n');
    else if (value == NULL)
        cli_complain(_("no memory is left"));
    json_decref(value);
    return failed ? CLI_FAILED : CLI_OK;
}

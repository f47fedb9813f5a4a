/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DATE_LEN 8 /* YYYYMMDD */

/* The day three months before DATE, as a number that orders like a date; the 31st of a month that
 * has none is as good as its last day. */
static long three_months_before(const char *date)
{
    char text[DATE_LEN + 1] = {0};
    memcpy(text, date, DATE_LEN);
    long number = strtol(text, NULL, 10);
    long month = number / 100 % 100;
    return month > 3 ? number - 300 : number - 10000 + 900;
}

enum report_certificate report_judge(const char *not_before, const char *not_after,
                                     const char *today)
{
    if (memcmp(today, not_before, DATE_LEN) < 0)
        return REPORT_EARLY;
    if (memcmp(today, not_after, DATE_LEN) > 0)
        return REPORT_EXPIRED;
    return strtol(today, NULL, 10) >= three_months_before(not_after) ? REPORT_ENDING : REPORT_VALID;
}

/* The last day of validity ends at 23:59:59 in Japan, which is the same day in UTC. */
enum report_certificate report_certificate(const struct x509 *x)
{
    char today[DATE_LEN + 1];
    struct tm tm;
    time_t now = time(NULL);
    if (gmtime_r(&now, &tm) == NULL || strftime(today, sizeof(today), "%Y%m%d", &tm) == 0)
        return REPORT_FAILED;
    return report_judge(x->not_before, x->not_after, today);
}

static void judge(const struct x509 *x, struct report_token *report)
{
    report->certificate = report_certificate(x);
    snprintf(report->until, sizeof(report->until), "%.4s-%.2s-%.2s", x->not_after, x->not_after + 4,
             x->not_after + 6);
}

static void look_at_token(struct token *token, struct report_token *report)
{
    enum err e = token_load_holder(token);
    report->shown = true;
    report->tries = token->tries;
    report->tries_full = (int)token->key->pin.tries;
    report->used = past_last(cards_role_name(token->role), token->insertion->serial, &report->last);
    if (e == ERR_OK)
        judge(&token->holder.x509, report);
    else if (e == ERR_NOT_FOUND || token_is_issued(token) == CARD_NO)
        report->certificate = REPORT_NONE;
    else
        report->certificate = e == ERR_DENIED ? REPORT_PRIVATE : REPORT_FAILED;
}

static enum report_card card_of(const struct terminal *t)
{
    if (!t->state.present)
        return t->state.mute ? REPORT_MUTE : REPORT_EMPTY;
    if (t->verdict == VERDICT_OURS)
        return REPORT_OURS;
    return t->verdict == VERDICT_FOREIGN ? REPORT_FOREIGN : REPORT_UNREADABLE;
}

void report_make(const struct cards *cards, size_t index, struct report *report)
{
    struct terminal *t = cards_reader(cards, index);
    memset(report, 0, sizeof(*report));
    report->reader = t->name;
    report->card = card_of(t);
    if (report->card != REPORT_OURS)
        return;
    terminal_enter(t);
    for (int role = 0; role < CARD_ROLES; role++) {
        struct token *token;
        if (!cards_shows(cards, (enum card_role)role))
            continue;
        if (terminal_token(t, (enum card_role)role, &token) != CKR_OK) {
            report->card = REPORT_UNREADABLE;
            break;
        }
        report->kind = token->insertion->card.profile->kind;
        snprintf(report->serial, sizeof(report->serial), "%s", token->insertion->serial);
        look_at_token(token, &report->tokens[role]);
    }
    terminal_leave(t);
}

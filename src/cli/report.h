/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How a card stands, found out without a PIN.
 */
#ifndef JPKI_CLI_REPORT_H
#define JPKI_CLI_REPORT_H

#include "cli/cards.h"
#include "cli/past.h"

enum report_card {
    REPORT_EMPTY,      /* no card */
    REPORT_MUTE,       /* something that does not answer: a card that lies the wrong way */
    REPORT_UNREADABLE, /* a card that answers, but not now or not sensibly */
    REPORT_FOREIGN,    /* another kind of card */
    REPORT_OURS
};

enum report_certificate {
    REPORT_VALID,
    REPORT_ENDING, /* within three months: it can be renewed */
    REPORT_EXPIRED,
    REPORT_EARLY,   /* not valid yet: probably this computer's clock is wrong */
    REPORT_PRIVATE, /* cannot be read without the PIN */
    REPORT_NONE,    /* was not issued */
    REPORT_FAILED   /* could not be read */
};

struct report_token {
    bool shown;
    enum report_certificate certificate;
    char until[11]; /* YYYY-MM-DD, or "" */
    int tries;      /* left, 0 locked, -1 not known */
    int tries_full;
    bool used;
    struct past_line last;
};

struct report {
    const char *reader; /* its name; not owned */
    enum report_card card;
    const char *kind; /* for people; static */
    char serial[24];
    struct report_token tokens[CARD_ROLES];
};

/* Looks at the card in the reader of this index. */
void report_make(const struct cards *cards, size_t index, struct report *report);

/* What is to be said of a certificate today. */
enum report_certificate report_certificate(const struct x509 *x);

/* What is to be said of a certificate with these dates (YYYYMMDD) on the day TODAY. */
enum report_certificate report_judge(const char *not_before, const char *not_after,
                                     const char *today);

#endif

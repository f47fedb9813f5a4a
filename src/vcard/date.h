/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Calendar days in Japan, whose time is UTC + 9 h all year.
 */
#ifndef JPKI_VCARD_DATE_H
#define JPKI_VCARD_DATE_H

#include <stdbool.h>
#include <time.h>

struct date {
    int year, month, day;
};

/* A day that exists, "YYYYMMDD", 1868 to 9998. */
bool date_parse(const char *text, struct date *out);

struct date date_today(void);
struct date date_add(struct date date, int years, int days);

/* Negative, 0 or positive as A is before, on or after B. */
int date_compare(struct date a, struct date b);

/* The N-th birthday (N >= 1) after ISSUE of somebody born on BIRTH; 29 February counts as 28. */
struct date date_birthday_after(struct date issue, struct date birth, int n);

/* The first and the last second of the day, and its morning, when offices open (09:00). */
time_t date_first_second(struct date date);
time_t date_last_second(struct date date);
time_t date_morning(struct date date);

/* The digit of the Japanese era of a day of birth: 1 Meiji to 5 Reiwa. */
int date_era(struct date date);

#endif

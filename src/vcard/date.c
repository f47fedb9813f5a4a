/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/date.h"

#include <stddef.h>
#include <string.h>

#include "vcard/text.h"

#define JST (9 * 3600)

/* Midnight UTC of the day. */
static time_t days(struct date date)
{
    struct tm tm = {.tm_year = date.year - 1900, .tm_mon = date.month - 1, .tm_mday = date.day};

    return timegm(&tm);
}

static struct date from_time(time_t utc)
{
    struct tm tm = {0};

    gmtime_r(&utc, &tm);
    return (struct date){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday};
}

bool date_parse(const char *text, struct date *out)
{
    unsigned long number;

    *out = (struct date){0};
    if (strlen(text) != 8 || !text_number(text, 99981231, &number) || number < 18680101)
        return false;
    struct date date = {(int)(number / 10000), (int)(number / 100 % 100), (int)(number % 100)};
    /* A day that does not exist comes back as another one. */
    if (date_compare(from_time(days(date)), date))
        return false;
    *out = date;
    return true;
}

struct date date_today(void)
{
    return from_time(time(NULL) + JST);
}

struct date date_add(struct date date, int years, int day_count)
{
    date.year += years;
    return from_time(days(date) + (time_t)day_count * 86400);
}

int date_compare(struct date a, struct date b)
{
    if (a.year != b.year)
        return a.year < b.year ? -1 : 1;
    if (a.month != b.month)
        return a.month < b.month ? -1 : 1;
    return (a.day > b.day) - (a.day < b.day);
}

struct date date_birthday_after(struct date issue, struct date birth, int n)
{
    struct date birthday = {issue.year, birth.month, birth.day};

    if (birth.month == 2 && birth.day == 29)
        birthday.day = 28;
    if (date_compare(birthday, issue) <= 0)
        birthday.year++;
    birthday.year += n - 1;
    return birthday;
}

time_t date_first_second(struct date date)
{
    return days(date) - JST;
}

time_t date_last_second(struct date date)
{
    return days(date) - JST + 86399;
}

time_t date_morning(struct date date)
{
    return days(date);
}

int date_era(struct date date)
{
    static const struct date starts[] = {{1912, 7, 30}, {1926, 12, 25}, {1989, 1, 8}, {2019, 5, 1}};
    int era = 1;

    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        era += date_compare(date, starts[i]) >= 0;
    return era;
}

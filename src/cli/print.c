/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "cli/cli.h"

#define TERMINAL_COLUMNS 80

size_t print_columns(const char *text)
{
    size_t columns = 0;
    mbstate_t state = {0};
    while (*text != '\0') {
        wchar_t c;
        size_t bytes = mbrtowc(&c, text, strlen(text), &state);
        if (bytes == (size_t)-1 || bytes == (size_t)-2) { /* no character of this locale */
            columns += strlen(text);
            break;
        }
        int width = wcwidth(c);
        columns += width > 0 ? (size_t)width : 0;
        text += bytes;
    }
    return columns;
}

bool print_turns(unsigned long c)
{
    return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

static bool is_safe(wchar_t c)
{
    return iswprint((wint_t)c) && !print_turns((unsigned long)c); /* glibc: Unicode */
}

/* The first character of TEXT, LEFT bytes long, to OUT; the number of its bytes. */
static size_t put_first(FILE *out, const char *text, size_t left, size_t *columns)
{
    wchar_t c;
    mbstate_t state = {0};
    size_t bytes = mbrtowc(&c, text, left, &state);
    bool known = bytes != (size_t)-1 && bytes != (size_t)-2;
    if (known && is_safe(c)) {
        int width = wcwidth(c);
        fwrite(text, 1, bytes, out);
        *columns += width > 0 ? (size_t)width : 0;
    } else {
        fputc('?', out);
        ++*columns;
    }
    return known ? bytes : 1;
}

size_t print_safe_to(FILE *out, const char *text)
{
    size_t columns = 0;
    for (size_t left = strlen(text); left > 0;) {
        size_t bytes = put_first(out, text, left, &columns);
        text += bytes;
        left -= bytes;
    }
    return columns;
}

void print_safe(const char *text)
{
    print_safe_to(stdout, text);
}

void print_safe_lines(FILE *out, const char *text)
{
    size_t columns = 0;
    for (size_t left = strlen(text); left > 0;) {
        size_t bytes = 1;
        if (*text == '\n' || *text == '\t')
            fputc(*text, out);
        else
            bytes = put_first(out, text, left, &columns);
        text += bytes;
        left -= bytes;
    }
}

/* The first character of TEXT and its bytes: L'\0' and 0 at the end, L'?' for what is none. */
static wchar_t first_of(const char *text, size_t *bytes)
{
    wchar_t c;
    mbstate_t state = {0};
    *bytes = *text != '\0' ? mbrtowc(&c, text, strlen(text), &state) : 0;
    if (*bytes == 0)
        return L'\0';
    if (*bytes != (size_t)-1 && *bytes != (size_t)-2)
        return c;
    *bytes = 1;
    return L'?';
}

/*
 * The bytes of TEXT that stay in one line: blanks, and then a word, or a character that is two
 * columns wide, between which lines may be broken, but not before what closes nor behind what opens
 * (JIS X 4051, as far as messages need it).
 */
static size_t unit_of(const char *text)
{
    size_t len = strspn(text, " "), bytes;
    wchar_t before = L'\0', c;
    for (bool first = true; (c = first_of(text + len, &bytes)) != L'\0' && c != L' ';
         first = false) {
        bool breaks = wcwidth(c) > 1 || wcwidth(before) > 1;
        bool stays = wcschr(L"。、」』）】：；？！)ーっゃゅょ", c) != NULL ||
                     (before != L'\0' && wcschr(L"「『（【(", before) != NULL);
        if (!first && breaks && !stays)
            break;
        before = c;
        len += bytes;
    }
    return len;
}

void print_safe_wrapped(FILE *out, const char *text, size_t indent)
{
    size_t column = indent;
    for (size_t len; (len = unit_of(text)) > 0; text += len) {
        char *unit = strndup(text, len);
        if (unit == NULL)
            return;
        size_t blanks = strspn(unit, " ");
        bool fits = column + print_columns(unit) <= TERMINAL_COLUMNS || column == indent;
        if (!fits)
            fprintf(out, "\n%*s", (int)indent, "");
        column = (fits ? column : indent) + print_safe_to(out, unit + (fits ? 0 : blanks));
        free(unit);
    }
}

void print_safe_padded(const char *text, size_t columns)
{
    for (size_t used = print_safe_to(stdout, text); used < columns; used++)
        putchar(' ');
}

void print_padded(const char *text, size_t columns)
{
    fputs(text, stdout);
    for (size_t used = print_columns(text); used < columns; used++)
        putchar(' ');
}

/* Whether a style was begun, and is to be ended. */
static bool begin_style(enum print_style style)
{
    static const char *const codes[] = {
        [PRINT_PLAIN] = "",           [PRINT_BOLD] = "\033[1m",   [PRINT_GOOD] = "\033[32m",
        [PRINT_WARNING] = "\033[33m", [PRINT_BAD] = "\033[1;31m",
    };
    const char *no_color = getenv("NO_COLOR");
    if (style == PRINT_PLAIN || !isatty(STDOUT_FILENO) || (no_color != NULL && *no_color != '\0'))
        return false;
    fputs(codes[style], stdout);
    return true;
}

static void end_style(bool begun)
{
    if (begun)
        fputs("\033[0m", stdout);
}

void print_styled(enum print_style style, const char *text)
{
    bool begun = begin_style(style);
    fputs(text, stdout);
    end_style(begun);
}

void print_styled_wrapped(enum print_style style, const char *text)
{
    bool begun = begin_style(style);
    print_safe_wrapped(stdout, text, 0);
    end_style(begun);
}

void print_time(time_t when, char text[PRINT_TIME])
{
    struct tm tm;
    if (when == -1 || localtime_r(&when, &tm) == NULL ||
        strftime(text, PRINT_TIME, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        snprintf(text, PRINT_TIME, "?");
}

int print_end(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout) && fclose(stdout) == 0)
        return code;
    cli_complain(_("standard output: %s"),
                 errno != 0 ? strerror(errno) : _("it cannot be written"));
    return CLI_FAILED;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token/pss_refused.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/folder.h"
#include "support/log.h"
#include "support/smallfile.h"

#define NAME "pss-refused"
#define DAYS 31
#define LINE_MAX_LEN 64
#define FILE_MAX 4096

static long day_number(time_t t)
{
    return (long)(t / 86400);
}

/* Whether the line "YYYY-MM-DD MODEL" still holds. */
static bool in_force(const char *line)
{
    struct tm tm = {0};
    const char *rest = strptime(line, "%Y-%m-%d", &tm);
    if (rest == NULL || *rest != ' ')
        return false;
    long age = day_number(time(NULL)) - day_number(timegm(&tm));
    return age >= 0 && age < DAYS;
}

/* The whole file as text, "" when there is none. */
static void read_file(int folder, char text[FILE_MAX])
{
    size_t len;
    /* Room for a line end that is missing. A longer file is none of ours. */
    smallfile_read(folder, NAME, text, FILE_MAX - 2, &len);
    text[len] = '\0';
}

/* Copies the lines that still hold, but for MODEL's, to OUT. True when MODEL had one. */
static bool keep_lines(char *text, const char *model, char out[FILE_MAX])
{
    bool found = false;
    char *save = NULL;
    out[0] = '\0';
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        if (strlen(line) > LINE_MAX_LEN || !in_force(line))
            continue;
        if (strcmp(strchr(line, ' ') + 1, model) == 0) {
            found = true;
            continue;
        }
        strcat(out, line); /* never longer than TEXT and one line end */
        strcat(out, "\n");
    }
    return found;
}

bool pss_refused_known(const char *model)
{
    char text[FILE_MAX], kept[FILE_MAX];
    int folder = folder_state(false);
    if (folder < 0)
        return false;
    read_file(folder, text);
    close(folder);
    return keep_lines(text, model, kept);
}

void pss_refused_note(const char *model)
{
    char text[FILE_MAX], kept[FILE_MAX], day[16];
    struct tm tm;
    time_t now = time(NULL);
    log_write(LOG_WARNING,
              "this card does not sign RSA-PSS; it will not be asked again for %d "
              "days, and TLS 1.3 will not use it",
              DAYS);
    int folder = folder_state(true);
    bool ok = folder >= 0;
    if (ok) {
        read_file(folder, text);
        keep_lines(text, model, kept);
        strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&now, &tm));
        size_t used = strlen(kept);
        int n = snprintf(kept + used, FILE_MAX - used, "%s %s\n", day, model);
        ok = n > 0 && (size_t)n < FILE_MAX - used &&
             smallfile_write(folder, NAME, kept, strlen(kept));
        close(folder);
    }
    if (!ok)
        log_write(LOG_WARNING, "that cannot be remembered: %s", strerror(errno));
}

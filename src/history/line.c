/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "history/line.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "history/json.h"

/* Bytes that texts may take. All of them at their longest, with the names of the members, are less
 * than LINE_MAX_BYTES. */
#define PROGRAM_MAX 896
#define TEXT_MAX 96
#define DIGEST_TEXT_MAX 192

void line_origin_find(struct line_origin *origin)
{
    clock_gettime(CLOCK_REALTIME, &origin->time);
    origin->pid = (long)getpid();
    ssize_t n = readlink("/proc/self/exe", origin->program, sizeof(origin->program) - 1);
    origin->program[n > 0 ? n : 0] = '\0';
}

/* ISO 8601 in local time, with the offset from UTC: "2026-11-24T18:43:00.123+09:00". */
static void write_time(struct writer *w, const struct timespec *time)
{
    char text[96];
    struct tm tm;

    if (localtime_r(&time->tv_sec, &tm) == NULL) { /* a year beyond int */
        json_raw(w, "null");
        return;
    }
    long offset = tm.tm_gmtoff / 60;
    snprintf(text, sizeof(text), "\"%04ld-%02d-%02dT%02d:%02d:%02d.%03ld%c%02ld:%02ld\"",
             (long)tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             time->tv_nsec / 1000000, offset < 0 ? '-' : '+', labs(offset) / 60, labs(offset) % 60);
    json_raw(w, text);
}

static void write_number(struct writer *w, long number)
{
    char text[32];
    snprintf(text, sizeof(text), "%ld", number);
    json_raw(w, text);
}

void line_begin(struct writer *w, const struct line_origin *origin,
                const struct history_event *event)
{
    json_raw(w, "{\"time\":");
    write_time(w, &origin->time);
    json_raw(w, ",\"program\":");
    json_text(w, origin->program[0] != '\0' ? origin->program : NULL, PROGRAM_MAX);
    json_raw(w, ",\"pid\":");
    write_number(w, origin->pid);
    json_raw(w, ",\"token\":");
    json_text(w, event->token, TEXT_MAX);
    json_raw(w, ",\"serial\":");
    json_text(w, event->serial, TEXT_MAX);
    json_raw(w, ",\"operation\":");
    json_text(w, event->operation, TEXT_MAX);
    json_raw(w, ",\"mechanism\":");
    json_text(w, event->mechanism, TEXT_MAX);
    json_raw(w, ",\"result\":");
    json_text(w, event->result, TEXT_MAX);
    json_raw(w, ",\"tries\":");
    if (event->tries >= 0)
        write_number(w, event->tries);
    else
        json_raw(w, "null");
    if (event->digest != NULL) {
        json_raw(w, ",\"digest\":");
        json_text(w, event->digest, DIGEST_TEXT_MAX);
    }
}

void line_chain(struct writer *w, bool mended, const char prev[LINE_HASH_LEN + 1])
{
    if (mended)
        json_raw(w, ",\"mended\":true");
    json_raw(w, ",\"prev\":\"");
    json_raw(w, prev);
    json_raw(w, "\"");
}

void line_end(struct writer *w)
{
    json_raw(w, "}");
}

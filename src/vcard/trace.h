/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The log of what went over the contacts. One line each, written at once:
 *
 *   > 00A4040C0A... -> 9000   a command and its answer in hexadecimal; "->" and nothing more when
 *                             there was no answer; bytes that may be a PIN are **
 *   = power on | power off | reset | card in | card out
 *   ! pull                    the fault that the command in the line before was struck by
 *   @ BEGIN END               when the card was at work on it; microseconds of a clock that goes
 *                             on evenly and is the same for all processes (CLOCK_MONOTONIC)
 *
 * So the lines that start with "> " are the commands, to be counted.
 */
#ifndef JPKI_VCARD_TRACE_H
#define JPKI_VCARD_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vcard/text.h"

/* Opens FILE (made with mode 0600) for appending. NULL on failure. */
FILE *trace_open(const char *file, struct problem *why);

/* Each does nothing when LOG is NULL. */
void trace_command(FILE *log, const uint8_t *command, size_t len, const uint8_t *response,
                   size_t response_len);
void trace_times(FILE *log, int64_t begin, int64_t end);
void trace_event(FILE *log, const char *text);
void trace_fault(FILE *log, const char *text);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef JPKI_CLI_REPORT_JSON_H
#define JPKI_CLI_REPORT_JSON_H

#include <jansson.h>

#include "cli/report.h"

/* REPORT as an object, of the caller's; jpki(1) says what it holds. NULL without memory. */
json_t *report_json(const struct report *report);

/* TEXT, whatever its bytes are: those that are no UTF-8 become U+FFFD. NULL without memory. */
json_t *report_json_text(const char *text);

/* Puts VALUE, which is taken over, at the end of *ALL. When that fails, or VALUE is NULL, *ALL is
 * given up and becomes NULL: then nothing is printed, rather than a part. */
void report_json_add(json_t **all, json_t *value);

/* Prints VALUE, which is taken over, on standard output. CLI_OK, or CLI_FAILED after a complaint.
 */
int report_json_print(json_t *value);

#endif

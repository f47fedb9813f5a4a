/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef JPKI_CLI_REPORT_JSON_H
#define JPKI_CLI_REPORT_JSON_H

#include <jansson.h>

#include "cli/report.h"

/* REPORT as an object, of the caller's; jpki(1) says what it holds. NULL without memory. */
json_t *report_json(const struct report *report);

/* Prints VALUE, which is taken over, on standard output. CLI_OK, or CLI_FAILED after a complaint.
 */
int report_json_print(json_t *value);

#endif

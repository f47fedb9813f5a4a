/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/print.h"

/* A message may repeat what others have written: names of files and programs, words of a command
 * line. */
void cli_complain(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    fputs("jpki: ", stderr);
    print_safe_to(stderr, text != NULL ? text : format);
    fputc('\n', stderr);
    free(text);
}

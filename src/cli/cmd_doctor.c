/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki doctor: finds what is wrong, and says how to mend it. Spends no try.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/print.h"
#include "cli/report_json.h"

#define INDENT 7 /* columns: of the two words that stand before a finding */

static void add(struct doctor *doctor, const char *name, const char *text, const char *help)
{
    report_json_add(&doctor->findings,
                    json_pack("{s:s, s:b, s:o, s:o}", "name", name, "good", help == NULL, "text",
                              report_json_text(text), "help",
                              help != NULL ? report_json_text(help) : json_null()));
}

/* TEXT behind the word that stands before it, in lines that fit a terminal. */
static void print_text(enum print_style style, const char *word, const char *text)
{
    print_styled(style, word);
    print_safe_wrapped(stdout, text, INDENT);
    putchar('\n');
}

void doctor_good(struct doctor *doctor, const char *name, const char *text)
{
    if (doctor->json)
        add(doctor, name, text, NULL);
    else
        print_text(PRINT_GOOD, _("well   "), text);
}

/* HELP in lines of its own, below the problem. A command is for copying, and stays in one line. */
static void print_help(const char *help)
{
    while (*help != '\0') {
        size_t len = strcspn(help, "\n");
        char *line = strndup(help, len);
        printf("%*s", INDENT, "");
        if (line != NULL && strncmp(line, "  ", 2) != 0)
            print_safe_wrapped(stdout, line, INDENT);
        else
            print_safe(line != NULL ? line : "?");
        putchar('\n');
        free(line);
        help += len + (help[len] == '\n' ? 1 : 0);
    }
}

void doctor_problem(struct doctor *doctor, const char *name, const char *text, const char *help)
{
    doctor->problems++;
    if (doctor->json) {
        add(doctor, name, text, help);
        return;
    }
    print_text(PRINT_BAD, _("WRONG  "), text);
    print_help(help);
}

static int finish(struct doctor *doctor)
{
    if (doctor->json) {
        int code = report_json_print(doctor->findings);
        return code != CLI_OK ? code : doctor->problems > 0 ? CLI_FAILED : CLI_OK;
    }
    if (doctor->problems == 0)
        puts(_("\nNothing is wrong, as far as can be seen."));
    else
        printf(_("\nTo be mended: %u\n"), doctor->problems);
    return doctor->problems > 0 ? CLI_FAILED : CLI_OK;
}

int cmd_doctor(const struct cli_command *self, int argc, char **argv)
{
    struct doctor doctor = {0};
    const struct cli_option options[] = {
        {"json", NULL, N_("print JSON, for programs"), &doctor.json, NULL},
    };
    int first, code;
    if (!cli_options(self, options, CLI_COUNT(options), argc, argv, 0, 0, &first, &code))
        return code;
    if (!cards_look(&doctor.cards, "slots=both"))
        return CLI_FAILED;
    doctor.findings = doctor.json ? json_array() : NULL;
    doctor_service(&doctor);
    doctor_readers(&doctor);
    doctor_cards(&doctor);
    doctor_modules(&doctor);
    doctor_browsers(&doctor);
    doctor_settings(&doctor);
    doctor_state(&doctor);
    code = finish(&doctor);
    cards_close(&doctor.cards);
    return code;
}

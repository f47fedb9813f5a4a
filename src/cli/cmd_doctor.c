/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki doctor: finds what is wrong, and says how to mend it. Spends no try.
 */
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/print.h"
#include "cli/report_json.h"

static void add(struct doctor *doctor, const char *name, const char *text, const char *help)
{
    json_array_append_new(doctor->findings, json_pack("{s:s, s:b, s:s, s:s?}", "name", name, "good",
                                                      help == NULL, "text", text, "help", help));
}

void doctor_good(struct doctor *doctor, const char *name, const char *text)
{
    if (doctor->findings != NULL) {
        add(doctor, name, text, NULL);
        return;
    }
    print_styled(PRINT_GOOD, _("well   "));
    print_safe(text);
    putchar('\n');
}

/* HELP in lines of its own, below the problem. */
static void print_help(const char *help)
{
    while (*help != '\0') {
        size_t len = strcspn(help, "\n");
        printf("       %.*s\n", (int)len, help);
        help += len + (help[len] == '\n' ? 1 : 0);
    }
}

void doctor_problem(struct doctor *doctor, const char *name, const char *text, const char *help)
{
    doctor->problems++;
    if (doctor->findings != NULL) {
        add(doctor, name, text, help);
        return;
    }
    print_styled(PRINT_BAD, _("WRONG  "));
    print_safe(text);
    putchar('\n');
    print_help(help);
}

static int finish(struct doctor *doctor)
{
    if (doctor->findings != NULL) {
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
    bool json = false;
    const struct cli_option options[] = {
        {"json", NULL, N_("print JSON, for programs"), &json, NULL},
    };
    struct doctor doctor = {0};
    int first, code;
    if (!cli_options(self, options, 1, argc, argv, 0, 0, &first, &code))
        return code;
    if (!cards_open(&doctor.cards, "slots=both"))
        return CLI_FAILED;
    doctor.findings = json ? json_array() : NULL;
    doctor_service(&doctor);
    doctor_readers(&doctor);
    doctor_cards(&doctor);
    doctor_programs(&doctor);
    doctor_settings(&doctor);
    doctor_state(&doctor);
    code = finish(&doctor);
    cards_close(&doctor.cards);
    return code;
}

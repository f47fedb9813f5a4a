/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpki config: the settings in force, and where each comes from.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/report_json.h"
#include "support/config_explain.h"

static void print_place(const struct config_fact *fact)
{
    if (fact->source == NULL) {
        fputs(_("the default"), stdout);
        return;
    }
    print_safe(fact->source);
    if (fact->line > 0)
        printf(":%u", fact->line);
    if (fact->enforced)
        fputs(_(" (enforced)"), stdout);
}

static void print_fact(void *context, const struct config_fact *fact)
{
    (void)context;
    print_padded(fact->name, 18);
    print_safe_padded(fact->value, 14);
    putchar(' ');
    print_place(fact);
    putchar('\n');
}

static void add_fact(void *context, const struct config_fact *fact)
{
    json_t *value = report_json_text(fact->value);
    json_t *source = fact->source != NULL ? report_json_text(fact->source) : json_null();
    json_t *line = fact->line > 0 ? json_integer(fact->line) : json_null();
    report_json_add(context,
                    json_pack("{s:s, s:o, s:o, s:o, s:b}", "key", fact->name, "value", value,
                              "source", source, "line", line, "enforced", (int)fact->enforced));
}

/* What is wrong in them; the exit code. */
static int complain(const struct config_sources *sources)
{
    struct config config;
    if (!config_load(&config, sources, CONFIG_TOKEN_BOTH))
        cli_complain(_("no memory is left"));
    int code = config.complaint_count > 0 ? CLI_FAILED : CLI_OK;
    for (size_t i = 0; i < config.complaint_count; i++)
        cli_complain("%s", config.complaints[i]);
    config_clear(&config);
    return code;
}

int cmd_config(const struct cli_command *self, int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {
        {"json", NULL, N_("print JSON, for programs"), &json, NULL},
    };
    struct config_sources sources = {.system_file = CONFIG_SYSTEM_FILE};
    int first, code;
    if (!cli_options(self, options, CLI_COUNT(options), argc, argv, 0, 0, &first, &code))
        return code;
    config_find(&sources);
    json_t *all = json ? json_array() : NULL;
    config_explain(&sources, CONFIG_TOKEN_BOTH, json ? add_fact : print_fact, &all);
    code = json ? report_json_print(all) : CLI_OK;
    int wrong = complain(&sources);
    config_forget(&sources);
    return code != CLI_OK ? code : wrong;
}

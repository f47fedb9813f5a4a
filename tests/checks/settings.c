/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the code says of the settings, for the check of the manual. usage:
 *
 *   settings                        one line for each key: NAME, DEFAULT and ALLOWED, with tabs
 *   settings KEY SO_FAR OTHER       the stricter of two values
 *   settings KEY SO_FAR             what holds after a wrong line
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/config_explain.h"
#include "support/config_key.h"

static enum config_key key_of(const char *name)
{
    enum config_key key;

    if (!config_key_find(name, strlen(name), &key))
        exit(2);
    return key;
}

static long number_of(enum config_key key, const char *value)
{
    long number;

    if (!config_key_parse(key, value, &number))
        exit(1);
    return number;
}

static void print_row(void *context, const struct config_fact *fact)
{
    char allowed[CONFIG_ALLOWED_MAX];

    (void)context;
    config_key_allowed(key_of(fact->name), allowed);
    printf("%s\t%s\t%s\n", fact->name, fact->value, allowed);
}

static void print_value(enum config_key key, long number)
{
    char value[CONFIG_ALLOWED_MAX];

    config_key_print(key, number, value);
    puts(value);
}

int main(int argc, char **argv)
{
    const struct config_sources nowhere = {0};

    if (argc == 1) {
        config_explain(&nowhere, CONFIG_TOKEN_BOTH, print_row, NULL);
        return 0;
    }
    if (argc < 3 || argc > 4)
        return 2;
    enum config_key key = key_of(argv[1]);
    long so_far = number_of(key, argv[2]);
    if (argc == 3)
        print_value(key, config_key_after_wrong(key, so_far));
    else
        print_value(key, config_key_stricter(key, so_far, number_of(key, argv[3])));
    return 0;
}

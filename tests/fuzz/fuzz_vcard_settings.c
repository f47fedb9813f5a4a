/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The texts that people give the virtual card: card.conf, faults, a holder. The first byte says
 * which. What was taken is printed, read again, and the same.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "vcard/date.h"
#include "vcard/fault.h"
#include "vcard/person.h"
#include "vcard/settings.h"

static void settings(char *text)
{
    struct settings first, second;
    struct problem why = {{0}};
    settings_init(&first);
    bool ok = settings_parse(&first, text, "card.conf", &why);
    fuzz_must(ok || why.text[0] != '\0');
    char *printed = settings_print(&first);
    fuzz_must(printed != NULL);
    settings_init(&second);
    fuzz_must(settings_parse(&second, printed, "printed", &why));
    free(printed);
    char *again = settings_print(&second);
    printed = settings_print(&first);
    fuzz_must(again != NULL && printed != NULL && strcmp(printed, again) == 0);
    free(printed);
    free(again);
}

/* A few commands and answers, so that the faults strike. */
static void faults(char *text)
{
    struct fault_list list = {.count = 0};
    struct problem why = {{0}};
    uint8_t response[2 + 256 + FAULT_EXTRA_MAX];
    for (char *line; (line = text_line(&text)) != NULL;)
        fuzz_must(fault_add(&list, line, &why) || why.text[0] != '\0');
    fuzz_must(list.count <= FAULT_LIST_MAX);
    for (uint8_t ins = 0; ins < 8; ins++) {
        const uint8_t command[] = {0x00, (uint8_t)(0xB0 + ins % 2), 0x00, 0x00, 0x00};
        const struct fault *fault = fault_strike(&list, command, sizeof(command));
        if (fault == NULL)
            continue;
        memset(response, 0x90, sizeof(response));
        fuzz_must(fault_name(fault) != NULL);
        fuzz_must(fault_spoil(fault, response, 2 + 32U * ins, sizeof(response)) <=
                  sizeof(response));
    }
}

static void holder(char *text)
{
    struct person person;
    struct problem why = {{0}};
    struct date date;
    const char *lines[6] = {"", "", "", "", "", ""};
    person_init(&person);
    for (size_t i = 0; i < 6; i++) {
        char *line = text_line(&text);
        lines[i] = line != NULL ? line : lines[i];
    }
    person.name = lines[0];
    person.address = lines[1];
    person_set_sex(&person, lines[2]);
    person.municipality = lines[3];
    person.code = lines[4];
    if (date_parse(lines[5], &date))
        person.birth = date;
    if (!person_check(&person, &why)) {
        fuzz_must(why.text[0] != '\0');
        return;
    }
    GENERAL_NAMES *names = person_names(&person);
    fuzz_must(names != NULL);
    GENERAL_NAMES_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(char *) = {settings, faults, holder};
    fuzz_begin(data, size);
    unsigned which = fuzz_below(3);
    char *text = fuzz_text();
    readers[which](text);
    free(text);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/person.h"

#include <stdio.h>
#include <string.h>

#define OID_ARC "1.2.392.200149.8.5.5."
#define ADDRESS_MAX 200 /* characters; the limit of the real certificates */
#define NAME_MAX_CHARACTERS 100
#define LATIN_MAX 40 /* keeps a common name within the 64 characters of X.520 */

void person_init(struct person *person)
{
    *person = (struct person){.name = "架空　太郎",
                              .address = "架空県試験市見本町一丁目２番３号",
                              .sex = "1",
                              .municipality = "Shiken-shi",
                              .prefecture = "Kakuu-ken",
                              .code = "99201",
                              .birth = {1985, 4, 1}};
}

bool person_set_sex(struct person *person, const char *value)
{
    static const char *const words[][2] = {{"male", "1"}, {"female", "2"}, {"other", "3"},
                                           {"1", "1"},    {"2", "2"},      {"3", "3"},
                                           {"9", "9"}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(value, words[i][0]))
            continue;
        person->sex = words[i][1];
        return true;
    }
    return false;
}

static bool check_japanese(const char *what, const char *text, size_t max, struct problem *why)
{
    size_t characters;

    if (!text_utf8(text, &characters))
        return text_problem(why, "%s: give UTF-8 text without control characters", what);
    if (!characters || characters > max)
        return text_problem(why, "%s: give 1 to %zu characters, not %zu", what, max, characters);
    return true;
}

static bool check_latin(const char *what, const char *text, struct problem *why)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && c != '-' && c != ' ')
            return text_problem(why,
                                "%s: \"%.60s\" has characters other than A-Z, a-z, - and "
                                "blank",
                                what, text);
    }
    if (!len || len > LATIN_MAX)
        return text_problem(why, "%s: give 1 to %d Latin letters", what, LATIN_MAX);
    return true;
}

bool person_check(const struct person *person, struct problem *why)
{
    unsigned long number;

    if (strlen(person->code) != 5 || !text_number(person->code, 99999, &number))
        return text_problem(why, "the municipality's code is five digits, not \"%.40s\"",
                            person->code);
    return check_japanese("name", person->name, NAME_MAX_CHARACTERS, why) &&
           check_japanese("address", person->address, ADDRESS_MAX, why) &&
           check_latin("municipality", person->municipality, why) &&
           check_latin("prefecture", person->prefecture, why);
}

static bool add(GENERAL_NAMES *names, int number, const char *text)
{
    char oid[sizeof OID_ARC + 4];
    ASN1_TYPE *value = ASN1_TYPE_new();
    ASN1_UTF8STRING *string = ASN1_UTF8STRING_new();
    GENERAL_NAME *name = GENERAL_NAME_new();

    snprintf(oid, sizeof oid, OID_ARC "%d", number);
    ASN1_OBJECT *type = OBJ_txt2obj(oid, 1);
    if (value && string && name && type && ASN1_STRING_set(string, text, -1)) {
        ASN1_TYPE_set(value, V_ASN1_UTF8STRING, string);
        if (GENERAL_NAME_set0_othername(name, type, value)) {
            if (sk_GENERAL_NAME_push(names, name))
                return true;
            GENERAL_NAME_free(name);
            return false;
        }
        string = NULL; /* owned by VALUE now */
    }
    ASN1_OBJECT_free(type);
    GENERAL_NAME_free(name);
    ASN1_UTF8STRING_free(string);
    ASN1_TYPE_free(value);
    return false;
}

/* One digit per character: 0 means that it stands as the register has it. */
static void positions(const char *text, char *out)
{
    size_t characters;

    text_utf8(text, &characters);
    memset(out, '0', characters);
    out[characters] = 0;
}

GENERAL_NAMES *person_names(const struct person *person)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    char birth[16], name_flags[NAME_MAX_CHARACTERS + 1], address_flags[ADDRESS_MAX + 1];

    snprintf(birth, sizeof birth, "%d%04d%02d%02d", date_era(person->birth),
             person->birth.year % 10000, person->birth.month, person->birth.day);
    positions(person->name, name_flags);
    positions(person->address, address_flags);
    if (names && add(names, 1, person->name) && add(names, 4, birth) &&
        add(names, 3, person->sex) && add(names, 5, person->address) && add(names, 2, name_flags) &&
        add(names, 6, address_flags))
        return names;
    GENERAL_NAMES_free(names);
    return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cms_parts.h"

#include <string.h>

#include <openssl/x509v3.h>

/* What the certificate of the signature key says of its holder: otherNames of subjectAltName. */
#define OID_ARC "1.2.392.200149.8.5.5."

enum holder_name {
    HOLDER_NAME = 1,
    HOLDER_NAME_SUBSTITUTES = 2, /* a digit for each character: 1 stands for a rarer one */
    HOLDER_SEX = 3,
    HOLDER_BIRTH = 4,
    HOLDER_ADDRESS = 5
};

/* UTF8String to OUT. A NUL, behind which something could hide, and what has no room are no name. */
static void copy(const ASN1_STRING *value, char *out, size_t size)
{
    const unsigned char *data = ASN1_STRING_get0_data(value);
    size_t len = (size_t)ASN1_STRING_length(value);
    if (len >= size || memchr(data, '\0', len) != NULL)
        return;
    memcpy(out, data, len);
    out[len] = '\0';
}

/* The value of the one otherName of this kind; "" where there is none, or more than one. */
static void find(const GENERAL_NAMES *names, enum holder_name kind, char *out, size_t size)
{
    char wanted[sizeof(OID_ARC) + 4], oid[sizeof(OID_ARC) + 4];
    const ASN1_STRING *found = NULL;
    int count = 0;
    snprintf(wanted, sizeof(wanted), OID_ARC "%d", (int)kind);
    out[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        ASN1_OBJECT *type;
        ASN1_TYPE *value;
        if (GENERAL_NAME_get0_otherName(name, &type, &value) != 1 ||
            OBJ_obj2txt(oid, sizeof(oid), type, 1) <= 0 || strcmp(oid, wanted) != 0)
            continue;
        count++;
        found = value->type == V_ASN1_UTF8STRING ? value->value.utf8string : NULL;
    }
    if (count == 1 && found != NULL)
        copy(found, out, size);
}

/* An era's digit, and the day in the calendar that all share: 319850401. */
static void write_birth(const char *text, char *out, size_t size)
{
    if (strlen(text) == 9 && strspn(text, "0123456789") == 9)
        snprintf(out, size, "%.4s-%.2s-%.2s", text + 1, text + 5, text + 7);
    else
        snprintf(out, size, "%s", text);
}

void cms_describe_holder(const X509 *x, struct cms_holder *out)
{
    char text[CMS_NAME_MAX];
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    *out = (struct cms_holder){.sex = '\0'};
    find(names, HOLDER_NAME, out->name, sizeof(out->name));
    find(names, HOLDER_ADDRESS, out->address, sizeof(out->address));
    find(names, HOLDER_BIRTH, text, sizeof(text));
    write_birth(text, out->birth, sizeof(out->birth));
    find(names, HOLDER_SEX, text, sizeof(text));
    out->sex = strlen(text) == 1 ? text[0] : '\0';
    find(names, HOLDER_NAME_SUBSTITUTES, text, sizeof(text));
    out->substitutes = strchr(text, '1') != NULL;
    GENERAL_NAMES_free(names);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/names.h"

#include <stdio.h>

#include <openssl/rand.h>

#define OPAQUE_DIGITS 14

static const struct {
    const char *unit, *unit_japanese;
} authorities[PIN_COUNT] = {
    {"JPKI for user authentication", "架空個人認証サービス利用者証明用"},
    {"JPKI for digital signature", "架空個人認証サービス署名用"},
};

#define ORGANISATION "JPKI-FAKE"
#define AGENCY "Dummy Agency for Local Govt Information Systems"
#define ORGANISATION_JAPANESE "架空個人認証サービス"
#define AGENCY_JAPANESE "架空公共団体情報システム機構"

static bool add(X509_NAME *name, int nid, const char *text)
{
    int type = nid == NID_countryName ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING;

    /* The type is given as a V_ASN1_ value, so the bytes go in as they are. */
    return X509_NAME_add_entry_by_NID(name, nid, type, (const unsigned char *)text, -1, -1, 0) == 1;
}

/* C=JP, O and two OU. */
static X509_NAME *make(const char *organisation, const char *unit, const char *agency)
{
    X509_NAME *name = X509_NAME_new();

    if (name && add(name, NID_countryName, "JP") && add(name, NID_organizationName, organisation) &&
        add(name, NID_organizationalUnitName, unit) &&
        (!agency || add(name, NID_organizationalUnitName, agency)))
        return name;
    X509_NAME_free(name);
    return NULL;
}

X509_NAME *names_authority(enum pin which)
{
    return make(ORGANISATION, authorities[which].unit, AGENCY);
}

/* Takes NAME over, also on failure. */
static GENERAL_NAMES *wrap(X509_NAME *name)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *general = GENERAL_NAME_new();

    if (names && general && name) {
        GENERAL_NAME_set0_value(general, GEN_DIRNAME, name);
        if (sk_GENERAL_NAME_push(names, general))
            return names;
        name = NULL; /* owned by GENERAL now */
    }
    X509_NAME_free(name);
    GENERAL_NAME_free(general);
    GENERAL_NAMES_free(names);
    return NULL;
}

GENERAL_NAMES *names_authority_japanese(enum pin which)
{
    return wrap(make(ORGANISATION_JAPANESE, authorities[which].unit_japanese, AGENCY_JAPANESE));
}

X509_NAME *names_holder(enum pin which, const struct person *person)
{
    X509_NAME *name = X509_NAME_new();
    unsigned char random[OPAQUE_DIGITS];
    char cn[OPAQUE_DIGITS + 16];

    if (RAND_bytes(random, sizeof random) != 1) {
        X509_NAME_free(name);
        return NULL;
    }
    for (size_t i = 0; i < sizeof random; i++)
        cn[i] = (char)('0' + random[i] % 10);
    snprintf(cn + OPAQUE_DIGITS, sizeof cn - OPAQUE_DIGITS, "%.5s003A", person->code);
    if (name && add(name, NID_countryName, "JP") &&
        (which != PIN_SIGN || add(name, NID_localityName, person->municipality)) &&
        add(name, NID_commonName, cn))
        return name;
    X509_NAME_free(name);
    return NULL;
}

/* One distribution point with a full name; takes NAME over, also on failure. */
static CRL_DIST_POINTS *point(X509_NAME *name)
{
    CRL_DIST_POINTS *points = sk_DIST_POINT_new_null();
    DIST_POINT *one = DIST_POINT_new();
    DIST_POINT_NAME *where = DIST_POINT_NAME_new();
    GENERAL_NAMES *full = wrap(name);

    if (points && one && where && full) {
        where->type = 0;
        where->name.fullname = full;
        one->distpoint = where;
        if (sk_DIST_POINT_push(points, one))
            return points;
        where = NULL; /* both owned by ONE now */
        full = NULL;
    }
    GENERAL_NAMES_free(full);
    DIST_POINT_NAME_free(where);
    DIST_POINT_free(one);
    CRL_DIST_POINTS_free(points);
    return NULL;
}

CRL_DIST_POINTS *names_crl_authority(enum pin which)
{
    X509_NAME *name = names_authority(which);

    return name ? point(name) : NULL;
}

CRL_DIST_POINTS *names_crl_holder(enum pin which, const struct person *person)
{
    X509_NAME *name = make(ORGANISATION, authorities[which].unit, NULL);
    char cn[64];

    snprintf(cn, sizeof cn, "%.50s CRLDP", person->municipality);
    if (name && add(name, NID_organizationalUnitName, "CRL Distribution Points") &&
        add(name, NID_organizationalUnitName, person->prefecture) && add(name, NID_commonName, cn))
        return point(name);
    X509_NAME_free(name);
    return NULL;
}

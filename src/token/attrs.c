/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * PKCS#11 3.2, sections 4.2 to 4.9 and 4.14.
 */
#include "token/attrs.h"

#include <stdio.h>
#include <string.h>

#include "token/pin.h"
#include "token/rv.h"

/* CK_CERTIFICATE_CATEGORY_TOKEN_USER and _AUTHORITY, which p11-kit's header lacks. */
#define CATEGORY_USER 1
#define CATEGORY_AUTHORITY 2

/* Sets of objects. */
#define PRIV (1u << OBJECT_PRIVATE_KEY)
#define PUB (1u << OBJECT_PUBLIC_KEY)
#define OWN (1u << OBJECT_CERTIFICATE)
#define CA (1u << OBJECT_CA_CERTIFICATE)
#define PROFILE                                                                                    \
    ((1u << OBJECT_PROFILE_BASELINE) | (1u << OBJECT_PROFILE_AUTHENTICATION) |                     \
     (1u << OBJECT_PROFILE_PUBLIC_CERTIFICATES))
#define KEYS (PRIV | PUB)
#define CERTS (OWN | CA)
#define ALL (KEYS | CERTS | PROFILE)

/* Where a value comes from: the row, this file, or (from READ_VALUE on, in this order for
 * attrs_cheap()) a certificate. */
enum source {
    NUMBER,
    FLAG,
    EMPTY,
    SENSITIVE,
    MADE_CLASS,
    MADE_ID,
    MADE_LABEL,
    MADE_UNIQUE_ID,
    MADE_PRIVATE,
    MADE_CATEGORY,
    MADE_CONSENT,
    MADE_MECHANISMS,
    MADE_PROFILE,
    READ_VALUE,
    READ_SUBJECT,
    READ_ISSUER,
    READ_SERIAL,
    READ_SPKI,
    READ_MODULUS,
    READ_EXPONENT,
    READ_BITS,
    READ_START,
    READ_END,
    READ_CHECK
};

struct row {
    CK_ATTRIBUTE_TYPE type;
    unsigned objects;
    enum source source;
    CK_ULONG value;
};

static const struct row table[] = {
    {CKA_CLASS, ALL, MADE_CLASS, 0},
    {CKA_TOKEN, ALL, FLAG, CK_TRUE},
    {CKA_PRIVATE, ALL, MADE_PRIVATE, 0},
    {CKA_MODIFIABLE, ALL, FLAG, CK_FALSE},
    {CKA_COPYABLE, ALL, FLAG, CK_FALSE},
    {CKA_DESTROYABLE, ALL, FLAG, CK_FALSE},
    {CKA_LABEL, ALL, MADE_LABEL, 0},
    {CKA_UNIQUE_ID, ALL, MADE_UNIQUE_ID, 0},
    {CKA_PROFILE_ID, PROFILE, MADE_PROFILE, 0},

    {CKA_ID, KEYS | CERTS, MADE_ID, 0},
    {CKA_SUBJECT, KEYS | CERTS, READ_SUBJECT, 0},
    {CKA_PUBLIC_KEY_INFO, KEYS | CERTS, READ_SPKI, 0},
    {CKA_START_DATE, KEYS, EMPTY, 0},
    {CKA_END_DATE, KEYS, EMPTY, 0},

    {CKA_CERTIFICATE_TYPE, CERTS, NUMBER, CKC_X_509},
    {CKA_TRUSTED, CERTS | PUB, FLAG, CK_FALSE},
    {CKA_CERTIFICATE_CATEGORY, CERTS, MADE_CATEGORY, 0},
    {CKA_CHECK_VALUE, CERTS, READ_CHECK, 0},
    {CKA_START_DATE, CERTS, READ_START, 0},
    {CKA_END_DATE, CERTS, READ_END, 0},
    {CKA_ISSUER, CERTS, READ_ISSUER, 0},
    {CKA_SERIAL_NUMBER, CERTS, READ_SERIAL, 0},
    {CKA_VALUE, CERTS, READ_VALUE, 0},
    {CKA_URL, CERTS, EMPTY, 0},
    {CKA_HASH_OF_SUBJECT_PUBLIC_KEY, CERTS, EMPTY, 0},
    {CKA_HASH_OF_ISSUER_PUBLIC_KEY, CERTS, EMPTY, 0},
    {CKA_JAVA_MIDP_SECURITY_DOMAIN, CERTS, NUMBER, 0},
    {CKA_NAME_HASH_ALGORITHM, CERTS, NUMBER, CKM_SHA_1},

    {CKA_KEY_TYPE, KEYS, NUMBER, CKK_RSA},
    {CKA_DERIVE, KEYS, FLAG, CK_FALSE},
    {CKA_LOCAL, KEYS, FLAG, CK_FALSE}, /* where the key was made is not on the card */
    {CKA_KEY_GEN_MECHANISM, KEYS, NUMBER, CK_UNAVAILABLE_INFORMATION},
    {CKA_MODULUS, KEYS, READ_MODULUS, 0},
    {CKA_PUBLIC_EXPONENT, KEYS, READ_EXPONENT, 0},
    {CKA_MODULUS_BITS, PUB, READ_BITS, 0},
    {CKA_ALLOWED_MECHANISMS, PRIV, MADE_MECHANISMS, 0},

    {CKA_ENCRYPT, PUB, FLAG, CK_FALSE},
    {CKA_VERIFY, PUB, FLAG, CK_TRUE},
    {CKA_VERIFY_RECOVER, PUB, FLAG, CK_FALSE},
    {CKA_WRAP, PUB, FLAG, CK_FALSE},

    {CKA_SENSITIVE, PRIV, FLAG, CK_TRUE},
    {CKA_ALWAYS_SENSITIVE, PRIV, FLAG, CK_TRUE},
    {CKA_EXTRACTABLE, PRIV, FLAG, CK_FALSE},
    {CKA_NEVER_EXTRACTABLE, PRIV, FLAG, CK_TRUE},
    {CKA_SIGN, PRIV, FLAG, CK_TRUE},
    {CKA_SIGN_RECOVER, PRIV, FLAG, CK_FALSE},
    {CKA_DECRYPT, PRIV, FLAG, CK_FALSE},
    {CKA_UNWRAP, PRIV, FLAG, CK_FALSE},
    {CKA_WRAP_WITH_TRUSTED, PRIV, FLAG, CK_FALSE},
    {CKA_ALWAYS_AUTHENTICATE, PRIV, MADE_CONSENT, 0},
    {CKA_PRIVATE_EXPONENT, PRIV, SENSITIVE, 0},
    {CKA_PRIME_1, PRIV, SENSITIVE, 0},
    {CKA_PRIME_2, PRIV, SENSITIVE, 0},
    {CKA_EXPONENT_1, PRIV, SENSITIVE, 0},
    {CKA_EXPONENT_2, PRIV, SENSITIVE, 0},
    {CKA_COEFFICIENT, PRIV, SENSITIVE, 0},
};

/* What differs from object to object. The ids 01 to 04 and the English labels are those that
 * OpenSC gives to this card's objects, so that URIs in existing configurations go on working. */
struct kind {
    CK_OBJECT_CLASS class;
    CK_ULONG profile;
    uint8_t id[CARD_ROLES];
    const char *unique;
    const char *label[2][CARD_ROLES];
};

static const struct kind kinds[OBJECT_COUNT] = {
    /* clang-format off */
    [OBJECT_PRIVATE_KEY] = {.class = CKO_PRIVATE_KEY, .unique = "private",
        .id = {1, 2},
        .label = {{"User Authentication Key", "Digital Signature Key"},
                  {"利用者証明用秘密鍵", "署名用秘密鍵"}}},
    [OBJECT_PUBLIC_KEY] = {.class = CKO_PUBLIC_KEY, .unique = "public",
        .id = {1, 2},
        .label = {{"User Authentication Public Key", "Digital Signature Public Key"},
                  {"利用者証明用公開鍵", "署名用公開鍵"}}},
    [OBJECT_CERTIFICATE] = {.class = CKO_CERTIFICATE, .unique = "cert",
        .id = {1, 2},
        .label = {{"User Authentication Certificate", "Digital Signature Certificate"},
                  {"利用者証明用電子証明書", "署名用電子証明書"}}},
    [OBJECT_CA_CERTIFICATE] = {.class = CKO_CERTIFICATE, .unique = "ca",
        .id = {3, 4},
        .label = {{"User Authentication Certificate CA", "Digital Signature Certificate CA"},
                  {"利用者証明用認証局証明書", "署名用認証局証明書"}}},
    [OBJECT_PROFILE_BASELINE] = {.class = CKO_PROFILE, .unique = "baseline",
        .profile = CKP_BASELINE_PROVIDER,
        .label = {{"Baseline Provider", "Baseline Provider"},
                  {"Baseline Provider", "Baseline Provider"}}},
    [OBJECT_PROFILE_AUTHENTICATION] = {.class = CKO_PROFILE, .unique = "authentication",
        .profile = CKP_AUTHENTICATION_TOKEN,
        .label = {{"Authentication Token", "Authentication Token"},
                  {"Authentication Token", "Authentication Token"}}},
    [OBJECT_PROFILE_PUBLIC_CERTIFICATES] = {.class = CKO_PROFILE, .unique = "public-certificates",
        .profile = CKP_PUBLIC_CERTIFICATES_TOKEN,
        .label = {{"Public Certificates Token", "Public Certificates Token"},
                  {"Public Certificates Token", "Public Certificates Token"}}},
    /* clang-format on */
};

static const struct row *find(enum object object, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].type == type && (table[i].objects & 1u << object) != 0)
            return &table[i];
    return NULL;
}

static const struct token_certificate *certificate_of(const struct token *token, enum object object)
{
    return object == OBJECT_CA_CERTIFICATE ? &token->ca : &token->holder;
}

bool attrs_cheap(const struct token *token, enum object object, CK_ATTRIBUTE_TYPE type)
{
    const struct row *row = find(object, type);
    return row == NULL || row->source < READ_VALUE ||
           certificate_of(token, object)->state != TOKEN_UNREAD;
}

static struct bytes number(struct attrs_room *room, CK_ULONG value)
{
    room->u.number = value;
    return bytes_of(&room->u.number, sizeof(room->u.number));
}

static struct bytes flag(struct attrs_room *room, bool value)
{
    room->u.flag = value ? CK_TRUE : CK_FALSE;
    return bytes_of(&room->u.flag, sizeof(room->u.flag));
}

static struct bytes unique_id(const struct token *token, const struct kind *kind,
                              struct attrs_room *room)
{
    snprintf(room->u.text, sizeof(room->u.text), "%s-%s-%s", token->insertion->serial,
             token->role == CARD_AUTH ? "auth" : "sign", kind->unique);
    return bytes_of_text(room->u.text);
}

static bool is_private(const struct token *token, enum object object)
{
    if (object == OBJECT_PUBLIC_KEY || object == OBJECT_CERTIFICATE)
        return token->key->certificate_private;
    return object == OBJECT_PRIVATE_KEY;
}

static struct bytes made(struct token *token, enum object object, const struct row *row,
                         struct attrs_room *room)
{
    const struct kind *kind = &kinds[object];
    switch ((int)row->source) {
    case NUMBER:
        return number(room, row->value);
    case FLAG:
        return flag(room, row->value != 0);
    case MADE_CLASS:
        return number(room, kind->class);
    case MADE_ID:
        return bytes_of(&kind->id[token->role], 1);
    case MADE_LABEL:
        return bytes_of_text(kind->label[token->config->labels][token->role]);
    case MADE_UNIQUE_ID:
        return unique_id(token, kind, room);
    case MADE_PRIVATE:
        return flag(room, is_private(token, object));
    case MADE_CATEGORY:
        return number(room, object == OBJECT_CA_CERTIFICATE ? CATEGORY_AUTHORITY : CATEGORY_USER);
    case MADE_CONSENT:
        return flag(room, pin_asked_each_time(token));
    case MADE_MECHANISMS:
        return bytes_of(room->u.mechanisms,
                        mech_allowed(token, room->u.mechanisms) * sizeof(CK_MECHANISM_TYPE));
    case MADE_PROFILE:
        return number(room, kind->profile);
    default:
        return bytes_of(NULL, 0);
    }
}

/* PKCS#11 3.2, section 4.6.3: the first three bytes of the SHA-1 hash of the value. */
static CK_RV check_value(struct bytes der, struct attrs_room *room, struct bytes *value)
{
    enum err e = digest_once(DIGEST_SHA1, der, room->u.bytes);
    *value = bytes_of(room->u.bytes, e == ERR_OK ? 3 : 0);
    return rv_of(e);
}

static CK_RV read(const struct x509 *x, const struct row *row, struct attrs_room *room,
                  struct bytes *value)
{
    switch ((int)row->source) {
    case READ_VALUE:
        *value = buffer_view(&x->der);
        break;
    case READ_SUBJECT:
        *value = buffer_view(&x->subject);
        break;
    case READ_ISSUER:
        *value = buffer_view(&x->issuer);
        break;
    case READ_SERIAL:
        *value = buffer_view(&x->serial);
        break;
    case READ_SPKI:
        *value = buffer_view(&x->spki);
        break;
    case READ_MODULUS:
        *value = buffer_view(&x->modulus);
        break;
    case READ_EXPONENT:
        *value = buffer_view(&x->exponent);
        break;
    case READ_BITS:
        *value = number(room, (CK_ULONG)x->modulus.len * 8);
        break;
    case READ_START:
        *value = bytes_of(x->not_before, sizeof(x->not_before));
        break;
    case READ_END:
        *value = bytes_of(x->not_after, sizeof(x->not_after));
        break;
    case READ_CHECK:
        return check_value(buffer_view(&x->der), room, value);
    default:
        return CKR_GENERAL_ERROR;
    }
    return CKR_OK;
}

CK_RV attrs_value(struct token *token, enum object object, CK_ATTRIBUTE_TYPE type,
                  struct attrs_room *room, struct bytes *value)
{
    const struct row *row = find(object, type);
    *value = bytes_of(NULL, 0);
    if (row == NULL)
        return CKR_ATTRIBUTE_TYPE_INVALID;
    if (row->source == SENSITIVE)
        return CKR_ATTRIBUTE_SENSITIVE;
    if (row->source < READ_VALUE) {
        *value = made(token, object, row, room);
        return CKR_OK;
    }
    enum err e = object == OBJECT_CA_CERTIFICATE ? token_load_ca(token) : token_load_holder(token);
    if (e != ERR_OK)
        return rv_of(e);
    return read(&certificate_of(token, object)->x509, row, room, value);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcard/issue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "vcard/cert.h"
#include "vcard/keys.h"
#include "vcard/store.h"

static const char *const kinds[PIN_COUNT] = {"auth", "sign"};

void issue_init(struct issue *issue)
{
    *issue = (struct issue){.age = ISSUE_FRESH};
    settings_init(&issue->settings);
    state_init(&issue->state);
    person_init(&issue->person);
}

/* Sets the dates that were not given. Real certificates end with the fifth birthday after issue. */
static bool set_dates(struct issue *issue, struct problem *why)
{
    struct date today = date_today();
    struct date issued = date_add(today, 0, -30);
    struct person *person = &issue->person;

    if (issue->age == ISSUE_EXPIRED)
        issued = date_add(today, -6, 0);
    if (issue->age == ISSUE_EXPIRING) {
        struct date end = date_add(today, 0, 20);
        bool is_leap_day = end.month == 2 && end.day == 29;
        issued = date_add(end, -5, 100);
        if (!issue->to.year)
            issue->to = end;
        if (!issue->birth_given) /* so that the end is a birthday, as it has to be */
            person->birth = (struct date){1985, end.month, is_leap_day ? 28 : end.day};
    }
    if (!issue->from.year)
        issue->from = issued;
    if (!issue->to.year)
        issue->to = date_birthday_after(issue->from, person->birth, 5);
    if (date_compare(person->birth, today) > 0)
        return text_problem(why, "the holder is not born yet; give an earlier --birth");
    if (date_compare(issue->from, issue->to) > 0)
        return text_problem(why, "the certificates would end before they begin; check "
                                 "--not-before and --not-after");
    return true;
}

/* Seven significant bits in the first byte: four bytes in DER. */
static bool random_serial(uint32_t *serial)
{
    unsigned char random[3];

    *serial = 0;
    if (RAND_bytes(random, sizeof random) != 1)
        return false;
    *serial = 0x07000000U | (uint32_t)random[0] << 16 | (uint32_t)random[1] << 8 | random[2];
    return true;
}

static bool save_pair(const struct cert_pair *pair, enum pin which, bool with_holder,
                      const char *dir, struct problem *why)
{
    char ca[24], key[24], ca_key[24];

    snprintf(ca, sizeof ca, "%s-ca", kinds[which]);
    snprintf(key, sizeof key, "%s-key.pem", kinds[which]);
    snprintf(ca_key, sizeof ca_key, "%s-ca-key.pem", kinds[which]);
    return cert_save(pair->ca, dir, ca, why) && keys_save(pair->ca_key, dir, ca_key, why) &&
           (!with_holder || (cert_save(pair->holder, dir, kinds[which], why) &&
                             keys_save(pair->key, dir, key, why)));
}

/* Keys from another card save the time that making them takes, which differs much. */
static bool get_keys(struct cert_pair *pair, enum pin which, const char *from, struct problem *why)
{
    char name[24];

    snprintf(name, sizeof name, "%s-ca-key.pem", kinds[which]);
    pair->ca_key = from ? keys_load(from, name, why) : keys_new(why);
    if (!pair->ca_key)
        return false;
    snprintf(name, sizeof name, "%s-key.pem", kinds[which]);
    pair->key = from ? keys_load(from, name, why) : keys_new(why);
    return pair->key;
}

static bool issue_pair(const struct issue *issue, enum pin which, struct cert_pair *pair,
                       const char *dir, struct problem *why)
{
    /* An authority lives ten years and is older than what it issues. */
    struct date ca_from = date_add(issue->from, -1, 0);
    struct cert_times ca = {date_morning(ca_from), date_last_second(date_add(ca_from, 10, -1))};
    struct cert_times holder = {date_first_second(issue->from), date_last_second(issue->to)};
    uint32_t serial;

    if (ca.to < holder.to)
        ca.to = holder.to;
    if (!random_serial(&serial))
        return text_problem(why, "OpenSSL has no random numbers");
    return cert_make(pair, which, &issue->person, serial, ca, holder, why) &&
           save_pair(pair, which, which != PIN_SIGN || issue->settings.sign_cert, dir, why);
}

static void free_pair(struct cert_pair *pair)
{
    X509_free(pair->ca);
    X509_free(pair->holder);
    EVP_PKEY_free(pair->ca_key);
    EVP_PKEY_free(pair->key);
}

/* A folder that holds something is a card that someone needs, or no card's folder at all. */
static bool prepare(const char *dir, bool force, struct problem *why)
{
    bool empty;

    if (!store_make_folder(dir, &empty, why))
        return false;
    if (!empty && !force && store_has(dir, "card.conf"))
        return text_problem(why,
                            "%s holds a card already; choose another folder, or replace the "
                            "card with --force",
                            dir);
    if (!empty && !force)
        return text_problem(why,
                            "%s is not empty; choose another folder, or write into it with "
                            "--force",
                            dir);
    return true;
}

/* So that a card without a signature certificate keeps none from the card before. */
static bool remove_stale(const char *dir, struct problem *why)
{
    static const char *const stale[] = {"card.conf", "sign.der", "sign.pem", "sign-key.pem"};

    for (size_t i = 0; i < sizeof stale / sizeof *stale; i++)
        if (!store_remove(dir, stale[i], why))
            return false;
    return true;
}

bool issue_card(struct issue *issue, const char *dir, struct problem *why)
{
    if (!person_check(&issue->person, why) || !set_dates(issue, why) ||
        !prepare(dir, issue->force, why))
        return false;
    int claim;
    if (!store_claim(dir, &claim, why))
        return false;
    struct cert_pair auth = {0}, sign = {0};
    /* The keys first: the folder that they are taken from may be this one. */
    bool ok = get_keys(&auth, PIN_AUTH, issue->keys, why) &&
              get_keys(&sign, PIN_SIGN, issue->keys, why) && remove_stale(dir, why) &&
              issue_pair(issue, PIN_AUTH, &auth, dir, why) &&
              issue_pair(issue, PIN_SIGN, &sign, dir, why) && state_save(&issue->state, dir, why);
    char *text = ok ? settings_print(&issue->settings) : NULL;
    if (ok && !text)
        ok = text_problem(why, "out of memory");
    /* Last, because a folder with card.conf counts as a card. */
    ok = ok && store_write(dir, "card.conf", 0644, text, strlen(text), why);
    free(text);
    free_pair(&auth);
    free_pair(&sign);
    store_release(claim);
    return ok;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The card's folder: settings, state, damage.
 */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "vcard/keys.h"
#include "vcard/store.h"

static void write_file(const char *name, const char *text)
{
    struct problem why;

    assert_true(store_write(common_dir, name, 0600, text, strlen(text), &why));
}

static void assert_no_card(const char *hint)
{
    struct problem why = {""};

    assert_null(vcard_open(common_dir, NULL, NULL, &why));
    if (!strstr(why.text, hint))
        fail_msg("\"%s\" does not say \"%s\"", why.text, hint);
}

/* Puts other contents into a file, expects the complaint, and puts the old ones back. */
static void damage(const char *name, const char *text, const char *hint)
{
    size_t len;
    struct problem why;
    uint8_t *old = common_file(name, &len);

    write_file(name, text);
    assert_no_card(hint);
    assert_true(store_remove(common_dir, name, &why));
    assert_no_card("is missing");
    assert_true(store_write(common_dir, name, 0600, old, len, &why));
    free(old);
    struct vcard *card = vcard_open(common_dir, NULL, NULL, &why);
    assert_non_null(card);
    vcard_free(card);
}

static void damaged_files(void **state)
{
    (void)state;
    damage("card.conf", "colour = blue\n", "card.conf:1: unknown key \"colour\"");
    damage("card.conf", "# x\nsfi\n", "card.conf:2: write \"key = value\"");
    damage("card.conf", "sfi = maybe\n", "neither yes nor no");
    damage("card.conf", "atr = 3\n", "atr");
    damage("card.conf", "delay-apdu = fast\n", "milliseconds");
    damage("card.conf", "label = 123456789012345678901234567890123\n", "at most 32");
    damage("state", "auth.pin = 1234\n", "state");
    damage("state", "auth.tries = 4\n", "state:1");
    damage("state", "auth.pin = 12345678901234567\n", "state:1");
    damage("state", "nonsense\n", "state:1");
    damage("auth-key.pem", "-----BEGIN PRIVATE KEY-----\n", "no RSA key");
    damage("sign.der", "0", "no whole DER certificate");
    damage("auth-ca.der", "0\x82\x01\x01zzzz", "no whole DER certificate");
}

static void odd_folders(void **state)
{
    struct problem why = {""};

    (void)state;
    assert_null(vcard_open("/nonexistent/card", NULL, NULL, &why));
    assert_non_null(strstr(why.text, "jpki-vcard new"));
    assert_null(vcard_open("/etc/passwd", NULL, NULL, &why));
    assert_non_null(strstr(why.text, "not a folder"));
    struct issue issue;
    issue_init(&issue);
    assert_false(issue_card(&issue, common_dir, &why));
    assert_non_null(strstr(why.text, "--force"));
}

static void assert_file(const char *name, const uint8_t *data, size_t len, bool same)
{
    size_t now_len;
    uint8_t *now = common_file(name, &now_len);

    assert_true((now_len == len && !memcmp(now, data, len)) == same);
    free(now);
}

static void assert_pair(const char *cert_name, const char *key_name)
{
    struct problem why;
    size_t len;
    uint8_t *der = common_file(cert_name, &len);
    const unsigned char *at = der;
    X509 *cert = d2i_X509(NULL, &at, (long)len);
    EVP_PKEY *key = keys_load(common_dir, key_name, &why);

    assert_int_equal(X509_check_private_key(cert, key), 1);
    EVP_PKEY_free(key);
    X509_free(cert);
    free(der);
}

/* The keys of a card serve a new one, in its own folder, too; without them the card stays. */
static void keys_of_another(void **state)
{
    struct problem why = {""};
    struct issue issue;
    size_t key_len, cert_len;
    uint8_t *key = common_file("sign-key.pem", &key_len);
    uint8_t *cert = common_file("sign.der", &cert_len);

    (void)state;
    issue_init(&issue);
    issue.force = true;
    issue.keys = "/nonexistent/card";
    assert_false(issue_card(&issue, common_dir, &why));
    assert_non_null(strstr(why.text, "/nonexistent/card"));
    assert_file("sign-key.pem", key, key_len, true);
    assert_file("sign.der", cert, cert_len, true);
    issue.keys = common_dir;
    assert_true(issue_card(&issue, common_dir, &why));
    assert_file("sign-key.pem", key, key_len, true);
    assert_file("sign.der", cert, cert_len, false);
    assert_pair("sign.der", "sign-key.pem");
    assert_pair("sign-ca.der", "sign-ca-key.pem");
    assert_pair("auth.der", "auth-key.pem");
    assert_pair("auth-ca.der", "auth-ca-key.pem");
    free(key);
    free(cert);
}

static void state_survives(void **state)
{
    struct state before, after;
    struct problem why;

    (void)state;
    state_init(&before);
    before.pin[PIN_AUTH].tries = 1;
    before.pin[PIN_SIGN].len = 3;
    memcpy(before.pin[PIN_SIGN].pin, "\n=\xFF", 3);
    assert_true(state_save(&before, common_dir, &why));
    assert_true(state_load(&after, common_dir, &why));
    assert_memory_equal(&before.pin[PIN_AUTH].pin, "1234", 4);
    assert_int_equal(after.pin[PIN_AUTH].tries, 1);
    assert_int_equal(after.pin[PIN_SIGN].tries, 5);
    assert_int_equal(after.pin[PIN_SIGN].len, 3);
    assert_memory_equal(after.pin[PIN_SIGN].pin, "\n=\xFF", 3);
}

/* What is there stays there when writing fails, and no temporary file is left. */
static void atomic(void **state)
{
    struct problem why;
    struct stat info;
    char path[64];
    size_t len;

    (void)state;
    write_file("x", "old");
    snprintf(path, sizeof path, "%s/x", common_dir);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    ino_t inode = info.st_ino;
    write_file("x", "new");
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_ino != inode); /* replaced, not overwritten */
    assert_false(store_has(common_dir, "x.new"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0); /* a rename that must fail */
    assert_false(store_write(common_dir, "x", 0600, "y", 1, &why));
    assert_false(store_has(common_dir, "x.new"));
    assert_int_equal(rmdir(path), 0);
    assert_null(store_read(common_dir, "x", &len, &why));
    assert_int_equal(len, 0);
}

static void one_reader_at_a_time(void **state)
{
    struct problem why;
    int first, second;

    (void)state;
    assert_true(store_claim(common_dir, &first, &why));
    assert_false(store_claim(common_dir, &second, &why));
    assert_int_equal(second, -1);
    store_release(first);
    assert_true(store_claim(common_dir, &second, &why));
    store_release(second);
}

static void settings_survive(void **state)
{
    struct settings before, after;
    struct problem why;

    (void)state;
    settings_init(&before);
    settings_smartphone(&before);
    assert_true(settings_set(&before, "sfi", "no", &why));
    assert_true(settings_set(&before, "delay-byte", "0.1", &why));
    assert_true(settings_set(&before, "delay-sign", "350", &why));
    assert_true(settings_set(&before, "atr", "3B 88:80", &why));
    char *text = settings_print(&before);
    assert_non_null(text);
    settings_init(&after);
    assert_true(settings_parse(&after, text, "card.conf", &why));
    free(text);
    assert_string_equal(after.label, "JPKIAPGPSETOKEN");
    assert_false(after.sfi);
    assert_true(after.pss);
    assert_true(after.auth_cert_pin);
    assert_int_equal(after.delay_byte_us, 100);
    assert_int_equal(after.delay_sign_us, 350000);
    assert_int_equal(after.atr_len, 3);
    assert_int_equal(after.atr[1], 0x88);
}

static void issued_pins(void **state)
{
    static const char *const good[] = {"ABC123", "1ZZZZZ", "ABCDEFGH12345678"};
    static const char *const bad[] = {"",       "ABC12",  "ABCDEF",           "123456",
                                      "abc123", "ABC 12", "ABCDEFGH123456789"};
    struct state pins;
    struct problem why;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_true(state_issue(&pins, PIN_SIGN, good[i], &why));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(state_issue(&pins, PIN_SIGN, bad[i], &why));
    assert_true(state_issue(&pins, PIN_AUTH, "0000", &why));
    assert_false(state_issue(&pins, PIN_AUTH, "000", &why));
    assert_false(state_issue(&pins, PIN_AUTH, "00000", &why));
    assert_false(state_issue(&pins, PIN_AUTH, "000A", &why));
}

static void texts(void **state)
{
    static const char *const bad[] = {"\xFF",         "\xC0\x80",         "\xED\xA0\x80",
                                      "a\x80",        "\xE3\x81",         "\xF4\x90\x80\x80",
                                      "\xE0\x80\x80", "\xF0\x80\x80\x80", "\x1B[31m"};
    uint64_t us;
    size_t characters;
    unsigned long number;

    (void)state;
    assert_true(text_utf8("架空　太郎", &characters));
    assert_int_equal(characters, 5);
    assert_true(text_utf8("\xF0\xA0\xAE\xB7", &characters)); /* outside the basic plane */
    assert_int_equal(characters, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(text_utf8(bad[i], &characters));
    assert_true(text_milliseconds("0.1", &us));
    assert_int_equal(us, 100);
    assert_true(text_milliseconds("15", &us));
    assert_int_equal(us, 15000);
    assert_false(text_milliseconds("", &us));
    assert_false(text_milliseconds(".", &us));
    assert_false(text_milliseconds("-1", &us));
    assert_false(text_milliseconds("0.0001", &us));
    assert_false(text_milliseconds("99999999999999999999999", &us));
    assert_true(text_number("65535", 65535, &number));
    assert_false(text_number("65536", 65535, &number));
    assert_false(text_number("99999999999999999999999", 65535, &number));
    assert_false(text_number("9", 3, &number));
    assert_false(text_number("1 ", 65535, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(odd_folders),
        cmocka_unit_test(state_survives),
        cmocka_unit_test(atomic),
        cmocka_unit_test(settings_survive),
        cmocka_unit_test(one_reader_at_a_time),
        cmocka_unit_test(issued_pins),
        cmocka_unit_test(keys_of_another),
        cmocka_unit_test(texts),
    };

    return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

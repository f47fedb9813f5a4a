/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/config_state.h"

static struct config config;

static int clear(void **state)
{
    (void)state;
    config_clear(&config);
    return 0;
}

static void load(struct config_sources sources)
{
    config_clear(&config);
    assert_true(config_load(&config, &sources, CONFIG_TOKEN_BOTH));
}

static void load_reserved(const char *reserved)
{
    load((struct config_sources){.reserved = reserved});
}

static void assert_complaint(size_t i, const char *start)
{
    assert_true(i < config.complaint_count);
    if (strncmp(config.complaints[i], start, strlen(start)) != 0)
        assert_string_equal(config.complaints[i], start);
}

static void test_reserved(void **state)
{
    static char big[8192];

    (void)state;
    load_reserved("  isolation=no\tlog.file=\"/a b/c\"  pin.reserve=3 reader.ignore=\"\" ");
    assert_int_equal(config.complaint_count, 0);
    assert_false(config.isolation);
    assert_string_equal(config.log_file, "/a b/c");
    assert_int_equal(config.pin_reserve, 3);
    load_reserved("");
    assert_int_equal(config.complaint_count, 0);
    load_reserved("nonsense pin=1234 [enforced] =x isolation pss=no");
    assert_int_equal(config.complaint_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_null(strstr(config.complaints[i], "1234"));
    assert_complaint(1, "pReserved: word 2 is no setting: ignored");
    assert_false(config.pss);
    load_reserved("log.file=\"/a isolation=no");
    assert_complaint(0, "pReserved: word 1 has a quotation mark in a wrong place");
    assert_null(config.log_file);
    load_reserved("log.file=\"/a\"b isolation=no");
    assert_int_equal(config.complaint_count, 1);
    assert_true(config.isolation);
    load_reserved("isolation=no \x01\x02");
    assert_complaint(0, "pReserved: this is not text: ignored");
    assert_true(config.isolation);
    memset(big, ' ', sizeof(big) - 1);
    memcpy(big, "isolation=no", 12);
    load_reserved(big);
    assert_complaint(0, "pReserved: longer than 4096 bytes: ignored");
    assert_true(config.isolation);
    big[4096] = '\0';
    load_reserved(big);
    assert_false(config.isolation);
}

static void test_debug(void **state)
{
    static const char *const texts[] = {"0", "1", "2", "3", "4"};

    (void)state;
    for (int i = 0; i < 5; i++) {
        load((struct config_sources){.debug = texts[i]});
        assert_int_equal(config.log_level, i);
    }
    load((struct config_sources){.reserved = "log.level=info log.file=/x", .debug = "yes"});
    assert_complaint(0, "JPKI_PKCS11_DEBUG: 'log.level' is 'yes'");
    assert_int_equal(config.log_level, LOG_OFF);
    assert_string_equal(config.log_file, "/x");
}

static void find(const char *config_home, const char *home, const char *expected)
{
    struct config_sources sources = {0};

    if (config_home == NULL)
        unsetenv("XDG_CONFIG_HOME");
    else
        setenv("XDG_CONFIG_HOME", config_home, 1);
    if (home == NULL)
        unsetenv("HOME");
    else
        setenv("HOME", home, 1);
    config_find(&sources);
    if (expected == NULL)
        assert_null(sources.user_file);
    else
        assert_string_equal(sources.user_file, expected);
    config_forget(&sources);
    assert_null(sources.user_file);
    config_forget(&sources);
}

static void test_find(void **state)
{
    struct config_sources sources = {.system_file = "s", .reserved = "r"};

    (void)state;
    find("/c", "/h", "/c/jpki-pkcs11.conf");
    find(NULL, "/h", "/h/.config/jpki-pkcs11.conf");
    find("", "/h", "/h/.config/jpki-pkcs11.conf");
    find("relative", "/h", "/h/.config/jpki-pkcs11.conf");
    find(NULL, "relative", NULL);
    find(NULL, NULL, NULL);
    setenv("JPKI_PKCS11_SLOTS", "auth", 1);
    setenv("JPKI_PKCS11_DEBUG", "", 1);
    config_find(&sources);
    assert_string_equal(sources.slots, "auth");
    assert_null(sources.debug);
    assert_string_equal(sources.system_file, "s");
    assert_string_equal(sources.reserved, "r");
    config_forget(&sources);
}

/* Sets NAME at a place called SOURCE. */
static void set(struct config_state *settings, const char *source, bool stricter_only,
                const char *name, const char *value)
{
    const struct config_place place = {.source = source, .stricter_only = stricter_only};
    config_state_set(settings, &place, name, value);
}

static void expect_origin(struct config_state *settings, enum config_key key, const char *source)
{
    if (source == NULL)
        assert_null(settings->source[key]);
    else
        assert_string_equal(settings->source[key], source);
}

/* Where only what is stricter counts, the rest is not said to come from there. */
static void test_origin(void **state)
{
    struct config_state s;

    (void)state;
    config_state_init(&s, CONFIG_TOKEN_BOTH);
    set(&s, "lax", true, "isolation", "no");
    expect_origin(&s, CONFIG_KEY_ISOLATION, NULL);
    set(&s, "plain", false, "isolation", "no");
    expect_origin(&s, CONFIG_KEY_ISOLATION, "plain");
    set(&s, "strict", true, "isolation", "yes");
    expect_origin(&s, CONFIG_KEY_ISOLATION, "strict");
    set(&s, "wrong", false, "isolation", "maybe");
    expect_origin(&s, CONFIG_KEY_ISOLATION, "strict");
    set(&s, "plain", false, "isolation", "no");
    set(&s, "wrong", false, "isolation", "maybe");
    expect_origin(&s, CONFIG_KEY_ISOLATION, "wrong");
    set(&s, "text", true, "log.file", "/a");
    expect_origin(&s, CONFIG_KEY_LOG_FILE, NULL);
    set(&s, "plain", false, "log.file", "/a");
    set(&s, "wrong", false, "log.file", "no path");
    expect_origin(&s, CONFIG_KEY_LOG_FILE, "plain");
    assert_string_equal(s.text[CONFIG_KEY_LOG_FILE], "/a");
    set(&s, "auth", true, "slots", "auth");
    set(&s, "wider", true, "slots", "both");
    expect_origin(&s, CONFIG_KEY_SLOTS, "auth");
    set(&s, "none", true, "slots", "sign");
    expect_origin(&s, CONFIG_KEY_SLOTS, "none");
    config_state_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_reserved, clear),
        cmocka_unit_test_teardown(test_debug, clear),
        cmocka_unit_test_teardown(test_find, clear),
        cmocka_unit_test(test_origin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/config.h"

static char folder[] = "/tmp/jpki-test-config-XXXXXX";
static char system_file[64];
static char user_file[64];
static struct config config;

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(system_file, sizeof(system_file), "%s/system", folder);
    snprintf(user_file, sizeof(user_file), "%s/user", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int fresh(void **state)
{
    (void)state;
    config_clear(&config);
    unlink(system_file);
    unlink(user_file);
    return 0;
}

static void save(const char *file, const void *data, size_t len)
{
    FILE *f = fopen(file, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

/* Loads what SOURCES name, and these texts (or NULL) as the two files. */
static void load_from(struct config_sources sources, const char *system, const char *user,
                      unsigned tokens)
{
    config_clear(&config);
    if (system != NULL) {
        save(system_file, system, strlen(system));
        sources.system_file = system_file;
    }
    if (user != NULL) {
        save(user_file, user, strlen(user));
        sources.user_file = user_file;
    }
    assert_true(config_load(&config, &sources, tokens));
}

static void load(const char *system, const char *user)
{
    load_from((struct config_sources){0}, system, user, CONFIG_TOKEN_BOTH);
}

static void load_reserved(const char *reserved)
{
    load_from((struct config_sources){.reserved = reserved}, NULL, NULL, CONFIG_TOKEN_BOTH);
}

/* Complaint I is "FILE" (and "END" somewhere in what follows). */
static void assert_complaint(size_t i, const char *file, const char *end)
{
    assert_true(i < config.complaint_count);
    assert_int_equal(strncmp(config.complaints[i], file, strlen(file)), 0);
    if (strstr(config.complaints[i] + strlen(file), end) == NULL)
        assert_string_equal(config.complaints[i] + strlen(file), end);
}

static void assert_defaults(void)
{
    assert_int_equal(config.tokens, CONFIG_TOKEN_BOTH);
    assert_int_equal(config.labels, CONFIG_LABELS_ENGLISH);
    assert_int_equal(config.pin_reserve, 1);
    assert_int_equal(config.pin_cache_seconds, CONFIG_CACHE_AUTO);
    assert_int_equal(config.consent, CONFIG_CONSENT_ALWAYS);
    assert_true(config.isolation);
    assert_true(config.pss);
    assert_true(config.certificates_cache);
    assert_int_equal(config.history, CONFIG_HISTORY_FILE);
    assert_false(config.history_required);
    assert_false(config.history_digests);
    assert_int_equal(config.log_level, LOG_OFF);
    assert_null(config.log_file);
    assert_null(config.reader_ignore);
}

static void test_defaults(void **state)
{
    (void)state;
    load(NULL, NULL);
    assert_defaults();
    assert_int_equal(config.complaint_count, 0);
    load("", "\n\n# comment\n; comment\n  # comment\n \t \n");
    assert_defaults();
    assert_int_equal(config.complaint_count, 0);
    load_from((struct config_sources){.system_file = "/nonexistent/a", .user_file = "/dev/null/a"},
              NULL, NULL, CONFIG_TOKEN_AUTH);
    assert_int_equal(config.complaint_count, 0);
    assert_int_equal(config.tokens, CONFIG_TOKEN_AUTH);
}

/* The value of KEY as a number. */
static long value_of(const char *key)
{
    const struct {
        const char *key;
        long value;
    } all[] = {
        {"slots", (long)config.tokens},
        {"labels", (long)config.labels},
        {"pin.reserve", (long)config.pin_reserve},
        {"pin.cache-seconds", config.pin_cache_seconds},
        {"sign.consent", (long)config.consent},
        {"isolation", config.isolation},
        {"pss", config.pss},
        {"certificates.cache", config.certificates_cache},
        {"history", (long)config.history},
        {"history.required", config.history_required},
        {"history.digests", config.history_digests},
        {"log.level", (long)config.log_level},
        {"reader.pinpad", config.pinpad},
        {"reader.extended", config.reader_extended},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i].key, key) == 0)
            return all[i].value;
    }
    fail_msg("no key %s", key);
    return 0;
}

static void test_right_values(void **state)
{
    static const struct {
        const char *key, *text;
        long value;
    } all[] = {
        {"slots", "auth", 1},
        {"slots", "sign", 2},
        {"slots", "both", 3},
        {"slots", "auth,sign", 3},
        {"slots", "sign , auth", 3},
        {"slots", "auth,auth", 1},
        {"labels", "english", CONFIG_LABELS_ENGLISH},
        {"labels", "japanese", CONFIG_LABELS_JAPANESE},
        {"pin.reserve", "0", 0},
        {"pin.reserve", "4", 4},
        {"pin.reserve", "02", 2},
        {"pin.cache-seconds", "auto", CONFIG_CACHE_AUTO},
        {"pin.cache-seconds", "0", 0},
        {"pin.cache-seconds", "86400", 86400},
        {"sign.consent", "always", CONFIG_CONSENT_ALWAYS},
        {"sign.consent", "session", CONFIG_CONSENT_SESSION},
        {"isolation", "yes", 1},
        {"isolation", "no", 0},
        {"pss", "yes", 1},
        {"pss", "no", 0},
        {"certificates.cache", "yes", 1},
        {"certificates.cache", "no", 0},
        {"history", "no", CONFIG_HISTORY_NO},
        {"history", "file", CONFIG_HISTORY_FILE},
        {"history", "syslog", CONFIG_HISTORY_SYSLOG},
        {"history.required", "yes", 1},
        {"history.required", "no", 0},
        {"history.digests", "yes", 1},
        {"history.digests", "no", 0},
        {"log.level", "off", LOG_OFF},
        {"log.level", "error", LOG_ERROR},
        {"log.level", "warning", LOG_WARNING},
        {"log.level", "info", LOG_INFO},
        {"log.level", "debug", LOG_DEBUG},
        {"log.level", "3", LOG_INFO},
        {"reader.pinpad", "yes", 1},
        {"reader.pinpad", "no", 0},
        {"reader.extended", "yes", 1},
        {"reader.extended", "no", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char text[128];

        snprintf(text, sizeof(text), "%s = %s\n", all[i].key, all[i].text);
        load(NULL, text);
        assert_int_equal(config.complaint_count, 0);
        assert_int_equal(value_of(all[i].key), all[i].value);
        snprintf(text, sizeof(text), "%s=\"%s\"", all[i].key, all[i].text);
        load_reserved(text);
        assert_int_equal(config.complaint_count, 0);
        assert_int_equal(value_of(all[i].key), all[i].value);
    }
}

/* A wrong line, after a line with each value: what then holds is the stricter of that and the
 * default. The complaint says what is allowed. */
static void test_wrong_values(void **state)
{
    static const struct {
        const char *key, *before, *wrong;
        long value;
        const char *complaint;
    } all[] = {
        {"slots", "auth", "none", 1,
         "'slots' is 'none', but must be auth, sign, both or several of them with commas between"},
        {"slots", "both", "auth,", 3, "'slots' is 'auth,', but must be auth"},
        {"slots", "sign", "", 2, "'slots' is '', but must be auth"},
        {"labels", "japanese", "German", CONFIG_LABELS_ENGLISH,
         "'labels' is 'German', but must be english or japanese"},
        {"pin.reserve", "0", "5", 1,
         "'pin.reserve' has a wrong value; it must be a number from 0 "
         "to 4"},
        {"pin.reserve", "3", "-1", 3, "'pin.reserve' has a wrong value"},
        {"pin.reserve", "3", "1x", 3, "'pin.reserve' has a wrong value"},
        {"pin.reserve", "3", "99999999999999999999", 3, "'pin.reserve' has a wrong value"},
        {"pin.cache-seconds", "60", "86401", 60,
         "'pin.cache-seconds' has a wrong value; it must be auto or a number from 0 to 86400"},
        {"pin.cache-seconds", "0", "never", 0, "'pin.cache-seconds' has a wrong value"},
        {"pin.cache-seconds", "auto", "", CONFIG_CACHE_AUTO, "'pin.cache-seconds' has a wrong"},
        {"sign.consent", "session", "never", CONFIG_CONSENT_ALWAYS,
         "'sign.consent' is 'never', but must be always or session"},
        {"isolation", "no", "maybe", 1, "'isolation' is 'maybe', but must be yes or no"},
        {"isolation", "yes", "No", 1, "'isolation' is 'No', but must be yes or no"},
        {"pss", "no", "0", 1, "'pss' is '0', but must be yes or no"},
        {"history", "no", "off", CONFIG_HISTORY_NO,
         "'history' is 'off', but must be no, file or syslog"},
        {"history", "syslog", "files", CONFIG_HISTORY_SYSLOG, "'history' is 'files'"},
        {"history.required", "yes", "1", 1, "'history.required' is '1', but must be yes or no"},
        {"history.required", "no", "ja", 0, "'history.required' is 'ja'"},
        {"history.digests", "yes", "1", 0, "'history.digests' is '1', but must be yes or no"},
        {"log.level", "debug", "all", LOG_OFF,
         "'log.level' is 'all', but must be off, error, warning, info, debug or a number from 0 "
         "to 4"},
        {"log.level", "debug", "5", LOG_OFF, "'log.level' is '5'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char text[256];

        snprintf(text, sizeof(text), "%s = %s\n\n%s = %s\n", all[i].key, all[i].before, all[i].key,
                 all[i].wrong);
        load(NULL, text);
        assert_int_equal(config.complaint_count, 1);
        assert_complaint(0, user_file, all[i].complaint);
        assert_complaint(0, user_file, ":3: ");
        assert_int_equal(value_of(all[i].key), all[i].value);
    }
}

static void test_texts(void **state)
{
    (void)state;
    load("log.file = /var/log/j.log\nreader.ignore = *(PICC)*\n",
         "log.file=/tmp/a=b c ; comment\n");
    assert_string_equal(config.log_file, "/tmp/a=b c");
    assert_string_equal(config.reader_ignore, "*(PICC)*");
    load("log.file = /a\nreader.ignore = x\n", "log.file =\nreader.ignore =\n");
    assert_null(config.log_file);
    assert_null(config.reader_ignore);
    assert_int_equal(config.complaint_count, 0);
    load("log.file = /a\n", "log.file = relative\n");
    assert_string_equal(config.log_file, "/a");
    assert_complaint(0, user_file,
                     ":1: 'log.file' is 'relative', but must be a path that begins "
                     "with /");
}

static void test_order(void **state)
{
    const struct config_sources all = {
        .reserved = "pin.reserve=4", .slots = "auth", .debug = "info"};

    (void)state;
    load("pin.reserve = 2\nisolation = no\nlog.level = debug\nlog.file = /x\n",
         "pin.reserve = 3\npin.reserve = 0\n");
    assert_int_equal(config.pin_reserve, 0); /* the last line of the last source */
    assert_false(config.isolation);
    assert_string_equal(config.log_file, "/x");
    load_from(all, "pin.reserve = 2\nlog.level = debug\nlog.file = /x\n", "pin.reserve = 3\n", 3);
    assert_int_equal(config.pin_reserve, 4);
    assert_int_equal(config.tokens, CONFIG_TOKEN_AUTH);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_null(config.log_file); /* to standard error */
    assert_int_equal(config.complaint_count, 0);
}

static void test_enforced(void **state)
{
    const struct config_sources more = {.reserved = "pin.reserve=0 labels=japanese",
                                        .debug = "debug"};

    (void)state;
    load_from(more,
              "pin.reserve = 0\n[enforced]\npin.reserve = 1\npin.reserve = 2\nlog.level = error\n"
              "log.file = /x\n",
              "pin.reserve = 4\nlog.file = /y\nlog.file = /x\n", 3);
    assert_int_equal(config.pin_reserve, 2);
    assert_int_equal(config.labels, CONFIG_LABELS_JAPANESE);
    assert_int_equal(config.log_level, LOG_ERROR);
    assert_string_equal(config.log_file, "/x");
    assert_int_equal(config.complaint_count, 4);
    assert_complaint(0, user_file, ":1: 'pin.reserve' is enforced by the system's settings");
    assert_complaint(1, user_file, ":2: 'log.file' is enforced");
    assert_complaint(2, "pReserved: 'pin.reserve' is enforced", "");
    assert_complaint(3, "JPKI_PKCS11_DEBUG: 'log.level' is enforced", "");
    /* A wrong value stands too, as the stricter one; a wrong value later changes nothing. */
    load("isolation = no\n[enforced]\nisolation = maybe\nlabels = japanese\n",
         "isolation = no\nlabels = no\n");
    assert_true(config.isolation);
    assert_int_equal(config.labels, CONFIG_LABELS_JAPANESE);
    assert_int_equal(config.complaint_count, 3);
}

/* A section that is none: its settings count only where they make things stricter. */
static void test_other_sections(void **state)
{
    static const char *const headers[] = {"[enforce]",    "[enforced",    "[Enforced]", "[]",
                                          "[ enforced ]", "[enforced] x", "[",          "[?]"};

    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        char text[256];

        snprintf(text, sizeof(text),
                 "isolation = no\n%s\nisolation = yes\npin.reserve = 0\nlabels = japanese\n"
                 "log.file = /x\n",
                 headers[i]);
        load(text, "isolation = no\npin.reserve = 0\n");
        assert_complaint(0, system_file, ":2: there is no such section");
        assert_true(config.isolation);
        assert_int_equal(config.pin_reserve, 1);
        assert_int_equal(config.labels, CONFIG_LABELS_ENGLISH);
        assert_null(config.log_file);
    }
    load(NULL, "[enforced]\nisolation = no\npin.reserve = 3\n");
    assert_int_equal(config.complaint_count, 1);
    assert_complaint(0, user_file, ":1: only the system's settings can have the section");
    assert_true(config.isolation);
    assert_int_equal(config.pin_reserve, 3);
    load("[enforced] \t\nisolation = yes\n", "isolation = no\n");
    assert_true(config.isolation);
}

static void test_slots(void **state)
{
    struct config_sources env = {.slots = "sign"};

    (void)state;
    load_from((struct config_sources){0}, NULL, "slots = both\n", CONFIG_TOKEN_SIGN);
    assert_int_equal(config.tokens, CONFIG_TOKEN_SIGN);
    load_from((struct config_sources){0}, NULL, "slots = sign\n", CONFIG_TOKEN_AUTH);
    assert_int_equal(config.tokens, 0);
    assert_complaint(0, user_file, ":1: 'slots' leaves no token of this module to show");
    load("slots = auth\n", "slots = both\n");
    assert_int_equal(config.tokens, CONFIG_TOKEN_BOTH);
    load_from(env, "[enforced]\nslots = both\n", NULL, CONFIG_TOKEN_BOTH);
    assert_int_equal(config.tokens, CONFIG_TOKEN_SIGN);
    load_from(env, "[enforced]\nslots = auth\n", NULL, CONFIG_TOKEN_BOTH);
    assert_int_equal(config.tokens, 0);
    env.slots = "everything";
    load_from(env, "slots = auth\n", NULL, CONFIG_TOKEN_BOTH);
    assert_int_equal(config.tokens, CONFIG_TOKEN_AUTH);
    assert_complaint(0, "JPKI_PKCS11_SLOTS: 'slots' is 'everything'", "");
}

static void test_unknown_keys(void **state)
{
    (void)state;
    load(NULL, "isolatoin = no\nPSS = no\npin_reserve = 0\nfrobnicate = 1\n= 1\n"
               "a-name-that-is-longer-than-anything-we-know = 1\n");
    assert_defaults();
    assert_int_equal(config.complaint_count, 6);
    assert_complaint(0, user_file, ":1: there is no setting 'isolatoin'; is 'isolation' meant?");
    assert_complaint(1, user_file, ":2: there is no setting 'PSS'; is 'pss' meant?");
    assert_complaint(2, user_file, "is 'pin.reserve' meant?");
    assert_complaint(3, user_file, ":4: there is no setting 'frobnicate'");
    assert_null(strstr(config.complaints[3], "meant"));
}

/* Lines that inih would read as something else. Each follows "isolation = no", in line 2. */
static void test_refused_lines(void **state)
{
    char long_line[400];
    const struct {
        const char *line;
        const char *complaint;
    } all[] = {
        {" isolation = no", ":2: the line is indented"},
        {"\tisolation = no", ":2: the line is indented"},
        {"isolation no", ":2: the line is not of the form 'key = value'"},
        {"isolation", ":2: the line is not of the form"},
        {"isolation ; = no", ":2: the line is not of the form"},
        {"isolation = no\x01", ":2: the line holds a control character"},
        {"isolation = no\rlabels = japanese", ":2: the line holds a control character"},
        {long_line, ":2: the line is too long"},
    };

    (void)state;
    memset(long_line, ' ', sizeof(long_line));
    memcpy(long_line, "isolation = no", 14);
    memcpy(long_line + 199, "labels = japanese", 18); /* what would be a line of its own */
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char text[1024];

        snprintf(text, sizeof(text), "isolation = no\n%s\npin.reserve = 3\n", all[i].line);
        load(NULL, text);
        assert_int_equal(config.complaint_count, 1);
        assert_complaint(0, user_file, all[i].complaint);
        assert_true(config.isolation); /* the stricter one, as after any wrong line */
        assert_int_equal(config.labels, CONFIG_LABELS_ENGLISH);
        assert_int_equal(config.pin_reserve, 3); /* the next line counts */
    }
}

static void test_longest_line(void **state)
{
    char text[256] = "log.file = /";

    (void)state;
    for (size_t len = 150; len < 220; len++) {
        memset(text + 12, 'x', len - 12);
        strcpy(text + len, "\n");
        load(NULL, text);
        if (config.complaint_count == 0)
            assert_int_equal(strlen(config.log_file), len - 11);
        else
            assert_null(config.log_file);
        assert_int_equal(config.complaint_count, len <= 198 ? 0 : 1);
    }
}

static void test_nul(void **state)
{
    static const char text[] = "isolation = no\npss = no\0 and more\nlabels = japanese\n";
    const struct config_sources sources = {.user_file = user_file};

    (void)state;
    save(user_file, text, sizeof(text) - 1);
    config_clear(&config);
    assert_true(config_load(&config, &sources, 3));
    assert_complaint(0, user_file, ":2: the line holds a control character");
    assert_true(config.pss);
    assert_int_equal(config.labels, CONFIG_LABELS_JAPANESE);
}

static void test_ends_and_marks(void **state)
{
    (void)state;
    load("\xef\xbb\xbfisolation = no\r\npss = no\r\n\r\n[enforced]\r\nlabels = japanese",
         "\xef\xbb\xbf");
    assert_int_equal(config.complaint_count, 0);
    assert_false(config.isolation);
    assert_false(config.pss);
    assert_int_equal(config.labels, CONFIG_LABELS_JAPANESE);
}

/* Settings in a file that may not be used do not count, and it is said why. */
static void test_files(void **state)
{
    const struct config_sources sources = {.system_file = system_file, .user_file = user_file};
    static char big[65538];

    (void)state;
    load("isolation = no\n", NULL);
    assert_int_equal(chmod(system_file, 0646), 0);
    config_clear(&config);
    assert_true(config_load(&config, &sources, 3));
    assert_complaint(0, system_file, ": everybody may write to this file: ignored");
    assert_true(config.isolation);
    unlink(system_file);
    assert_int_equal(mkdir(system_file, 0700), 0);
    assert_int_equal(mkfifo(user_file, 0600), 0);
    config_clear(&config);
    assert_true(config_load(&config, &sources, 3));
    assert_complaint(0, system_file, ": this is not a file: ignored");
    assert_complaint(1, user_file, ": this is not a file: ignored");
    rmdir(system_file);
    unlink(user_file);
    memset(big, '\n', sizeof(big));
    memcpy(big, "pss=no", 6);
    for (size_t len = 65536; len <= 65537; len++) {
        save(system_file, big, len);
        config_clear(&config);
        assert_true(config_load(&config, &sources, 3));
        assert_int_equal(config.complaint_count, len - 65536);
        assert_int_equal(config.pss, len > 65536);
    }
    assert_complaint(0, system_file, ": longer than 65536 bytes: ignored");
}

/* Root follows no link that somebody else may have set; the owner's own file is needed too. */
static void test_links_and_owners(void **state)
{
    const struct config_sources sources = {.user_file = user_file};

    (void)state;
    save(system_file, "isolation = no\n", 15);
    assert_int_equal(symlink(system_file, user_file), 0);
    config_clear(&config);
    assert_true(config_load(&config, &sources, 3));
    assert_int_equal(config.isolation, geteuid() == 0);
    assert_int_equal(config.complaint_count, geteuid() == 0 ? 1 : 0);
    unlink(user_file);
    if (geteuid() != 0)
        skip();
    assert_complaint(0, user_file, ": cannot be opened: ");
    assert_int_equal(rename(system_file, user_file), 0);
    assert_int_equal(chown(user_file, 65534, 65534), 0);
    config_clear(&config);
    assert_true(config_load(&config, &sources, 3));
    assert_complaint(0, user_file, ": this file belongs to somebody else: ignored");
    assert_true(config.isolation);
}

static void test_many_complaints(void **state)
{
    char text[2000] = "";

    (void)state;
    for (int i = 0; i < 100; i++)
        strcat(text, "x\x1b[1m = \xc2\x9b 1\n");
    load(NULL, text);
    assert_int_equal(config.complaint_count, 32);
    assert_complaint(31, user_file, ":32: there is more to complain about from here on");
    for (size_t i = 0; i < 32; i++)
        assert_null(strchr(config.complaints[i], '\x1b'));
    load(NULL, "labels = \xc2\x9b\x31m\xe3\x81\x82\n");
    assert_complaint(0, user_file, ":1: 'labels' is '??1m\xe3\x81\x82', but");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),        TEST(test_right_values), TEST(test_wrong_values),
        TEST(test_texts),           TEST(test_order),        TEST(test_enforced),
        TEST(test_other_sections),  TEST(test_slots),        TEST(test_unknown_keys),
        TEST(test_refused_lines),   TEST(test_longest_line), TEST(test_nul),
        TEST(test_ends_and_marks),  TEST(test_files),        TEST(test_links_and_owners),
        TEST(test_many_complaints),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The rows, compared with docs/card.md written out a second time.
 */
#include "common.h"

#include <string.h>

#include "card/profile.h"

static const struct profile *find(const char *label)
{
    return profile_find(bytes_of_text(label));
}

static void check_key(const struct profile *p, enum card_role role, unsigned key,
                      unsigned certificate, unsigned ca, unsigned pin)
{
    assert_int_equal(p->keys[role].key, key);
    assert_int_equal(p->keys[role].certificate, certificate);
    assert_int_equal(p->keys[role].ca, ca);
    assert_int_equal(p->keys[role].pin.file, pin);
}

static void check_common(const struct profile *p)
{
    assert_non_null(p);
    check_key(p, CARD_AUTH, 0x0017, 0x000A, 0x000B, 0x0018);
    check_key(p, CARD_SIGN, 0x001A, 0x0001, 0x0002, 0x001B);
    const struct profile_pin *auth = &p->keys[CARD_AUTH].pin;
    const struct profile_pin *sign = &p->keys[CARD_SIGN].pin;
    assert_int_equal(auth->min, 4);
    assert_int_equal(auth->max, 4);
    assert_int_equal(auth->alphabet, PROFILE_DIGITS);
    assert_int_equal(auth->tries, 3);
    assert_int_equal(sign->min, 6);
    assert_int_equal(sign->max, 16);
    assert_int_equal(sign->alphabet, PROFILE_UPPER_DIGITS);
    assert_int_equal(sign->tries, 5);
    assert_int_equal(p->keys[CARD_SIGN].presence_offset, 0);
    assert_int_equal(p->keys[CARD_AUTH].presence_offset, 1);
    assert_true(p->keys[CARD_SIGN].certificate_private);
    assert_int_equal(p->signature, 256);
}

static void test_rows(void **state)
{
    (void)state;
    check_common(find("JPKIAPICCTOKEN2"));
    check_common(find("JPKIAPGPSETOKEN"));
    check_common(find("JPKIAPIOSTOKEN"));
    assert_false(find("JPKIAPICCTOKEN2")->keys[CARD_AUTH].certificate_private);
    assert_true(find("JPKIAPGPSETOKEN")->keys[CARD_AUTH].certificate_private);
    assert_true(find("JPKIAPIOSTOKEN")->keys[CARD_AUTH].certificate_private);
    assert_true(find("JPKIAPICCTOKEN2")->pss);
}

/* The label is compared as a whole: the old resident's card's is a beginning of ours. */
static void test_other_labels(void **state)
{
    static const char *const labels[] = {"",
                                         "JPKIAPICCTOKEN",
                                         "JPKIAPICCTOKEN1",
                                         "JPKIAPICCTOKEN3",
                                         "JPKIAPICCTOKEN22",
                                         "JPKI",
                                         "jpkiapicctoken2",
                                         "JPKIAPICCTOKEN2 ",
                                         " JPKIAPICCTOKEN2",
                                         "JPKIAPGPSE",
                                         "JPKIAPIOSTOKEN\n",
                                         "OpenSC Card"};
    (void)state;
    for (size_t i = 0; i < COUNT(labels); i++)
        if (find(labels[i]) != NULL)
            fail_msg("'%s' is known", labels[i]);
    assert_null(profile_find(bytes_of("JPKIAPICCTOKEN2", 16))); /* with a zero byte */
    assert_null(profile_find(bytes_of(NULL, 0)));
}

static void test_aid(void **state)
{
    const uint8_t aid[] = {0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
    (void)state;
    assert_int_equal(profile_aid.len, sizeof(aid));
    assert_memory_equal(profile_aid.data, aid, sizeof(aid));
}

#define ATR(bytes) bytes_of(bytes, sizeof(bytes) - 1)

/* No answer to reset that a My Number Card was seen with may keep it from being asked. */
static void test_our_answers(void **state)
{
    const struct bytes ours[] = {
        ATR("\x3B\xE0\x00\xFF\x81\x31\xFE\x45\x14"),
        ATR("\x3B\xDA\x13\xFF\x81\x31\xFB\x46\x80\x12\x39\x2F\x31\xC1\x73\xC6\x01\xC0\x3B"),
        ATR("\x3B\xC5\xFF\x81\x31\xFB\x45\x80\x73\xC6\x01\x00\x00"),
        ATR("\x3B\xF5\x91\x00\xFF\x91\x81\x71\xFE\x40\x00\x42\x00\x01\x00\xD1\xD6"),
        ATR("\x3B\xF5\x91\x00\xFF\x91\x81\x71\xFE\x40\x00\x42\x00\x01\xB3\xA1\x15"),
        ATR("\x3B\x88\x80\x01\x00\x00\x05\xE0\xB3\x81\xA1\x00\x7F"),
        ATR("\x3B\x88\x80\x01\x00\x00\x41\xE0\xB3\x81\xA1\x00\x3B"),
        ATR("\x3B\x88\x80\x01\x00\x4B\x51\xFF\xB3\x81\xD1\x00\x0F"),
        ATR("\x3B\x88\x80\x01\x00\x4B\x51\xFF\x00\x81\xD1\x00\xBC"),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(ours); i++)
        assert_false(profile_known_foreign(ours[i]));
}

/* A FeliCa Lite in a PC/SC reader, and a security key. */
static void test_foreign_answers(void **state)
{
    struct bytes ticket =
        ATR("\x3B\x8F\x80\x01\x80\x4F\x0C\xA0\x00\x00\x03\x06\x11\x00\x3B\x00\x00\x00\x00\x42");
    struct bytes key = ATR("\x3B\xF8\x13\x00\x00\x81\x31\xFE\x15\x59\x75\x62\x69\x6B\x65\x79\x34"
                           "\xD4");
    (void)state;
    assert_true(profile_known_foreign(ticket));
    assert_true(profile_known_foreign(key));
    /* Cut short it is no longer known: then the card is asked. */
    for (size_t len = 0; len < 12; len++) {
        assert_false(profile_known_foreign(bytes_first(ticket, len)));
        assert_false(profile_known_foreign(bytes_first(key, len)));
    }
}

static void test_any_length(void **state)
{
    uint8_t atr[33];
    (void)state;
    for (unsigned fill = 0; fill <= 0xFF; fill++) {
        memset(atr, (int)fill, sizeof(atr));
        for (size_t len = 0; len <= sizeof(atr); len++)
            assert_false(profile_known_foreign(bytes_of(atr, len)));
    }
    assert_false(profile_known_foreign(bytes_of(NULL, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_other_labels),
        cmocka_unit_test(test_aid),
        cmocka_unit_test(test_our_answers),
        cmocka_unit_test(test_foreign_answers),
        cmocka_unit_test(test_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

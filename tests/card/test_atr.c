/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Answers to reset: those that the card and its relatives were seen with (docs/card.md), and what
 * can be made of them.
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include "card/atr.h"
#include "vcard/text.h"

static size_t take(const char *hex, uint8_t atr[64])
{
    size_t len;
    assert_true(text_hex(hex, atr, 64, &len));
    return len;
}

static bool announces(const char *hex)
{
    uint8_t atr[64];
    return atr_announces_extended(bytes_of(atr, take(hex, atr)));
}

static void test_seen(void **state)
{
    (void)state;
    assert_false(announces("3BE000FF8131FE4514"));
    assert_true(announces("3BDA13FF8131FB468012392F31C173C601C03B"));
    assert_false(announces("3BC5FF8131FB458073C6010000"));
    assert_false(announces("3BF59100FF918171FE400042000100D1D6"));
    assert_false(announces("3BF59100FF918171FE4000420001B3A115"));
    assert_false(announces("3B888001000005E0B381A1007F"));
    assert_false(announces("3B888001000041E0B381A1003B"));
    assert_false(announces("3B888001004B51FFB381D1000F"));
    assert_false(announces("3B888001004B51FF0081D100BC"));
}

/* The bit, and no other, in this byte and no other. */
static void test_bit(void **state)
{
    uint8_t atr[64];
    size_t len = take("3BC5FF8131FB458073C6010000", atr);
    (void)state;
    for (unsigned value = 0; value <= 0xFF; value++) {
        atr[11] = (uint8_t)value;
        assert_int_equal(atr_announces_extended(bytes_of(atr, len)), (value & 0x40) != 0);
    }
    atr[11] = 0;
    for (unsigned value = 0; value <= 0xFF; value++) {
        atr[9] = atr[10] = (uint8_t)value;
        assert_false(atr_announces_extended(bytes_of(atr, len)));
    }
}

/* Only bytes that say themselves that they are data objects. */
static void test_category(void **state)
{
    uint8_t atr[64];
    size_t len = take("3BC5FF8131FB458073C601C000", atr);
    (void)state;
    for (unsigned category = 0; category <= 0xFF; category++) {
        atr[7] = (uint8_t)category;
        assert_int_equal(atr_announces_extended(bytes_of(atr, len)), category == 0x80);
    }
}

/* Capabilities of one and two bytes say nothing of lengths; more than three do. */
static void test_lengths_of_capabilities(void **state)
{
    (void)state;
    assert_false(announces("3B028070"));
    assert_false(announces("3B038071FF"));
    assert_false(announces("3B048072FFFF"));
    assert_true(announces("3B058073000040"));
    assert_true(announces("3B06807400004000"));
    assert_true(announces("3B0780517373000040")); /* another object before them */
    assert_false(announces("3B058053730040"));    /* only the value of another */
    assert_false(announces("3B048073FFFF"));      /* cut off */
}

/* Cut off anywhere, also where more is promised than there is. */
static void test_every_length(void **state)
{
    uint8_t atr[64];
    size_t len = take("3BDA13FF8131FB468012392F31C173C601C03B", atr);
    (void)state;
    for (size_t n = 0; n < len - 1; n++) {
        uint8_t *exact = malloc(n > 0 ? n : 1);
        assert_non_null(exact);
        memcpy(exact, atr, n);
        assert_false(atr_announces_extended(bytes_of(exact, n)));
        free(exact);
    }
    assert_true(atr_announces_extended(bytes_of(atr, len - 1))); /* without its check byte */
}

/* Interface bytes without an end. */
static void test_chain(void **state)
{
    uint8_t atr[33];
    (void)state;
    memset(atr, 0xFF, sizeof(atr));
    assert_false(atr_announces_extended(bytes_of(atr, sizeof(atr))));
    memset(atr, 0x80, sizeof(atr));
    assert_false(atr_announces_extended(bytes_of(atr, sizeof(atr))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seen),         cmocka_unit_test(test_bit),
        cmocka_unit_test(test_category),     cmocka_unit_test(test_lengths_of_capabilities),
        cmocka_unit_test(test_every_length), cmocka_unit_test(test_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

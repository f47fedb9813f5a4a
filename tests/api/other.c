/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "other.h"

#include <stdio.h>
#include <string.h>

#define SELECT_JPKI "00A4040C0AD392F000260100000001"
#define SELECT_ISSUER "00A4040C07A0000001510000"

const unsigned other_full[2] = {3, 5};

static void select_pin(enum role role)
{
    const char *file = role == AUTH ? "00A4020C020018" : "00A4020C02001B";
    assert_int_equal(world_other_program(READER_1, SELECT_JPKI), 0x9000);
    assert_int_equal(world_other_program(READER_1, file), 0x9000);
}

/* Ends every PIN's verification. */
static void leave(void)
{
    assert_int_equal(world_other_program(READER_1, SELECT_ISSUER), 0x9000);
}

static unsigned send_text(const char *head, const char *text)
{
    char hex[128];
    int n = snprintf(hex, sizeof(hex), "%s%02zX", head, strlen(text));
    for (const char *p = text; *p != '\0'; p++)
        n += snprintf(hex + n, sizeof(hex) - (size_t)n, "%02X", (unsigned char)*p);
    return world_other_program(READER_1, hex);
}

unsigned other_tries(enum role role)
{
    select_pin(role);
    unsigned sw = world_other_program(READER_1, "00200080");
    if (sw == 0x6984)
        return 0;
    assert_int_equal(sw & 0xFFF0, 0x63C0);
    return sw & 0x0F;
}

unsigned other_signs(enum role role)
{
    const char *key = role == AUTH ? "00A4020C020017" : "00A4020C02001A";
    assert_int_equal(world_other_program(READER_1, SELECT_JPKI), 0x9000);
    assert_int_equal(world_other_program(READER_1, key), 0x9000);
    return world_other_program(READER_1, "802A00800301020300");
}

bool other_finds_closed(void)
{
    return other_signs(AUTH) == 0x6982 && other_signs(SIGN) == 0x6982 &&
           world_other_program(READER_1, "00A4020C020001") == 0x9000 &&
           world_other_program(READER_1, "00B0000000") == 0x6982;
}

unsigned other_verifies(enum role role, const char *text)
{
    select_pin(role);
    unsigned sw = send_text("00200080", text);
    leave();
    return sw;
}

void other_changes(enum role role, const char *old, const char *text)
{
    select_pin(role);
    assert_int_equal(send_text("00200080", old), 0x9000);
    assert_int_equal(send_text("00240180", text), 0x9000);
    leave();
}

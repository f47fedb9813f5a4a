/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * VERIFY and CHANGE REFERENCE DATA: tries, locks, what survives a restart, and when a login ends.
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#define WRONG_AUTH "002000980439393939"
#define WRONG_SIGN "0020009B06414243313234"
#define SIGN_AUTH "802A009701AA00"
#define SIGN_SIGN "802A009A01AA00"

/* The card in another process: only what was written down is still known. */
static struct vcard *reopen(void)
{
    struct problem why;
    struct vcard *card = vcard_open(common_dir, NULL, NULL, &why);

    assert_non_null(card);
    vcard_power_on(card);
    assert_sw(card, SELECT_JPKI, 0x9000);
    return card;
}

static void queries(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, "00200080", 0x6986);
    assert_sw(*state, "00200098", 0x63C3);
    assert_sw(*state, "0020009B", 0x63C5);
    assert_sw(*state, "00A4020C020018", 0x9000);
    assert_sw(*state, "00200080", 0x63C3);
    assert_sw(*state, "0020008000", 0x6700); /* with Le */
    assert_sw(*state, VERIFY_AUTH, 0x9000);
    assert_sw(*state, "00200080", 0x63C3); /* never 9000 */
    assert_sw(*state, "00A4020C020006", 0x9000);
    assert_sw(*state, "00200080", 0x6981);
}

static void bad_references(void **state)
{
    static const char *const bad[] = {"00200000", "00200018", "00200097", "0020009A",
                                      "00200083", "0020009F", "002000F8", "00200180"};
    struct vcard *card = *state;

    assert_sw(card, SELECT_JPKI, 0x9000);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_sw(card, bad[i], 0x6A86);
    card->settings.sfi = false;
    assert_sw(card, "00200098", 0x6A86);
    assert_sw(card, "00A4020C020018", 0x9000);
    assert_sw(card, "00200080", 0x63C3);
    assert_sw(card, "002000800431323334", 0x9000);
}

static void impossible_lengths(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state,
              "0020009811"
              "3132333431323334313233343132333431",
              0x6700);
    assert_sw(*state, "00200098043132333400", 0x6700);
    assert_sw(*state, "0020009805313233", 0x6700);
    assert_sw(*state, "00200098", 0x63C3);
    assert_sw(*state, "0020009803313233", 0x63C2);
    assert_sw(*state, "00200098053132333435", 0x63C1);
    assert_sw(*state, VERIFY_AUTH, 0x9000);
    assert_sw(*state, "00200098", 0x63C3);
}

static void lock_auth(void **state)
{
    struct vcard *card = *state;

    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_sw(card, WRONG_AUTH, 0x63C2);
    assert_sw(card, "00200098", 0x63C2);
    assert_sw(card, WRONG_AUTH, 0x63C1);
    assert_sw(card, WRONG_AUTH, 0x63C0);
    assert_sw(card, "00200098", 0x6984);
    assert_sw(card, VERIFY_AUTH, 0x6984); /* even the right one */
    assert_sw(card, SIGN_AUTH, 0x6982);
    assert_sw(card, "00B08A0004", 0x9000);
    assert_sw(card, "0020009B", 0x63C5);
    card->settings.old_lock = true;
    assert_sw(card, "00200098", 0x63C0);
    assert_sw(card, VERIFY_AUTH, 0x6984);
    struct vcard *again = reopen();
    assert_sw(again, "00200098", 0x6984);
    assert_sw(again, VERIFY_AUTH, 0x6984);
    assert_sw(again, VERIFY_SIGN, 0x9000);
    vcard_free(again);
}

static void lock_sign(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    for (unsigned left = 5; left-- > 0;)
        assert_sw(*state, WRONG_SIGN, 0x63C0 | left);
    assert_sw(*state, VERIFY_SIGN, 0x6984);
    assert_sw(*state, "00B0810004", 0x6982);
    assert_sw(*state, VERIFY_AUTH, 0x9000);
}

static void tries_survive(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, WRONG_AUTH, 0x63C2);
    struct vcard *again = reopen();
    assert_sw(again, "00200098", 0x63C2);
    assert_sw(again, VERIFY_AUTH, 0x9000);
    vcard_free(again);
    again = reopen();
    assert_sw(again, "00200098", 0x63C3);
    assert_sw(again, SIGN_AUTH, 0x6982);
    vcard_free(again);
}

static void lower_case_is_wrong(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, "0020009B06616263313233", 0x63C4);
}

static void login(struct vcard *card)
{
    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_sw(card, VERIFY_AUTH, 0x9000);
    assert_sw(card, VERIFY_SIGN, 0x9000);
}

static void assert_logged_in(struct vcard *card, bool auth, bool sign)
{
    assert_sw(card, SIGN_AUTH, auth ? 0x9000 : 0x6982);
    assert_sw(card, SIGN_SIGN, sign ? 0x9000 : 0x6982);
    assert_sw(card, "00B0810004", sign ? 0x9000 : 0x6982);
}

static void login_is_kept(void **state)
{
    login(*state);
    assert_logged_in(*state, true, true);
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_logged_in(*state, true, true);
    assert_sw(*state, "00A4040C05AABBCCDDEE", 0x6A82);
    assert_sw(*state, "00200098", 0x63C3);
    assert_logged_in(*state, true, true);
    vcard_reset(*state);
    assert_sw(*state, SIGN_AUTH, 0x6D00); /* the security domain is selected */
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_logged_in(*state, true, true);
}

static void login_ends(void **state)
{
    static const char *const others[] = {SELECT_ISD, SELECT_KENMEN,
                                         "00A4040C0AD3921000310001010100"};
    struct vcard *card = *state;

    for (size_t i = 0; i < 3; i++) {
        login(card);
        assert_sw(card, others[i], 0x9000);
        assert_int_not_equal(common_send(card, SIGN_AUTH), 0x9000);
        assert_sw(card, SELECT_JPKI, 0x9000);
        assert_logged_in(card, false, false);
    }
    login(card);
    vcard_power_off(card);
    vcard_power_on(card);
    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_logged_in(card, false, false);
    login(card);
    vcard_power_on(card); /* a cold reset without power off before */
    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_logged_in(card, false, false);
}

static void login_on_odd_chips(void **state)
{
    struct vcard *card = *state;

    card->settings.warm_reset_clears = true;
    login(card);
    vcard_reset(card);
    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_logged_in(card, false, false);
    card->settings.ignore_isd = true;
    login(card);
    assert_sw(card, SELECT_ISD, 0x9000);
    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_logged_in(card, true, true);
    assert_sw(card, SELECT_KENMEN, 0x9000);
    assert_sw(card, SELECT_JPKI, 0x9000);
    assert_logged_in(card, false, false);
}

static void wrong_pin_ends_its_login(void **state)
{
    login(*state);
    assert_sw(*state, WRONG_AUTH, 0x63C2);
    assert_logged_in(*state, false, true);
    login(*state);
    assert_sw(*state, WRONG_SIGN, 0x63C4);
    assert_logged_in(*state, true, false);
}

static void change_pin(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, "00240180065859393837", 0x6700); /* malformed */
    assert_sw(*state, "0024018006585939383736", 0x6986);
    assert_sw(*state, "00A4020C02001B", 0x9000);
    assert_sw(*state, "0024018006585939383736", 0x6982);
    assert_sw(*state, VERIFY_AUTH, 0x9000);
    assert_sw(*state, "0024018006585939383736", 0x6982); /* the other PIN */
    assert_sw(*state, VERIFY_SIGN, 0x9000);
    assert_sw(*state, "0024008006585939383736", 0x6A86);
    assert_sw(*state, "0024019B06585939383736", 0x6A86);
    assert_sw(*state, "00240180", 0x6700);
    assert_sw(*state,
              "0024018011"
              "3132333431323334313233343132333431",
              0x6700);
    assert_sw(*state, "0024018006585939383736", 0x9000); /* XY9876 */
    struct vcard *again = reopen();
    assert_sw(again, VERIFY_SIGN, 0x63C4);
    assert_sw(again, "0020009B06585939383736", 0x9000);
    assert_sw(again, VERIFY_AUTH, 0x9000);
    vcard_free(again);
}

static void change_to_odd_bytes(void **state)
{
    assert_sw(*state, SELECT_JPKI, 0x9000);
    assert_sw(*state, VERIFY_AUTH, 0x9000);
    assert_sw(*state, "00A4020C020018", 0x9000);
    assert_sw(*state, "0024018003000A3D", 0x9000);
    struct vcard *again = reopen();
    assert_sw(again, "0020009803000A3D", 0x9000);
    vcard_free(again);
}

/* A try that cannot be written down must not be free. */
static void full_disk(void **state)
{
    struct vcard *card = *state;
    char *dir = card->dir;

    assert_sw(card, SELECT_JPKI, 0x9000);
    card->dir = strdup("/nonexistent/card");
    assert_non_null(card->dir);
    assert_sw(card, VERIFY_AUTH, 0x9000); /* changes nothing, so needs no disk */
    assert_sw(card, WRONG_AUTH, 0x6581);
    assert_sw(card, SIGN_AUTH, 0x6982);
    assert_sw(card, "00200098", 0x63C2);
    assert_sw(card, VERIFY_AUTH, 0x6581);
    assert_sw(card, SIGN_AUTH, 0x6982);
    free(card->dir);
    card->dir = dir;
    assert_sw(card, VERIFY_AUTH, 0x9000);
}

#define WITH_CARD(test) cmocka_unit_test_setup_teardown(test, common_card, common_card_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CARD(queries),
        WITH_CARD(bad_references),
        WITH_CARD(impossible_lengths),
        WITH_CARD(lock_auth),
        WITH_CARD(lock_sign),
        WITH_CARD(tries_survive),
        WITH_CARD(lower_case_is_wrong),
        WITH_CARD(login_is_kept),
        WITH_CARD(login_ends),
        WITH_CARD(login_on_odd_chips),
        WITH_CARD(wrong_pin_ends_its_login),
        WITH_CARD(change_pin),
        WITH_CARD(change_to_odd_bytes),
        WITH_CARD(full_disk),
    };

    return cmocka_run_group_tests(tests, common_setup, common_teardown);
}

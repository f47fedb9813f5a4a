/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/secret.h"
#include "token/refused.h"

#define FULL 5

static const uint8_t card_1[REFUSED_HASH] = {1}, card_2[REFUSED_HASH] = {2};

static struct refused *refused;

static int setup(void **state)
{
    (void)state;
    refused = secret_new(sizeof(*refused));
    return refused == NULL || !refused_init(refused);
}

static int teardown(void **state)
{
    (void)state;
    secret_free(refused, sizeof(*refused));
    return 0;
}

static const uint8_t *hash(const char *pin)
{
    static uint8_t out[REFUSED_HASH];
    assert_true(refused_hash(refused, bytes_of_text(pin), out));
    return out;
}

static bool has(const char *pin)
{
    return refused_has(refused, hash(pin));
}

static void add(const char *pin, int tries)
{
    refused_add(refused, hash(pin), tries);
}

static void test_hash(void **state)
{
    uint8_t first[REFUSED_HASH];
    (void)state;
    memcpy(first, hash("1234"), sizeof(first));
    assert_memory_equal(first, hash("1234"), sizeof(first));
    assert_memory_not_equal(first, hash("1235"), sizeof(first));
    assert_true(refused_init(refused)); /* another salt */
    assert_memory_not_equal(first, hash("1234"), sizeof(first));
}

static void test_several(void **state)
{
    char pin[8] = "PIN00";
    (void)state;
    assert_false(has("1234"));
    for (int i = 0; i < REFUSED_MAX; i++) {
        pin[4] = (char)('A' + i);
        add(pin, 4);
        add(pin, 4); /* once is enough */
    }
    for (int i = 0; i < REFUSED_MAX; i++) {
        pin[4] = (char)('A' + i);
        assert_true(has(pin));
    }
    assert_int_equal(refused->count, REFUSED_MAX);
    add("ONE MORE", 4); /* there is no room, and no harm */
    assert_int_equal(refused->count, REFUSED_MAX);
    refused_forget(refused);
    assert_false(has("PIN0A"));
}

static void test_moved(void **state)
{
    (void)state;
    add("A", 4);
    refused_tries_seen(refused, 4, FULL);
    assert_true(has("A"));
    refused_tries_seen(refused, 3, FULL);
    assert_false(has("A"));
    add("A", 4);
    refused_tries_seen(refused, FULL, FULL);
    assert_false(has("A"));
    /* A card that does not say what is left says at least when all is. */
    add("A", -1);
    refused_tries_seen(refused, 2, FULL);
    assert_true(has("A"));
    refused_tries_seen(refused, FULL, FULL);
    assert_false(has("A"));
}

static void test_locked(void **state)
{
    (void)state;
    add("A", 1);
    add("B", 0);
    assert_false(has("A"));
    assert_false(has("B"));
}

static void test_doubt(void **state)
{
    (void)state;
    refused_doubt(refused, hash("A"), 4);
    assert_false(has("A"));
    refused_tries_seen(refused, -1, FULL); /* says nothing: the doubt stays */
    refused_tries_seen(refused, 3, FULL);
    assert_true(has("A"));
    refused_forget(refused);
    refused_doubt(refused, hash("A"), 4);
    refused_tries_seen(refused, 4, FULL); /* not compared */
    refused_tries_seen(refused, 3, FULL); /* what comes later is not ours */
    assert_false(has("A"));
    refused_doubt(refused, hash("A"), 4);
    refused_tries_seen(refused, FULL, FULL); /* it was right */
    assert_false(has("A"));
    refused_doubt(refused, hash("A"), -1); /* nothing to compare with but a full counter */
    refused_tries_seen(refused, FULL, FULL);
    refused_tries_seen(refused, 3, FULL);
    assert_false(has("A"));
    refused_doubt(refused, hash("A"), -1);
    refused_tries_seen(refused, 4, FULL);
    assert_true(has("A"));
    refused_forget(refused);
    /* A doubt that is settled is our own doing, and takes nothing from what was known before. */
    add("B", 4);
    refused_doubt(refused, hash("A"), 4);
    refused_tries_seen(refused, 3, FULL);
    assert_true(has("A"));
    assert_true(has("B"));
    /* Somebody else's wrong PIN besides. */
    refused_doubt(refused, hash("C"), 5);
    refused_tries_seen(refused, 3, FULL);
    assert_true(has("C"));
}

/* A card that says nothing of its counter has not moved it. */
static void test_not_told(void **state)
{
    (void)state;
    add("A", 4);
    refused_tries_seen(refused, -1, FULL);
    assert_true(has("A"));
}

/* Kept by card and role, and given back once. */
static void test_parked(void **state)
{
    (void)state;
    refused_park(card_1, CARD_AUTH, refused); /* nothing refused: nothing kept */
    refused_adopt(card_1, CARD_AUTH, refused);
    assert_int_equal(refused->count, 0);
    add("A", 4);
    refused_park(card_1, CARD_AUTH, refused);
    assert_true(refused_init(refused));
    refused_adopt(card_2, CARD_AUTH, refused);
    assert_false(has("A"));
    refused_adopt(card_1, CARD_SIGN, refused);
    assert_false(has("A"));
    refused_adopt(card_1, CARD_AUTH, refused);
    assert_true(has("A"));
    assert_int_equal(refused->tries, 4);
    assert_true(refused_init(refused));
    refused_adopt(card_1, CARD_AUTH, refused);
    assert_int_equal(refused->count, 0);
}

/* A doubt is kept too, and more cards than there is room for take the oldest's place. */
static void test_parked_more(void **state)
{
    uint8_t card[REFUSED_HASH] = {0};
    (void)state;
    refused_doubt(refused, hash("A"), 4);
    refused_park(card_1, CARD_SIGN, refused);
    assert_true(refused_init(refused));
    refused_adopt(card_1, CARD_SIGN, refused);
    refused_tries_seen(refused, 3, FULL);
    assert_true(has("A"));
    for (uint8_t i = 10; i < 20; i++) {
        card[0] = i;
        refused_park(card, CARD_AUTH, refused);
    }
    assert_true(refused_init(refused));
    card[0] = 10;
    refused_adopt(card, CARD_AUTH, refused);
    assert_int_equal(refused->count, 0);
    card[0] = 19;
    refused_adopt(card, CARD_AUTH, refused);
    assert_int_equal(refused->count, 1);
    assert_true(has("A"));
}

/* A forked child finds nothing of it. */
static void test_fork(void **state)
{
    (void)state;
    add("A", 4);
    refused_park(card_1, CARD_AUTH, refused);
    assert_true(refused_init(refused));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct refused *mine = secret_new(sizeof(*mine));
        refused_adopt(card_1, CARD_AUTH, mine);
        _exit(mine->count == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    refused_adopt(card_1, CARD_AUTH, refused);
    assert_int_equal(refused->count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_locked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_doubt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parked_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fork, setup, teardown),
    };
    return cmocka_run_group_tests_name("refused", tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world.h"

#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "token/clock.h"
#include "lib/keys.h"
#include "vcard/issue.h"
#include "vcard/state.h"
#include "vcard/store.h"

#define CARDS 2
#define NAME "/jpki-api-XXXXXX"
#define MEMORY "/dev/shm" /* a card writes its state to the disk, and waits for that */
#define TEMPLATE_SIZE sizeof(MEMORY NAME)

static char top[TEMPLATE_SIZE];
static struct {
    char dir[TEMPLATE_SIZE + 16];
    bool made;
    struct settings settings;
} cards[CARDS];
static _Atomic uint64_t added;

/* Takes the place of the module's own clock: the linker finds this one first. */
uint64_t clock_ms(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 + atomic_load(&added);
}

void world_clock_add(uint64_t milliseconds)
{
    atomic_fetch_add(&added, milliseconds);
}

/* ---- folders ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void set_folder(const char *variable, const char *name)
{
    char path[sizeof(top) + 16];
    snprintf(path, sizeof(path), "%s/%s", top, name);
    setenv(variable, path, 1);
}

int world_setup(void **state)
{
    (void)state;
    snprintf(top, sizeof(top), "%s" NAME, access(MEMORY, W_OK) == 0 ? MEMORY : "/tmp");
    if (mkdtemp(top) == NULL)
        return -1;
    set_folder("HOME", "home");
    set_folder("XDG_CONFIG_HOME", "config");
    set_folder("XDG_STATE_HOME", "state");
    set_folder("XDG_CACHE_HOME", "cache");
    set_folder("XDG_RUNTIME_DIR", "runtime");
    setenv("PCSCLITE_CSOCK_NAME", "/nowhere/pcscd.comm", 1); /* the machine's pcscd is not ours */
    unsetenv("JPKI_PKCS11_SLOTS");
    unsetenv("JPKI_PKCS11_DEBUG");
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    twin_clear();
    remove_tree(top);
    return 0;
}

void world_forget_state(void)
{
    const char *path = getenv("XDG_STATE_HOME");
    if (path != NULL)
        remove_tree(path);
}

void world_forget_cache(void)
{
    const char *path = getenv("XDG_CACHE_HOME");
    if (path != NULL)
        remove_tree(path);
}

void world_forget_card(void)
{
    const char *path = getenv("XDG_RUNTIME_DIR");
    if (path != NULL)
        remove_tree(path);
}

/* ---- cards ---- */

const char *world_card(int card)
{
    struct problem why = {{0}};
    if (!cards[card].made) {
        struct issue issue;
        char keys[256];
        issue_init(&issue);
        issue.keys = keys_ready((unsigned)card, keys);
        snprintf(cards[card].dir, sizeof(cards[card].dir), "%s/card%d", top, card);
        if (!issue_card(&issue, cards[card].dir, &why))
            fail_msg("a card cannot be made: %s", why.text);
        cards[card].made = true;
        settings_init(&cards[card].settings);
    }
    return cards[card].dir;
}

static void save_settings(int card)
{
    struct problem why = {{0}};
    char *text = settings_print(&cards[card].settings);
    assert_non_null(text);
    bool ok = store_write(world_card(card), "card.conf", 0644, text, strlen(text), &why);
    free(text);
    if (!ok)
        fail_msg("%s", why.text);
}

void world_card_set(int card, const char *key, const char *value)
{
    struct problem why = {{0}};
    world_card(card);
    if (!settings_set(&cards[card].settings, key, value, &why))
        fail_msg("%s", why.text);
    save_settings(card);
}

void world_announce_extended(bool takes_them)
{
    world_card_set(CARD_1, "atr", "3BDA13FF8131FB468012392F31C173C601C03B");
    world_card_set(CARD_1, "extended", takes_them ? "yes" : "no");
    world_put(READER_1, CARD_1);
    twin_data_max(READER_1, 0x10000);
}

/* All tries left, the usual behaviour. */
static void renew_cards(void)
{
    struct problem why = {{0}};
    struct state fresh;
    state_init(&fresh);
    for (int card = 0; card < CARDS; card++) {
        if (!cards[card].made)
            continue;
        settings_init(&cards[card].settings);
        save_settings(card);
        if (!state_save(&fresh, cards[card].dir, &why))
            fail_msg("%s", why.text);
    }
}

static struct pin_state pin_of(enum role role)
{
    struct state state;
    struct problem why = {{0}};
    if (!state_load(&state, world_card(CARD_1), &why))
        fail_msg("%s", why.text);
    return state.pin[role == AUTH ? PIN_AUTH : PIN_SIGN];
}

bool world_pin_is(enum role role, const char *pin)
{
    struct pin_state state = pin_of(role);
    return state.len == strlen(pin) && memcmp(state.pin, pin, state.len) == 0;
}

unsigned world_tries(enum role role)
{
    return pin_of(role).tries;
}

void world_put(const char *reader, int card)
{
    twin_remove(reader);
    twin_insert_vcard(reader, world_card(card));
}

unsigned world_other_program(const char *reader, const char *hex)
{
    uint8_t command[300];
    size_t len;
    assert_true(text_hex(hex, command, sizeof(command), &len));
    return twin_other_program(reader, command, len);
}

void world_spend_tries(const char *reader, enum role role, unsigned left)
{
    const char *wrong = role == AUTH ? "002000800430303030" : "0020008006303030303030";
    unsigned full = role == AUTH ? 3 : 5;
    assert_int_equal(world_other_program(reader, "00A4040C0AD392F000260100000001"), 0x9000);
    assert_int_equal(
        world_other_program(reader, role == AUTH ? "00A4020C020018" : "00A4020C02001B"), 0x9000);
    for (unsigned tries = full; tries > left; tries--)
        assert_int_equal(world_other_program(reader, wrong), 0x63C0 | (tries - 1));
}

/* ---- a test ---- */

int world_begin(void **state)
{
    (void)state;
    twin_clear();
    renew_cards();
    world_forget_state();
    world_forget_cache();
    twin_reader(READER_1, true);
    twin_reader(READER_2, true);
    twin_insert_vcard(READER_1, world_card(CARD_1));
    twin_counters_clear();
    return 0;
}

void world_initialize(const char *settings)
{
    /* PKCS#11 gives no const for what is only read. */
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK,
                                 .pReserved = (void *)(uintptr_t)settings};
    assert_rv(C_Initialize(&args), CKR_OK);
}

int world_begin_initialized(void **state)
{
    world_begin(state);
    world_initialize(NULL);
    return 0;
}

int world_end(void **state)
{
    (void)state;
    twin_set_hook(NULL, NULL);
    twin_fail_call(-1, ERR_OK, false);
    C_Finalize(NULL);
    unsigned open = twin_open_transactions();
    twin_clear();
    if (open != 0)
        print_error("%u transactions were left open\n", open);
    return open == 0 ? 0 : -1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What happens around the calls of fuzz_p11: settings, time, and a world that moves.
 */
#include "fuzz_p11.h"

#include <stdio.h>
#include <string.h>

#include "twin/twin.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void p11_initialize(void)
{
    static const char *const settings[] = {
        "history=no",
        NULL,
        "history=no isolation=no",
        "history=no sign.consent=session pin.reserve=0",
        "history.required=yes history.digests=yes",
        "history=no slots=auth labels=japanese",
        "history=no pin.cache-seconds=3",
        "history=no pss=no sign.consent=session",
        "history=no isolation=no sign.consent=session pin.reserve=0",
        "history=no log.level=debug log.file=%s/log",
    };
    char text[400] = "";
    const char *chosen = settings[fuzz_below(COUNT(settings))];
    if (chosen != NULL && strchr(chosen, '%') != NULL)
        snprintf(text, sizeof(text), "history=no log.level=debug log.file=%s/log", fuzz_folder());
    else if (chosen != NULL)
        snprintf(text, sizeof(text), "%s", chosen);
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK,
                                 .pReserved = chosen != NULL ? text : NULL};
    C_Initialize(&args);
}

void p11_restart(void)
{
    C_Finalize(NULL);
    p11_world.logged_in = false;
    memset(p11_world.sessions, 0, sizeof(p11_world.sessions));
    p11_initialize();
}

static void reader_there(bool there)
{
    twin_reader(P11_READER, there);
    p11_world.reader = there;
    if (!there)
        p11_world.card = false;
}

static void type_on_pad(unsigned what)
{
    static const char *const typed[] = {"1234", "0000", "12", ""};
    twin_pad(P11_READER, true);
    twin_pad_types(P11_READER, typed[what % COUNT(typed)], what & 0x80 ? 0x6401 : 0);
}

static void take_card(bool again)
{
    if (p11_world.card)
        twin_remove(P11_READER);
    p11_world.card = false;
    if (again)
        p11_insert();
}

/* Something happens to the card, the reader or the service. */
static void change_world(unsigned what, unsigned how)
{
    if (what == 0)
        reader_there(how & 1);
    if (what == 1) {
        twin_service(how & 1);
        p11_world.serving = how & 1;
    }
    if (!p11_world.reader || what <= 1)
        return;
    if (what == 2 || what == 3)
        take_card(what == 3);
    if (what == 4 && p11_world.card)
        twin_warm_reset(P11_READER);
    if (what == 5)
        twin_hold(P11_READER, how & 1);
    if (what == 6)
        type_on_pad(how);
    if (what == 7)
        twin_pad(P11_READER, false);
}

void p11_move(void)
{
    unsigned what = fuzz_below(8), how = fuzz_u8();
    fuzz_faults_pause();
    change_world(what, how);
    fuzz_faults_resume();
}

void p11_pass_time(void)
{
    p11_world.clock += 100UL * fuzz_u8();
}

/* The next call of the reader but so many fails. */
void p11_fail(void)
{
    static const enum err errors[] = {ERR_NO_SERVICE, ERR_NO_READER, ERR_NO_CARD, ERR_TRANSPORT,
                                      ERR_BUSY,       ERR_FORBIDDEN, ERR_MEMORY,  ERR_ANSWER};
    unsigned k = fuzz_below(32), what = fuzz_below(2 * COUNT(errors));
    twin_calls_clear();
    twin_fail_call((long)k, errors[what / 2], what % 2 != 0);
}

/* Another program sends the card a command. */
void p11_other_program(void)
{
    static const struct {
        uint8_t bytes[15];
        size_t len;
    } commands[] = {
        {{0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01},
         15},
        {{0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x18}, 7},
        {{0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x1B}, 7},
        {{0x00, 0x20, 0x00, 0x80, 0x04, 0x35, 0x35, 0x35, 0x35}, 9}};
    unsigned which = fuzz_below(COUNT(commands));
    fuzz_faults_pause();
    if (p11_world.card && p11_world.serving)
        twin_other_program(P11_READER, commands[which].bytes, commands[which].len);
    fuzz_faults_resume();
}

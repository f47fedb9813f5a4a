/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A program that would like to use a login that is not its own; attack.h says how.
 *
 *   attacker once READER                    everything once
 *   attacker random READER ATTEMPTS SEED    something at random moments, until the card has
 *                                           answered so many attempts
 *   attacker hold READER                    no attack: a connection that keeps the card powered
 *                                           until standard input ends; says "holding"
 *
 * Prints what was tried and what it got. Exit code 0: nothing; 10: a signature or a certificate;
 * 2: wrong usage; 3: the card could not be asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"

enum { NOTHING = 0, USAGE = 2, TROUBLE = 3, SUCCESS = 10 };

static int report(const struct attack *attack)
{
    printf("%lu attempts, %lu signatures, %lu certificates, %lu odd answers\n", attack->attempts,
           attack->signatures, attack->certificates, attack->odd);
    return attack_succeeded(attack) ? SUCCESS : NOTHING;
}

static bool attack_often(struct attack *attack, unsigned long attempts, unsigned seed)
{
    while (attack->attempts < attempts)
        if (!attack_somehow(attack, &seed))
            return false;
    return true;
}

static bool hold(void)
{
    char byte;
    puts("holding");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return true;
}

int main(int argc, char **argv)
{
    struct attack attack;
    bool once = argc == 3 && strcmp(argv[1], "once") == 0;
    bool often = argc == 5 && strcmp(argv[1], "random") == 0;
    bool holds = argc == 3 && strcmp(argv[1], "hold") == 0;
    if (!once && !often && !holds) {
        fputs("usage: attacker once READER | random READER ATTEMPTS SEED | hold READER\n", stderr);
        return USAGE;
    }
    if (!attack_open(&attack, (unsigned)strtoul(argv[2], NULL, 10)))
        return TROUBLE;
    bool ok = once    ? attack_once(&attack)
              : often ? attack_often(&attack, strtoul(argv[3], NULL, 10),
                                     (unsigned)strtoul(argv[4], NULL, 10))
                      : hold();
    attack_close(&attack);
    if (holds && ok)
        return NOTHING;
    int code = report(&attack);
    return ok ? code : TROUBLE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Questions to the holder, at his terminal, whatever standard input and output are.
 */
#ifndef JPKI_CLI_ASK_H
#define JPKI_CLI_ASK_H

#include <stdbool.h>

#include "cli/cli.h"
#include "support/bytes.h"

/* Room for what is typed, on pages of secret_new(); longer than any PIN, so that a longer one is
 * seen to be too long. */
#define ASK_SIZE 64

/* NULL, after a complaint, without memory. ask_free() wipes, and accepts NULL. */
char *ask_new(void);
void ask_free(char *secret);

/*
 * Prints PROMPT and takes what is typed, without echo, into SECRET. After a complaint:
 * CLI_FAILED without a terminal, CLI_PIN_REFUSED when nothing was typed. A signal, such as by ^C,
 * ends the program, with the echo switched on again.
 */
int ask_secret(const char *prompt, char *secret);

/* Prints QUESTION and waits for "yes" (in the holder's language). False for anything else. */
bool ask_consent(const char *question);

#endif

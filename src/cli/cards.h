/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The readers and cards of this computer, for a command that looks at them once. The module's own
 * layers do the work, so that all of its rules hold for the command too.
 */
#ifndef JPKI_CLI_CARDS_H
#define JPKI_CLI_CARDS_H

#include "cli/cli.h"
#include "token/terminal.h"

struct cards {
    struct config config;
    struct slots *slots;
    size_t readers;
    bool service; /* pcscd answers */
};

/*
 * Reads the settings and looks into all readers. RESERVED (may be NULL) are settings of this
 * command, as in the parameter string of C_Initialize; what an administrator enforces stands.
 * Warns of settings that do not count. No reader, and no service, is no failure: cards_explain().
 * False, after a complaint, only without memory. cards_close() accepts {0}.
 */
bool cards_open(struct cards *cards, const char *reserved);

/* The same without a word about the settings. */
bool cards_look(struct cards *cards, const char *reserved);

void cards_close(struct cards *cards);

/* Whether pcscd answers now, on a connection of its own. */
bool cards_service_answers(void);

/* The reader of this index, below cards->readers. Not owned. */
struct terminal *cards_reader(const struct cards *cards, size_t index);

/* Whether the settings show the token of ROLE: an administrator may hide one. */
bool cards_shows(const struct cards *cards, enum card_role role);

/*
 * Enters the one card that is to be worked with: the only one of ours, or the one in the reader
 * whose name contains READER (may be NULL). CLI_OK: terminal_leave() is the caller's duty.
 * Otherwise a complaint was printed: CLI_NO_CARD, CLI_USAGE (more than one card, and none named).
 */
int cards_enter(const struct cards *cards, const char *reader, enum card_role role,
                struct terminal **terminal, struct token **token);

/* Why there is no card to work with, as a complaint. */
void cards_explain(const struct cards *cards);

/* "auth" or "sign", as on the command line. */
const char *cards_role_name(enum card_role role);

/* The role of this name; false for any other name, after a complaint. */
bool cards_role(const char *name, enum card_role *role);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For the tests of card/ and token/: folders of virtual cards, and a plain card that the tests can
 * bend as they like.
 */
#ifndef JPKI_TESTS_CARD_COMMON_H
#define JPKI_TESTS_CARD_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reader/reader.h"
#include "twin/twin.h"

#define READER "Twin 0"
#define PIN_AUTH_RIGHT "1234"
#define PIN_SIGN_RIGHT "ABC123"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- folders of virtual cards ---- */

/* Fixtures of a group: a temporary folder with one card in it, "base". Keys are made once.
 * What the module remembers between processes goes there too. */
int common_folders(void **state);
int common_folders_end(void **state);

/* The folder NAME: a copy of "base" as it was made, all tries left, with LINES added to card.conf.
 * Static; until the next call. */
const char *common_folder(const char *name, const char *lines);

/* As above, of another holder with other keys, made when it is first asked for. */
const char *common_other_folder(const char *name, const char *lines);

/* The file NAME in a folder, for the caller to free(). */
uint8_t *common_file(const char *folder, const char *name, size_t *len);

/* A fixture of one test: the twin with READER, empty. The end checks that no transaction is open.
 */
int common_twin(void **state);
int common_twin_end(void **state);

/* ---- another program ---- */

/* Sends a command in hexadecimal to READER's card, as another program: the status word. */
unsigned common_other(const char *hex);

/* What the card says to another program that selects JPKI and tries to use what a PIN protects. */
unsigned common_other_signs(bool sign_key);
unsigned common_other_reads_private(void);

/* ---- a plain card ---- */

#define PLAIN_FILES 8
#define PLAIN_LOG 64
#define PLAIN_FILE_MAX 8192

/* What it answers, is what a JPKI card answers, except as said here. */
struct plain {
    struct {
        uint16_t id;
        const uint8_t *data;
        size_t len;
    } files[PLAIN_FILES];
    size_t file_count;

    uint16_t short_read;   /* status word for READ with a short identifier; 0: works */
    uint16_t short_offset; /* with an offset that is not 0; 1: takes it for 0 */
    uint16_t short_verify; /* VERIFY */
    uint16_t short_sign;   /* signatures */
    uint16_t end;          /* status word past the end; 0: 6B00 */
    bool warns;            /* answers 6282 with the last bytes */
    size_t most;           /* bytes per READ; 0: as many as are wanted */
    bool long_read;        /* takes an extended Le */
    uint16_t long_answer;  /* status word for one that it does not take; 0: 6700 */
    unsigned sick;         /* so many commands are answered 6F00 */
    uint16_t pin_answer;   /* to the question and to PINs; 0: 63C3, and 9000 */
    uint16_t wants_le;     /* status word for the question with four bytes; 0: right */
    bool refuses_le;       /* 6700 for the question with five bytes */
    bool verified;
    uint16_t sign_answer; /* 0: 9000 */
    size_t signature_len; /* bytes of a signature */

    uint16_t current;
    unsigned commands;
    struct {
        uint8_t bytes[300];
        size_t len;
    } log[PLAIN_LOG]; /* the first ones */
};

/* A card with the token information of a My Number Card and no other file. */
void plain_init(struct plain *plain);
void plain_add(struct plain *plain, uint16_t id, const uint8_t *data, size_t len);
size_t plain_card(void *context, const uint8_t *command, size_t len, uint8_t *response);

/* The command with this index, and that it is HEX. */
void plain_check(const struct plain *plain, unsigned index, const char *hex);

/* Fills a certificate of SIZE bytes, as far as card/ looks at it: 30 82, its length, and bytes that
 * differ from one another. */
void plain_certificate(uint8_t *out, size_t size);

/* As plain_init(), with three certificates, and the file that says that both keys are there. */
void plain_usual(struct plain *plain);

#endif

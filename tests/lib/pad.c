/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For the scripts: has the holder type PINs on the keys of the first reader, with our own layers
 * on the real pcscd but without PKCS#11.
 *
 *   pad auth|sign COUNT [reconnect]    exit code 1 when there is no card of ours
 *
 * Prints "keys: yes" or "keys: no"; for each of COUNT entries, each in a transaction of its own,
 * "PIN: " with the result and the tries left that it tells; then "signature: " with the result of
 * trying one in the last transaction. With "reconnect" each entry has a connection of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card/card.h"
#include "reader/reader.h"
#include "support/log.h"

static struct reader *first_reader(void)
{
    struct reader_view *view = reader_view_new();
    char **names = NULL;
    struct reader *reader = NULL;
    if (view != NULL && reader_list(view, &names) == ERR_OK && names[0] != NULL)
        reader = reader_new(names[0]);
    free(names);
    reader_view_free(view);
    return reader;
}

static void use(struct card *card, enum card_role role, long count, bool reconnect)
{
    uint8_t signature[PROFILE_SIGNATURE_MAX];
    printf("keys: %s\n", reader_has_pad(card->reader) ? "yes" : "no");
    for (long i = 0; i < count; i++) {
        int tries = -1;
        bool fresh;
        card_end(card, true);
        if (reconnect)
            reader_disconnect(card->reader);
        enum err e = card_begin(card, &fresh);
        if (e == ERR_OK)
            e = card_verify_on_pad(card, role, &tries);
        printf("PIN: %s (%d)\n", err_text(e), tries);
    }
    enum err e = card_sign(card, role, CARD_PKCS1, bytes_of("\x01", 1), signature);
    printf("signature: %s\n", err_text(e));
}

int main(int argc, char **argv)
{
    struct card card;
    if (argc < 3 || argc > 4 || (strcmp(argv[1], "auth") != 0 && strcmp(argv[1], "sign") != 0)) {
        fputs("usage: pad auth|sign COUNT [reconnect]\n", stderr);
        return 2;
    }
    log_open(LOG_DEBUG, NULL);
    struct reader *reader = first_reader();
    enum err e = reader != NULL ? card_recognise(reader, &card) : ERR_NO_READER;
    if (e == ERR_OK) {
        use(&card, strcmp(argv[1], "auth") == 0 ? CARD_AUTH : CARD_SIGN, strtol(argv[2], NULL, 10),
            argc == 4);
        card_end(&card, true);
    } else {
        fprintf(stderr, "pad: %s\n", err_text(e));
    }
    reader_free(reader);
    return e == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

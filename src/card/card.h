/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The JPKI application of one card. A transaction begins with card_begin() and ends with
 * card_end(); everything between belongs to nobody else.
 *
 * The rules of the card that shape this interface (docs/card.md):
 *  - a verified PIN outlives the transaction, the connection and the process, and is shared by all
 *    of them; only selecting another application or taking the power ends it;
 *  - any other program may have selected another file or application since the last transaction.
 */
#ifndef JPKI_CARD_CARD_H
#define JPKI_CARD_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "card/profile.h"
#include "reader/reader.h"
#include "support/bytes.h"
#include "support/err.h"

/* What is found out once per card. */
enum card_known { CARD_UNKNOWN, CARD_YES, CARD_NO };

struct card {
    struct reader *reader; /* not owned */
    const struct profile *profile;
    char model[16 + 1]; /* EF 0006, padding removed; "" when it is not plain text */

    enum card_known short_ids_read; /* takes READ BINARY with a short file identifier */
    enum card_known short_ids_pin;  /* VERIFY */
    enum card_known short_ids_key;  /* COMPUTE DIGITAL SIGNATURE */
    enum card_known long_reads;     /* more than 256 bytes in one READ BINARY */
    enum card_known drop_works;     /* selecting another application ends a verified PIN */
    bool query_with_le;             /* the question for tries left must have a fifth byte */

    /* drop_works is known by a clear word of the card, or by a proof within one transaction, in
     * which no other program can have ended the login. Only this is told the next program (seen.h)
     */
    bool drop_proved;
    bool accepted_now[CARD_ROLES]; /* in this transaction */
    bool accepted[CARD_ROLES];     /* a PIN, since the card was last fresh: see reader_begin() */

    /* of the transaction under way */
    uint16_t current_file; /* 0: none or not known */
    bool maybe_verified;   /* the card may hold a verified PIN, ours or left by another program */
    bool only_power_helps; /* selecting another application has not made it forget */
    bool try_long;         /* free files are read in it and nothing else, so an extended command may
                              be tried even if the card falls silent. Set by the caller, after
                              card_begin(), which clears it */
};

#define CARD_PIN_AT 5 /* where the PIN begins, behind CLA INS P1 P2 Lc */

/*
 * A PIN, in memory of secret_new(). Its bytes stand where the VERIFY command wants them, so that
 * sending it makes no copy.
 */
struct card_pin {
    uint8_t command[CARD_PIN_AT + PROFILE_PIN_MAX];
    uint8_t len; /* of the PIN */
};

/* Puts a PIN of 1 to PROFILE_PIN_MAX bytes in. The caller has checked its form. */
void card_pin_set(struct card_pin *pin, struct bytes text);
struct bytes card_pin_text(const struct card_pin *pin);

/*
 * Asks the card in READER whether it is one of ours, and fills CARD. On ERR_OK a transaction is
 * open, with the application selected; on any error there is none. ERR_FOREIGN: not our card.
 */
enum err card_recognise(struct reader *reader, struct card *card);

/* The same for a card of which it is known already what EF 0006 says: PROFILE and MODEL (16
 * characters at most). It is not read, so the card's identity must be compared. */
enum err card_recognise_as(struct reader *reader, struct card *card, const struct profile *profile,
                           const char *model);

/*
 * Begins a transaction and selects the application. FRESH: the card may be another one or have been
 * reset since the last transaction; compare card_identity() before sending it a PIN.
 */
enum err card_begin(struct card *card, bool *fresh);

/*
 * Inside a transaction, as its last step before card_end(): makes the card forget a PIN that may
 * have been verified in it, by selecting the issuer security domain. False when only taking the
 * power can do it, which card_end() with DROP then does.
 */
bool card_forget(struct card *card);

/*
 * Ends the transaction. With DROP, a PIN that may have been verified in it is made to be forgotten:
 * card_forget(), or by taking the power where that is not enough. False, with DROP only, when the
 * card may still know it.
 */
bool card_end(struct card *card, bool drop);

/* Outside of transactions: takes the power of a card from which nothing comes any more. False when
 * it may still have it. */
bool card_take_power(struct card *card);

/* Makes the card forget every PIN, inside a transaction, which stays open with the application
 * selected again. ERR_REFUSED when only taking the power can do it: card_end() then does. Otherwise
 * reader_transmit()'s errors, or what the card says to the selection (apdu_plain_status()). */
enum err card_drop(struct card *card);

/* Inside a transaction: selects the application again, wherever another was selected. Errors as
 * those of card_drop(). */
enum err card_select_again(struct card *card);

/*
 * Finds out whether the card has really forgotten the PIN of ROLE, which must not have been
 * verified since card_drop() or the last card_end(): by reading the certificate that wants it, or
 * by trying a signature where the certificate is free. In the transaction in which the PIN was
 * accepted that is a proof (drop_proved). drop_works is CARD_YES afterwards when it has; CARD_NO,
 * with ERR_REFUSED, when it still knew the PIN, and card_end() will take its power; and as it was,
 * with ERR_OK, when its answer told nothing: also when no PIN was accepted, so that there was none
 * to be forgotten, or a reset or a power cut may have taken it since.
 */
enum err card_prove_dropped(struct card *card, enum card_role role);

/* Inside a transaction: ends a login that was kept open over transactions, and makes sure that it
 * is ended; where only taking the power can do it, card_end() will. Errors of the exchange. */
enum err card_logout(struct card *card, enum card_role role);

/* ---- files (file.c) ---- */

/* The first block of a file, at most 256 bytes, into BLOCK (room for 256). ERR_NOT_FOUND,
 * ERR_DENIED. LEN is 0 on error. */
enum err card_read_first(struct card *card, uint16_t file, uint8_t *block, size_t *len);

/*
 * The whole certificate in a file, without what fills the file behind it. FIRST is its first block
 * if known, else empty; it saves one command. ERR_NOT_FOUND also when the file holds no
 * certificate. OUT must be empty.
 *
 * Where the reader takes APDU_ANSWER_MAX bytes at once and the card announces extended lengths
 * (ISO/IEC 7816-4, 8.1.1.2.7), all that is left is read with one command. Whether both do what they
 * say is first tried in a transaction with try_long. A card that refuses gets short commands in the
 * same transaction; where the command came to nothing (ERR_TRANSPORT), the transaction is worth
 * nothing more, long_reads has become CARD_NO by it, and another one is worth a try.
 */
enum err card_read_certificate(struct card *card, uint16_t file, struct bytes first,
                               struct buffer *out);

/* Whether the certificate of ROLE was issued, as far as the card tells (EF 0008). */
enum card_known card_has_certificate(struct card *card, enum card_role role);

/*
 * 256 bytes at most that tell this card from all others and stay the same as long as its
 * certificates do: the first block of the authentication certificate (FROM_CERTIFICATE), or of its
 * CA's where that is not free, or nothing (LEN 0) where that is not either. BLOCK has room for 256.
 */
enum err card_identity(struct card *card, uint8_t *block, size_t *len, bool *from_certificate);

/* Selects a file and makes it the current one. */
enum err card_select_file(struct card *card, uint16_t file);

/* ---- PIN and key (key.c) ---- */

/* The tries left of ROLE's PIN: 0 when locked, -1 when the card does not tell. Costs no try. */
enum err card_tries(struct card *card, enum card_role role, int *tries);

/*
 * Presents the PIN, once. ERR_PIN_WRONG and ERR_PIN_LOCKED: the card compared it or would not;
 * TRIES is what is left, or -1. Any other error: nobody knows whether a try was spent.
 */
enum err card_verify(struct card *card, enum card_role role, struct card_pin *pin, int *tries);

/*
 * The same with a PIN that the holder types on the reader's PIN pad (reader_has_pad()) and that
 * never comes here; waits for him. ERR_CANCELLED: he typed none, not in time, or too few or too
 * many digits, and no try was spent. ERR_ARGUMENT: the PIN of ROLE is not one of a fixed number of
 * digits, so no pad can type it. ERR_REFUSED: the reader has no pad or cannot use it so, or the
 * card refuses.
 */
enum err card_verify_on_pad(struct card *card, enum card_role role, int *tries);

/*
 * Changes the PIN of ROLE, which was just verified in this transaction, to NEW_PIN (CHANGE
 * REFERENCE DATA, ISO/IEC 7816-4, 7.5.7, with the new PIN alone), sent once. UNCLEAR is set when an
 * error leaves open whether the card has changed it: the answer was lost, or has no sense. After
 * any other error the old PIN holds.
 */
enum err card_change_pin(struct card *card, enum card_role role, struct card_pin *new_pin,
                         bool *unclear);

enum card_scheme {
    CARD_PKCS1 = 0x00, /* 1 to 245 bytes, padded by the card as PKCS#1 v1.5 type 1 and no more */
    CARD_PSS = 0x04    /* a SHA-256 hash; RSASSA-PSS, MGF1-SHA-256, salt 32 */
};

/*
 * Signs IN with the key of ROLE, whose PIN is verified. SIGNATURE has room for
 * PROFILE_SIGNATURE_MAX; the profile's number of bytes is written. ERR_DENIED: PIN not verified;
 * ERR_REFUSED: not this scheme; ERR_ANSWER: not the right length.
 */
enum err card_sign(struct card *card, enum card_role role, enum card_scheme scheme, struct bytes in,
                   uint8_t *signature);

#endif

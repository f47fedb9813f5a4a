/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SELECT of files and READ BINARY (ISO/IEC 7816-4, 7.1.1 and 7.2.3).
 */
#include "card/card.h"

#include <string.h>

#include "card/apdu.h"
#include "card/atr.h"
#include "card/der.h"
#include "support/log.h"

#define BLOCK 256               /* bytes that one short READ BINARY can bring */
#define SHORT_ID_OFFSET_MAX 255 /* READ BINARY with a short identifier has one byte of offset */
#define OFFSET_MAX 0x7FFF

_Static_assert(APDU_ANSWER_MAX >= DER_CERTIFICATE_MAX, "one command for a certificate");

enum err card_select_file(struct card *card, uint16_t file)
{
    uint8_t id[2];
    struct writer w;
    struct apdu_answer answer;
    if (card->current_file == file)
        return ERR_OK;
    writer_init(&w, id, sizeof(id));
    writer_be16(&w, file);
    struct apdu select = {0x00, 0xA4, 0x02, 0x0C, writer_result(&w), APDU_NO_LE};
    card->current_file = 0;
    enum err e = apdu_exchange(card->reader, &select, &answer);
    if (e == ERR_OK)
        e = apdu_plain_status(answer.sw);
    if (e == ERR_OK)
        card->current_file = file;
    return e;
}

/* Errors of reading that say something of the file, not of the exchange. */
static bool is_not_free(enum err e)
{
    return e == ERR_NOT_FOUND || e == ERR_DENIED || e == ERR_REFUSED;
}

/* The end of the file is no error, but the end of the data. */
static enum err read_status(struct apdu_answer *answer)
{
    if (answer->sw == SW_END_OF_FILE)
        return ERR_OK;
    if (answer->sw == SW_WRONG_OFFSET) {
        answer->len = 0;
        return ERR_OK;
    }
    return apdu_plain_status(answer->sw);
}

static enum err read_at(struct card *card, uint8_t p1, uint8_t p2, size_t want,
                        struct apdu_answer *answer)
{
    struct apdu read = {0x00, 0xB0, p1, p2, bytes_of(NULL, 0), (int)want};
    return apdu_exchange(card->reader, &read, answer);
}

static enum err read_by_short_id(struct card *card, uint16_t file, size_t offset, size_t want,
                                 struct apdu_answer *answer)
{
    enum err e = read_at(card, apdu_short_id(file), (uint8_t)offset, want, answer);
    if (e != ERR_OK)
        return e;
    /* While short identifiers are unproven, only data proves them: 6B00 may also mean that the
     * card took the identifier for an offset. */
    e = card->short_ids_read == CARD_YES ? read_status(answer) : apdu_plain_status(answer->sw);
    if (e == ERR_OK)
        card->current_file = file;
    return e;
}

static enum err read_selected(struct card *card, uint16_t file, size_t offset, size_t want,
                              struct apdu_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    enum err e = card_select_file(card, file);
    if (e == ERR_OK)
        e = read_at(card, (uint8_t)(offset >> 8), (uint8_t)offset, want, answer);
    return e != ERR_OK ? e : read_status(answer);
}

/* WANT bytes, 1 to APDU_ANSWER_MAX, at OFFSET; ANSWER may hold fewer, none at the end of the file.
 */
static enum err read_block(struct card *card, uint16_t file, size_t offset, size_t want,
                           struct apdu_answer *answer)
{
    if (offset > OFFSET_MAX)
        return ERR_ANSWER;
    if (card->current_file == file || card->short_ids_read == CARD_NO ||
        offset > SHORT_ID_OFFSET_MAX)
        return read_selected(card, file, offset, want, answer);
    enum err e = read_by_short_id(card, file, offset, want, answer);
    if (card->short_ids_read == CARD_YES)
        return e;
    if (e == ERR_OK && answer->len > 0) {
        card->short_ids_read = CARD_YES;
        return ERR_OK;
    }
    if (e == ERR_NO_CARD || e == ERR_NO_READER || e == ERR_NO_SERVICE || e == ERR_TRANSPORT)
        return e;
    /* Perhaps it is the short identifier that the card does not like: the long way decides. */
    card->current_file = 0;
    e = read_selected(card, file, offset, want, answer);
    if (e == ERR_OK && answer->len > 0) {
        log_write(LOG_INFO, "this card takes no short file identifiers");
        card->short_ids_read = card->short_ids_pin = card->short_ids_key = CARD_NO;
    }
    return e;
}

enum err card_read_first(struct card *card, uint16_t file, uint8_t *block, size_t *len)
{
    struct apdu_answer answer;
    *len = 0;
    enum err e = read_block(card, file, 0, BLOCK, &answer);
    if (e == ERR_OK) {
        memcpy(block, answer.data, answer.len);
        *len = answer.len;
    }
    explicit_bzero(&answer, sizeof(answer)); /* a signature certificate has the holder's name */
    return e;
}

/* A certificate as far as it was read. */
struct part {
    size_t got, size;
    uint8_t der[DER_CERTIFICATE_MAX];
};

static void add(struct part *part, struct bytes data)
{
    data = bytes_first(data, part->size - part->got);
    if (data.len > 0)
        memcpy(part->der + part->got, data.data, data.len);
    part->got += data.len;
}

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

/*
 * A short identifier reaches offset 255 only: beginning one byte before the second block saves the
 * SELECT of the file, and the byte that comes twice shows whether the card has read there. MOST
 * bytes at most. What cannot be had this way is left to the SELECT.
 */
static enum err read_over_border(struct card *card, uint16_t file, size_t most, struct part *part)
{
    struct apdu_answer answer;
    uint8_t twice;
    size_t want = at_most(part->size - SHORT_ID_OFFSET_MAX, most);
    enum err e = read_by_short_id(card, file, SHORT_ID_OFFSET_MAX, want, &answer);
    struct bytes data = bytes_of(answer.data, answer.len);
    if (e == ERR_OK && bytes_take_u8(&data, &twice) && twice == part->der[SHORT_ID_OFFSET_MAX])
        add(part, data);
    else if (e == ERR_OK || apdu_may_be_short_id(e))
        card->current_file = 0;
    explicit_bzero(&answer, sizeof(answer));
    return apdu_may_be_short_id(e) ? ERR_OK : e;
}

static enum err read_next(struct card *card, uint16_t file, size_t most, struct part *part)
{
    struct apdu_answer answer;
    enum err e = read_block(card, file, part->got, at_most(part->size - part->got, most), &answer);
    if (e == ERR_OK)
        add(part, bytes_of(answer.data, answer.len));
    explicit_bzero(&answer, sizeof(answer));
    return e;
}

static bool is_at_border(const struct card *card, uint16_t file, const struct part *part)
{
    return part->got == BLOCK && card->current_file != file && card->short_ids_read == CARD_YES;
}

static bool may_read_long(const struct card *card)
{
    if (card->long_reads == CARD_NO || (card->long_reads == CARD_UNKNOWN && !card->try_long))
        return false;
    /* Readers say either nothing or much more than a certificate has. */
    if (reader_data_max(card->reader) < APDU_ANSWER_MAX)
        return false;
    uint8_t atr[READER_ATR_MAX];
    size_t len = reader_atr(card->reader, atr);
    return atr_announces_extended(bytes_of(atr, len));
}

/* Asks for all that is left with one command. What the card does not give is left to short ones. */
static enum err read_long(struct card *card, uint16_t file, struct part *part)
{
    enum err e = is_at_border(card, file, part)
                     ? read_over_border(card, file, APDU_ANSWER_MAX, part)
                     : read_next(card, file, APDU_ANSWER_MAX, part);
    card->long_reads = e == ERR_OK && part->got == part->size ? CARD_YES : CARD_NO;
    if (card->long_reads == CARD_YES)
        return ERR_OK;
    if (e != ERR_OK && !is_not_free(e) && e != ERR_ANSWER)
        return e;
    log_write(LOG_INFO, "this card is read 256 bytes at a time, whatever it announces");
    card->current_file = 0;
    return ERR_OK;
}

static enum err read_rest(struct card *card, uint16_t file, struct part *part)
{
    enum err e = ERR_OK;
    if (part->size - part->got > BLOCK && may_read_long(card))
        e = read_long(card, file, part);
    if (e == ERR_OK && part->got < part->size && is_at_border(card, file, part))
        e = read_over_border(card, file, BLOCK, part);
    while (e == ERR_OK && part->got < part->size) {
        size_t before = part->got;
        e = read_next(card, file, BLOCK, part);
        if (e == ERR_OK && part->got == before) {
            log_write(LOG_ERROR, "file %04X ends after %zu of %zu bytes", file, before, part->size);
            e = ERR_ANSWER;
        }
    }
    return e;
}

enum err card_read_certificate(struct card *card, uint16_t file, struct bytes first,
                               struct buffer *out)
{
    uint8_t block[BLOCK];
    struct part part = {0};
    enum err e = ERR_OK;
    if (first.len == 0) {
        e = card_read_first(card, file, block, &first.len);
        first.data = block;
    }
    if (e == ERR_OK)
        e = der_certificate_size(first, &part.size);
    if (e == ERR_OK) {
        add(&part, first);
        e = read_rest(card, file, &part);
    }
    if (e == ERR_OK && !buffer_set(out, bytes_of(part.der, part.size)))
        e = ERR_MEMORY;
    explicit_bzero(&part, sizeof(part)); /* name, address, birth date */
    explicit_bzero(block, sizeof(block));
    return e;
}

enum card_known card_has_certificate(struct card *card, enum card_role role)
{
    uint8_t block[BLOCK];
    size_t len;
    struct bytes in, skip;
    uint8_t value;
    if (card_read_first(card, PROFILE_FILE_PRESENCE, block, &len) != ERR_OK)
        return CARD_UNKNOWN;
    in = bytes_of(block, len);
    if (!bytes_take(&in, card->profile->keys[role].presence_offset, &skip) ||
        !bytes_take_u8(&in, &value))
        return CARD_UNKNOWN;
    if (value == PROFILE_PRESENT)
        return CARD_YES;
    return value == PROFILE_ABSENT ? CARD_NO : CARD_UNKNOWN;
}

enum err card_identity(struct card *card, uint8_t *block, size_t *len, bool *from_certificate)
{
    const struct profile_key *key = &card->profile->keys[CARD_AUTH];
    size_t size;
    *from_certificate = false;
    *len = 0;
    if (!key->certificate_private) {
        enum err e = card_read_first(card, key->certificate, block, len);
        if (e != ERR_OK && !is_not_free(e))
            return e;
        *from_certificate =
            e == ERR_OK && der_certificate_size(bytes_of(block, *len), &size) == ERR_OK;
        if (*from_certificate)
            return ERR_OK;
    }
    enum err e = card_read_first(card, key->ca, block, len);
    return is_not_free(e) ? ERR_OK : e;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reader/clients.h"
#include "reader/features.h"
#include "reader/pad.h"
#include "reader/pcsc.h"
#include "reader/reader.h"
#include "support/log.h"

/* How long a transaction of another program is waited for, and how often we look. */
#define BUSY_WAIT_MS 5000
#define BUSY_LOOK_MS 10

/* Resets by others, one after the other, that are followed. */
#define RESETS_MAX 5

/*
 * Whoever waits for a card looks only now and then whether it is free: pcsc-lite every 100 ms, this
 * module more often. Transactions that follow each other without a pause leave no moment in which
 * it can be seen to be, and others would wait in vain for as long as that goes on. So after a
 * second of it the card rests, for longer than others look away, also on a busy machine.
 *
 * Where nobody else is connected it is used for longer. Not for ever, since not everybody is seen
 * (clients.h); and those may have this module, too, which gives up after BUSY_WAIT_MS: with the
 * longest transaction that has to be over before the card rests, there is to be time to spare.
 */
#define USE_MS 1000
#define USE_ALONE_MS 2000
#define REST_MS 150

#define PROTOCOLS (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)

struct reader {
    struct link link;
    SCARDHANDLE card;
    DWORD protocol;
    bool connected;
    bool doubtful; /* the card may have been reset since the last transaction, or have no power */
    /* ms: since the last rest, the begin of the first transaction and the end of the last one */
    uint64_t used_since, used_until;
    uint64_t look_after;      /* ms of use after which we look whether the card is to rest */
    bool features_asked;      /* since it was connected */
    uint32_t pad_code;        /* control code for a PIN on the reader's pad; 0: it has none */
    uint32_t properties_code; /* for more that it tells of itself; 0: it tells no more */
    size_t data_max;          /* 0: not asked yet, since it was connected */
    bool short_only;          /* whatever it tells */
    char name[];
};

static void sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct reader *reader_new(const char *name)
{
    size_t size = strlen(name) + 1;
    struct reader *reader = calloc(1, sizeof(*reader) + size);
    if (reader != NULL)
        memcpy(reader->name, name, size);
    return reader;
}

/* What the service still holds for a connection that cannot be given up, a transaction above all,
 * goes with the context, which is this reader's alone. */
static LONG give_up(struct reader *reader, DWORD disposition)
{
    LONG rv = SCardDisconnect(reader->card, disposition);
    reader->connected = false;
    if (rv != SCARD_S_SUCCESS)
        link_close(&reader->link);
    return rv;
}

void reader_disconnect(struct reader *reader)
{
    if (reader->connected)
        give_up(reader, SCARD_LEAVE_CARD);
}

void reader_free(struct reader *reader)
{
    if (reader == NULL)
        return;
    reader_disconnect(reader);
    link_close(&reader->link);
    free(reader);
}

static LONG reconnect(struct reader *reader, DWORD initialization)
{
    return SCardReconnect(reader->card, SCARD_SHARE_SHARED, PROTOCOLS, initialization,
                          &reader->protocol);
}

static LONG ask_status(const struct reader *reader, DWORD *state, uint8_t atr[READER_ATR_MAX],
                       DWORD *atr_len)
{
    char name[MAX_READERNAME];
    DWORD name_len = sizeof(name), protocol;
    *atr_len = READER_ATR_MAX;
    return SCardStatus(reader->card, name, &name_len, state, &protocol, atr, atr_len);
}

/*
 * A program may take a card's power and leave it so (SCardDisconnect, SCARD_UNPOWER_CARD). As long
 * as any other is connected, pcsc-lite does not give it back by itself: it refuses new connections,
 * and lets commands of old ones come to nothing. A reset helps. Without a card, power is no
 * question.
 */
static bool has_power(const struct reader *reader)
{
    uint8_t atr[READER_ATR_MAX];
    DWORD state, atr_len;
    LONG rv = ask_status(reader, &state, atr, &atr_len);
    return rv != SCARD_S_SUCCESS || (state & SCARD_PRESENT) == 0 || (state & SCARD_POWERED) != 0;
}

static LONG connect_without_power(struct reader *reader)
{
    LONG rv = SCardConnect(reader->link.context, reader->name, SCARD_SHARE_DIRECT, 0, &reader->card,
                           &reader->protocol);
    if (rv != SCARD_S_SUCCESS)
        return rv;
    rv = reconnect(reader, SCARD_RESET_CARD);
    if (rv != SCARD_S_SUCCESS)
        give_up(reader, SCARD_LEAVE_CARD);
    return rv;
}

static enum err connect_card(struct reader *reader)
{
    enum err e = link_open(&reader->link);
    if (e != ERR_OK)
        return e;
    LONG rv = SCardConnect(reader->link.context, reader->name, SCARD_SHARE_SHARED, PROTOCOLS,
                           &reader->card, &reader->protocol);
    if (rv == SCARD_W_UNPOWERED_CARD)
        rv = connect_without_power(reader);
    if (rv != SCARD_S_SUCCESS)
        return pcsc_failed("SCardConnect", rv);
    reader->connected = true;
    reader->doubtful = false;
    reader->features_asked = false;
    reader->data_max = 0;
    return ERR_OK;
}

/*
 * pcsc-lite's SCardBeginTransaction waits for ever while another program holds the card, and first
 * come is not first served. SCardGetAttrib answers SCARD_E_SHARING_VIOLATION at once, so it can
 * tell when the card is free.
 */
static LONG wait_free(struct reader *reader, uint64_t end)
{
    for (;;) {
        unsigned char atr[READER_ATR_MAX];
        DWORD len = sizeof(atr);
        LONG rv = SCardGetAttrib(reader->card, SCARD_ATTR_ATR_STRING, atr, &len);
        if (rv != SCARD_E_SHARING_VIOLATION)
            return SCARD_S_SUCCESS; /* anything else shows itself in SCardBeginTransaction */
        if (now_ms() >= end)
            return rv;
        sleep_ms(BUSY_LOOK_MS);
    }
}

/* Inside the transaction, so that no other program is in the middle of one, and so that none can
 * keep us waiting in SCardStatus and SCardReconnect, which wait like SCardBeginTransaction. */
static LONG give_power(struct reader *reader)
{
    if (has_power(reader))
        return SCARD_S_SUCCESS;
    LONG rv = reconnect(reader, SCARD_RESET_CARD);
    if (rv != SCARD_S_SUCCESS)
        give_up(reader, SCARD_LEAVE_CARD); /* and the transaction with it */
    return rv;
}

/* After a reset by another program, which may have begun a transaction since. */
static LONG renew(struct reader *reader, uint64_t end)
{
    LONG rv = wait_free(reader, end);
    if (rv == SCARD_S_SUCCESS)
        rv = reconnect(reader, SCARD_LEAVE_CARD);
    if (rv == SCARD_S_SUCCESS)
        rv = wait_free(reader, end);
    return rv == SCARD_S_SUCCESS ? SCardBeginTransaction(reader->card) : rv;
}

/* With the connection that there is: a new one could not be bounded. Whoever resets the card each
 * time is as busy with it as one who keeps it. */
static LONG begin_connected(struct reader *reader, bool *fresh)
{
    uint64_t end = now_ms() + BUSY_WAIT_MS;
    LONG rv = wait_free(reader, end);
    if (rv == SCARD_S_SUCCESS)
        rv = SCardBeginTransaction(reader->card);
    for (int i = 0; i < RESETS_MAX && rv == SCARD_W_RESET_CARD; i++) {
        reader->doubtful = true;
        rv = renew(reader, end);
    }
    *fresh |= reader->doubtful;
    if (rv == SCARD_W_RESET_CARD)
        return SCARD_E_SHARING_VIOLATION;
    if (rv == SCARD_S_SUCCESS && reader->doubtful)
        rv = give_power(reader);
    reader->doubtful = reader->doubtful && rv != SCARD_S_SUCCESS;
    return rv;
}

/* One try. RETRY is set when another one, with a new connection, is worthwhile. */
static enum err begin_once(struct reader *reader, bool *fresh, bool *retry)
{
    bool was_connected = reader->connected;
    *retry = false;
    enum err e = ERR_OK;
    if (!was_connected) {
        e = connect_card(reader);
        *fresh = true;
    }
    if (e == ERR_OK) {
        LONG rv = begin_connected(reader, fresh);
        if (rv == SCARD_S_SUCCESS)
            return ERR_OK;
        e = pcsc_failed("SCardBeginTransaction", rv);
    }
    if (e == ERR_BUSY)
        return e;
    /* A connection to a card that was taken out, or to a service that is gone, is worth nothing. */
    *retry = was_connected || e == ERR_NO_SERVICE;
    reader_disconnect(reader);
    if (e == ERR_NO_SERVICE)
        link_close(&reader->link);
    return e;
}

/* Whether the card is to rest now; where nobody else is connected, puts that off by USE_MS, up to
 * USE_ALONE_MS. So it looks for others no more than once in USE_MS. */
static bool must_rest(struct reader *reader)
{
    uint64_t used = reader->used_until - reader->used_since;
    if (used < reader->look_after)
        return false;
    if (used < USE_ALONE_MS && clients_only_ours(CLIENTS_LIST, link_count())) {
        reader->look_after = used + USE_MS < USE_ALONE_MS ? used + USE_MS : USE_ALONE_MS;
        return false;
    }
    log_write(LOG_DEBUG, "the card rests, for others who %s",
              used < USE_ALONE_MS ? "may want it" : "cannot be seen");
    return true;
}

static void let_others(struct reader *reader)
{
    uint64_t now = now_ms(), rested = reader->used_until + REST_MS;
    if (now < rested && must_rest(reader))
        sleep_ms((unsigned)(rested - now));
}

enum err reader_begin(struct reader *reader, bool *fresh)
{
    bool retry;
    *fresh = false;
    let_others(reader);
    enum err e = begin_once(reader, fresh, &retry);
    if (e != ERR_OK && retry)
        e = begin_once(reader, fresh, &retry);
    uint64_t now = now_ms();
    if (now >= reader->used_until + REST_MS) {
        reader->used_since = now;
        reader->look_after = USE_MS;
    }
    return e;
}

static enum err answered(struct reader *reader, const char *call, LONG rv, DWORD len, size_t room,
                         size_t *received)
{
    if (rv != SCARD_S_SUCCESS) {
        reader->doubtful = true;
        return pcsc_failed(call, rv);
    }
    if (len > room)
        return ERR_ANSWER;
    *received = len;
    return ERR_OK;
}

/* Not by SCardGetAttrib, which not every driver answers. */
size_t reader_atr(struct reader *reader, uint8_t atr[READER_ATR_MAX])
{
    DWORD state, len;
    if (!reader->connected || ask_status(reader, &state, atr, &len) != SCARD_S_SUCCESS)
        return 0;
    return len <= READER_ATR_MAX ? len : 0;
}

/* A reader whose driver promises more than it can do fails in ways of its own, or takes the card's
 * power. It is not tried a second time, whatever card is in it. */
static void distrust(struct reader *reader)
{
    if (!reader->short_only)
        log_write(LOG_INFO, "the reader says that it takes extended APDUs, but one has come to "
                            "nothing: it gets short ones from now on");
    reader->short_only = true;
}

enum err reader_transmit(struct reader *reader, struct bytes command, uint8_t *response,
                         size_t room, size_t *received)
{
    *received = 0;
    if (!reader->connected)
        return ERR_NO_CARD;
    const SCARD_IO_REQUEST *pci =
        reader->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
    DWORD len = (DWORD)room;
    LONG rv =
        SCardTransmit(reader->card, pci, command.data, (DWORD)command.len, NULL, response, &len);
    if (rv != SCARD_S_SUCCESS && room > READER_RESPONSE_MAX)
        distrust(reader);
    return answered(reader, "SCardTransmit", rv, len, room, received);
}

/* ---- what the reader says that it can do ---- */

/* Asks for a list, which is answered without the card; empty when there is none. Drivers that know
 * no features at all answer with an error. LIST has room for MAX_BUFFER_SIZE. */
static struct bytes ask_list(struct reader *reader, DWORD code, const char *what, uint8_t *list)
{
    DWORD len = 0;
    LONG rv = SCardControl(reader->card, code, NULL, 0, list, MAX_BUFFER_SIZE, &len);
    if (rv == SCARD_S_SUCCESS && len <= MAX_BUFFER_SIZE)
        return bytes_of(list, len);
    if (rv == SCARD_S_SUCCESS)
        log_write(LOG_WARNING, "the reader's list of %s has no end", what);
    else
        log_write(LOG_DEBUG, "the reader names no %s: 0x%08lX", what,
                  (unsigned long)rv & 0xFFFFFFFFUL);
    return bytes_of(NULL, 0);
}

static void ask_features(struct reader *reader)
{
    uint8_t room[MAX_BUFFER_SIZE];
    if (reader->features_asked)
        return;
    reader->features_asked = true;
    reader->pad_code = reader->properties_code = 0;
    struct bytes list = ask_list(reader, CM_IOCTL_GET_FEATURE_REQUEST, "features", room);
    if (features_find(list, FEATURE_VERIFY_DIRECT, &reader->pad_code) != ERR_OK ||
        features_find(list, FEATURE_PROPERTIES_TLV, &reader->properties_code) != ERR_OK) {
        log_write(LOG_WARNING, "the reader's list of features makes no sense");
        reader->pad_code = reader->properties_code = 0;
    }
    log_write(LOG_DEBUG, "the reader has %s", reader->pad_code != 0 ? "a PIN pad" : "no PIN pad");
}

static size_t ask_data_max(struct reader *reader)
{
    uint8_t room[MAX_BUFFER_SIZE];
    uint32_t max = 0;
    ask_features(reader);
    if (reader->properties_code == 0)
        return READER_SHORT_DATA_MAX;
    struct bytes list = ask_list(reader, reader->properties_code, "properties", room);
    if (features_data_max(list, &max) != ERR_OK)
        log_write(LOG_WARNING, "the reader's list of properties makes no sense");
    return max != 0 ? max : READER_SHORT_DATA_MAX; /* features_data_max() tells no less */
}

size_t reader_data_max(struct reader *reader)
{
    if (!reader->connected || reader->short_only || reader->protocol != SCARD_PROTOCOL_T1)
        return READER_SHORT_DATA_MAX;
    if (reader->data_max == 0)
        reader->data_max = ask_data_max(reader);
    return reader->data_max;
}

/* ---- the reader's PIN pad ---- */

bool reader_has_pad(struct reader *reader)
{
    if (!reader->connected)
        return false;
    ask_features(reader);
    return reader->pad_code != 0;
}

/* pcsc-lite waits for the reader's answer as long as the driver does: until the holder has typed,
 * or the reader has given up. */
enum err reader_verify_on_pad(struct reader *reader, struct bytes command, unsigned digits,
                              uint8_t *response, size_t *received)
{
    uint8_t verify[PAD_VERIFY_MAX];
    *received = 0;
    if (!reader->connected)
        return ERR_NO_CARD;
    if (!reader_has_pad(reader))
        return ERR_REFUSED;
    size_t size = pad_build_verify(command, digits, verify);
    if (size == 0)
        return ERR_ARGUMENT;
    DWORD len = 0;
    LONG rv = SCardControl(reader->card, reader->pad_code, verify, (DWORD)size, response,
                           READER_RESPONSE_MAX, &len);
    return answered(reader, "SCardControl (PIN pad)", rv, len, READER_RESPONSE_MAX, received);
}

/* A reset in the middle keeps pcsc-lite from ending the transaction until the connection is
 * renewed, which waits for nobody inside it. A new connection might wait for ever. */
static LONG end_transaction(struct reader *reader)
{
    LONG rv = SCardEndTransaction(reader->card, SCARD_LEAVE_CARD);
    if (rv != SCARD_W_RESET_CARD)
        return rv;
    reader->doubtful = true;
    rv = reconnect(reader, SCARD_LEAVE_CARD);
    return rv == SCARD_S_SUCCESS ? SCardEndTransaction(reader->card, SCARD_LEAVE_CARD) : rv;
}

/* A transaction that cannot be ended ends with the connection. It would be in the way of all other
 * programs, also after the next one: pcsc-lite counts them, and one end would not be enough. */
bool reader_end(struct reader *reader, bool power_off)
{
    reader->used_until = now_ms();
    if (!reader->connected)
        return !power_off;
    LONG rv = power_off ? give_up(reader, SCARD_UNPOWER_CARD) : end_transaction(reader);
    if (rv == SCARD_S_SUCCESS)
        return true;
    enum err e = pcsc_failed(power_off ? "SCardDisconnect" : "SCardEndTransaction", rv);
    reader_disconnect(reader);
    return !power_off || e == ERR_NO_CARD || e == ERR_NO_READER; /* no card has no power */
}

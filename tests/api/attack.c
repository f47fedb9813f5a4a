/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attack.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <reader.h> /* of pcsc-lite: SCARD_ATTR_ATR_STRING */

#include "random.h"

#define PROTOCOLS (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)
#define PATIENCE 2000 /* times that a busy card is asked, 5 ms between */
#define SIGNATURE 256
#define HASH 32
#define PAUSE_US 3000
#define TRANSACTION 8 /* attempts in one */

/* docs/card.md: the files of the two keys, the signature certificate, and the schemes by P1. */
#define AUTH_KEY 0x17
#define SIGN_KEY 0x1A
#define CERTIFICATE 0x01
#define SCHEMES 6
#define WAYS 2 /* by short identifier, by file */
#define FORMS ((2 * SCHEMES + 1) * WAYS)

static const uint8_t select_jpki[] = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                                      0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};

static void sleep_5ms(void)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    nanosleep(&pause, NULL);
}

static bool complain(const char *call, LONG rv)
{
    fprintf(stderr, "attacker: %s: %s\n", call, pcsc_stringify_error(rv));
    return false;
}

static bool find_reader(struct attack *attack, unsigned number)
{
    char names[16 * MAX_READERNAME];
    DWORD len = sizeof(names);
    LONG rv = SCardListReaders(attack->context, NULL, names, &len);
    if (rv != SCARD_S_SUCCESS)
        return complain("SCardListReaders", rv);
    const char *name = names;
    for (; number > 0 && *name != '\0'; number--)
        name += strlen(name) + 1;
    size_t size = strlen(name) + 1;
    if (size == 1 || size > sizeof(attack->reader))
        return complain("the list of readers", SCARD_E_UNKNOWN_READER);
    memcpy(attack->reader, name, size);
    return true;
}

static LONG connect_card(struct attack *attack)
{
    LONG rv = SCARD_E_SHARING_VIOLATION;
    for (int i = 0; i < PATIENCE && rv != SCARD_S_SUCCESS; i++) {
        if (i > 0)
            sleep_5ms();
        rv = SCardConnect(attack->context, attack->reader, SCARD_SHARE_SHARED, PROTOCOLS,
                          &attack->card, &attack->protocol);
    }
    attack->connected = rv == SCARD_S_SUCCESS;
    return rv;
}

/* To know it when it is seen. */
static void load_wanted(struct attack *attack)
{
    char path[4096];
    const char *dir = getenv("VCARD_DIR");
    snprintf(path, sizeof(path), "%s/sign.der", dir != NULL ? dir : "");
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return;
    attack->wanted_len = fread(attack->wanted, 1, sizeof(attack->wanted), file);
    fclose(file);
}

bool attack_open(struct attack *attack, unsigned number)
{
    memset(attack, 0, sizeof(*attack));
    load_wanted(attack);
    LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &attack->context);
    if (rv != SCARD_S_SUCCESS)
        return complain("SCardEstablishContext", rv);
    if (!find_reader(attack, number))
        return false;
    rv = connect_card(attack);
    return rv == SCARD_S_SUCCESS || complain("SCardConnect", rv);
}

void attack_close(struct attack *attack)
{
    if (attack->connected)
        SCardDisconnect(attack->card, SCARD_LEAVE_CARD);
    attack->connected = false;
    SCardReleaseContext(attack->context);
}

/* After a reset by anybody the connection must be renewed, which asks the card nothing. */
static LONG renew(struct attack *attack, DWORD initialization)
{
    return SCardReconnect(attack->card, SCARD_SHARE_SHARED, PROTOCOLS, initialization,
                          &attack->protocol);
}

/* For whatever else went wrong: a new connection. */
static bool recover(struct attack *attack, LONG rv)
{
    if (rv == SCARD_E_SHARING_VIOLATION)
        return true;
    if (rv == SCARD_W_RESET_CARD && renew(attack, SCARD_LEAVE_CARD) == SCARD_S_SUCCESS)
        return true;
    SCardDisconnect(attack->card, SCARD_LEAVE_CARD);
    rv = connect_card(attack);
    return rv == SCARD_S_SUCCESS || complain("SCardConnect", rv);
}

static LONG transmit(const struct attack *attack, const uint8_t *command, size_t len,
                     uint8_t response[MAX_BUFFER_SIZE], size_t *received)
{
    const SCARD_IO_REQUEST *pci =
        attack->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
    DWORD got = MAX_BUFFER_SIZE;
    LONG rv = SCardTransmit(attack->card, pci, command, (DWORD)len, NULL, response, &got);
    *received = rv == SCARD_S_SUCCESS ? got : 0;
    return rv;
}

static LONG select_jpki_application(const struct attack *attack)
{
    uint8_t response[MAX_BUFFER_SIZE];
    size_t len;
    return transmit(attack, select_jpki, sizeof(select_jpki), response, &len);
}

/* Without a transaction somebody may select another file, which anybody may read, between our
 * SELECT and our READ BINARY. */
static bool is_the_certificate(const struct attack *attack, const uint8_t *response, size_t len)
{
    return attack->wanted_len == 0 ||
           memcmp(response, attack->wanted, len < attack->wanted_len ? len : attack->wanted_len) ==
               0;
}

static void count(struct attack *attack, bool certificate, size_t len, const uint8_t *response)
{
    if (len < 2)
        return;
    attack->attempts++;
    if (response[len - 2] != 0x90 || response[len - 1] != 0x00)
        return;
    if (certificate && len > 2)
        attack->certificates += is_the_certificate(attack, response, len - 2);
    else if (!certificate && len == SIGNATURE + 2)
        attack->signatures++;
    else
        attack->odd++;
}

/* One form of attack: FORM counts through certificate and keys, schemes, ways. */
static LONG attack_form(struct attack *attack, unsigned form)
{
    bool by_file = form % WAYS == 1;
    unsigned what = form / WAYS;
    bool certificate = what == 2 * SCHEMES;
    uint8_t file = certificate ? CERTIFICATE : what < SCHEMES ? AUTH_KEY : SIGN_KEY;
    uint8_t reference = by_file ? 0x80 : (uint8_t)(0x80 | file);
    uint8_t select_file[] = {0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, file};
    uint8_t sign[5 + HASH + 1] = {0x80, 0x2A, (uint8_t)(what % SCHEMES), reference, HASH};
    uint8_t read[] = {0x00, 0xB0, by_file ? 0x00 : reference, 0x00, 0x00};
    uint8_t response[MAX_BUFFER_SIZE];
    size_t len;
    LONG rv = SCARD_S_SUCCESS;
    if (by_file)
        rv = transmit(attack, select_file, sizeof(select_file), response, &len);
    if (rv == SCARD_S_SUCCESS)
        rv = certificate ? transmit(attack, read, sizeof(read), response, &len)
                         : transmit(attack, sign, sizeof(sign), response, &len);
    if (rv == SCARD_S_SUCCESS)
        count(attack, certificate, len, response);
    return rv;
}

/* Every form, in the state that the card was left in and then in the application. */
static LONG attack_forms(struct attack *attack)
{
    LONG rv = SCARD_S_SUCCESS;
    for (unsigned form = 0; form < 2 * FORMS && rv == SCARD_S_SUCCESS; form++) {
        if (form == FORMS)
            rv = select_jpki_application(attack);
        if (rv == SCARD_S_SUCCESS)
            rv = attack_form(attack, form % FORMS);
    }
    return rv;
}

static LONG attack_round(struct attack *attack, bool transaction)
{
    LONG rv = transaction ? SCardBeginTransaction(attack->card) : SCARD_S_SUCCESS;
    if (rv == SCARD_S_SUCCESS)
        rv = attack_forms(attack);
    if (transaction && rv == SCARD_S_SUCCESS)
        rv = SCardEndTransaction(attack->card, SCARD_LEAVE_CARD);
    return rv;
}

bool attack_once(struct attack *attack)
{
    for (int transaction = 0; transaction <= 1; transaction++) {
        LONG rv = attack_round(attack, transaction == 1);
        for (int i = 0; i < PATIENCE && rv != SCARD_S_SUCCESS; i++) {
            if (!recover(attack, rv))
                return false;
            sleep_5ms();
            rv = attack_round(attack, transaction == 1);
        }
        if (rv != SCARD_S_SUCCESS)
            return complain("SCardTransmit", rv);
    }
    return true;
}

/* While another program has a transaction, libpcsclite lets a command or a transaction wait for
 * tenths of a second, which is no random moment any more. This pcscd answers at once. */
static bool is_free(const struct attack *attack)
{
    unsigned char atr[MAX_ATR_SIZE];
    DWORD len = sizeof(atr);
    return SCardGetAttrib(attack->card, SCARD_ATTR_ATR_STRING, atr, &len) !=
           SCARD_E_SHARING_VIOLATION;
}

bool attack_somehow(struct attack *attack, unsigned *seed)
{
    LONG rv = SCARD_S_SUCCESS;
    random_pause(seed, PAUSE_US);
    unsigned renewal = random_below(seed, 256);
    if (renewal < 8)
        rv = renew(attack, renewal < 4 ? SCARD_RESET_CARD : SCARD_LEAVE_CARD);
    if (renewal == 8) {
        SCardDisconnect(attack->card, SCARD_LEAVE_CARD);
        rv = connect_card(attack);
    }
    if (rv == SCARD_S_SUCCESS && !is_free(attack))
        return true;
    bool transaction = random_below(seed, 8) == 0;
    if (rv == SCARD_S_SUCCESS && transaction)
        rv = SCardBeginTransaction(attack->card);
    transaction &= rv == SCARD_S_SUCCESS;
    if (rv == SCARD_S_SUCCESS && random_below(seed, 2) == 0)
        rv = select_jpki_application(attack);
    for (unsigned more = transaction ? TRANSACTION : 1; more > 0 && rv == SCARD_S_SUCCESS; more--)
        rv = attack_form(attack, random_below(seed, FORMS));
    if (transaction)
        SCardEndTransaction(attack->card, SCARD_LEAVE_CARD);
    return rv == SCARD_S_SUCCESS || recover(attack, rv);
}

bool attack_succeeded(const struct attack *attack)
{
    return attack->signatures > 0 || attack->certificates > 0 || attack->odd > 0;
}

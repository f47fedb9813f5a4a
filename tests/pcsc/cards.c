/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Handles: what is done with one card.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcsc/client.h"

#include <reader.h> /* of pcsc-lite */

#define VERIFY_CODE SCARD_CTL_CODE(0x330006) /* as the CCID driver has it, and the next */
#define PROPERTIES_CODE SCARD_CTL_CODE(0x330012)
#define PIN_HEADER offsetof(PIN_VERIFY_STRUCTURE, abData)
#define PROTOCOLS (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)

const SCARD_IO_REQUEST g_rgSCardT0Pci = {SCARD_PROTOCOL_T0, sizeof(SCARD_IO_REQUEST)};
const SCARD_IO_REQUEST g_rgSCardT1Pci = {SCARD_PROTOCOL_T1, sizeof(SCARD_IO_REQUEST)};
const SCARD_IO_REQUEST g_rgSCardRawPci = {SCARD_PROTOCOL_RAW, sizeof(SCARD_IO_REQUEST)};

static bool is_others(const struct slot *slot, const struct handle *handle)
{
    const void *owner = client_owner(slot);
    return slot->held || (owner != NULL && owner != handle);
}

/* What has happened to this handle's card. */
static LONG event(const struct handle *handle)
{
    const struct slot *slot = handle->slot;
    if (!slot->there)
        return SCARD_E_READER_UNAVAILABLE;
    if (!slot->present || slot->insertion != handle->insertion)
        return SCARD_W_REMOVED_CARD;
    return slot->resets == handle->resets ? SCARD_S_SUCCESS : SCARD_W_RESET_CARD;
}

/* Why it cannot be spoken to. */
static LONG trouble(const struct handle *handle)
{
    return is_others(handle->slot, handle) ? SCARD_E_SHARING_VIOLATION : event(handle);
}

/* Waits while another program is in a transaction. */
static LONG wait_turn(const struct context *context, const struct slot *slot,
                      const struct handle *handle)
{
    struct timespec end = stage_deadline(2 * STAGE_WAIT_MS);
    while (client_is_alive(context) && slot->there && !slot->held && is_others(slot, handle))
        if (!stage_wait(&end))
            stage_die("a transaction of another program does not end", slot->name);
    return client_is_alive(context) ? SCARD_S_SUCCESS : SCARD_E_NO_SERVICE;
}

static DWORD protocol(void)
{
    if (script.no_protocol)
        return SCARD_PROTOCOL_UNDEFINED;
    return script.protocol != 0 ? script.protocol : SCARD_PROTOCOL_T1;
}

static LONG can_connect(const struct context *context, const struct slot *slot,
                        const struct handle *handle)
{
    if (slot == NULL || !slot->there)
        return SCARD_E_UNKNOWN_READER;
    if (slot->held)
        return SCARD_E_SHARING_VIOLATION;
    LONG rv = wait_turn(context, slot, handle);
    if (rv == SCARD_S_SUCCESS && !slot->present)
        rv = SCARD_E_NO_SMARTCARD;
    return rv;
}

/* Whose power another program has taken stays so while anybody is connected. */
static LONG power_for_the_first(struct slot *slot)
{
    if (!slot->powered && client_is_used(slot))
        return SCARD_W_UNPOWERED_CARD;
    stage_power_on(slot);
    return SCARD_S_SUCCESS;
}

LONG SCardConnect(SCARDCONTEXT id, LPCSTR reader, DWORD share, DWORD protocols, LPSCARDHANDLE card,
                  LPDWORD active)
{
    struct client_call call;
    LONG rv = client_begin_context(&call, __func__, id);
    /* The second one to a card without power, to give it back by a reset. */
    if (!(share == SCARD_SHARE_SHARED && protocols == PROTOCOLS) &&
        !(share == SCARD_SHARE_DIRECT && protocols == 0))
        stage_die("a card is to be shared, with any protocol", call.name);
    struct slot *slot = stage_find(reader);
    if (rv == SCARD_S_SUCCESS)
        rv = can_connect(call.context, slot, NULL);
    if (rv == SCARD_S_SUCCESS && share == SCARD_SHARE_SHARED)
        rv = power_for_the_first(slot);
    if (rv == SCARD_S_SUCCESS) {
        struct handle *handle = client_add_handle(call.context, slot);
        handle->direct = share == SCARD_SHARE_DIRECT;
        handle->protocol = *active = protocol();
        *card = handle->id;
    }
    return client_end(&call, rv);
}

LONG SCardReconnect(SCARDHANDLE id, DWORD share, DWORD protocols, DWORD initialization,
                    LPDWORD active)
{
    struct client_call call;
    LONG rv = client_begin_handle(&call, __func__, id);
    if (share != SCARD_SHARE_SHARED || protocols != PROTOCOLS ||
        (initialization != SCARD_LEAVE_CARD && initialization != SCARD_RESET_CARD))
        stage_die("a card is to be shared, with any protocol, and left as it is or reset",
                  call.name);
    bool renewal = initialization == SCARD_LEAVE_CARD && event(call.handle) == SCARD_W_RESET_CARD;
    if (call.handle->transaction != (initialization == SCARD_RESET_CARD) && !renewal &&
        client_is_alive(call.context) && !call.handle->direct)
        stage_die("a reset outside a transaction, or a transaction for nothing else", call.name);
    if (rv == SCARD_S_SUCCESS)
        rv = can_connect(call.context, call.handle->slot, call.handle);
    if (rv == SCARD_S_SUCCESS && initialization == SCARD_RESET_CARD) {
        stage_reset(call.handle->slot);
        script.mute = false;
    }
    if (rv == SCARD_S_SUCCESS) {
        call.handle->direct = false;
        client_take_card(call.handle);
        call.handle->protocol = *active = protocol();
    }
    return client_end(&call, rv);
}

LONG SCardDisconnect(SCARDHANDLE id, DWORD disposition)
{
    struct client_call call;
    LONG rv = client_begin_handle(&call, __func__, id);
    if (disposition != SCARD_LEAVE_CARD && disposition != SCARD_UNPOWER_CARD)
        stage_die("a card is to be left, or to lose its power", call.name);
    if (rv == SCARD_S_SUCCESS) {
        /* Also after a reset by another program. */
        if (disposition == SCARD_UNPOWER_CARD && !is_others(call.handle->slot, call.handle)) {
            stage_power_off(call.handle->slot);
            script.mute = false;
            stage.counters.power_offs++;
        }
        client_remove_handle(call.handle);
        call.handle = NULL;
    }
    return client_end(&call, rv);
}

/* Waits like SCardBeginTransaction. */
LONG SCardStatus(SCARDHANDLE id, LPSTR name, LPDWORD name_len, LPDWORD state, LPDWORD active,
                 LPBYTE atr, LPDWORD atr_len)
{
    struct client_call call;
    LONG rv = client_begin_handle(&call, __func__, id);
    if (name == NULL || *name_len < MAX_READERNAME || atr == NULL || *atr_len < MAX_ATR_SIZE)
        stage_die("not as the module is to ask", call.name);
    if (rv == SCARD_S_SUCCESS)
        rv = wait_turn(call.context, call.handle->slot, call.handle);
    if (rv == SCARD_S_SUCCESS)
        rv = trouble(call.handle);
    if (rv == SCARD_S_SUCCESS) {
        const struct slot *slot = call.handle->slot;
        *name_len = (DWORD)snprintf(name, *name_len, "%s", slot->name) + 1;
        *state = SCARD_PRESENT | (slot->powered ? SCARD_POWERED : 0);
        *active = call.handle->protocol;
        *atr_len = (DWORD)slot->atr_len;
        memcpy(atr, slot->atr, slot->atr_len);
    }
    return client_end(&call, rv);
}

LONG SCardGetAttrib(SCARDHANDLE id, DWORD attribute, LPBYTE out, LPDWORD len)
{
    struct client_call call;
    LONG rv = client_begin_handle(&call, __func__, id);
    if (attribute != SCARD_ATTR_ATR_STRING || out == NULL || *len == SCARD_AUTOALLOCATE)
        stage_die("not as the module is to ask", call.name);
    if (rv == SCARD_S_SUCCESS)
        rv = trouble(call.handle);
    if (rv == SCARD_S_SUCCESS && *len < call.handle->slot->atr_len)
        rv = SCARD_E_INSUFFICIENT_BUFFER;
    if (rv == SCARD_S_SUCCESS) {
        memset(out, 0xEE, *len);
        *len = (DWORD)call.handle->slot->atr_len;
        memcpy(out, call.handle->slot->atr, *len);
    }
    return client_end(&call, rv);
}

/* ---- transactions ---- */

LONG SCardBeginTransaction(SCARDHANDLE id)
{
    struct client_call call;
    LONG rv = client_begin_handle(&call, __func__, id);
    /* pcscd would count them, and one end would not be enough. */
    if (call.handle->transaction && client_is_alive(call.context))
        stage_die("a transaction in a transaction", call.name);
    /* pcscd tells of a reset before it looks whose turn it is. */
    if (rv == SCARD_S_SUCCESS)
        rv = event(call.handle);
    if (rv == SCARD_S_SUCCESS)
        rv = wait_turn(call.context, call.handle->slot, call.handle);
    if (rv == SCARD_S_SUCCESS)
        rv = trouble(call.handle);
    if (rv == SCARD_S_SUCCESS) {
        call.handle->transaction = true;
        call.handle->slot->owner = call.handle;
    }
    return client_end(&call, rv);
}

LONG SCardEndTransaction(SCARDHANDLE id, DWORD disposition)
{
    struct client_call call;
    LONG rv = client_begin_handle(&call, __func__, id);
    if (disposition != SCARD_LEAVE_CARD)
        stage_die("a card is to be left as it is", call.name);
    if (!call.handle->transaction && rv == SCARD_S_SUCCESS)
        stage_die("the end of no transaction", call.name);
    /* pcscd ends none before the handle has been told of a reset and was renewed, or closed. */
    if (rv == SCARD_S_SUCCESS)
        rv = trouble(call.handle);
    if (rv == SCARD_S_SUCCESS)
        client_release(call.handle);
    return client_end(&call, rv);
}

/* ---- commands ---- */

/* RESPONSE and its length go to OUT, as much as the caller has room for. */
static LONG deliver(const uint8_t *response, size_t n, DWORD claim, uint8_t *out, DWORD *len)
{
    DWORD room = *len;
    *len = claim != 0 ? claim : (DWORD)n;
    if (n > room && claim == 0)
        return SCARD_E_INSUFFICIENT_BUFFER;
    memset(out, 0xEE, room);
    memcpy(out, response, n < room ? n : room);
    return SCARD_S_SUCCESS;
}

/* The command goes through the test's hook to the card, and its answer comes back. */
static LONG run(const struct client_call *call, const uint8_t *command, size_t len, uint8_t *out,
                DWORD *out_len)
{
    uint8_t *room = stage_must(malloc(TWIN_RESPONSE_MAX));
    twin_hook *hook = stage.hook;
    void *context = stage.hook_context;
    size_t n = 0;
    bool answered = false;
    stage_count_command(command, len);
    if (hook != NULL) {
        stage_give();
        answered = hook(context, command, len, room, &n);
        stage_take();
    }
    LONG rv = client_is_alive(call->context) ? trouble(call->handle) : SCARD_E_NO_SERVICE;
    if (rv == SCARD_S_SUCCESS && (script.mute || !call->handle->slot->powered))
        rv = SCARD_E_NOT_TRANSACTED;
    if (rv == SCARD_S_SUCCESS && !answered) {
        n = stage_run_card(call->handle->slot, command, len, room);
        rv = client_is_alive(call->context) ? trouble(call->handle) : SCARD_E_NO_SERVICE;
    }
    if (script.transmit_empty)
        n = 0;
    if (rv == SCARD_S_SUCCESS)
        rv = deliver(room, n, script.transmit_claim, out, out_len);
    free(room);
    return rv;
}

LONG SCardTransmit(SCARDHANDLE id, const SCARD_IO_REQUEST *pci, LPCBYTE command, DWORD len,
                   SCARD_IO_REQUEST *received_pci, LPBYTE out, LPDWORD out_len)
{
    struct client_call call;
    LONG rv = client_begin_handle(&call, __func__, id);
    if (!call.handle->transaction)
        stage_die("a command outside a transaction", call.name);
    if (len < 4 || len > MAX_BUFFER_SIZE || received_pci != NULL || out == NULL || *out_len < 2)
        stage_die("no command of a card", call.name);
    if (rv == SCARD_S_SUCCESS)
        rv = trouble(call.handle);
    if (rv == SCARD_S_SUCCESS && pci->dwProtocol != call.handle->protocol)
        rv = SCARD_E_PROTO_MISMATCH;
    if (rv == SCARD_S_SUCCESS)
        rv = run(&call, command, len, out, out_len);
    return client_end(&call, rv);
}

/* ---- what the reader says of itself ---- */

static size_t add_feature(uint8_t *at, uint8_t tag, DWORD code)
{
    const uint8_t feature[] = {
        tag, 4, (uint8_t)(code >> 24), (uint8_t)(code >> 16), (uint8_t)(code >> 8), (uint8_t)code};
    memcpy(at, feature, sizeof(feature));
    return sizeof(feature);
}

static LONG features(const struct slot *slot, uint8_t *out, DWORD *len)
{
    uint8_t list[12];
    size_t n = 0;
    if (script.features_error != 0)
        return script.features_error;
    if (script.features != NULL)
        return deliver(script.features, script.features_len, script.features_claim, out, len);
    if (slot->pad)
        n += add_feature(list, FEATURE_VERIFY_PIN_DIRECT, VERIFY_CODE);
    if (slot->data_max != 0 || script.properties != NULL)
        n += add_feature(list + n, FEATURE_GET_TLV_PROPERTIES, PROPERTIES_CODE);
    return deliver(list, n, 0, out, len);
}

/* As the CCID driver: the reader's number, and then what it takes. */
static LONG properties(const struct slot *slot, uint8_t *out, DWORD *len)
{
    const uint8_t list[] = {PCSCv2_PART10_PROPERTY_wIdVendor,
                            2,
                            0x34,
                            0x12,
                            PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize,
                            4,
                            (uint8_t)slot->data_max,
                            (uint8_t)(slot->data_max >> 8),
                            (uint8_t)(slot->data_max >> 16),
                            (uint8_t)(slot->data_max >> 24)};
    if (script.properties_error != 0)
        return script.properties_error;
    if (script.properties != NULL)
        return deliver(script.properties, script.properties_len, script.properties_claim, out, len);
    return deliver(list, sizeof(list), 0, out, len);
}

/* ---- the reader's PIN pad ---- */

/* The holder types what the test said; IN describes the PIN. */
static LONG type_pin(const struct client_call *call, const uint8_t *in, size_t in_len, uint8_t *out,
                     DWORD *len)
{
    PIN_VERIFY_STRUCTURE v;
    uint8_t command[5 + STAGE_DIGITS_MAX];
    DWORD room = *len;
    if (!call->handle->transaction)
        stage_die("a PIN outside a transaction", call->name);
    if (in_len < PIN_HEADER + 6)
        stage_die("no description of a PIN", call->name);
    memcpy(&v, in, PIN_HEADER);
    unsigned digits = v.bmPINBlockString;
    if (v.ulDataLength != in_len - PIN_HEADER || v.ulDataLength != 5 + (size_t)digits ||
        digits > STAGE_DIGITS_MAX || in[PIN_HEADER + 4] != digits)
        stage_die("no VERIFY for so many digits", call->name);
    memcpy(command, in + PIN_HEADER, v.ulDataLength);
    uint16_t sw = stage_pad_entry(call->handle->slot, digits, command + 5);
    const uint8_t word[2] = {(uint8_t)(sw >> 8), (uint8_t)sw};
    if (sw != 0)
        return deliver(word, sizeof(word), 0, out, len);
    LONG rv = run(call, command, v.ulDataLength, out, len);
    if (rv == SCARD_S_SUCCESS && script.pad != NULL) {
        *len = room;
        rv = deliver(script.pad, script.pad_len, script.pad_claim, out, len);
    }
    return rv;
}

LONG SCardControl(SCARDHANDLE id, DWORD code, LPCVOID in, DWORD in_len, LPVOID out, DWORD room,
                  LPDWORD len)
{
    struct client_call call;
    LONG rv = client_begin_handle(&call, __func__, id);
    *len = room;
    if (rv == SCARD_S_SUCCESS)
        rv = trouble(call.handle);
    if (rv == SCARD_S_SUCCESS && code == CM_IOCTL_GET_FEATURE_REQUEST)
        rv = features(call.handle->slot, out, len);
    else if (rv == SCARD_S_SUCCESS && code == PROPERTIES_CODE)
        rv = properties(call.handle->slot, out, len);
    else if (rv == SCARD_S_SUCCESS && code == VERIFY_CODE && call.handle->slot->pad)
        rv = type_pin(&call, in, in_len, out, len);
    else if (rv == SCARD_S_SUCCESS)
        rv = SCARD_E_UNSUPPORTED_FEATURE;
    if (rv != SCARD_S_SUCCESS)
        *len = 0;
    return client_end(&call, rv);
}

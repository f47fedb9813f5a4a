/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a reader says that it can do: the lists of PC/SC part 10 ("IFDs with Secure PIN Entry
 * Capabilities"), taken apart. Nothing here talks to a reader: reader.c does.
 */
#ifndef JPKI_READER_FEATURES_H
#define JPKI_READER_FEATURES_H

#include <stdint.h>

#include "support/bytes.h"
#include "support/err.h"

/* 2.2: tags of features. */
#define FEATURE_VERIFY_DIRECT 0x06  /* FEATURE_VERIFY_PIN_DIRECT: a PIN typed on the reader */
#define FEATURE_PROPERTIES_TLV 0x12 /* FEATURE_GET_TLV_PROPERTIES: tells more of the reader */

/*
 * Looks for the feature TAG in LIST, a reader's answer to GET_FEATURE_REQUEST. CODE is its control
 * code, or 0 when the reader does not have it. ERR_ANSWER (CODE 0) when any part of LIST is not
 * formed as it must be: whoever speaks so badly is not trusted with a PIN.
 */
enum err features_find(struct bytes list, uint8_t tag, uint32_t *code);

/*
 * The property dwMaxAPDUDataSize in LIST, a reader's answer to FEATURE_GET_TLV_PROPERTIES: the most
 * data, in bytes, that a command or a response may have. 0 when the reader does not tell, and when
 * what it tells means short APDUs alone. ERR_ANSWER (0) when LIST is malformed.
 */
enum err features_data_max(struct bytes list, uint32_t *bytes);

#endif

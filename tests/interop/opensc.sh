#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A second opinion on the virtual card: OpenSC's own module, whose driver was written for real
# cards, lists it, logs in and signs with both keys. Our module plays no part here.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

LABEL_AUTH='JPKI (User Authentication PIN)'
LABEL_SIGN='JPKI (Digital Signature PIN)'

lists() {
    works 'OpenSC lists the slots' tool --list-slots
    expect_has 'it sees the authentication token' "token label *: .*User Authentication" "$OUTPUT"
    expect_has 'it sees the signature token' "token label *: .*Digital Signature" "$OUTPUT"
    works 'OpenSC reads the authentication certificate without a PIN' \
        tool --token-label "$LABEL_AUTH" --read-object --type cert --id 01 \
        --output-file "$WORK/auth.der"
    expect 'it is the one on the card' "$(openssl x509 -in "$CARD/auth.pem" -outform DER | sha256sum)" \
        "$(sha256sum <"$WORK/auth.der")"
    works 'OpenSC reads the signature certificate after login' \
        tool --token-label "$LABEL_SIGN" --login --pin "$PIN_SIGN" --read-object --type cert --id 02 \
        --output-file "$WORK/sign.der"
    expect 'it is the one on the card' "$(openssl x509 -in "$CARD/sign.pem" -outform DER | sha256sum)" \
        "$(sha256sum <"$WORK/sign.der")"
}

signs() {
    local which
    for which in auth sign; do
        works "OpenSC signs with the $which key, and openssl accepts it" \
            signs_and_verifies "$which" "$CARD/$which.pem"
    done
}

# The counter of tries goes down and up again as OpenSC expects.
wrong_pin() {
    local mark
    mark=$(apdu_mark card)
    refused 'OpenSC is told that a PIN is wrong' CKR_PIN_INCORRECT \
        sign_with "$MODULE" "$LABEL_AUTH" 4321 01 SHA256-RSA-PKCS "$WORK/short" "$WORK/sig"
    expect 'the log has one VERIFY' 1 "$(verifies_since card "$mark")"
    works 'the right PIN works afterwards' signs_and_verifies auth "$CARD/auth.pem"
}

main() {
    MODULE=$(opensc_module)
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    lists
    signs
    wrong_pin
    interop_end
}

main "$@"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Changing both PINs, as their holder does it with pkcs11-tool.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

# change LABEL OLD NEW
change() {
    tool --token-label "$1" --login --pin "$2" --change-pin --new-pin "$3"
}

# holds auth|sign: what stands in the virtual card's own memory.
holds() {
    sed -n "s/^$1\.pin = //p" "$CARD/state"
}

# closed WHEN: another program can neither sign nor read the certificate.
closed() {
    local answers
    answers=$(raw_apdus 0 00A4040C0AD392F000260100000001 802A00970330313200 802A009A0330313200 \
        00B0810000)
    expect "$1, the card is closed" 3 "$(grep -c 'SW1=0x69, SW2=0x82' <<<"$answers")"
}

both_pins() {
    works 'the authentication PIN is changed' change "$LABEL_AUTH" 1234 8306
    expect '  the card holds it' 8306 "$(holds auth)"
    closed '  after the change'
    PIN_AUTH=8306 works '  it signs' signs_and_verifies auth "$CARD/auth.pem"
    works 'the password is changed' change "$LABEL_SIGN" ABC123 new2password
    expect '  the card holds it in capital letters' NEW2PASSWORD "$(holds sign)"
    closed '  after the change'
    PIN_SIGN=NEW2PASSWORD works '  it signs' signs_and_verifies sign "$CARD/sign.pem"
    expect 'the history has both' 2 "$(grep -c '"operation":"change-pin","mechanism":null,"result":"CKR_OK"' \
        "$HOME/.local/state/jpki-pkcs11/history.jsonl")"
    expect_has_not '  and no PIN' '8306|NEW2PASSWORD|new2password|ABC123' \
        "$(sed 's/"\(time\|pid\|serial\|prev\)":[^,}]*//g' \
            "$HOME/.local/state/jpki-pkcs11/history.jsonl")"
}

refusals() {
    local mark
    mark=$(apdu_mark card)
    refused 'three digits are no PIN' 'CKR_PIN_LEN_RANGE' change "$LABEL_AUTH" 8306 123
    refused 'letters are no PIN' 'CKR_PIN_INVALID' change "$LABEL_AUTH" 8306 12a4
    refused 'a password needs a digit' 'CKR_PIN_INVALID' change "$LABEL_SIGN" NEW2PASSWORD ABCDEFGH
    refused 'and a letter' 'CKR_PIN_INVALID' change "$LABEL_SIGN" NEW2PASSWORD 12345678
    expect 'nothing was sent to be changed' 0 "$(apdu_lines card "$mark" | grep -c '^0024' || true)"
    expect 'both PINs stay' '8306 NEW2PASSWORD' "$(holds auth) $(holds sign)"
    refused 'a wrong old PIN' 'CKR_PIN_INCORRECT' change "$LABEL_AUTH" 1234 5678
    expect '  the old one stays' 8306 "$(holds auth)"
}

# The card is taken out instead of answering the change: whichever PIN holds, nothing is locked.
broken_off() {
    card_take 0
    card_insert card 0 --fault ins=24:1:pull
    refused 'the card is gone in the middle' 'CKR_DEVICE_(REMOVED|ERROR)' \
        change "$LABEL_AUTH" 8306 7777
    # A reader of vpcd that has lost its card inside a command is of no use any more.
    card_end 0
    pcscd_stop TERM
    pcscd_start
    card_insert card 0
    expect_has 'one of the two PINs holds' '^(8306|7777)$' "$(holds auth)"
    PIN_AUTH=$(holds auth) works '  it signs' signs_and_verifies auth "$CARD/auth.pem"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    CARD=$(card_dir card)
    pcscd_start
    card_new card
    card_insert card 0
    both_pins
    refusals
    broken_off
    interop_end
}

main "$@"

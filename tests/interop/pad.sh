#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A PIN typed on the reader's PIN pad, through the real pcscd: below PKCS #11, by a program of ours.

# shellcheck source=tests/lib/interop.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/interop.sh"

readonly NO_KEYS='no;the card does not do this (-1);the card wants a PIN first'

# pad ENTRIES ROLE COUNT [reconnect]: the holder does what ENTRIES says, one word for each time that he is
# asked. What our program said is left in OUTPUT, what the reader was asked in ASKED.
pad() {
    local mark
    mark=$(apdu_mark one)
    tr ' ' '\n' <<<"$1" >"$WORK/types"
    : >"$WORK/asked"
    works "the program ends well ($2, ${1:-nobody there})" \
        env LD_PRELOAD="$PRELOAD $PADSHIM" PAD_TYPES="$WORK/types" PAD_LOG="$WORK/asked" \
        "$PAD" "${@:2}"
    ASKED=$(cat "$WORK/asked")
    VERIFIES=$(verifies_since one "$mark")
}

# results: what the program printed, without what it logged, in one line.
results() {
    sed -n -E 's/^(keys|PIN|signature): //p' <<<"$OUTPUT" | paste -sd ';'
}

asked() {
    paste -sd ';' <<<"$ASKED"
}

without_pad() {
    say '-- a reader without a PIN pad'
    local mark
    mark=$(apdu_mark one)
    works 'the program ends well' "$PAD" auth 1
    expect 'the reader has none, and refuses' "$NO_KEYS" "$(results)"
    expect 'no PIN was sent' 0 "$(verifies_since one "$mark")"
}

right() {
    say '-- the right PIN'
    pad 1234 auth 1
    expect 'the card takes it, and signs' 'yes;no error (-1);no error' "$(results)"
    expect 'one entry, one VERIFY' 1 "$VERIFIES"
    expect 'one question for a pad, one for a PIN' 'features;PIN 9000' "$(asked)"
    expect_has_not 'the digits are in no log' '31323334|31 32 33 34|\b1234\b' "$OUTPUT"
    expect_has 'the login was ended' '^00A4040C07A0000001510000' "$(apdu_lines one 0 | tail -n 1)"
}

wrong() {
    say '-- wrong PINs, a change of mind, nobody there'
    pad '9999 cancel timeout 12345 1234' auth 5
    expect 'one try is spent, and given back by the right PIN' \
        'yes;the card refused the PIN (2);the wait was cancelled (-1);the wait was cancelled (-1);the wait was cancelled (-1);no error (-1);no error' \
        "$(results)"
    expect 'two entries reached the card' 2 "$VERIFIES"
    expect 'the pad is asked for once, the holder five times' \
        'features;PIN 63C2;PIN 6401;PIN 6400;PIN 6403;PIN 9000' "$(asked)"
    expect_has 'the log names the cancel' 'the holder cancelled \(6401\)' "$OUTPUT"
    expect_has 'the log names the time' 'no PIN was typed in time \(6400\)' "$OUTPUT"
    pad '1234 1234' auth 2 reconnect
    expect 'another connection, another question: the reader may be another one' \
        'features;features;PIN 9000;features;PIN 9000' "$(asked)"
    pad '' auth 1
    expect 'nobody there' 'yes;the wait was cancelled (-1);the card wants a PIN first' "$(results)"
    expect 'no PIN was sent' 0 "$VERIFIES"
}

broken() {
    say '-- a reader that fails'
    pad 'broken' auth 1
    expect 'nothing is done a second time' 'features;PIN broken' "$(asked)"
    expect 'it is an error of the exchange' \
        'yes;the exchange with the card broke off (-1);the card wants a PIN first' "$(results)"
    expect 'no PIN was sent' 0 "$VERIFIES"
}

# Letters cannot be typed: the holder is not even asked.
signature_pin() {
    say '-- the PIN of the signature key'
    pad 1234 sign 1
    expect 'it is not asked for' \
        'yes;an argument that may not be passed (-1);the card wants a PIN first' "$(results)"
    expect 'the holder was not asked' features "$(asked)"
    expect 'no PIN was sent' 0 "$VERIFIES"
}

# What the list must not be: another length, a feature twice, cut off. An empty one says "none".
odd_lists() {
    say '-- readers that name their features badly'
    local list
    for list in 06034233 060442330006060442330006 0604423300 0604423300060A; do
        PAD_FEATURES=$list pad 1234 auth 1
        expect "$list: no pad" "$NO_KEYS" "$(results)"
        expect_has "$list: it is said" 'list of features makes no sense' "$OUTPUT"
        expect "$list: it is not asked again" features "$(asked)"
        expect "$list: no PIN was sent" 0 "$VERIFIES"
    done
    PAD_FEATURES='' pad 1234 auth 1
    expect 'an empty list: no pad' "$NO_KEYS" "$(results)"
    expect_has_not 'an empty list is no fault' 'makes no sense' "$OUTPUT"
    expect 'an empty list: the holder was not asked' features "$(asked)"
}

locked() {
    say '-- a PIN that gets locked'
    pad '0000 0000 0000 1234' auth 4
    expect 'three tries, and no more' \
        'yes;the card refused the PIN (2);the card refused the PIN (1);the PIN is locked (0);the PIN is locked (0);the card wants a PIN first' \
        "$(results)"
    expect 'four entries reached the card' 4 "$VERIFIES"
}

# The same on a card that knows no short identifiers, and must be told the file first.
long_way() {
    say '-- a card without short identifiers'
    card_take 0
    card_new two --no-sfi
    card_insert two 0
    local mark
    mark=$(apdu_mark two)
    pad '9999 1234' auth 2
    expect 'the same answers' 'yes;the card refused the PIN (2);no error (-1);no error' "$(results)"
    expect 'both went to the selected file' 2 "$(apdu_lines two "$mark" | grep -cE '^0020008004' || true)"
}

main() {
    interop_begin "${BASH_SOURCE[0]}" "$@"
    need_file 'the PIN pad for a reader' "$PADSHIM"
    need_file 'the program that asks for a PIN' "$PAD"
    pcscd_start
    card_new one
    card_insert one 0
    without_pad
    right
    wrong
    broken
    signature_pin
    odd_lists
    locked
    long_way
    interop_end
}

main "$@"
